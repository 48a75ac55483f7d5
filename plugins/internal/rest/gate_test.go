package rest_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

func TestTooMany_OneGoesFirstAndAllFollowOnceItPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var groups []int // of requests within a second
		start, last := time.Now(), time.Time{}
		client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			if time.Since(last) > time.Second {
				groups = append(groups, 0)
			}
			groups[len(groups)-1]++
			last = time.Now()
			mu.Unlock()
			if time.Since(start) < 10*time.Second {
				w.WriteHeader(429)
				return
			}
			ok(w, r, 0)
		}))
		together(t, client, 12)
		assert.Equal(t, []int{12, 1, 1, 12}, groups, "those under way, one, one more, and then the rest")
		assert.Equal(t, 12+1+1, client.Books().Totals().Limited)
	})
}

func TestTooMany_ARequestThatGoesFirstAndIsLostGivesWayToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch n.Add(1) {
			case 1:
				w.WriteHeader(429)
			case 2:
				panic(http.ErrAbortHandler)
			default:
				ok(w, r, 0)
			}
		}))
		together(t, client, 1)
		assert.EqualValues(t, 3, n.Load())
		together(t, client, 5)
	})
}

const page = "<!DOCTYPE html><title>Access denied | Cloudflare</title>"

func TestFirewall_TheWholeClientLeavesTheVendorAloneAndThenOneAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		var mu sync.Mutex
		var kinds []rest.Limit
		var held []*rest.Error
		client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(403)
				_, _ = w.Write([]byte(page))
				return
			}
			ok(w, r, 0)
		}), func(cfg *rest.Config) {
			cfg.Observe = func(a rest.Attempt) { mu.Lock(); kinds = append(kinds, a.Limit); mu.Unlock() }
			cfg.HeldBack = func(e *rest.Error) { held = append(held, e) }
		})
		start := time.Now()
		_, err := client.Do(t.Context(), get())
		assert.EqualError(t, err, "reading things: Acme answered 403 with an HTML page instead of the API's JSON; "+
			"it goes on by itself at 2000-01-01 00:15:00 UTC: a firewall before the API keeps this machine out; "+
			"it is left alone for a while, since it blocks for longer whoever knocks on")
		for _, req := range []*rest.Request{get(), other()} {
			_, err = client.Do(t.Context(), req)
			assert.True(t, rest.Is(err, rest.Blocked), "%v", err)
			assert.ErrorContains(t, err, "a firewall before Acme's API keeps this machine out")
			assert.Equal(t, 15*time.Minute, rest.PauseAfter(err, 0))
		}
		require.Len(t, held, 2)
		assert.EqualValues(t, 1, n.Load())
		assert.Equal(t, start.Add(15*time.Minute).UTC(), client.Books().Totals().ParkedUntil.UTC())

		time.Sleep(15 * time.Minute)
		together(t, client, 5)
		assert.Zero(t, client.Books().Totals().ParkedUntil)
		assert.Equal(t, []rest.Limit{rest.Firewall, "", "", "", "", ""}, kinds)
	})
}

func TestObserve_TellsTheLimitsApart(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   rest.Limit
	}{
		{200, `{}`, ""},
		{403, `{"error":"Forbidden"}`, ""},
		{403, page, rest.Firewall},
		{429, `{"error":"request over limit"}`, rest.Burst},
		{429, `{"error":"daily request budget exceeded"}`, rest.Daily},
		{503, page, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var seen []rest.Limit
			client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}), func(cfg *rest.Config) { cfg.Observe = func(a rest.Attempt) { seen = append(seen, a.Limit) } })
			req := get()
			req.Once = true
			_, _ = client.Do(t.Context(), req)
			assert.Equal(t, []rest.Limit{c.want}, seen, "%d %s", c.status, c.body)
		})
	}
}

func TestNow_IsTheVendorsClockAndNeverAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := 3 * time.Hour
		client := fake(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			time.Sleep(700 * time.Millisecond)
			ok(w, r, 0)
		}))
		assert.Equal(t, time.Now(), client.Now(), "not known yet")
		together(t, client, 1)
		for range 2 {
			behind := time.Now().Add(ahead).Sub(client.Now())
			assert.GreaterOrEqual(t, behind, time.Duration(0))
			assert.Less(t, behind, 2*time.Second)
			time.Sleep(time.Hour)
		}
	})
}
