package page

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// How much is read at once, and for how long a poll may read. A person costs about 30 µs, most of
// it under Pipedrive's lock; the limits keep the page from slowing down the run that it shows.
const (
	personChunk  = 500
	contactChunk = 4000
	newsBudget   = 150 * time.Millisecond // for what came to either account since the last poll
	sweepShare   = 20                     // one part in so many of the time is spent on what may have changed
	sweepPause   = 200 * time.Millisecond // between two sweeps, however many browsers ask
)

// index answers which person has which contact and which persons match, without reading both
// accounts for every poll. New records are read at each poll; a sweep goes over the old ones again
// and again for what has changed. Rows on show never come from it: they are read afresh.
type index struct {
	sb *sandbox.Sandbox

	mu     sync.Mutex
	people *people
	sweep  *people // the next people, while they are being read
	swept  time.Time

	links       map[int64]link // by person
	sweepLinks  map[int64]link
	lastContact int64
	sweepFrom   int64
}

// link says which contact a person has.
type link struct {
	contact  int64
	optedOut bool
}

func newIndex(sb *sandbox.Sandbox) *index {
	return &index{sb: sb, people: newPeople(), sweep: newPeople(), links: map[int64]link{}, sweepLinks: map[int64]link{}}
}

// refresh reads what is new, and a little of what is old.
func (x *index) refresh() {
	start := time.Now()
	for x.newContacts() == contactChunk && time.Since(start) < newsBudget {
	}
	for start := time.Now(); x.people.read(x.sb) == personChunk; {
		if time.Since(start) > newsBudget {
			return // what is old waits until all that is new is known
		}
	}
	since := start.Sub(x.swept)
	if since < sweepPause {
		return
	}
	x.swept = start
	budget := min(since/sweepShare, newsBudget)
	for start := time.Now(); !x.sweepOn() && time.Since(start) < budget; {
	}
}

func (x *index) newContacts() int {
	page := x.sb.Brevo.Contacts(x.lastContact, contactChunk)
	for _, c := range page {
		x.tie(c)
		x.lastContact = c.ID
	}
	return len(page)
}

// sweepOn reads the next chunk of both accounts again. At the end of an account what was read takes
// the place of what was known, so that what is gone is forgotten; the end of Pipedrive's is the end
// of the sweep.
func (x *index) sweepOn() (ended bool) {
	if x.sweep.read(x.sb) < personChunk {
		x.people, x.sweep, ended = x.sweep, newPeople(), true
	}
	page := x.sb.Brevo.Contacts(x.sweepFrom, contactChunk)
	for _, c := range page {
		x.tie(c)
		x.sweepFrom = c.ID
	}
	if len(page) < contactChunk {
		x.links, x.sweepLinks, x.sweepFrom = x.sweepLinks, map[int64]link{}, 0
	}
	return ended
}

// tie notes whose contact c is.
func (x *index) tie(c brevo.Contact) {
	if id, err := strconv.ParseInt(c.ExtID, 10, 64); err == nil {
		x.links[id] = link{c.ID, c.EmailBlacklisted}
		x.sweepLinks[id] = x.links[id]
	}
}

// contact reads the contact of a person: the one that is known, else one that has come to bear the
// person's id since under one of its addresses.
func (x *index) contact(p person) (brevo.Contact, bool) {
	extID := strconv.FormatInt(p.id, 10)
	if l, known := x.links[p.id]; known {
		page := x.sb.Brevo.Contacts(l.contact-1, 1)
		if len(page) == 1 && page[0].ID == l.contact && page[0].ExtID == extID {
			x.tie(page[0])
			return page[0], true
		}
		delete(x.links, p.id)
	}
	for _, address := range p.addresses {
		if c, found := x.sb.Brevo.Contact(address); found && c.ExtID == extID {
			x.tie(c)
			return c, true
		}
	}
	return brevo.Contact{}, false
}

// people is what a reading of all persons found.
type people struct {
	list  []brief // by id
	last  int64
	owner map[string][]int64 // who has an address or a phone, by id; deleted persons have none
}

// brief is what searching and filtering need of a person.
type brief struct {
	id         int64
	searchable string
	odd        bool
}

func newPeople() *people { return &people{owner: map[string][]int64{}} }

// read reads the next chunk and returns how many there were.
func (l *people) read(sb *sandbox.Sandbox) int {
	chunk := sb.Pipedrive.Records("person", l.last, personChunk)
	for _, m := range chunk {
		p := personOf(m)
		l.list = append(l.list, brief{p.id, p.searchable, len(p.oddities) > 0})
		l.last = p.id
		if !p.deleted {
			l.claim(p.address(), p.id)
			l.claim(phoneKey(p.phone), p.id)
		}
	}
	return len(chunk)
}

// claim notes that a person has an address or a phone; sharing one is odd for all who do.
func (l *people) claim(what string, id int64) {
	if what == "" {
		return
	}
	ids := append(l.owner[what], id)
	l.owner[what] = ids
	if len(ids) == 2 {
		l.setOdd(ids[0])
	}
	if len(ids) >= 2 {
		l.setOdd(id)
	}
}

func (l *people) setOdd(id int64) {
	if i, found := slices.BinarySearchFunc(l.list, id, func(b brief, id int64) int { return cmp.Compare(b.id, id) }); found {
		l.list[i].odd = true
	}
}

// phoneKey is the same for all ways to write a number, and no address.
func phoneKey(phone string) string {
	if digits := digitsOf(phone); len(digits) >= 6 {
		return digits
	}
	return ""
}
