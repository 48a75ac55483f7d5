package pipedrive

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"connector/plugins/pipedrive/api"
)

// dealBook is what is known of every deal: whose it is, how it stands and what it is worth. It answers at no
// cost what else takes a call for each person: the deals of a person, and whose a deal was before. It is
// kept in the checkpoint cache, some 60 bytes a deal.
type dealBook struct {
	mu       sync.Mutex
	deals    map[int64]bookedDeal
	byPerson map[int64][]int64
	complete bool           // all deals are in it
	lost     bool           // what a run before this one read was not kept
	changed  map[int64]bool // chunks that the cache does not have
	names    map[string]string
}

// bookedDeal is a deal in the dealBook. Times are in unix seconds, 0 for none.
type bookedDeal struct {
	Person, Org, Owner, Stage, Pipeline int64
	Former                              int64 // whose it was, as long as that is not delivered
	Status, Currency, Title             string
	Value                               string // as Pipedrive wrote it
	Added, Updated, Staged, Won, Lost   int64
}

func newDealBook() *dealBook {
	return &dealBook{deals: map[int64]bookedDeal{}, byPerson: map[int64][]int64{}, changed: map[int64]bool{}, names: map[string]string{}}
}

// dealBooks are those of the process.
var dealBooks sync.Map // *api.Client → *dealBook

func dealBookOf(client *api.Client) *dealBook {
	b, ok := dealBooks.Load(client)
	if !ok {
		return nil
	}
	return b.(*dealBook)
}

// put takes deals in, in the place of what was known of them, unless that is newer. It returns the persons
// that they belonged to before, empty where that is the one it belongs to now.
func (b *dealBook) put(records []api.Record) (formers []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	formers = make([]string, len(records))
	for i, r := range records {
		id, err := strconv.ParseInt(r.ID(), 10, 64)
		if err != nil {
			continue
		}
		d := b.read(r)
		was, known := b.deals[id]
		if known && was.Updated > d.Updated {
			continue
		}
		if d.Former = was.Former; known && was.Person != 0 && was.Person != d.Person {
			d.Former = was.Person
		}
		if d.Former != 0 {
			formers[i] = strconv.FormatInt(d.Former, 10)
		}
		b.set(id, d, deleted(r))
	}
	return formers
}

// settling also forgets the former persons of deals, once they know.
func (b *dealBook) settling(records []api.Record, formers []string, settle func()) func() {
	var moved []int64
	for i, former := range formers {
		if id, err := strconv.ParseInt(records[i].ID(), 10, 64); err == nil && former != "" {
			moved = append(moved, id)
		}
	}
	if len(moved) == 0 {
		return settle
	}
	return func() {
		b.mu.Lock()
		for _, id := range moved {
			if d, ok := b.deals[id]; ok {
				d.Former = 0
				b.set(id, d, false)
			}
		}
		b.mu.Unlock()
		settle()
	}
}

func (b *dealBook) set(id int64, d bookedDeal, gone bool) {
	was, known := b.deals[id]
	if known && was.Person != d.Person || gone {
		b.byPerson[was.Person] = slices.DeleteFunc(b.byPerson[was.Person], func(other int64) bool { return other == id })
		if len(b.byPerson[was.Person]) == 0 {
			delete(b.byPerson, was.Person)
		}
	}
	b.changed[id/dealsAChunk] = true
	if gone {
		delete(b.deals, id)
		return
	}
	if d.Person != 0 && (!known || was.Person != d.Person) {
		b.byPerson[d.Person] = append(b.byPerson[d.Person], id)
	}
	b.deals[id] = d
}

func (b *dealBook) read(r api.Record) bookedDeal {
	number := func(key string) int64 {
		text, _ := idOf(r[key])
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	second := func(key string) int64 {
		text, _ := r[key].(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0
		}
		return t.Unix()
	}
	text := func(key string) string { // the same few again and again
		s, _ := r[key].(string)
		if same, ok := b.names[s]; ok {
			return same
		}
		s = string([]byte(s)) // the record's is a part of its page
		b.names[s] = s
		return s
	}
	d := bookedDeal{
		Person: number("person_id"), Org: number("org_id"), Owner: number("owner_id"), Stage: number("stage_id"), Pipeline: number("pipeline_id"),
		Status: text("status"), Currency: text("currency"),
		Added: second("add_time"), Updated: second("update_time"), Staged: second("stage_change_time"), Won: second("won_time"), Lost: second("lost_time"),
	}
	title, _ := r["title"].(string)
	d.Title = string([]byte(title))
	switch v := r["value"].(type) {
	case json.Number:
		d.Value = string([]byte(v))
	case float64:
		d.Value = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return d
}

// of returns a person's deals, oldest first, if all are known.
func (b *dealBook) of(person string) ([]api.Record, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.complete {
		return nil, false
	}
	n, _ := strconv.ParseInt(person, 10, 64)
	ids := slices.Sorted(slices.Values(b.byPerson[n]))
	all := make([]api.Record, len(ids))
	for i, id := range ids {
		all[i] = b.deals[id].record(id)
	}
	return all, true
}

// finish says that all deals are in the book.
func (b *dealBook) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.complete {
		b.complete, b.lost = true, false
		b.changed[-1] = true // the head
	}
}

// record is a deal in the shape of all records.
func (d bookedDeal) record(id int64) api.Record {
	number := func(n int64) any {
		if n == 0 {
			return nil
		}
		return json.Number(strconv.FormatInt(n, 10))
	}
	moment := func(second int64) any {
		if second == 0 {
			return nil
		}
		return showSecond(second)
	}
	r := api.Record{
		"id": number(id), "title": d.Title, "status": d.Status, "currency": d.Currency, "value": json.Number(d.Value),
		"person_id": number(d.Person), "org_id": number(d.Org), "owner_id": number(d.Owner), "stage_id": number(d.Stage), "pipeline_id": number(d.Pipeline),
		"add_time": moment(d.Added), "update_time": moment(d.Updated), "stage_change_time": moment(d.Staged),
		"won_time": moment(d.Won), "lost_time": moment(d.Lost), "is_deleted": false,
	}
	if d.Value == "" {
		r["value"] = nil
	}
	return r
}
