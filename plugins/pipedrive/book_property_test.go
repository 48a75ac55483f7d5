package pipedrive

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// movers are persons between whom deals move, and what each was told last of its deals: what the pipeline
// does with the messages of deals.
type movers struct {
	*chaos
	leads   *leadMoves // what is other where leads move; nil for deals
	persons int
	owner   map[int]int // of deals that there are
	told    map[string]telling
	seen    map[string]bool // persons that had a deal at any time
	clock   int
}

type telling struct {
	deals string
	turn  int
	by    message
}

// corrects reports whether a message says something newer of the very record that told last: the output has it
// win, in whichever order the two are delivered.
func (m message) corrects(last message) bool {
	at, _ := time.Parse(time.RFC3339, m.meta["pipedrive_time"])
	before, _ := time.Parse(time.RFC3339, last.meta["pipedrive_time"])
	id := m.meta["pipedrive_id"]
	return id != "" && id == last.meta["pipedrive_id"] && at.After(before)
}

// happen lets one thing happen.
func (m *movers) happen() {
	switch n := m.random.IntN(100); {
	case n < 30:
		for range 1 + m.random.IntN(3) {
			m.change()
		}
	case n < 55:
		m.read()
	case n < 75:
		m.settle(nil)
	case n < 82:
		m.settle(assert.AnError)
	case n < 95:
		time.Sleep(time.Duration(m.random.IntN(2500)) * time.Millisecond)
	case n < 96:
		time.Sleep(time.Duration(m.random.IntN(200)) * time.Second)
	default:
		m.restart(n < 98)
	}
	synctest.Wait()
}

// change makes, moves, wins, reopens or deletes a deal; sometimes a webhook tells it, and sometimes late.
func (m *movers) change() {
	if m.leads != nil {
		m.leads.change(m)
		return
	}
	id, person := 1+m.random.IntN(15), m.random.IntN(m.persons+1)
	owner, there := m.owner[id]
	status := []string{"open", "won", "lost"}[m.random.IntN(3)]
	switch n := m.random.IntN(10); {
	case there && n < 2:
		person, status = owner, "deleted"
		delete(m.owner, id)
	case there && n < 5:
		person = owner
	}
	if status != "deleted" {
		m.owner[id] = person
	}
	m.seen[strconv.Itoa(person)] = true
	m.deal(id, person, status)
	if m.in != nil && m.random.IntN(3) == 0 {
		m.webhook(id, person, status, time.Now().Add(-time.Duration(m.random.IntN(2))*10*time.Second))
	}
	if m.random.IntN(2) == 0 {
		time.Sleep(time.Second)
	}
}

// webhook tells of a deal at a time, which may have passed; then it was another person's.
func (m *movers) webhook(id, person int, status string, at time.Time) {
	if time.Since(at) > 0 {
		person, status = 1+m.random.IntN(m.persons), "open"
	}
	raw := map[string]any{"id": json.Number(strconv.Itoa(id)), "title": "told", "person_id": json.Number(strconv.Itoa(person)), "status": status, "value": json.Number(strconv.Itoa(100 * id)),
		"currency": "EUR", "update_time": at.UTC().Format(time.RFC3339), "is_deleted": status == "deleted"}
	noteDelivery(m.in.client(), &api.Delivery{Object: "deal", ID: strconv.Itoa(id), Time: at.UTC().Format(time.RFC3339), Record: api.Record(raw)})
}

// dealsNow are a person's deals as a message of it would be told them.
func (m *movers) dealsNow(person string) string {
	id, _ := strconv.Atoi(person)
	if book := bookOf(m.in.client(), "deal"); book != nil {
		if deals, known := book.dealsOf(person); known {
			all := []string{}
			for _, d := range deals {
				all = append(all, fmt.Sprint(d["id"], " ", d["status"], " ", d["value"]))
			}
			slices.Sort(all)
			return strings.Join(all, ", ")
		}
	}
	return strings.Join(m.trueDeals(id), ", ") // Pipedrive is asked
}

// read takes a page, looks up the deals of all whom it is about, and keeps it in flight.
func (m *movers) read() {
	before := len(m.flying)
	m.chaos.read()
	m.lookUp(before)
}

