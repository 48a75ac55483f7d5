package pipedrive

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

// polled starts a test with an account of ten persons and as many deals and leads, all of which are read.
func polled(t *testing.T, extra string, test func(t *testing.T, a *account, f *following)) {
	t.Helper()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 10; i++ {
			for _, object := range []string{"person", "deal", "lead"} {
				a.put(object, i, "First", time.Now().Add(-time.Hour))
			}
		}
		f := a.follow(newStore(t), withCache+extra)
		f.after(5*time.Minute + 30*time.Second)
		test(t, a, f)
		f.end()
	})
}

func TestRecents_APollTellsWhatHasChanged(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"person", "organization", "deal", "activity", "lead", "note", "product"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			o := object
			plural := map[string]string{"activity": "activities"}[o]
			if plural == "" {
				plural = o + "s"
			}
			id := func(n int) string {
				if o == "lead" {
					return leadID(n)
				}
				return fmt.Sprint(n)
			}
			polled(t, "objects: ["+plural+"]", func(t *testing.T, a *account, f *following) {
				a.change(o, 1, "One")
				a.change(o, 3, "Three")
				a.change(o, 99, "New")
				got := f.messages(time.Minute)
				var told []string
				for _, m := range got {
					told = append(told, m.meta["pipedrive_action"]+" "+m.meta["pipedrive_id"]+" "+m.text())
				}
				want := []string{"change " + id(1) + " One", "change " + id(3) + " Three", "create " + id(99) + " New"}
				if o != "person" && o != "deal" && o != "lead" { // those were there before
					want[0], want[1] = "create "+id(1)+" One", "create "+id(3)+" Three"
				}
				assert.ElementsMatch(t, want, told)
				assert.Empty(t, f.after(time.Hour))
			})
		})
	}
}

func TestRecents_AnIdlePollIsOneCallAnObjectAndNothingElse(t *testing.T) {
	t.Parallel()
	polled(t, "objects: [persons, deals, leads]", func(t *testing.T, a *account, f *following) {
		a.ForgetCalls()
		assert.Empty(t, f.after(10*time.Minute))
		for plural, cost := range map[string]int{"persons": 10, "deals": 10, "leads": 20} {
			calls, tokens := a.asked("/" + plural + "?")
			assert.Equal(t, 10, calls, plural)
			assert.Equal(t, 10*cost, tokens, plural)
		}
		assert.Len(t, a.Calls(), 30)
	})
}

func TestRecents_ADeletedDealIsADelete(t *testing.T) {
	t.Parallel()
	polled(t, "objects: [deals]", func(t *testing.T, a *account, f *following) {
		a.change("deal", 3, "Last words")
		a.remove("deal", 3)
		a.remove("deal", 4)
		got := f.messages(time.Minute)
		assert.Equal(t, "[delete deal 3 delete deal 4]", fmt.Sprint(got))
		for _, m := range got {
			assert.Equal(t, true, m.record["is_deleted"])
		}
		assert.Empty(t, f.after(time.Hour), "though it is listed for thirty days")
		a.change("deal", 3, "Restored")
		assert.Equal(t, []string{"change deal 3"}, f.after(time.Minute))
	})
}

func TestRecents_AnArchivedDealIsNotDeleted(t *testing.T) {
	t.Parallel()
	polled(t, "objects: [deals]", func(t *testing.T, a *account, f *following) {
		a.putWith("deal", 3, "Archived", time.Now(), map[string]any{"is_archived": true, "archive_time": time.Now().UTC().Format(time.RFC3339)})
		assert.Empty(t, f.after(time.Hour))
	})
}

func TestRecents_TwoChangesWithinOneSecondEndWithTheLast(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"person", "deal", "lead"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			polled(t, "objects: [persons, deals, leads]\npoll_interval: 1s", func(t *testing.T, a *account, f *following) {
				at := time.Now()
				a.put(object, 5, "one", at)
				a.put(object, 6, "neighbour", at)
				first := f.messages(time.Second)
				assert.Len(t, first, 2)
				a.put(object, 5, "two", at)
				second := f.messages(2 * time.Second)
				if assert.Len(t, second, 1) {
					assert.Equal(t, "two", second[0].text())
				}
				a.put(object, 7, "late neighbour", at)
				assert.Len(t, f.messages(2*time.Second), 1)
				assert.Empty(t, f.after(time.Hour))
			})
		})
	}
}

// Counts change without update_time; and within one second so may everything.
func TestRecents_ARecordThatChangesBackIsToldAgain(t *testing.T) {
	t.Parallel()
	polled(t, "poll_interval: 1s", func(t *testing.T, a *account, f *following) {
		at := time.Now()
		for _, name := range []string{"one", "two", "one"} {
			a.put("person", 5, name, at)
			got := f.messages(3 * time.Second)
			if assert.Len(t, got, 1, name) {
				assert.Equal(t, name, got[0].text())
			}
		}
	})
}

func TestRecents_TwoRecordsCreatedInOneSecondAreBothCreates(t *testing.T) {
	t.Parallel()
	polled(t, "poll_interval: 1s", func(t *testing.T, a *account, f *following) {
		at := time.Now()
		a.put("person", 11, "one", at)
		assert.Equal(t, []string{"create person 11"}, f.after(time.Second))
		a.put("person", 12, "two", at)
		assert.Equal(t, []string{"create person 12"}, f.after(2*time.Second))
	})
}

