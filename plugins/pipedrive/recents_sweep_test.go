package pipedrive

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

const withSweep = withCache + "sweep_interval: 1h\npoll_interval: 5m\n"

// people puts persons with an address each, updated an hour ago.
func (a *account) people(from, to int) {
	for i := from; i <= to; i++ {
		a.putWith("person", i, "Person", time.Now().Add(-time.Hour), map[string]any{"emails": []any{
			map[string]any{"value": fmt.Sprintf("p%d@people.example.com", i), "primary": true, "label": "work"},
		}})
	}
}

// erase deletes persons in a way that no list shows.
func (a *account) erase(ids ...int) {
	for _, id := range ids {
		a.do(http.MethodDelete, fmt.Sprintf("/api/v2/persons/%d", id), "")
	}
}

func TestRecents_ASweepFindsWhatHasVanished(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{"shown by its id": {}, "not shown": {HideDeleted: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, cfg, func(t *testing.T, a *account) {
				a.people(1, 25)
				f := a.follow(newStore(t), withSweep)
				assert.Len(t, f.after(30*time.Minute), 25)
				a.erase(3, 20)
				a.change("person", 26, "New")
				assert.Equal(t, []string{"create person 26"}, f.after(20*time.Minute), "no list shows a deletion")
				got := f.messages(time.Hour)
				assert.Equal(t, "[delete person 3 delete person 20]", fmt.Sprint(got))
				for _, m := range got {
					assert.Equal(t, true, m.record["is_deleted"])
				}
				assert.Empty(t, f.after(3*time.Hour), "once")
				a.erase(26)
				assert.Equal(t, []string{"delete person 26"}, f.after(2*time.Hour), "what came while following is known, too")
				f.end()
			})
		})
	}
}

func TestRecents_WithoutSweepNoIDsAreWalked(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 25)
		f := a.follow(newStore(t), withCache)
		f.after(10 * time.Minute)
		a.erase(3)
		assert.Empty(t, f.after(48*time.Hour))
		f.end()
	})
}

func TestRecents_ASweepCostsAsMuchAsAFullRead(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 95)
		f := a.follow(newStore(t), withSweep)
		f.after(30 * time.Minute)
		before := a.Stats().Tokens
		f.after(time.Hour)
		assert.Equal(t, 12*10+10*10, a.Stats().Tokens-before, "twelve polls and ten pages")
		f.end()
	})
}

func TestRecents_ASweepTellsAMergeFromADeletion(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 10)
		f := a.follow(newStore(t), withSweep)
		f.after(30 * time.Minute)
		a.do(http.MethodPut, "/v1/persons/3/merge", `{"merge_with_id": 7}`)
		a.erase(4)
		assert.Equal(t, []string{"change person 7", "delete person 3 merged to 7", "delete person 4"}, f.after(time.Hour))
		f.end()
	})
}

func TestRecents_ASweepFindsWhatVanishedWhileItWasStopped(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 25)
		s := newStore(t)
		f := a.follow(s, withSweep)
		f.after(30 * time.Minute)
		f.end()
		a.erase(3)
		a.newProcess()
		time.Sleep(2 * time.Hour)
		f = a.follow(s, withSweep)
		assert.Equal(t, []string{"delete person 3"}, f.after(10*time.Minute))
		f.end()
		f = a.follow(s, withSweep)
		assert.Empty(t, f.after(3*time.Hour), "it was delivered")
		f.end()
	})
}

func TestRecents_ADeleteThatWasNotDeliveredComesAgain(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 25)
		s := newStore(t)
		f := a.follow(s, withSweep)
		f.after(30 * time.Minute)
		a.erase(3, 4)
		f.refusing(true)
		assert.Empty(t, f.after(2*time.Hour))
		f.kill()
		a.newProcess()
		f = a.follow(s, withSweep)
		assert.Equal(t, []string{"delete person 3", "delete person 4"}, f.after(2*time.Hour))
		f.end()
	})
}

func TestRecents_ASweepAfterStartFromNowOnlyLearns(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 25)
		a.erase(1)
		f := a.follow(newStore(t), withSweep+"start_from: now")
		assert.Empty(t, f.after(30*time.Minute))
		a.erase(3)
		assert.Equal(t, []string{"delete person 3"}, f.after(2*time.Hour))
		f.end()
	})
}

func TestRecents_ASweepThatFindsMostGoneDeletesNothing(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{HideDeleted: true}, func(t *testing.T, a *account) {
		a.people(1, 400)
		s := newStore(t)
		f := a.follow(s, withSweep+"page_size: 500")
		assert.Len(t, f.after(30*time.Minute), 400)
		for i := 1; i <= 300; i++ { // as for a user who has lost the right to see them
			a.Remove("person", fmt.Sprint(i))
		}
		assert.Empty(t, f.after(3*time.Hour))
		assert.True(t, s.logs.has("nothing is deleted"))
		a.people(1, 300)
		a.change("person", 5, "Seen again")
		got := f.after(2 * time.Hour)
		assert.Contains(t, got, "change person 5")
		for _, m := range got {
			assert.NotContains(t, m, "delete")
		}
		f.end()
	})
}

func TestRecents_ASweepWaitsForTheCacheOfItsIDs(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.people(1, 25)
		s := newStore(t)
		f := a.follow(s, withSweep)
		f.after(30 * time.Minute)
		a.erase(3)
		s.set(func(c *testCache) { c.fails = errors.New("no space left on device") })
		assert.Empty(t, f.after(2*time.Hour))
		s.set(func(c *testCache) { c.fails = nil })
		assert.Equal(t, []string{"delete person 3"}, f.after(3*time.Hour))
		f.end()
	})
}
