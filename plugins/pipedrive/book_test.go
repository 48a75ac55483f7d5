package pipedrive

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// deal puts a deal of a person as it is from now on; 0 is nobody.
func (a *account) deal(id, person int, status string) {
	more := map[string]any{"person_id": person, "status": status, "value": 100 * id, "currency": "EUR", "stage_id": 1, "pipeline_id": 1}
	if person == 0 {
		more["person_id"] = nil
	}
	if status == "deleted" {
		more["is_deleted"] = true
	}
	a.putWith("deal", id, fmt.Sprint("Deal ", id), time.Now(), more)
}

// deals has deals 1 to n of persons 1 to 5, in turn.
func (a *account) deals(n int) {
	for i := 1; i <= n; i++ {
		a.deal(i, 1+i%5, "open")
	}
}

// trueDeals are a person's deals by the account itself, as "3 won 300".
func (a *account) trueDeals(person int) (all []string) {
	for _, d := range a.Records("deal", 0, 10_000) {
		if fmt.Sprint(d["person_id"]) == strconv.Itoa(person) && d["is_deleted"] != true && d["status"] != "deleted" {
			all = append(all, fmt.Sprint(d["id"], " ", d["status"], " ", d["value"]))
		}
	}
	slices.Sort(all)
	return all
}

// askDeals are a person's deals as a lookup gives them.
func (a *account) askDeals(s *store, person int, more string) (all []string) {
	a.t.Helper()
	got, _ := process(a.t, a.lookup(s.resources, "object: deals\nby: person_id\nid: this.id\ncache_ttl: 0s\n"+more), fmt.Sprintf(`{"id":%d}`, person))
	deals, known := at(got[0], "deals").([]any)
	if !known {
		return []string{"not known"}
	}
	for _, d := range deals {
		all = append(all, fmt.Sprint(at(d, "id"), " ", at(d, "status"), " ", at(d, "value")))
	}
	slices.Sort(all)
	return all
}

// knows asserts that all persons' deals are answered rightly, and without a call.
func (a *account) knows(s *store) {
	a.t.Helper()
	a.ForgetCalls()
	for person := 1; person <= 6; person++ {
		assert.Equal(a.t, a.trueDeals(person), a.askDeals(s, person, ""), "deals of person %d", person)
	}
	calls, _ := a.asked("/api/v2/deals", "person_id=")
	assert.Zero(a.t, calls, "calls")
}

// formers are the former persons that messages tell: "deal 3: 2".
func formers(all []message) (told []string) {
	for _, m := range all {
		if id := m.meta["pipedrive_former_person_id"]; id != "" {
			told = append(told, fmt.Sprintf("%s %s: %s", m.meta["pipedrive_object"], m.meta["pipedrive_id"], id))
		}
	}
	return told
}

const readsDeals = withCache + "objects: [deals]\n"

func TestBook_APersonsDealsCostNoCallOnceAllWereRead(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.after(10 * time.Second)
		a.knows(s)
		a.deal(3, 2, "won") // was person 4's
		a.deal(26, 6, "open")
		a.deal(7, 3, "deleted")
		f.after(2 * time.Minute)
		a.knows(s)
		f.end()
	})
}

func TestBook_OutlivesARestartWithoutAnotherRead(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("killed: ", kill), func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.deals(25)
				s := newStore(t)
				f := a.follow(s, readsDeals)
				f.after(10 * time.Second)
				if kill {
					f.kill()
				} else {
					f.end()
				}
				a.newProcess()
				a.deal(3, 2, "won")
				a.deal(7, 3, "deleted")
				a.ForgetCalls()
				f = a.follow(s, readsDeals)
				assert.Equal(t, []string{"deal 3: 4"}, formers(f.messages(10*time.Second)))
				all, _ := a.asked("/api/v2/deals?")
				polls, _ := a.asked("/api/v2/deals?", "updated_since")
				assert.Equal(t, polls, all, "no full read")
				a.knows(s)
				f.end()
			})
		})
	}
}

