package pipedrive

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

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
	lost     bool           // what a run before this one read was not kept, or is too old
	changed  map[int64]bool // chunks that the cache does not have
	names    map[string]string
}

// bookedDeal is a deal in the dealBook. Times are in unix seconds, 0 for none.
type bookedDeal struct {
	Person, Org, Owner, Stage, Pipeline int64
	Formers                             map[int64]int64 // whose it was, with when that ended, as long as it is not delivered
	Gone                                bool            // deleted: kept, so that what is older does not bring it back
	Status, Currency, Title             string
	Value                               string // as Pipedrive wrote it
	Added, Updated, Staged, Won, Lost   int64
}

// headChanged stands among the chunks for the head.
const headChanged = -1

// newDealBook is to be written even before there are deals in it, in the place of one that was there.
func newDealBook() *dealBook {
	return &dealBook{
		deals: map[int64]bookedDeal{}, byPerson: map[int64][]int64{}, changed: map[int64]bool{headChanged: true}, names: map[string]string{},
	}
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
// that each belonged to before, with when that ended, who are not known to have been told.
func (b *dealBook) put(records []api.Record) (formers []map[int64]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	formers = make([]map[int64]int64, len(records))
	for i, r := range records {
		id, err := strconv.ParseInt(r.ID(), 10, 64)
		if err != nil {
			continue
		}
		d := b.read(r)
		was, known := b.deals[id]
		if known && was.Updated > d.Updated {
			formers[i] = was.Formers
			continue
		}
		d.Formers = was.Formers
		if known && was.Person != d.Person {
			d.Formers = map[int64]int64{was.Person: d.Updated}
			maps.Copy(d.Formers, was.Formers)
			delete(d.Formers, 0)
			delete(d.Formers, d.Person)
		}
		formers[i] = d.Formers
		b.set(id, d)
	}
	return formers
}

// noteDelivery lets lookups of the process know what a webhook tells. Whose a deal was before is still for the poll that
// sees it to tell: of a delivery it is not known here what becomes of it.
func noteDelivery(client *api.Client, d *api.Delivery) {
	for _, o := range api.Objects {
		if o.Name == d.Object {
			forget(client, o, d.ID)
		}
	}
	book := dealBookOf(client)
	if d.Object != "deal" || book == nil {
		return
	}
	r := d.Record
	if deleted(r) { // its record is that of before
		r = maps.Clone(r)
		r["update_time"] = d.Time
	}
	book.put([]api.Record{r})
}

// settling also forgets the former persons of deals, once they know.
func (b *dealBook) settling(records []api.Record, formers []map[int64]int64, settle func()) func() {
	told := map[int64]map[int64]int64{}
	for i, of := range formers {
		if id, err := strconv.ParseInt(records[i].ID(), 10, 64); err == nil && len(of) > 0 {
			told[id] = of
		}
	}
	if len(told) == 0 {
		return settle
	}
	return func() {
		b.mu.Lock()
		for id, of := range told {
			if d, ok := b.deals[id]; ok {
				d.Formers = maps.Clone(d.Formers)
				maps.DeleteFunc(d.Formers, func(person, ended int64) bool { return of[person] == ended })
				b.set(id, d)
			}
		}
		b.mu.Unlock()
		settle()
	}
}

func (b *dealBook) set(id int64, d bookedDeal) {
	if from, to := b.deals[id].owner(), d.owner(); from != to {
		b.byPerson[from] = slices.DeleteFunc(b.byPerson[from], func(other int64) bool { return other == id })
		if len(b.byPerson[from]) == 0 {
			delete(b.byPerson, from)
		}
		if to != 0 {
			b.byPerson[to] = append(b.byPerson[to], id)
		}
	}
	b.changed[id/dealsAChunk] = true
	b.deals[id] = d
}

// alsoTold names a deal's former person in its message. There is hardly ever more than one: then each has a
// message of its own.
func alsoTold(m *service.Message, formers map[int64]int64) (more service.MessageBatch) {
	all := slices.Sorted(maps.Keys(formers))
	for i, person := range all {
		to := m
		if i > 0 {
			to = m.Copy()
			more = append(more, to)
		}
		to.MetaSetMut("pipedrive_former_person_id", strconv.FormatInt(person, 10))
	}
	return more
}

// owner is the person whose deal it is, 0 for nobody.
func (d bookedDeal) owner() int64 {
	if d.Gone {
		return 0
	}
	return d.Person
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
		Gone:  deleted(r),
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

// lose says that deals have to be read once more before anything is known.
func (b *dealBook) lose() {
	b.complete, b.lost = false, true
	b.changed[headChanged] = true
}

// keep drops what was not found in a read of all deals that began at a second, and is not newer.
func (b *dealBook) keep(found map[int64]bool, began int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, d := range b.deals {
		if !found[id] && !d.Gone && d.Updated < began {
			d.Gone = true
			b.set(id, d)
		}
	}
}

// finish says that all deals are in the book.
func (b *dealBook) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.complete {
		b.complete, b.lost = true, false
		b.changed[headChanged] = true
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
