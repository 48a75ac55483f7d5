package rest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

func window(c *rest.Client) *rest.Window { return c.Books().Buckets["other"].Windows[0] }

func TestWindow_ARestartedProcessDoesNotOverrunTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{}
		first := fake(t, s)
		for range 60 {
			_, err := first.Do(t.Context(), other())
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
		}
		assert.EqualValues(t, 60, window(first).Version())
		assert.Equal(t, 39, first.Books().Buckets["other"].Left())

		second := fake(t, s)
		window(second).Restore(window(first).Recent(time.Now()))
		assert.Equal(t, 39, second.Books().Buckets["other"].Left())
		for range 39 {
			_, err := second.Do(t.Context(), other())
			require.NoError(t, err)
		}
		_, err := second.Do(t.Context(), other())
		assert.EqualError(t, err, "reading things: the calls that Acme allows in 1h0m0s are used up (other: 100); it goes on by itself at 2000-01-01 01:00:01 UTC")
		assert.Equal(t, 50*time.Minute+100*time.Millisecond, rest.PauseAfter(err, 0))
		time.Sleep(rest.PauseAfter(err, 0))
		_, err = second.Do(t.Context(), other())
		require.NoError(t, err)
		assert.Empty(t, s.violations)
		assert.Equal(t, 100, s.count("other"))
	})
}

func TestWindow_RestoreTakesEachCallOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, &strict{})
		time.Sleep(3 * time.Hour)
		for range 3 {
			_, err := client.Do(t.Context(), other())
			require.NoError(t, err)
		}
		w, now := window(client), time.Now()
		w.Restore(w.Recent(now))
		var cut []time.Time // as whoever stores them may do
		for _, at := range w.Recent(now) {
			cut = append(cut, at.UTC().Truncate(time.Millisecond))
		}
		w.Restore(cut)
		assert.Len(t, w.Recent(now), 3)

		w.Restore([]time.Time{{}, now.Add(-2 * time.Hour), now.Add(time.Minute), now.Add(-time.Minute), now.Add(-time.Minute)})
		recent := w.Recent(now)
		assert.Len(t, recent, 5, "neither what is past nor what is ahead")
		assert.True(t, recent[0].Equal(now.Add(-time.Minute)), "oldest first")
		assert.EqualValues(t, 3, w.Version())

		var many []time.Time
		for i := range 300 {
			many = append(many, now.Add(-time.Duration(i)*time.Second))
		}
		w.Restore(many)
		assert.Len(t, w.Recent(now), 99, "the newest")
		assert.Zero(t, client.Books().Buckets["other"].Left())
		time.Sleep(2 * time.Hour)
		assert.Empty(t, w.Recent(time.Now()))
		assert.Equal(t, 99, client.Books().Buckets["other"].Left())
	})
}
