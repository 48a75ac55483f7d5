package pipedrive

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"

	"connector/plugins/pipedrive/api"
)

// dealIndex holds the deals of each person while everything is read for the first time, so that a person
// can be told its deals without a call. It is filled by the pages of deals as they are handed out, and
// forgotten once all persons are read.
type dealIndex struct {
	mu       sync.Mutex
	byPerson map[string]map[string]api.Record // person → deal → what a mapping needs of it
	personOf map[string]string
	complete chan struct{} // closed when all deals are in it
	once     sync.Once
}

// indexed are the fields of a deal that are kept.
var indexed = []string{
	"id", "title", "person_id", "org_id", "owner_id", "stage_id", "pipeline_id", "status", "value", "currency",
	"add_time", "update_time", "stage_change_time", "won_time", "lost_time", "is_deleted",
}

func newDealIndex() *dealIndex {
	return &dealIndex{byPerson: map[string]map[string]api.Record{}, personOf: map[string]string{}, complete: make(chan struct{})}
}

// put takes a deal in, in the place of what was known of it.
func (x *dealIndex) put(r api.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := r.ID()
	if person, known := x.personOf[id]; known {
		delete(x.byPerson[person], id)
		delete(x.personOf, id)
	}
	person, _ := idOf(r["person_id"])
	if person == "" || deleted(r) {
		return
	}
	kept := make(api.Record, len(indexed))
	for _, key := range indexed {
		if v, ok := r[key]; ok {
			kept[key] = v
		}
	}
	kept = kept.Clone() // it outlives its page
	id = kept.ID()
	person, _ = idOf(kept["person_id"])
	if x.byPerson[person] == nil {
		x.byPerson[person] = map[string]api.Record{}
	}
	x.byPerson[person][id] = kept
	x.personOf[id] = person
}

// of returns copies of a person's deals.
func (x *dealIndex) of(person string) []api.Record {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make([]api.Record, 0, len(x.byPerson[person]))
	for _, r := range x.byPerson[person] {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b api.Record) int { // as Pipedrive lists them
		x, _ := strconv.ParseInt(a.ID(), 10, 64)
		y, _ := strconv.ParseInt(b.ID(), 10, 64)
		return cmp.Compare(x, y)
	})
	return all
}

// finish says that all deals are in it.
func (x *dealIndex) finish() { x.once.Do(func() { close(x.complete) }) }

// dealIndexes are those of the process, while they are needed.
var dealIndexes sync.Map // *api.Client → *dealIndex

func dealIndexOf(client *api.Client) *dealIndex {
	x, ok := dealIndexes.Load(client)
	if !ok {
		return nil
	}
	return x.(*dealIndex)
}

// shareDeals gives the followers of deals and persons an index if persons are yet to be read.
func shareDeals(client *api.Client, followers []*follower) {
	var deals, persons *follower
	for _, f := range followers {
		switch f.o.Name {
		case "deal":
			deals = f
		case "person":
			persons = f
		}
	}
	if deals == nil || persons == nil || persons.at.full == nil {
		return
	}
	x := newDealIndex()
	deals.deals, persons.deals = x, x
	dealIndexes.Store(client, x)
}

// primeDeals fills the index with what a run before this one has read.
func (f *follower) primeDeals() error {
	if f.deals == nil || f.o.Name != "deal" || f.at.full != nil && f.at.full.Next == "" {
		return nil
	}
	for next := ""; ; {
		page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, next, f.conf.list) })
		if err != nil {
			return err
		}
		for _, r := range records {
			f.deals.put(r)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if f.at.full == nil {
		f.deals.finish()
	}
	return nil
}

// awaitDeals holds the first read of persons back until all deals are in the index.
func (f *follower) awaitDeals() error {
	if f.deals == nil || f.o.Name != "person" {
		return nil
	}
	select {
	case <-f.deals.complete:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// dealsAreRead is called at the end of a first read: that of deals completes the index, and once that of
// persons is delivered nobody needs it any more.
func (f *follower) dealsAreRead() {
	if f.deals == nil {
		return
	}
	if f.o.Name == "deal" {
		f.deals.finish()
		return
	}
	f.position.track(f.o, func(s *state) { dealIndexes.CompareAndDelete(f.client, f.deals) })()
}
