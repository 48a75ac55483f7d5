package rest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

// Fake time begins at midnight UTC.

// readers read side by side for so long, and return what they were told on the way.
func readers(t *testing.T, client *rest.Client, n int, long time.Duration) (told []*rest.Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			persistently(ctx, client, get, func(e *rest.Error) { mu.Lock(); told = append(told, e); mu.Unlock() })
		})
	}
	all.Wait()
	return told
}

func bounded(budget, reserve int) func(*rest.Config) {
	return func(cfg *rest.Config) { cfg.Books.DayBudget, cfg.Books.DayReserve = budget, reserve }
}

func TestLimits_TwoHoursBackToBackNeverExceedThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{}
		client := fake(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() { persistently(ctx, client, get, nil) })
			workers.Go(func() { persistently(ctx, client, other, nil) })
		}
		workers.Wait()
		assert.Empty(t, s.violations)
		assert.Greater(t, s.count("calls"), 65_000, "the limit is used")
		assert.Greater(t, s.count("other"), 190, "the limit is used")
	})
}

func TestDayBudget_ReadingStopsWithItAndGoesOnAtMidnightByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{tokens: 1000}
		client := fake(t, s, bounded(1000, 200))
		told := readers(t, client, 3, 47*time.Hour)
		assert.Empty(t, s.refused, "the vendor never had to say so")
		assert.Len(t, s.calls["calls"], 2*80)
		midnight := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)
		assert.WithinDuration(t, midnight, s.calls["calls"][80], time.Second)

		require.Len(t, told, 2*3, "each reader is told once a day")
		assert.Equal(t, midnight, told[0].Until)
		assert.True(t, told[0].Daily)
		assert.EqualError(t, told[0], "reading things: the day's token budget for Acme is spent: 800 tokens of the 800 that daily_budget allows "+
			"(1000 less the daily_reserve of 200), and this call costs 10; it goes on by itself at 2000-01-02 00:00:00 UTC: "+
			"raise daily_budget if the company has more, or lower daily_reserve")
		totals := client.Books().Totals()
		assert.Equal(t, 800, totals.SpentToday)
		assert.Equal(t, 200, totals.DayLeft)
		assert.Equal(t, midnight.Add(24*time.Hour), totals.ParkedUntil)
	})
}

func TestDayBudget_SurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{tokens: 1000}
		first := fake(t, s, bounded(1000, 0))
		for range 60 {
			_, err := first.Do(t.Context(), get())
			require.NoError(t, err)
		}
		date, tokens := first.Books().Day()
		assert.Equal(t, time.Now().UTC().Truncate(24*time.Hour), date)
		assert.Equal(t, 600, tokens)

		second := fake(t, s, bounded(1000, 0))
		second.Books().RestoreDay(date, tokens)
		readers(t, second, 2, 23*time.Hour)
		assert.Empty(t, s.refused)
		assert.Equal(t, 1000, s.own())
	})
}

func TestRestoreDay_TakesTheLargerFigureOfTodayOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		books := &rest.Books{}
		today, _ := books.Day()
		spent := func() int { _, n := books.Day(); return n }
		books.RestoreDay(today.Add(-time.Second), 70)
		books.RestoreDay(today.Add(24*time.Hour), 80)
		assert.Zero(t, spent())
		books.RestoreDay(today.Add(time.Hour).In(time.FixedZone("far", -7*3600)), 50)
		books.RestoreDay(today, 40)
		assert.Equal(t, 50, spent())
		time.Sleep(24 * time.Hour)
		assert.Zero(t, spent())
	})
}

func TestDayReserve_ReadingStopsBeforeOthersAreStarvedAndAsksEvery15Minutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The vendor's day ends at 7:00 UTC, which nobody tells the client.
		s := &strict{tokens: 20_000, midnight: 7 * time.Hour}
		client := fake(t, s, bounded(0, 5000))
		_, err := client.Do(t.Context(), get())
		require.NoError(t, err)
		s.othersSpend(14_000)
		told := readers(t, client, 5, 7*time.Hour-time.Minute)

		require.NotEmpty(t, told)
		assert.ErrorContains(t, told[0], "Acme says that the company has 5000 tokens left today, and daily_reserve keeps 5000 of them for others; "+
			"it goes on by itself at 2000-01-01 00:15:")
		calls := s.calls["calls"]
		require.Len(t, calls, 100+27, "one call every 15 minutes, of all readers together")
		for i := 100; i < len(calls); i++ {
			assert.GreaterOrEqual(t, calls[i].Sub(calls[i-1]), 15*time.Minute)
		}
		assert.Empty(t, s.refused)

		readers(t, client, 5, 20*time.Minute)
		assert.Greater(t, s.own(), 10_000, "the new day was noticed within 15 minutes, by all readers at once")
	})
}