func TestBook_AnswersNothingBeforeAllDealsWereRead(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]string{
		"start_from now":    readsDeals + "start_from: now\n",
		"start_from a time": readsDeals + "start_from: 2026-11-02T08:00:00Z\n",
		"only_new":          readsDeals + "only_new: [deals]\n",
		"a filter":          readsDeals + "filter_id: 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.deals(25)
				a.do("POST", "/v1/filters", `{"name":"None","type":"deals","conditions":{"glue":"and","conditions":[{"glue":"and","conditions":[{"object":"deal","field_id":"status","operator":"=","value":"lost"}]},{"glue":"or","conditions":[]}]}}`)
				s := newStore(t)
				for range 2 {
					f := a.follow(s, conf)
					f.after(10 * time.Second)
					a.deal(1, 2, "won")
					f.after(2 * time.Minute)
					assert.Equal(t, []string{"not known"}, a.askDeals(s, 2, "first_read: true"))
					assert.Equal(t, a.trueDeals(2), a.askDeals(s, 2, ""), "Pipedrive is asked")
					calls, _ := a.asked("/api/v2/deals", "person_id=2")
					assert.NotZero(t, calls)
					f.end()
					a.newProcess()
				}
			})
		})
	}
}

func TestBook_AFormerPersonIsToldUntilItIsDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.after(10 * time.Second)
		a.deal(3, 2, "open")
		tries := 0
		f.refusingThose(func([]message) bool { tries++; return tries < 3 })
		assert.Equal(t, []string{"deal 3: 4"}, formers(f.messages(5*time.Minute)), "told, refused twice, and told")

		a.deal(8, 1, "open") // was person 4's
		f.refusing(true)
		f.after(3 * time.Minute) // polls go on, and the position was written
		f.kill()
		a.newProcess()
		f = a.follow(s, readsDeals)
		assert.Equal(t, []string{"deal 8: 4"}, formers(f.messages(3*time.Minute)), "killed before it was delivered")
		a.deal(8, 1, "won")
		assert.Empty(t, formers(f.messages(3*time.Minute)), "it is told once")
		f.end()
		a.newProcess()
		f = a.follow(s, readsDeals)
		a.deal(8, 1, "lost")
		assert.Empty(t, formers(f.messages(3*time.Minute)), "also after a restart")
		f.end()
	})
}

func TestBook_EveryFormerPersonIsToldOfADealThatMovesOnBeforeItIsDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(5)
		s := newStore(t)
		f := a.follow(s, readsDeals)
		f.after(10 * time.Second)
		f.refusing(true)
		for _, person := range []int{1, 6, 0} { // was person 4's
			a.deal(3, person, "open")
			f.after(2 * time.Minute)
		}
		a.deal(3, 0, "deleted")
		f.after(2 * time.Minute)
		f.kill()
		a.newProcess()
		f = a.follow(s, readsDeals)
		assert.ElementsMatch(t, []string{"deal 3: 4", "deal 3: 1", "deal 3: 6"}, formers(f.messages(2*time.Minute)))
		a.knows(s)
		f.end()
	})
}

func TestBook_ADeliveryIsKnownAtOnceAndAnOldOneChangesNothing(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.deals(25)
		s := newStore(t)
		f := a.follow(s, readsDeals+"poll_interval: 1h\n")
		f.after(10 * time.Second)
		tell := func(id, person int, status string, at time.Time) {
			now := at.UTC().Format(time.RFC3339)
			r := api.Record{"id": json.Number(strconv.Itoa(id)), "person_id": json.Number(strconv.Itoa(person)), "status": status, "value": json.Number(strconv.Itoa(100 * id)), "update_time": now}
			if status == "deleted" {
				r["is_deleted"], r["update_time"] = true, fakeStart.Format(time.RFC3339) // as it was before
			}
			noteDelivery(f.client(), &api.Delivery{Object: "deal", ID: strconv.Itoa(id), Time: now, Record: r})
		}
		a.deal(3, 2, "won") // was person 4's
		tell(3, 2, "won", time.Now())
		a.deal(7, 3, "deleted")
		tell(7, 3, "deleted", time.Now())
		a.knows(s)
		tell(3, 4, "open", time.Now().Add(-time.Second))
		tell(7, 3, "open", time.Now().Add(-time.Second))
		a.deal(9, 1, "deleted") // was person 5's
		tell(9, 1, "deleted", time.Now().Add(2*time.Second))
		a.knows(s)
		assert.ElementsMatch(t, []string{"deal 3: 4", "deal 9: 5"}, formers(f.messages(2*time.Hour)), "a poll tells it, too: nobody knows what became of the delivery")
		a.knows(s)
		f.end()
	})
}
