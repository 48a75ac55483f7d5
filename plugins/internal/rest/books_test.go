package rest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

// nearly is what is looked at of a window, since arrivals bunch on a busy machine. A token bucket would
// still let almost twice as many through.
func nearly(per time.Duration) time.Duration { return per * 3 / 4 }

func TestWindow_HoldsInAnyStretchHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	const n, per = 10, 500 * time.Millisecond
	v := newVendor(t, ok)
	client := newClient(t, v, withBooks(openGate(), rest.NewWindow(n, per)))
	together(t, client, 3*n)
	assert.LessOrEqual(t, most(v.times(), nearly(per)), n)
	took := v.times()[3*n-1].Sub(v.times()[0])
	assert.Less(t, took, 8*per, "the limit is used")
}

func TestWindow_LetsAFullBurstGoAtOnce(t *testing.T) {
	v := newVendor(t, ok)
	client := newClient(t, v, withBooks(openGate(), rest.NewWindow(20, time.Minute)))
	start := time.Now()
	together(t, client, 19)
	assert.Less(t, time.Since(start), 10*time.Second)
}

// answer429 turns the n-th request away.
func answer429(nth int, header, value string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, n int) {
		if n != nth {
			ok(w, r, n)
			return
		}
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(429)
		_, _ = w.Write([]byte(`{"error":"request over limit"}`))
	}
}

func TestTooMany_TheWholeClientWaitsAsLongAsItIsTold(t *testing.T) {
	for _, c := range []struct {
		name, header, value string
		gate                *rest.Gate
		least, most         time.Duration
	}{
		{"Retry-After in seconds", "Retry-After", "1", openGate(), time.Second, 3 * time.Second},
		{"the vendor's header", "x-reset-ms", "600", openGate(), 600 * time.Millisecond, 2500 * time.Millisecond},
		{"the vendor's header, of which more is not believed", "x-reset-ms", "90000000", openGate(), time.Second, 3 * time.Second},
		{"nothing", "", "", &rest.Gate{Least: 500 * time.Millisecond, Most: time.Second}, 500 * time.Millisecond, 2500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, answer429(1, c.header, c.value))
			client := newClient(t, v, withBooks(c.gate))
			first := make(chan error, 1)
			go func() { _, err := client.Do(t.Context(), get()); first <- err }()
			require.Eventually(t, func() bool { return client.Books().Totals().Limited == 1 }, 5*time.Second, time.Millisecond)
			together(t, client, 6)
			require.NoError(t, <-first)

			times := v.times()
			require.Len(t, times, 8, "one more for the one that was turned away")
			assert.GreaterOrEqual(t, times[1].Sub(times[0]), c.least)
			assert.Less(t, times[1].Sub(times[0]), c.most)
		})
	}
}

func TestTooMany_PausesGrowUntilACallSucceeds(t *testing.T) {
	for name, remaining := range map[string]string{"without headers": "", "with headers that say that nothing is left": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n == 4 {
					ok(w, r, n)
					return
				}
				if remaining != "" {
					w.Header().Set("x-remaining", remaining)
					w.Header().Set("x-reset-ms", "100")
				}
				w.WriteHeader(429)
			})
			client := newClient(t, v, withBooks(&rest.Gate{Least: 300 * time.Millisecond, Most: 10 * time.Second}))
			_, err := client.Do(t.Context(), get())
			require.NoError(t, err)
			times := v.times()
			require.Len(t, times, 4)
			for i, least := range []time.Duration{300, 600, 1200} {
				assert.GreaterOrEqual(t, times[i+1].Sub(times[i]), least*time.Millisecond, "pause %d", i+1)
			}
		})
	}
}

func TestTooMany_ALongPauseIsToldAndNotWaitedOut(t *testing.T) {
	v := newVendor(t, answer429(1, "Retry-After", "3600"))
	client := newClient(t, v, withBooks(openGate()))
	for range 3 {
		_, err := client.Do(t.Context(), get())
		var e *rest.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, rest.RateLimited, e.Kind)
		assert.WithinDuration(t, time.Now().Add(time.Hour), e.Until, time.Minute)
		assert.Greater(t, rest.PauseAfter(err, 0), 50*time.Minute)
	}
	assert.Equal(t, 1, v.count(), "nobody knocks on a shut gate")
	totals := client.Books().Totals()
	assert.WithinDuration(t, time.Now().Add(time.Hour), totals.ParkedUntil, time.Minute)
	totals.ParkedUntil = time.Time{}
	assert.Equal(t, rest.Totals{Calls: 1, Tokens: 10, Limited: 1, SpentToday: 10, DayRemaining: -1, DayLeft: -1}, totals,
		"a call that did not go out cost nothing")
}