func TestDayReserve_AVendorThatNoLongerSaysWhatIsLeftIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{tokens: 20_000}
		client := fake(t, s, bounded(0, 5000))
		_, err := client.Do(t.Context(), get())
		require.NoError(t, err)
		s.othersSpend(16_000)
		_, err = client.Do(t.Context(), get())
		require.NoError(t, err)
		s.mu.Lock()
		s.silent = true
		s.mu.Unlock()
		_, err = client.Do(t.Context(), get())
		require.ErrorContains(t, err, "daily_reserve")
		time.Sleep(rest.PauseAfter(err, 0))
		for range 5 {
			_, err = client.Do(t.Context(), get())
			require.NoError(t, err)
		}
		assert.Equal(t, -1, client.Books().Totals().DayLeft)
	})
}

func TestDaily429_IsAskedAboutAfter1_2_4_8And15Minutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{tokens: 500, midnight: 3 * time.Hour, silent: true}
		client := fake(t, s)
		told := readers(t, client, 5, 3*time.Hour+30*time.Minute)

		require.Greater(t, len(s.refused), 10)
		at, under := s.refused[:1:1], 1
		for _, refused := range s.refused[1:] {
			if refused.Sub(at[len(at)-1]) < time.Second && len(at) == 1 {
				under++ // they were under way together
				continue
			}
			at = append(at, refused)
		}
		assert.LessOrEqual(t, under, 5)
		for i, minutes := range []int{1, 2, 4, 8, 15, 15, 15} {
			assert.InDelta(t, minutes*60, at[i+1].Sub(at[i]).Seconds(), 1, "pause %d", i+1)
		}
		calls := s.calls["calls"]
		midnight := time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC)
		var next time.Time
		for _, call := range calls {
			if next.IsZero() && call.After(midnight) {
				next = call
			}
		}
		assert.Less(t, next.Sub(midnight), 15*time.Minute+time.Second)
		last := at[len(at)-1]
		before := at[len(at)-2]
		assert.Less(t, last.Sub(before), 9*time.Minute, "after a success it begins again")

		assert.ErrorContains(t, told[0], "reading things: Acme answered 429 daily request budget exceeded; it goes on by itself at 2000-01-01 00:01:")
		assert.ErrorContains(t, told[0], "the whole company shares its tokens")
		assert.ErrorContains(t, told[len(told)-1], "that the day's tokens are spent")
		assert.Equal(t, 0, client.Books().Totals().DayLeft)
	})
}

func TestDaily429_ALongerRetryAfterWins(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"1": time.Minute, "7200": 2 * time.Hour, "999999999": 24 * time.Hour, "Sat, 01 Jan 2000 05:00:00 GMT": 5 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(429)
				_, _ = w.Write([]byte(`{"error":"daily request budget exceeded"}`))
			}))
			_, err := client.Do(t.Context(), get())
			assert.True(t, rest.Is(err, rest.RateLimited))
			assert.InDelta(t, want.Seconds(), rest.PauseAfter(err, 0).Seconds(), 1)
		})
	}
}

func TestDay_ACallThatWaitsOverMidnightCountsForTheNewDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, &strict{})
		time.Sleep(24*time.Hour - time.Second)
		together(t, client, 25) // 19 at once
		_, tokens := client.Books().Day()
		assert.Equal(t, 60, tokens)
	})
}

func TestBound_TheTightestOfAllComponentsCounts(t *testing.T) {
	books := &rest.Books{DayBudget: 1000, DayReserve: 100}
	fine := func(int, int) error { return nil }
	require.NoError(t, books.Bound(0, 0, fine))
	assert.Equal(t, []int{1000, 100}, []int{books.DayBudget, books.DayReserve})
	require.NoError(t, books.Bound(2000, 200, fine))
	assert.Equal(t, []int{1000, 200}, []int{books.DayBudget, books.DayReserve})
	require.NoError(t, books.Bound(500, 50, fine))
	assert.Equal(t, []int{500, 200}, []int{books.DayBudget, books.DayReserve})
	require.Error(t, books.Bound(0, 500, func(budget, reserve int) error {
		assert.Equal(t, []int{500, 500}, []int{budget, reserve})
		return errors.New("nothing is left")
	}))
	assert.Equal(t, []int{500, 200}, []int{books.DayBudget, books.DayReserve}, "nothing changes")
}
