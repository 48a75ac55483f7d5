package pipedrive

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// firstRead holds what persons are told of while all of them are read for the first time, so that it costs no
// call: their organizations and their leads. It is filled by the pages of these as they are read, before
// any person is handed out, and forgotten once all persons are delivered. Their deals are in the book of deals.
type firstRead struct {
	organizations, leads *shelf

	mu       sync.Mutex
	leadsBy  map[string][]string      // their ids, by person
	personOf map[string]string        // of leads
	read     map[string]chan struct{} // by name of object, closed when all of it is in here
}

// tellsPersons are the objects that a person is told of.
var tellsPersons = []string{"organization", "deal", "lead"}

// firstReads are those of the process, while they are needed.
var firstReads sync.Map // *api.Client → *firstRead

func firstReadOf(client *api.Client) *firstRead {
	x, ok := firstReads.Load(client)
	if !ok {
		return nil
	}
	return x.(*firstRead)
}

// shareFirstRead gives the followers of what persons are told of, and that of persons, a firstRead if
// persons are yet to be read. It returns what forgets it.
func shareFirstRead(client *api.Client, followers []*follower) (forget func()) {
	i := slices.IndexFunc(followers, func(f *follower) bool { return f.o.Name == "person" })
	if i < 0 || followers[i].at.full == nil {
		return func() {}
	}
	x := &firstRead{
		organizations: newShelf(), leads: newShelf(),
		leadsBy: map[string][]string{}, personOf: map[string]string{}, read: map[string]chan struct{}{},
	}
	for _, f := range followers {
		if slices.Contains(tellsPersons, f.o.Name) {
			x.read[f.o.Name] = make(chan struct{})
			f.first = x
		}
	}
	if len(x.read) == 0 {
		return func() {}
	}
	followers[i].first = x
	firstReads.Store(client, x)
	return func() { x.end(client) }
}

// end forgets all of it.
func (x *firstRead) end(client *api.Client) {
	firstReads.CompareAndDelete(client, x)
	x.organizations.close()
	x.leads.close()
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.leadsBy)
	clear(x.personOf)
}

// put takes in what was read, in the place of what was known of it.
func (x *firstRead) put(o *api.Object, records []api.Record) {
	for _, r := range records {
		switch {
		case o.Name == "lead":
			x.putLead(r)
		case o.Name == "organization" && deleted(r):
			x.organizations.remove(r.ID())
		case o.Name == "organization":
			x.organizations.put(r.ID(), r) // or it is looked up
		}
	}
}

func (x *firstRead) putLead(r api.Record) {
	id := r.ID()
	person, _ := idOf(r["person_id"])
	x.mu.Lock()
	defer x.mu.Unlock()
	if former, known := x.personOf[id]; known {
		x.leadsBy[former] = slices.DeleteFunc(x.leadsBy[former], func(other string) bool { return other == id })
		delete(x.personOf, id)
		x.leads.remove(id)
	}
	if person == "" || leftList(r) || !x.leads.put(id, r) {
		return
	}
	id, person = strings.Clone(id), strings.Clone(person) // they outlive their page
	x.leadsBy[person] = append(x.leadsBy[person], id)
	x.personOf[id] = person
}

// forget drops what has changed, so that it is looked up.
func (x *firstRead) forget(o *api.Object, id string) {
	if o.Name == "organization" {
		x.organizations.remove(id)
	}
}

// organization is a copy of an organization that was read.
func (x *firstRead) organization(id string) (api.Record, bool) {
	r := x.organizations.get(id)
	return r, r != nil
}

// leadsOf returns a person's open leads, oldest first.
func (x *firstRead) leadsOf(person string) []api.Record {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make([]api.Record, 0, len(x.leadsBy[person]))
	for _, id := range x.leadsBy[person] {
		if r := x.leads.get(id); r != nil {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b api.Record) int { return bytes.Compare(sortKey(a), sortKey(b)) })
	return all
}

// has reports whether all there is of an object is in it. What is not read at all never is.
func (x *firstRead) has(object string) bool {
	select {
	case <-x.read[object]:
		return true
	default:
		return false
	}
}

func sortKey(r api.Record) []byte {
	added, _ := r["add_time"].(string)
	return []byte(added + " " + r.ID())
}

// learn keeps what others are told of a page's records.
func (f *follower) learn(records []api.Record) (formers []map[int64]int64) {
	if f.first != nil {
		f.first.put(f.o, records)
	}
	if f.book != nil {
		formers = f.book.put(records)
	}
	return formers
}

// prime learns what a run before this one has read, where that is not kept.
func (f *follower) prime() error {
	begins := f.at.full != nil && f.at.full.Next == ""
	wanted := f.first != nil && f.o.Name != "deal" || f.book != nil && f.book.lost
	if f.o.Name == "person" || begins || !wanted {
		if f.first != nil && f.at.full == nil {
			f.first.finish(f.o)
		}
		return nil
	}
	began, found := f.client.Now().Unix(), map[bookID]bool{}
	for next := ""; ; {
		page, records, err := f.page(next != "", func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, next, f.conf.list) })
		if errors.Is(err, errBadCursor) {
			next = ""
			if err := rest.Sleep(f.ctx, restartPause); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		f.learn(records)
		if f.book != nil {
			maps.Copy(found, f.book.find(records))
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if f.book != nil && f.o.Name == "deal" {
		f.book.keep(found, began)
	}
	if f.at.full == nil {
		f.isRead()
	}
	return nil
}

// isRead says that all there is of an object is read. Once that is so of persons, and all are delivered,
// nobody needs to know any more what they were told.
func (f *follower) isRead() {
	f.finishBook()
	switch {
	case f.first == nil:
	case f.o.Name != "person":
		f.first.finish(f.o)
	default:
		f.position.track(f.o, func(*state) { f.first.end(f.client) })()
	}
}

func (f *follower) finishBook() {
	if f.book != nil && f.conf.list.FilterID == 0 {
		f.book.finish()
	}
}

func (x *firstRead) finish(o *api.Object) {
	x.mu.Lock()
	defer x.mu.Unlock()
	read := x.read[o.Name]
	if read == nil {
		return
	}
	select {
	case <-read:
	default:
		close(read)
	}
}

// awaitOthers holds persons back until all that they are told of is read.
func (f *follower) awaitOthers() error {
	if f.first == nil || f.o.Name != "person" || f.at.full == nil {
		return nil
	}
	for _, name := range tellsPersons {
		read := f.first.read[name]
		if read == nil {
			continue
		}
		select {
		case <-read:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	return nil
}