func TestRecents_SeesWhatChangesWhileAPollWalksItsPages(t *testing.T) {
	t.Parallel()
	for object, second := range map[string]string{"person": "/persons?cursor", "deal": "/deals?cursor", "lead": "/leads?"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			polled(t, "objects: [persons, deals, leads]", func(t *testing.T, a *account, f *following) {
				for i := 1; i <= 30; i++ {
					a.put(object, i, "bulk", time.Now().Add(time.Duration(i-40)*time.Second))
				}
				calls := 0
				a.once(func() {
					if calls++; calls == 1 {
						a.change(object, 2, "moved from the first page")
						a.change(object, 28, "moved from the last page")
						a.change(object, 31, "new")
					}
				}, second)
				last := map[string]string{}
				for _, m := range f.messages(3 * time.Minute) {
					last[m.meta["pipedrive_id"]] = m.text()
				}
				assert.Len(t, last, 31)
				id := func(n int) string {
					if object == "lead" {
						return leadID(n)
					}
					return fmt.Sprint(n)
				}
				assert.Equal(t, "moved from the first page", last[id(2)])
				assert.Equal(t, "moved from the last page", last[id(28)])
				assert.Empty(t, f.after(time.Hour))
			})
		})
	}
}

// Pages of v1 are counted: what leaves the first moves others past the reader.
func TestRecents_NothingIsPassedOverWhereCountedPagesShift(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"lead", "note"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			polled(t, "objects: [leads, notes]", func(t *testing.T, a *account, f *following) {
				at := time.Now()
				for i := 1; i <= 30; i++ { // all in one second
					a.put(object, i, "bulk", at)
				}
				a.once(func() { a.put(object, 2, "moved", at.Add(20*time.Second)) }, "/"+object+"s?", "start=10")
				seen := map[string]bool{}
				for _, m := range f.messages(3 * time.Minute) {
					seen[m.meta["pipedrive_id"]] = true
				}
				assert.Len(t, seen, 30)
			})
		})
	}
}

func TestRecents_ARecordFromTheFutureHoldsNothingUp(t *testing.T) {
	t.Parallel()
	polled(t, "", func(t *testing.T, a *account, f *following) {
		a.put("person", 5, "future", time.Now().AddDate(5, 0, 0))
		a.put("person", 6, "far future", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))
		assert.Len(t, f.after(time.Minute), 2)
		for i := range 5 {
			a.change("person", 7, fmt.Sprint(i))
			assert.Equal(t, []string{"change person 7"}, f.after(10*time.Minute), "and what is from the future is told once")
		}
		a.put("person", 5, "back to normal", time.Now())
		assert.Equal(t, []string{"change person 5"}, f.after(time.Minute))
	})
}

func TestRecents_TheClockThatCountsIsPipedrives(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{-3 * time.Minute, 3 * time.Minute, 24 * time.Hour} {
		for _, from := range []string{"beginning", "now"} {
			t.Run(fmt.Sprint(behind, " ", from), func(t *testing.T) {
				t.Parallel()
				inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
					theirs := func() time.Time { return time.Now().Add(-behind) }
					a.onCall(func(w http.ResponseWriter, _ *http.Request) bool {
						w.Header().Set("Date", theirs().UTC().Format(http.TimeFormat))
						return false
					})
					a.put("person", 1, "First", theirs().Add(-time.Hour))
					f := a.follow(newStore(t), "start_from: "+from)
					f.after(5 * time.Minute)
					for i := range 5 {
						a.put("person", 1, fmt.Sprint(i), theirs())
						assert.Equal(t, []string{"change person 1"}, f.after(7*time.Minute))
					}
					f.end()
				})
			})
		}
	}
}

// A database that was restored, or times that an import set: only what Pipedrive has counts.
func TestRecents_TimesThatAreAllYearsOldAreFollowed(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		old := fakeStart.AddDate(-6, 0, 0)
		for i := 1; i <= 25; i++ {
			a.put("person", i, "First", old.Add(time.Duration(i)*time.Hour))
		}
		f := a.follow(newStore(t), withCache)
		assert.Len(t, f.after(time.Hour), 25)
		a.put("person", 3, "Second", old.Add(25*time.Hour+time.Second))
		assert.Equal(t, []string{"change person 3"}, f.after(time.Minute))
		a.put("person", 4, "Second", old.Add(25*time.Hour+time.Second))
		assert.Equal(t, []string{"change person 4"}, f.after(time.Minute))
		f.end()
	})
}

func TestRecents_APageSizeOfOneWorks(t *testing.T) {
	t.Parallel()
	for object, shown := range map[string]func(int) string{"person": strconv.Itoa, "lead": leadID} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			polled(t, "page_size: 1\nobjects: ["+object+"s]", func(t *testing.T, a *account, f *following) {
				at := time.Now()
				var want []string
				for i := 1; i <= 5; i++ {
					a.put(object, i, "bulk", at)
					want = append(want, "change "+object+" "+shown(i))
				}
				assert.ElementsMatch(t, want, f.after(time.Minute))
				f.after(time.Minute)
				calls := len(a.Calls())
				assert.Empty(t, f.after(10*time.Minute))
				assert.Equal(t, 10, len(a.Calls())-calls, "an idle poll is one call")
				a.change(object, 3, "again")
				a.change(object, 6, "again")
				assert.ElementsMatch(t, []string{want[2], "change " + object + " " + shown(6)}, f.after(time.Minute))
			})
		})
	}
}
