package pipedrive

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

const fromRecents = withCache + "source: recents\n"

func TestRecentsSource_ReadsV1RecentsAndWarns(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, fromRecents)
		assert.Len(t, f.after(10*time.Minute), 25)
		assert.True(t, s.logs.has("one month back"))
		a.change("person", 7, "Renamed")
		a.change("person", 26, "New")
		got := f.messages(time.Minute)
		assert.Equal(t, "[change person 7 create person 26]", fmt.Sprint(got))
		assert.Equal(t, "Renamed", got[0].text())
		a.ForgetCalls()
		assert.Empty(t, f.after(10*time.Minute))
		calls, tokens := a.asked("")
		recents, _ := a.asked("/v1/recents")
		assert.Equal(t, []int{10, 10, 200}, []int{calls, recents, tokens})
		f.end()
	})
}

func TestRecentsSource_ReadsByIDWhatIsNotShown(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{NullRecents: 3}, func(t *testing.T, a *account) {
		a.filled(25)
		f := a.follow(newStore(t), fromRecents)
		f.after(10 * time.Minute)
		for i := 1; i <= 25; i++ {
			a.put("person", i, "Changed", time.Now().Add(time.Duration(i-30)*time.Second))
		}
		assert.Len(t, distinct(f.messages(3*time.Minute)), 25)
		assert.Empty(t, f.after(time.Hour))
		f.end()
	})
}

// A record that is not shown, and is read by its id, may have changed after the others of its page.
func TestRecentsSource_WhatIsReadByIDDoesNotMoveThePositionPastThePagesThatFollow(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{NullRecents: 3}, func(t *testing.T, a *account) {
		a.filled(30)
		s := newStore(t)
		f := a.follow(s, fromRecents)
		f.after(10*time.Minute + 30*time.Second)
		for i := 1; i <= 30; i++ { // over the last ten minutes
			a.put("person", i, "Changed", time.Now().Add(time.Duration(i-31)*20*time.Second))
		}
		a.once(func() { a.change("person", 3, "Changed again") }, "ids=")
		var told []message
		f.refusingThose(func(page []message) bool {
			first, _ := strconv.Atoi(page[0].meta["pipedrive_id"])
			return first > 10 // all but the first page
		})
		told = append(told, f.messages(45*time.Second)...)
		f.kill()
		a.newProcess()
		f = a.follow(s, fromRecents)
		told = append(told, f.messages(5*time.Minute)...)
		ids := map[string]bool{}
		for _, m := range told {
			ids[m.meta["pipedrive_id"]] = true
		}
		assert.Len(t, ids, 30)
		f.end()
	})
}

func TestRecentsSource_ADeletionIsSeenHoweverItIsShown(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{"shown": {}, "null": {NullRecents: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, cfg, func(t *testing.T, a *account) {
				for i := 1; i <= 5; i++ {
					a.put("deal", i, "Deal", time.Now().Add(-time.Hour))
				}
				f := a.follow(newStore(t), fromRecents+"objects: [deals]")
				f.after(10 * time.Minute)
				a.remove("deal", 3)
				assert.Equal(t, []string{"delete deal 3"}, f.after(time.Minute))
				assert.Empty(t, f.after(time.Hour))
				f.end()
			})
		})
	}
}

func TestRecentsSource_WhatIsNamedButNotShownIsSaidOnceAndCostsNothingMore(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{NullRecents: 1}, func(t *testing.T, a *account) {
		for i := 1; i <= 5; i++ {
			a.put("person", i, "Person", time.Now().Add(-time.Hour))
		}
		s := newStore(t)
		f := a.follow(s, fromRecents)
		f.after(10 * time.Minute)
		a.remove("person", 3)
		f.after(10 * time.Minute)
		said := s.logs.count("not shown")
		assert.LessOrEqual(t, said, 1)
		before := a.Stats().Tokens
		f.after(10 * time.Minute)
		assert.Equal(t, 200, a.Stats().Tokens-before, "ten idle polls")
		f.end()
	})
}

func TestRecentsSource_APositionOlderThanAMonthIsAFullRead(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, fromRecents)
		f.after(10 * time.Minute)
		f.end()
		a.change("person", 3, "Long ago")
		a.newProcess()
		time.Sleep(40 * 24 * time.Hour)
		a.once(func() { a.change("person", 1, "During the full read") }, "/api/v2/persons?cursor")
		f = a.follow(s, fromRecents+"follow: false")
		<-f.ended
		got := f.messages(0)
		assert.Contains(t, distinct(got), "3 Long ago")
		assert.Contains(t, distinct(got), "1 During the full read", "what changes meanwhile is seen before it ends")
		assert.True(t, s.logs.has("everything is read once more"))
		f.end()
	})
}

func TestRecentsSource_AQuietAccountIsNotReadInFullAtEachPoll(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 25; i++ {
			a.put("person", i, "Person", fakeStart.AddDate(-1, 0, 0))
		}
		s := newStore(t)
		f := a.follow(s, fromRecents)
		assert.Len(t, f.after(10*time.Minute), 25, "each once")
		f.end()
		f = a.follow(s, fromRecents+"poll_interval: 1h")
		assert.Empty(t, f.after(35*24*time.Hour), "nor when it stays quiet for more than a month")
		a.change("person", 3, "Awake")
		assert.Equal(t, []string{"change person 3"}, f.after(65*time.Minute))
		f.end()
	})
}

func TestRecentsSource_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	for conf, problem := range map[string]string{
		"objects: [persons, leads]":        "leads",
		"objects: [persons]\nfilter_id: 7": "filter_id",
	} {
		_, err := a.openRecents(newResources(t), "source: recents\n"+conf)
		if assert.Error(t, err, conf) {
			assert.ErrorContains(t, err, problem)
		}
	}
}

func TestRecentsSource_NotesThatAreNotShownBringNoOthers(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 20; i++ {
			a.put("note", i, "Note", time.Now().Add(-time.Duration(40-i)*time.Hour))
		}
		cfg := fromRecents + "objects: [notes]"
		f := a.follow(newStore(t), cfg)
		require.Len(t, f.after(10*time.Minute), 20)
		f.end()
	})
	inFakeTime(t, sandbox.Config{NullRecents: 1}, func(t *testing.T, a *account) {
		for i := 1; i <= 20; i++ {
			a.put("note", i, "Note", time.Now().Add(-time.Duration(40-i)*time.Hour))
		}
		f := a.follow(newStore(t), fromRecents+"objects: [notes]")
		require.Len(t, f.after(10*time.Minute), 20)
		a.change("note", 15, "Changed")
		var told []string
		for _, m := range f.after(10 * time.Minute) {
			if !strings.HasSuffix(m, " 15") {
				told = append(told, m)
			}
		}
		assert.Empty(t, told)
		f.end()
	})
}
