package pipedrive

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	sandbox "connector/sandbox/pipedrive"
)

func TestBook_OneThatAnEarlierVersionDidNotKeepIsReadOnce(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testCache){
		"no book":            func(c *testCache) { c.drop("pipedrive_recents/deals") },
		"a chunk is missing": func(c *testCache) { c.drop("pipedrive_recents/deals/0") },
		"a chunk is none":    func(c *testCache) { c.values["pipedrive_recents/deals/0"] = []byte("{}") },
		"a chunk is cut off": func(c *testCache) {
			v := c.values["pipedrive_recents/deals/0"]
			c.values["pipedrive_recents/deals/0"] = v[:len(v)/2]
		},
		"its head is none":         func(c *testCache) { c.values["pipedrive_recents/deals"] = []byte("nonsense") },
		"it is of another version": func(c *testCache) { c.values["pipedrive_recents/deals"] = []byte(`{"v":99,"complete":true}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.deals(25)
				s := newStore(t)
				f := a.follow(s, readsDeals)
				f.after(10 * time.Second)
				f.end()
				s.set(spoil)
				full := func() int {
					all, _ := a.asked("/api/v2/deals?")
					polls, _ := a.asked("/api/v2/deals?", "updated_since")
					return all - polls
				}
				a.newProcess()
				a.ForgetCalls()
				// Killed while it reads, it reads once more.
				a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.RawQuery, "cursor=") && !strings.Contains(r.URL.RawQuery, "updated_since") {
						return rest.Sleep(r.Context(), 30*time.Second) != nil
					}
					return false
				})
				f = a.follow(s, readsDeals)
				f.after(15 * time.Second)
				assert.Equal(t, []string{"not known"}, a.askDeals(s, 2, "first_read: true"))
				f.kill()
				a.newProcess()
				a.onCall(nil)

				a.ForgetCalls()
				f = a.follow(s, readsDeals)
				assert.Empty(t, f.after(5*time.Minute), "nothing is told again")
				assert.Equal(t, 3, full())
				a.knows(s)
				f.end()
				a.newProcess()
				a.ForgetCalls()
				f = a.follow(s, readsDeals)
				f.after(5 * time.Minute)
				assert.Zero(t, full(), "once")
				a.knows(s)
				f.end()
			})
		})
	}
}

func TestBook_OfAnotherAccountIsNeverAnswered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.after(10 * time.Second)
		f.end()
		s.set(func(c *testCache) {
			c.values["pipedrive_recents"] = []byte(strings.Replace(string(c.values["pipedrive_recents"]), `"account":"`, `"account":"other`, 1))
		})
		require.Contains(t, s.position(), "other")
		a.newProcess()
		slow := true
		a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
			if slow && strings.HasSuffix(r.URL.Path, "/deals") {
				return rest.Sleep(r.Context(), time.Hour) != nil
			}
			return false
		})
		f = a.follow(s, readsDeals)
		f.after(10 * time.Second)
		require.NotContains(t, s.position(), "other")
		f.kill()
		a.newProcess()
		f = a.follow(s, readsDeals)
		time.Sleep(time.Second)
		assert.Equal(t, []string{"not known"}, a.askDeals(s, 2, "first_read: true"))
		f.kill()
	})
}

func TestBook_WhatWasDeletedWhileNothingRanForLongIsNotInIt(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.after(10 * time.Second)
		f.end()
		a.newProcess()
		a.Remove("deal", "7") // Pipedrive shows a deleted deal for thirty days
		a.deal(3, 2, "open")
		time.Sleep(40 * 24 * time.Hour)
		f = a.follow(s, readsDeals)
		assert.Equal(t, []string{"deal 3: 4"}, formers(f.messages(5*time.Minute)))
		a.knows(s)
		f.end()
	})
}

// drop forgets a key; c is locked.
func (c *testCache) drop(key string) { delete(c.values, key) }

func TestBook_WhatWasReadAndNeverDeliveredIsForgottenWhenReadingBeginsAnew(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.refusing(true)
		f.after(10 * time.Second)
		f.kill()
		require.NotContains(t, s.position(), "next")
		a.newProcess()
		a.deal(7, 3, "deleted")
		time.Sleep(time.Hour)
		a.deal(9, 5, "won") // so that no poll looks back as far as that
		f = a.follow(s, readsDeals)
		f.after(5 * time.Minute)
		a.knows(s)
		f.end()
	})
}