func TestTooMany_OfTheDayIsToldApart(t *testing.T) {
	v := newVendor(t, answer429(1, "x-day-remaining", "0"))
	client := newClient(t, v, withBooks(openGate()))
	for range 2 {
		_, err := client.Do(t.Context(), get())
		var e *rest.Error
		require.ErrorAs(t, err, &e)
		assert.True(t, e.Daily)
		assert.WithinDuration(t, time.Now().Add(time.Minute), e.Until, 2*time.Second)
	}
	assert.Equal(t, 1, v.count())
}

func TestHeaders_LowerLimitIsBelieved(t *testing.T) {
	t.Parallel()
	const n, per = 4, 400 * time.Millisecond
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, k int) {
		w.Header().Set("x-limit", strconv.Itoa(n))
		ok(w, r, k)
	})
	client := newClient(t, v, withBooks(openGate(), rest.NewWindow(100, per)))
	_, err := client.Do(t.Context(), get())
	require.NoError(t, err)
	together(t, client, 3*n)
	assert.LessOrEqual(t, most(v.times(), nearly(per)), n)
}

func TestHeaders_HigherLimitIsNotBelieved(t *testing.T) {
	t.Parallel()
	const n, per = 4, 400 * time.Millisecond
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, k int) {
		w.Header().Set("x-limit", "1000")
		ok(w, r, k)
	})
	client := newClient(t, v, withBooks(openGate(), rest.NewWindow(n, per)))
	_, err := client.Do(t.Context(), get())
	require.NoError(t, err)
	together(t, client, 3*n)
	assert.LessOrEqual(t, most(v.times(), nearly(per)), n)
}

func TestHeaders_NothingRemainingShutsTheGateBeforeA429(t *testing.T) {
	t.Parallel()
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			w.Header().Set("x-remaining", "0")
			w.Header().Set("x-reset-ms", "500")
		}
		ok(w, r, n)
	})
	client := newClient(t, v, withBooks(openGate()))
	_, err := client.Do(t.Context(), get())
	require.NoError(t, err)
	together(t, client, 5)
	times := v.times()
	assert.GreaterOrEqual(t, times[1].Sub(times[0]), 450*time.Millisecond)
	assert.Zero(t, client.Books().Totals().Limited)
}

func TestWaiting_DoesNotCountAgainstTheTimeout(t *testing.T) {
	t.Parallel()
	v := newVendor(t, answer429(1, "x-reset-ms", "900"))
	client := newClient(t, v, withBooks(openGate()), func(cfg *rest.Config) { cfg.Timeout = 500 * time.Millisecond })
	_, err := client.Do(t.Context(), get())
	require.NoError(t, err)
	assert.Equal(t, 2, v.count())
}

func TestDayBudget_ParksUntilTheNextMidnightUTC(t *testing.T) {
	v := newVendor(t, ok)
	client := newClient(t, v, withBooks(openGate()), func(cfg *rest.Config) { cfg.Books.DayBudget = 25 })
	for range 2 {
		_, err := client.Do(t.Context(), get())
		require.NoError(t, err)
	}
	midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	_, err := client.Do(t.Context(), get())
	var e *rest.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, rest.RateLimited, e.Kind)
	assert.True(t, e.Daily)
	assert.Equal(t, midnight, e.Until)
	assert.ErrorContains(t, err, "reading things")
	assert.Equal(t, 2, v.count(), "the call did not go out")

	cheap := get()
	cheap.Cost = 5
	_, err = client.Do(t.Context(), cheap)
	assert.NoError(t, err, "what fits goes out")
	assert.Equal(t, rest.Totals{Calls: 3, Tokens: 25, SpentToday: 25, DayRemaining: -1, ParkedUntil: midnight}, client.Books().Totals())
}

func TestTotals_KnowWhatIsLeftOfTheDay(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("x-day-remaining", strconv.Itoa(1000-10*n))
		ok(w, r, n)
	})
	client := newClient(t, v, withBooks(openGate()))
	for range 3 {
		_, err := client.Do(t.Context(), get())
		require.NoError(t, err)
	}
	assert.Equal(t, rest.Totals{Calls: 3, Tokens: 30, SpentToday: 30, DayRemaining: 970, DayLeft: 970}, client.Books().Totals())
}
