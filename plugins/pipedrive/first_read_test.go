package pipedrive

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	sandbox "connector/sandbox/pipedrive"
)

const readsAll = withCache + "objects: [persons, deals, organizations, leads]\n"

// company has persons 1 to n, a deal, a lead and an organization for each.
func (a *account) company(n int) {
	for i := 1; i <= n; i++ {
		a.putWith("person", i, fmt.Sprint("Person ", i), fakeStart.Add(-time.Hour), map[string]any{"org_id": i})
		a.put("organization", i, fmt.Sprint("Organization ", i), fakeStart.Add(-time.Hour))
		a.putWith("lead", i, fmt.Sprint("Lead ", i), fakeStart.Add(-time.Hour), map[string]any{"person_id": i})
		a.putWith("deal", i, fmt.Sprint("Deal ", i), fakeStart.Add(-time.Hour), map[string]any{"person_id": i, "status": "open", "value": i, "currency": "EUR", "stage_id": 1, "pipeline_id": 1})
	}
}

// toldOf is what lookups say of a person as the pipeline asks them: "Organization 1, Deal 1, Lead 1".
func (a *account) toldOf(s *store, person int) string {
	a.t.Helper()
	message := fmt.Sprintf(`{"id":%d}`, person)
	of := func(conf string) any {
		got, _ := process(a.t, a.lookup(s.resources, conf+"\ncache_ttl: 0s"), message)
		return at(got[0], "x")
	}
	return fmt.Sprint(
		of("object: organizations\nid: this.id\nresult_map: 'root.x = this.name.or(\"none\")'"), " ",
		of("object: deals\nby: person_id\nfirst_read: true\nid: this.id\nresult_map: 'root.x = this.map_each(d -> d.title).catch(\"not known\")'"), " ",
		of("object: leads\nby: person_id\nfirst_read: true\nid: this.id\nresult_map: 'root.x = this.map_each(d -> d.title).catch(\"not known\")'"),
	)
}

// told follows a first read, and asks of each person that is handed out what is known of it.
func (a *account) told(s *store, conf string) (f *following, all func() map[string]string) {
	var mu sync.Mutex
	got := map[string]string{}
	a.look = func(page []message) {
		for _, m := range page {
			if m.String() == "snapshot person "+m.meta["pipedrive_id"] {
				var id int
				_, _ = fmt.Sscan(m.meta["pipedrive_id"], &id)
				told := a.toldOf(s, id)
				mu.Lock()
				got[m.meta["pipedrive_id"]] = told
				mu.Unlock()
			}
		}
	}
	return a.follow(s, conf), func() map[string]string { mu.Lock(); defer mu.Unlock(); return got }
}

func (a *account) everyone(n int) map[string]string {
	all := map[string]string{}
	for i := 1; i <= n; i++ {
		all[fmt.Sprint(i)] = fmt.Sprintf("Organization %d [Deal %d] [Lead %d]", i, i, i)
	}
	return all
}

// lookedUp are the calls that were made for single persons or organizations.
func (a *account) lookedUp() (n int) {
	for _, parts := range [][]string{{"person_id="}, {"organizations", "ids="}} {
		calls, _ := a.asked(parts...)
		n += calls
	}
	return n
}

func TestFirstRead_PersonsComeWithWhatIsToldOfThemAtNoCost(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]string{
		"as it is":                             "",
		"room for less than a page":            "checkpoint_limit: 1\n",
		"pages of one":                         "page_size: 1\ncheckpoint_limit: 1\n",
		"and only new organizations":           "only_new: [organizations]\n",
		"and only new organizations and leads": "only_new: [organizations, leads]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.company(25)
				f, got := a.told(newStore(t), readsAll+conf)
				f.after(5 * time.Minute)
				assert.Equal(t, a.everyone(25), got())
				assert.Zero(t, a.lookedUp())
				assert.True(t, firstReadOf(f.client()) == nil, "and is forgotten")
				f.end()
			})
		})
	}
}

// Not parallel: the folder is that of all.
func TestFirstRead_WithoutAFolderForFilesAllIsKeptInMemory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.company(25)
		f, got := a.told(newStore(t), readsAll)
		f.after(5 * time.Minute)
		assert.Equal(t, a.everyone(25), got())
		assert.Zero(t, a.lookedUp())
		f.end()
	})
}

func TestFirstRead_PersonsWaitForTheOthersWhoseReadingOverlaps(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"deals", "organizations", "leads"} {
		t.Run(slow, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.company(25)
				var mu sync.Mutex
				under, most := 0, 0
				a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "Fields") || strings.HasSuffix(r.URL.Path, "/me") {
						return false
					}
					pause := time.Second
					if strings.HasSuffix(r.URL.Path, "/"+slow) {
						pause = 10 * time.Second
					}
					mu.Lock()
					under++
					most = max(most, under)
					mu.Unlock()
					defer func() { mu.Lock(); under--; mu.Unlock() }()
					return rest.Sleep(r.Context(), pause) != nil
				})
				s := newStore(t)
				f, got := a.told(s, readsAll)
				early := f.after(25 * time.Second)
				assert.False(t, slices.ContainsFunc(early, func(m string) bool { return strings.Contains(m, "person") }), "before the third page of %s", slow)
				assert.NotEmpty(t, early, "but the others are")
				a.onCall(nil)
				f.after(5 * time.Minute)
				assert.Equal(t, a.everyone(25), got())
				mu.Lock()
				assert.Equal(t, 3, most, "reading overlaps but for persons, who wait")
				mu.Unlock()
				f.end()
			})
		})
	}
}