func (m *movers) lookUp(from int) {
	for i := from; i < len(m.flying); i++ {
		for _, msg := range m.flying[i].told {
			m.clock++
			msg.meta["turn"] = strconv.Itoa(m.clock)
			for _, person := range aboutWhom(msg) {
				if m.leads != nil {
					msg.meta["deals of "+person] = m.leads.now(m, msg, person)
				} else {
					msg.meta["deals of "+person] = m.dealsNow(person)
				}
			}
		}
	}
}

// aboutWhom are the persons whose contacts a message is about.
func aboutWhom(msg message) (persons []string) {
	switch {
	case msg.meta["pipedrive_object"] == "person":
		return []string{msg.meta["pipedrive_id"]}
	case msg.meta["pipedrive_action"] == "snapshot":
		return nil
	}
	for _, person := range []string{fmt.Sprint(msg.record["person_id"]), msg.meta["pipedrive_former_person_id"]} {
		if person != "" && person != "<nil>" {
			persons = append(persons, person)
		}
	}
	return persons
}

// settle delivers a page, or not. What was looked up later wins, as the output's order has it.
func (m *movers) settle(err error) {
	before := slices.Clone(m.flying)
	m.chaos.settle(err)
	for _, f := range before {
		delivered := err == nil && !slices.ContainsFunc(m.flying, func(g flight) bool { return len(g.told) > 0 && len(f.told) > 0 && &g.told[0] == &f.told[0] })
		for _, msg := range f.told {
			turn, _ := strconv.Atoi(msg.meta["turn"])
			for _, person := range aboutWhom(msg) {
				last := m.told[person]
				late := delivered && m.leads != nil && m.leads.older(msg, person) // noted of each that is delivered
				wins := turn > last.turn || m.leads != nil && msg.corrects(last.by)
				if delivered && wins && !late {
					m.told[person] = telling{msg.meta["deals of "+person], turn, msg}
				}
			}
		}
	}
}

// calm lets everything be delivered.
func (m *movers) calm() {
	for quiet := 0; quiet < 6; quiet++ {
		time.Sleep(time.Minute)
		for {
			before := len(m.flying)
			m.read()
			if len(m.flying) == before {
				break
			}
			quiet = 0
			for len(m.flying) > 0 {
				m.settle(nil)
			}
		}
		for len(m.flying) > 0 {
			m.settle(nil)
		}
	}
}

// The sum of a person's deals is right only if the person is told whenever one comes, changes or goes.
func TestBook_WhateverHappensItIsRightAndEveryoneIsTold(t *testing.T) {
	t.Parallel()
	seeds := 24
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		inFakeTime(t, sandbox.Config{Latency: time.Duration(seed%3) * 100 * time.Millisecond}, func(t *testing.T, a *account) {
			m := &movers{persons: 6, owner: map[int]int{}, told: map[string]telling{}, seen: map[string]bool{}}
			m.chaos = newChaos(t, a, seed, nil, "objects: [persons, deals]\n")
			m.chaos.random = rand.New(rand.NewPCG(uint64(seed), 2))
			for i := 1; i <= m.persons; i++ {
				a.put("person", i, "Person", fakeStart.Add(-time.Hour))
			}
			for range 20 {
				m.change()
			}
			m.in = a.startRecents(m.store.resources, m.conf)
			for range 250 {
				m.happen()
			}
			m.calm()
			for i := range m.persons {
				person := strconv.Itoa(i + 1)
				want := strings.Join(a.trueDeals(i+1), ", ")
				deals, known := bookOf(m.in.client(), "deal").dealsOf(person)
				require.True(t, known, "seed %d: all deals were read", seed)
				assert.Len(t, deals, len(a.trueDeals(i+1)), "seed %d: person %s", seed, person)
				assert.Equal(t, want, m.dealsNow(person), "seed %d: the book of person %s", seed, person)
				assert.Equal(t, want, m.told[person].deals, "seed %d: what person %s was told", seed, person)
			}
			owed := 0
			for _, d := range bookOf(m.in.client(), "deal").records {
				owed += len(maps.Clone(d.Formers))
			}
			assert.Zero(t, owed, "seed %d: formers still to be told", seed)
			require.NoError(t, m.in.Close(t.Context()))
		})
		if t.Failed() {
			return
		}
	}
}
