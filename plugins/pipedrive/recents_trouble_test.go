package pipedrive

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestRecents_StopsWhileThePositionCannotBeWrittenAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{"in the first read": 12 * time.Second, "while following": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{Latency: 3 * time.Second}, func(t *testing.T, a *account) {
				a.filled(95)
				s := newStore(t)
				f := a.follow(s, withCache)
				told := f.messages(at)
				s.set(func(c *testCache) { c.fails = errors.New("no space left on device") })
				a.change("person", 1, "While the disk is full")
				told = append(told, f.messages(3*time.Minute)...)
				calls := len(a.Calls())
				a.change("person", 2, "While the disk is full")
				told = append(told, f.messages(time.Hour)...)
				assert.Equal(t, calls, len(a.Calls()), "reading stops")
				assert.Equal(t, 1, s.logs.count("no space left on device"), "it is said once")
				s.set(func(c *testCache) { c.fails = nil })
				told = append(told, f.messages(5*time.Minute)...)
				assert.True(t, s.logs.has("the position is written again"))
				ids := distinct(told)
				for _, want := range []string{"1 While the disk is full", "2 While the disk is full", "95 Person"} {
					assert.Equal(t, 1, ids[want], want)
				}
				f.end()
				f = a.follow(s, withCache)
				assert.Empty(t, f.after(time.Hour), "nothing is told again")
				f.end()
			})
		})
	}
}

func TestRecents_ARevokedTokenStopsReadingUntilItIsMended(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, withCache)
		f.after(time.Minute)
		a.SetToken("another")
		a.change("person", 3, "Meanwhile")
		before := len(a.Calls())
		assert.Empty(t, f.after(time.Hour))
		assert.True(t, s.logs.has("PIPEDRIVE_API_TOKEN"), "it says what to do")
		assert.LessOrEqual(t, len(a.Calls())-before, 4*60+1, "nobody knocks on")
		a.SetToken("sandbox")
		assert.Equal(t, []string{"change person 3"}, f.after(2*time.Minute))
		f.end()
	})
}

func TestRecents_CloseIsQuickAtAnyMomentAndCanBeCalledTwice(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{
		"before the first page": 0, "in the first read": 12 * time.Second, "between two polls": 3*time.Minute + 30*time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{Latency: 3 * time.Second}, func(t *testing.T, a *account) {
				a.filled(95)
				s := newStore(t)
				in := a.startRecents(s.resources, withCache+"checkpoint_limit: 20")
				go func() {
					for {
						_, ack, err := in.ReadBatch(t.Context())
						if err != nil {
							return
						}
						_ = ack(t.Context(), nil)
					}
				}()
				time.Sleep(at)
				synctest.Wait()
				start := time.Now()
				require.NoError(t, in.Close(t.Context()))
				require.NoError(t, in.Close(t.Context()))
				assert.Less(t, time.Since(start), time.Second)
				assert.NotEmpty(t, s.position())
			})
		})
	}
}

func TestRecents_TheDaysTokensOutliveARestart(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, withCache)
		f.after(90 * time.Minute)
		_, spent := f.client().Day()
		assert.Equal(t, a.Stats().Tokens, spent)
		f.end()
		a.newProcess()
		f = a.follow(s, withCache)
		_, restored := f.client().Day()
		assert.GreaterOrEqual(t, restored, spent)
		f.after(time.Minute)
		f.end()
		a.newProcess()
		time.Sleep(24 * time.Hour)
		f = a.follow(s, withCache)
		_, fresh := f.client().Day()
		assert.Less(t, fresh, 50, "another day is not counted")
		f.end()
	})
}
