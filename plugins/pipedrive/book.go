package pipedrive

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// book is whose each deal, or each lead, is and was, and of deals how they stand and what they are worth. It
// answers at no cost what else takes a call for each person: the deals of a person, and whose a record was
// before. It is kept in the checkpoint cache, some 60 bytes a deal and 25 a lead.
type book struct {
	o        *api.Object
	mu       sync.Mutex
	records  map[bookID]booked
	byPerson map[int64][]bookID // deals only
	complete bool               // all records are in it
	lost     bool               // what a run before this one read was not kept, or is too old
	changed  map[int64]bool     // chunks that the cache does not have
}

// bookID is the id of a record: a lead's uuid; a deal's number, in the last eight bytes.
type bookID [16]byte

// booked is a record in a book. Times are in unix seconds, 0 for none.
type booked struct {
	Person  int64
	Formers map[int64]int64 // whose it was, with when that ended, as long as it is not delivered
	Updated int64
	Deal    string // packed; empty of a lead
	Gone    bool   // deleted: kept, so that what is older does not bring it back

	// Of a lead that the list does not have any more:
	missed bool // it was looked for, and Pipedrive shows it by itself
	going  bool // that it is gone is handed out
}

// headChanged stands among the chunks for the head.
const headChanged = -1

// newBook is to be written even before there are records in it, in the place of one that was there.
func newBook(o *api.Object) *book {
	return &book{
		o: o, records: map[bookID]booked{}, byPerson: map[int64][]bookID{}, changed: map[int64]bool{headChanged: true},
	}
}

// hasBook tells the objects of which there is a book.
func hasBook(o *api.Object) bool { return o.Name == "deal" || o.Name == "lead" }

// books are those of the process.
var books sync.Map // bookOwner → *book

type bookOwner struct {
	client *api.Client
	object string
}

func bookOf(client *api.Client, object string) *book {
	b, ok := books.Load(bookOwner{client, object})
	if !ok {
		return nil
	}
	return b.(*book)
}

func (b *book) idOf(id string) (key bookID, ok bool) {
	if b.o.Name == "deal" {
		n, err := strconv.ParseInt(id, 10, 64)
		return dealID(n), err == nil
	}
	n, err := hex.Decode(key[:], []byte(strings.ReplaceAll(id, "-", "")))
	return key, err == nil && n == len(key)
}

func dealID(n int64) (id bookID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func (k bookID) uuid() string {
	h := hex.EncodeToString(k[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (k bookID) number() int64 { return int64(binary.BigEndian.Uint64(k[8:])) }

// put takes records in, in the place of what was known of them, unless that is newer. It returns the persons
// that each belonged to before, with when that ended, who are not known to have been told.
func (b *book) put(records []api.Record) (formers []map[int64]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	formers = make([]map[int64]int64, len(records))
	for i, r := range records {
		id, ok := b.idOf(r.ID())
		if !ok {
			continue
		}
		d := b.read(r)
		was, known := b.records[id]
		if known && was.Updated > d.Updated {
			formers[i] = was.Formers
			continue
		}
		if known && was.is(d) {
			was.missed, was.going = false, false
			formers[i], b.records[id] = was.Formers, was
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

// settling also forgets the former persons of records, once they know.
func (b *book) settling(records []api.Record, formers []map[int64]int64, settle func()) func() {
	told := map[bookID]map[int64]int64{}
	for i, of := range formers {
		if id, ok := b.idOf(records[i].ID()); ok && len(of) > 0 {
			told[id] = of
		}
	}
	if len(told) == 0 {
		return settle
	}
	return func() {
		b.mu.Lock()
		for id, of := range told {
			if d, ok := b.records[id]; ok {
				d.Formers = maps.Clone(d.Formers)
				maps.DeleteFunc(d.Formers, func(person, ended int64) bool { return of[person] == ended })
				b.set(id, d)
			}
		}
		b.mu.Unlock()
		settle()
	}
}

func (b *book) set(id bookID, d booked) {
	if from, to := b.records[id].owner(), d.owner(); b.o.Name == "deal" && from != to {
		b.byPerson[from] = slices.DeleteFunc(b.byPerson[from], func(other bookID) bool { return other == id })
		if len(b.byPerson[from]) == 0 {
			delete(b.byPerson, from)
		}
		if to != 0 {
			b.byPerson[to] = append(b.byPerson[to], id)
		}
	}
	b.changed[b.chunkOf(id)] = true
	b.records[id] = d
}

// alsoTold names a record's former person in its message. There is hardly ever more than one: then each has a
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

// without reports whether it is known that a person has no record.
func (b *book) without(person string) bool {
	n, _ := strconv.ParseInt(person, 10, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.records {
		if d.owner() == n && !d.going {
			return false
		}
	}
	return b.complete
}

// owner is the person whose record it is, 0 for nobody.
func (d booked) owner() int64 {
	if d.Gone {
		return 0
	}
	return d.Person
}

// is reports whether the cache would hold the same of both, but for formers.
func (d booked) is(other booked) bool {
	return d.Person == other.Person && d.Updated == other.Updated && d.Gone == other.Gone && d.Deal == other.Deal
}

func (b *book) read(r api.Record) booked {
	d := booked{Person: numberIn(r, "person_id"), Gone: deleted(r), Updated: secondIn(r, "update_time")}
	if b.o.Name == "deal" {
		d.Deal = packedDeal(r)
	}
	return d
}

func numberIn(r api.Record, key string) int64 {
	text, _ := idOf(r[key])
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func secondIn(r api.Record, key string) int64 {
	text, _ := r[key].(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return t.Unix()
}

// lose says that all has to be read once more before anything is known.
func (b *book) lose() {
	b.complete, b.lost = false, true
	b.changed[headChanged] = true
}

// keep drops what was not found in a read of everything that began at a second, and is not newer.
func (b *book) keep(found map[bookID]bool, began int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, d := range b.records {
		if !found[id] && !d.Gone && d.Updated < began {
			d.Gone = true
			b.set(id, d)
		}
	}
}

// finish says that everything is in the book.
func (b *book) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.complete {
		b.complete, b.lost = true, false
		b.changed[headChanged] = true
	}
}

func (b *book) has(r api.Record) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, _ := b.idOf(r.ID())
	_, found := b.records[id]
	return found
}

// find are the ids of records.
func (b *book) find(records []api.Record) map[bookID]bool {
	found := make(map[bookID]bool, len(records))
	for _, r := range records {
		if id, ok := b.idOf(r.ID()); ok {
			found[id] = true
		}
	}
	return found
}