func TestFirstRead_GoesOnAfterAStopInAnyOfItsPhases(t *testing.T) {
	t.Parallel()
	for phase := range 8 {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprint(phase, " killed: ", kill), func(t *testing.T) {
				t.Parallel()
				inFakeTime(t, sandbox.Config{Latency: time.Second}, func(t *testing.T, a *account) {
					a.company(25)
					s := newStore(t)
					f, first := a.told(s, readsAll)
					f.after(time.Duration(phase) * 800 * time.Millisecond)
					if kill {
						f.kill()
					} else {
						f.end()
					}
					a.newProcess()
					f, second := a.told(s, readsAll)
					f.after(5 * time.Minute)
					got := first()
					for id, told := range second() {
						got[id] = told
					}
					assert.Equal(t, a.everyone(25), got)
					assert.Zero(t, a.lookedUp())
					f.end()
				})
			})
		}
	}
}

func TestFirstRead_WhatChangesMeanwhileIsNotToldAsItWas(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.company(25)
		// Persons are slow: what they are told of changes while they are read.
		a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/persons") && rest.Sleep(r.Context(), 20*time.Second) != nil
		})
		s := newStore(t)
		f, got := a.told(s, readsAll+"poll_interval: 5s\n")
		f.after(25 * time.Second) // the first page of persons is out
		a.change("organization", 25, "Renamed")
		a.putWith("lead", 24, "Lead 24", time.Now(), map[string]any{"person_id": 21})
		a.putWith("deal", 23, "Deal 23", time.Now(), map[string]any{"person_id": 22, "status": "open"})
		f.after(30 * time.Minute)
		assert.Equal(t, "Renamed [Deal 25] [Lead 25]", got()["25"])
		assert.Equal(t, "Organization 24 [Deal 24] []", got()["24"])
		assert.Equal(t, "Organization 21 [Deal 21] [Lead 21 Lead 24]", got()["21"])
		assert.Equal(t, "Organization 23 [] [Lead 23]", got()["23"])
		assert.Equal(t, "Organization 22 [Deal 22 Deal 23] [Lead 22]", got()["22"])
		f.end()
	})
}

func TestFirstRead_OthersAskPipedriveForLeads(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.company(25)
		stuck := true
		a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
			return stuck && strings.HasSuffix(r.URL.Path, "/leads") && !strings.Contains(r.URL.RawQuery, "person_id") && rest.Sleep(r.Context(), time.Hour) != nil
		})
		s := newStore(t)
		f := a.follow(s, readsAll)
		f.after(10 * time.Second)
		require.NotNil(t, firstReadOf(f.client()))
		assert.Equal(t, "Organization 25 [Deal 25] not known", a.toldOf(s, 25), "not all leads were read")
		got, _ := process(t, a.lookup(s.resources, "object: leads\nby: person_id\nid: this.id\ncache_ttl: 0s"), `{"id":25}`)
		assert.Len(t, at(got[0], "leads"), 1, "whoever does not ask for the first read asks Pipedrive")
		f.end()
		assert.True(t, firstReadOf(f.client()) == nil, "what is closed knows nothing")
	})
}

func TestRecents_OnlyNewReadsNothingOldAndEverythingNew(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 25; i++ {
			a.put("activity", i, "Old", fakeStart.Add(-time.Hour))
		}
		a.filled(3)
		s := newStore(t)
		const conf = withCache + "objects: [persons, activities]\nonly_new: [activities]\n"
		f := a.follow(s, conf)
		assert.Equal(t, repeated("snapshot person", 1, 3), f.after(5*time.Minute))
		a.change("activity", 26, "New")
		a.change("activity", 3, "Done")
		assert.ElementsMatch(t, []string{"create activity 26", "change activity 3"}, f.after(2*time.Minute))
		for n, kill := range []bool{false, true} {
			if kill {
				f.kill()
			} else {
				f.end()
			}
			a.newProcess()
			a.change("activity", 27+n, "While it was stopped")
			time.Sleep(time.Hour)
			f = a.follow(s, conf)
			assert.Equal(t, []string{fmt.Sprint("create activity ", 27+n)}, f.after(2*time.Minute))
		}
		calls, _ := a.asked("/activities?")
		polls, _ := a.asked("/activities?", "updated_since")
		assert.Equal(t, polls, calls, "no full read")
		f.end()
	})
}

func TestRecents_OnlyNewNamesObjectsThatThereAre(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	_, err := a.openRecents(newResources(t), "only_new: [activity]")
	assert.ErrorContains(t, err, "only_new")
	linted, err := recentsSpec().ParseYAML("only_new: []\nobjects: [persons]", nil)
	require.NoError(t, err)
	require.NotNil(t, linted)
}
