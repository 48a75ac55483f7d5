package page

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"connector/sandbox/brevo"
)

const (
	boardDeals = 60 // the newest ones are shown
	newsLength = 12 // events
)

// boardView is the first pipeline of Pipedrive, and what has come to Brevo.
type boardView struct {
	Pipeline string      `json:"pipeline"`
	Stages   []stageView `json:"stages"`
	Picked   *pickedView `json:"picked"` // null while no deal is picked
	Events   []eventView `json:"events"` // newest first
	Total    int         `json:"total"`  // events in Brevo
}

type stageView struct {
	ID    int64      `json:"id"`
	Name  string     `json:"name"`
	Deals []dealView `json:"deals"`
}

type dealView struct {
	ID       int64  `json:"id"`
	Title    string `json:"title"`
	Value    any    `json:"value"`
	Currency any    `json:"currency"`
	Person   string `json:"person"` // empty without one
	since    string // when it came to its stage, as RFC 3339
}

// pickedView is the person of the deal that was moved last, as Brevo has it.
type pickedView struct {
	Deal    int64        `json:"deal"`
	Person  string       `json:"person"`
	Contact *contactView `json:"contact"`
	Why     string       `json:"why"`
	id      int64        // of the contact, 0 without one
}

type eventView struct {
	Number     int    `json:"number"` // in the order of arrival, from 1
	Name       string `json:"name"`
	Whose      string `json:"whose"` // the address of the contact, else what the event says
	Properties string `json:"properties"`
	Date       int64  `json:"date"`
	Picked     bool   `json:"picked"` // of the picked deal's contact
}

// board is GET board.json?deal=: the deals by stage, and beside them what arrived for one of them.
func (s *site) board(w http.ResponseWriter, r *http.Request) {
	deal, err := strconv.ParseInt(r.URL.Query().Get("deal"), 10, 64)
	if r.URL.Query().Has("deal") && err != nil {
		http.Error(w, "deal is the number of a deal", http.StatusBadRequest)
		return
	}
	pipeline, name := s.firstPipeline()
	view := boardView{Pipeline: name, Stages: s.stages(pipeline)}
	if deal > 0 {
		view.Picked = s.picked(deal)
	}
	view.Events, view.Total = s.news(view.Picked)
	answer(w, view)
}

// firstPipeline is the one with the lowest order_nr, Pipedrive's default.
func (s *site) firstPipeline() (id int64, name string) {
	lowest := 0.0
	for _, m := range s.sb.Pipedrive.Records("pipeline", 0, 1000) {
		if deleted, _ := m["is_deleted"].(bool); !deleted && (id == 0 || number(m["order_nr"]) < lowest) {
			id, lowest = int64(number(m["id"])), number(m["order_nr"])
			name, _ = m["name"].(string)
		}
	}
	return id, name
}

func (s *site) stages(pipeline int64) []stageView {
	out := []stageView{}
	stages := s.sb.Pipedrive.Records("stage", 0, 1000)
	slices.SortStableFunc(stages, func(a, b map[string]any) int { return int(number(a["order_nr"]) - number(b["order_nr"])) })
	place := map[int64]int{}
	for _, m := range stages {
		if deleted, _ := m["is_deleted"].(bool); deleted || int64(number(m["pipeline_id"])) != pipeline {
			continue
		}
		id := int64(number(m["id"]))
		place[id] = len(out)
		name, _ := m["name"].(string)
		out = append(out, stageView{ID: id, Name: name, Deals: []dealView{}})
	}
	for _, m := range s.sb.Pipedrive.OpenDeals(pipeline, boardDeals) {
		at, known := place[int64(number(m["stage_id"]))]
		if !known {
			continue
		}
		deal := dealView{ID: int64(number(m["id"])), Value: m["value"], Currency: m["currency"]}
		deal.Title, _ = m["title"].(string)
		if person := s.index.record(int64(number(m["person_id"]))); person != nil {
			deal.Person, _ = person["name"].(string)
		}
		deal.since, _ = m["stage_change_time"].(string)
		out[at].Deals = append(out[at].Deals, deal)
	}
	for _, st := range out { // what was moved last is on top, where the visitor dropped it
		slices.SortStableFunc(st.Deals, func(a, b dealView) int { return strings.Compare(b.since, a.since) })
	}
	return out
}

// picked returns the contact of a deal's person, nil when there is no such deal.
func (s *site) picked(id int64) *pickedView {
	page := s.sb.Pipedrive.Records("deal", id-1, 1)
	if len(page) == 0 || int64(number(page[0]["id"])) != id {
		return nil
	}
	view := &pickedView{Deal: id, Why: "the deal has no person"}
	person := int64(number(page[0]["person_id"]))
	if person == 0 {
		return view
	}
	view.Person, view.Contact, view.Why, view.id = s.index.contactOf(person, s.progress().State)
	return view
}

// contactOf returns a person's name, its contact, or why it has none.
func (x *index) contactOf(id int64, state string) (name string, view *contactView, why string, contact int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refresh()
	m := x.record(id)
	if m == nil {
		return "", nil, "the deal's person is gone", 0
	}
	p := personOf(m)
	c, found := x.contact(p)
	if !found {
		return p.name, nil, x.why(p, state), 0
	}
	return p.name, contactViewOf(c, x.listNames()), "", c.ID
}

// news returns the newest events, and how many there are.
func (s *site) news(picked *pickedView) ([]eventView, int) {
	all := s.sb.Brevo.Events()
	out := []eventView{}
	for i := len(all) - 1; i >= max(0, len(all)-newsLength); i-- {
		e := all[i]
		view := eventView{Number: i + 1, Name: e.Name, Properties: string(e.Properties), Date: e.Date.UnixMilli(), Whose: s.whose(e)}
		view.Picked = picked != nil && picked.id != 0 && e.ContactID == picked.id
		out = append(out, view)
	}
	return out, len(all)
}

// whose names the contact of an event as well as can be.
func (s *site) whose(e brevo.Event) string {
	if e.ContactID != 0 {
		if page := s.sb.Brevo.Contacts(e.ContactID-1, 1); len(page) == 1 && page[0].ID == e.ContactID && page[0].Email != "" {
			return page[0].Email
		}
	}
	for _, key := range []string{"email_id", "ext_id", "contact_id"} {
		if value := e.Identifiers[key]; value != "" {
			return value
		}
	}
	return ""
}

// move is POST move.json {"deal": 12, "stage": 3}: it changes the deal as a user of Pipedrive would.
func (s *site) move(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		http.Error(w, "the body is application/json", http.StatusUnsupportedMediaType)
		return
	}
	var body struct{ Deal, Stage int64 }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&body); err != nil || body.Deal < 1 || body.Stage < 1 {
		http.Error(w, "deal and stage are numbers", http.StatusBadRequest)
		return
	}
	if err := s.sb.Pipedrive.Change("deal", body.Deal, map[string]any{"stage_id": body.Stage}); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	answer(w, map[string]any{"moved": time.Now().UnixMilli()})
}
