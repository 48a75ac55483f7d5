package pipedrive

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// filled has persons 1 to n, all updated an hour ago.
func (a *account) filled(n int) {
	for i := 1; i <= n; i++ {
		a.put("person", i, "Person", time.Now().Add(-time.Hour))
	}
}

// once calls do before the first call whose path and query hold all parts.
func (a *account) once(do func(), parts ...string) {
	done := false
	a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
		for _, part := range parts {
			if !strings.Contains(r.URL.RequestURI(), part) {
				return false
			}
		}
		if !done {
			done = true
			do()
		}
		return false
	})
}

func TestRecents_ReadsEverythingAndThenWhatChanges(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		f := a.follow(newStore(t), withCache)
		assert.Equal(t, repeated("snapshot person", 1, 25), f.after(10*time.Second))
		a.change("person", 7, "Renamed")
		a.change("person", 26, "New")
		assert.Equal(t, []string{"change person 7", "create person 26"}, f.after(time.Minute))
		assert.Empty(t, f.after(time.Hour), "nothing is told twice")
		f.end()
	})
}

func TestRecents_MessageIsTheRecordWithItsMetadata(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.put("deal", 1, "Deal", fakeStart.Add(-time.Hour))
		a.put("lead", 2, "Lead", fakeStart.Add(-time.Hour))
		in := a.startRecents(newStore(t).resources, "objects: [deals, leads]")
		of := func(object, id, action, at string) map[string]string {
			meta := map[string]string{"pipedrive_object": object, "pipedrive_id": id, "pipedrive_action": action,
				"pipedrive_time": at, "pipedrive_source": "recents"}
			if action != "snapshot" {
				meta["pipedrive_since"], meta["pipedrive_read"] = "2026-11-02T08:00:00Z", "2026-11-02T09:02:00Z"
			}
			return meta
		}
		read := func() map[string]map[string]string {
			got := map[string]map[string]string{}
			for range 2 {
				batch, ack, err := in.ReadBatch(t.Context())
				require.NoError(t, err)
				whole, err := batch[0].AsStructured()
				require.NoError(t, err)
				asRead, _ := batch[0].MetaGetMut("record")
				assert.Equal(t, whole, asRead, "the record as it was read")
				msg := messagesOf(t, batch)[0]
				assert.Equal(t, msg.meta["pipedrive_id"], fmt.Sprint(msg.record["id"]))
				got[msg.meta["pipedrive_object"]] = msg.meta
				require.NoError(t, ack(t.Context(), nil))
			}
			return got
		}
		assert.Equal(t, map[string]map[string]string{
			"deal": of("deal", "1", "snapshot", "2026-11-02T08:00:00Z"),
			"lead": of("lead", leadID(2), "snapshot", "2026-11-02T08:00:00.000Z"),
		}, read())
		time.Sleep(90 * time.Second)
		a.change("lead", 2, "Renamed")
		a.remove("deal", 1)
		assert.Equal(t, map[string]map[string]string{
			"deal": of("deal", "1", "delete", "2026-11-02T09:01:30Z"),
			"lead": of("lead", leadID(2), "change", "2026-11-02T09:01:30.000Z"),
		}, read())
		require.NoError(t, in.Close(t.Context()))
	})
}

// Whoever orders polls and webhooks of one second must not take an answer for later than what it has seen.
func TestRecents_APollSaysWhenItBeganAndNotWhenItEnded(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{Latency: 5 * time.Second}, func(t *testing.T, a *account) {
		a.put("person", 1, "Person", fakeStart.Add(-time.Hour))
		in := a.startRecents(newStore(t).resources, "objects: [persons]")
		read := func() map[string]string {
			batch, ack, err := in.ReadBatch(t.Context())
			require.NoError(t, err)
			require.NoError(t, ack(t.Context(), nil))
			return messagesOf(t, batch)[0].meta
		}
		assert.NotContains(t, read(), "pipedrive_read", "no webhook comes before the first read")
		time.Sleep(30 * time.Second)
		a.change("person", 1, "Renamed")
		began, err := time.Parse(time.RFC3339, read()["pipedrive_read"])
		require.NoError(t, err)
		took := time.Since(began)
		assert.True(t, 5*time.Second <= took && took < 7*time.Second, took)
		require.NoError(t, in.Close(t.Context()))
	})
}

func TestRecents_TheFirstReadHasWhatWasNeverUpdated(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		objects := []string{"person", "organization", "deal", "activity", "lead", "note", "product"}
		for _, o := range objects {
			a.put(o, 1, "never updated", time.Time{})
			a.put(o, 2, "updated", fakeStart.Add(-time.Hour))
		}
		f := a.follow(newStore(t), withCache+"objects: [persons, organizations, deals, activities, leads, notes, products]")
		got := f.after(5 * time.Minute)
		for _, o := range objects {
			for _, id := range []int{1, 2} {
				shown := fmt.Sprint(id)
				if o == "lead" {
					shown = leadID(id)
				}
				assert.Contains(t, got, "snapshot "+o+" "+shown)
			}
		}
		assert.Len(t, got, 2*len(objects))
		f.end()
	})
}

func TestRecents_SeesWhatChangesDuringTheFirstRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		id   int
		want []string
	}{
		{"before its page is read", 25, []string{"snapshot person 25"}},
		{"after its page was read", 3, []string{"snapshot person 3", "change person 3"}},
		{"that is new and comes last", 31, []string{"snapshot person 31"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{Latency: 10 * time.Second}, func(t *testing.T, a *account) {
				a.filled(30)
				// While the second page is under way: ten seconds after the first read began.
				a.once(func() { a.change("person", c.id, "Changed") }, "/api/v2/persons?cursor")
				f := a.follow(newStore(t), withCache)
				var got []string
				for _, m := range f.messages(5 * time.Minute) {
					if m.meta["pipedrive_id"] == fmt.Sprint(c.id) {
						got = append(got, m.String())
						if len(got) == len(c.want) {
							assert.Equal(t, "Changed", m.text())
						}
					}
				}
				assert.Equal(t, c.want, got)
				f.end()
			})
		})
	}
}

func TestRecents_AnEmptyAccountIsFollowed(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		f := a.follow(newStore(t), withCache+"objects: [persons, deals, organizations, activities, leads, pipelines, stages, users, notes, products]")
		assert.Empty(t, f.after(10*time.Minute))
		a.change("person", 1, "First")
		a.change("lead", 1, "First")
		a.change("pipeline", 1, "First")
		got := f.after(time.Minute)
		assert.ElementsMatch(t, []string{"create person 1", "create lead " + leadID(1), "change pipeline 1"}, got)
		f.end()
	})
}

func TestRecents_FollowFalseEndsOnceCaughtUp(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		s := newStore(t)
		a.filled(25)
		const conf = withCache + "objects: [persons, deals, leads, pipelines]\nfollow: false"
		f := a.follow(s, conf)
		<-f.ended
		assert.Len(t, f.after(0), 25)
		f.end()

		a.ForgetCalls()
		time.Sleep(time.Hour)
		f = a.follow(s, conf)
		<-f.ended
		assert.Empty(t, f.after(0))
		for _, plural := range []string{"persons", "deals", "leads", "pipelines"} {
			calls, _ := a.asked("/" + plural + "?")
			assert.Equal(t, 1, calls, plural)
		}
		f.end()
	})
}

func TestRecents_FollowFalseDoesNotEndBeforeTheLastPageIsDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(10)
		s, tries := newStore(t), 0
		f := a.follow(s, withCache+"follow: false", func([]message) bool { tries++; return tries < 5 })
		<-f.ended
		assert.Equal(t, repeated("snapshot person", 1, 10), f.after(0))
		assert.NotContains(t, s.position(), `"full"`)
		f.end()
	})
}

func TestRecents_FollowFalseEndsThoughEverythingAlwaysChanges(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{Latency: 3 * time.Second}, func(t *testing.T, a *account) {
		a.filled(25)
		n := 0
		a.onCall(func(http.ResponseWriter, *http.Request) bool { n++; a.change("person", n%25+1, "again"); return false })
		f := a.follow(newStore(t), "follow: false\npoll_interval: 1s")
		<-f.ended
		assert.Less(t, time.Since(fakeStart), 10*time.Minute)
		f.end()
	})
}

func TestRecents_StartFromNowReadsOnlyWhatComes(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		a.put("pipeline", 1, "There already", fakeStart.Add(-time.Hour))
		s := newStore(t)
		const conf = withCache + "start_from: now\nobjects: [persons, pipelines]"
		f := a.follow(s, conf)
		assert.Empty(t, f.after(5*time.Minute))
		f.end()
		time.Sleep(time.Hour)
		a.change("person", 3, "While it was stopped")
		f = a.follow(s, conf)
		assert.Equal(t, []string{"change person 3"}, f.after(5*time.Minute))
		calls, _ := a.asked("/api/v2/persons?", "sort_by=update_time")
		all, _ := a.asked("/api/v2/persons?")
		assert.Equal(t, all, calls, "no full read")
		f.end()
	})
}

func TestRecents_StartFromATimeReadsWhatWasUpdatedSince(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 25; i++ {
			a.put("person", i, "Person", fakeStart.Add(time.Duration(i-30)*time.Hour))
		}
		f := a.follow(newStore(t), withCache+"start_from: "+fakeStart.Add(-10*time.Hour).Format(time.RFC3339))
		assert.Equal(t, repeated("create person", 20, 25), f.after(time.Minute), "inclusive")
		assert.Empty(t, f.after(10*time.Minute))
		f.end()
	})
}
