package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// mostKept is how many records of a kind are kept.
const mostKept = 10_000

// lookups fetches records of one kind by their ids and keeps them for a while. It is shared by all
// processors of the process that ask for the same.
type lookups struct {
	client  *api.Client
	log     *service.Logger
	object  *api.Object
	include []string

	fetching sync.Mutex // so that two batches do not fetch the same
	kept     *expirable.LRU[string, kept]
	packer   recordPacker
}

// kept is a record as it is kept: packed, unless it is one of a few that are asked for again and again.
type kept struct {
	record api.Record
	packed []byte
}

func (l *lookups) keep(id string, r api.Record) {
	switch {
	case l.kept == nil:
	case r != nil && givesAway(l.object):
		if packed := l.packer.pack(r); packed != nil {
			l.kept.Add(id, kept{packed: packed})
		}
	default:
		l.kept.Add(id, kept{record: r})
	}
}

// kinds are all lookups of the process.
var kinds struct {
	sync.Mutex
	by map[lookupKind]*lookups
}

type lookupKind struct {
	client  *api.Client
	object  *api.Object
	include string
	ttl     time.Duration
}

func lookupsOf(client *api.Client, res *service.Resources, o *api.Object, include []string, ttl time.Duration) *lookups {
	include = slices.Sorted(slices.Values(include))
	kind := lookupKind{client, o, strings.Join(include, ","), ttl}
	kinds.Lock()
	defer kinds.Unlock()
	if kinds.by == nil {
		kinds.by = map[lookupKind]*lookups{}
	}
	l := kinds.by[kind]
	if l == nil {
		l = &lookups{client: client, log: res.Logger(), object: o, include: include}
		if ttl > 0 {
			l.kept = expirable.NewLRU[string, kept](mostKept, nil, ttl)
		}
		kinds.by[kind] = l
	}
	return l
}

// forget drops records that have changed from all lookups of the process.
func forget(client *api.Client, o *api.Object, ids ...string) {
	if first := firstReadOf(client); first != nil {
		for _, id := range ids {
			first.forget(o, id)
		}
	}
	kinds.Lock()
	defer kinds.Unlock()
	for kind, l := range kinds.by {
		if kind.client != client || kind.object != o || l.kept == nil {
			continue
		}
		for _, id := range ids {
			l.kept.Remove(id)
		}
	}
}

// noteDelivery lets lookups of the process know what a webhook tells. Whose a record was before is still for the poll
// that sees it to tell: of a delivery it is not known here what becomes of it.
func noteDelivery(client *api.Client, d *api.Delivery) {
	for _, o := range api.Objects {
		if o.Name == d.Object {
			forget(client, o, d.ID)
		}
	}
	book := bookOf(client, d.Object)
	if book == nil {
		return
	}
	r := d.Record
	if d.Object == "lead" && leftList(r) { // the same goes for a lead that is gone
		if first := firstReadOf(client); first != nil {
			first.put(book.o, []api.Record{r})
		}
		return
	}
	if deleted(r) { // its record is that of before
		r = maps.Clone(r)
		r["update_time"] = d.Time
	}
	book.put([]api.Record{r})
}

// givesAway reports whether what get returns is the caller's own, and not the cache's.
func givesAway(o *api.Object) bool { return o.HasSince() }

// get returns the records there are; one that does not exist is nil. Its only error is the context's.
func (l *lookups) get(ctx context.Context, ids []string) (map[string]api.Record, error) {
	found := map[string]api.Record{}
	var missing []string
	take := func(ids []string) (without []string) {
		for _, id := range ids {
			if _, done := found[id]; done {
				continue
			}
			if r, ok := l.fromKept(id); ok {
				found[id] = r
			} else if !slices.Contains(without, id) {
				without = append(without, id)
			}
		}
		return without
	}
	if missing = take(ids); len(missing) == 0 {
		return found, nil
	}
	l.fetching.Lock()
	defer l.fetching.Unlock()
	missing = take(missing) // another batch may have fetched them meanwhile
	if len(missing) == 0 {
		return found, nil
	}
	for _, id := range missing {
		found[id] = nil
	}
	keep := func(id string, r api.Record) {
		found[id] = r
		l.keep(id, r)
	}
	if err := l.fetch(ctx, missing, keep); err != nil {
		return nil, err
	}
	for _, id := range missing {
		if found[id] == nil {
			keep(id, nil) // not to be asked for again and again
		}
	}
	return found, nil
}

// fromKept is what is known without a call; the record is nil if it is known that there is none.
func (l *lookups) fromKept(id string) (api.Record, bool) {
	if first := firstReadOf(l.client); first != nil && l.object.Name == "organization" && len(l.include) == 0 {
		if r, ok := first.organization(id); ok {
			return r, true
		}
	}
	if l.kept == nil {
		return nil, false
	}
	k, ok := l.kept.Get(id)
	if k.packed != nil {
		k.record = l.packer.unpack(k.packed)
	}
	return k.record, ok
}

// fetch asks Pipedrive for ids, at the least cost.
func (l *lookups) fetch(ctx context.Context, ids []string, take func(id string, r api.Record)) error {
	opts := api.ListOptions{Limit: 500, IncludeFields: l.include}
	switch {
	case l.object == api.Currency:
		return l.fetchRates(ctx, ids, take)
	case !l.object.HasSince(): // a short list
		for next := ""; ; {
			page, err := l.page(ctx, func() (*api.Page, error) { return l.client.List(ctx, l.object, next, opts) }, take)
			if err != nil || page.Next == "" {
				return err
			}
			next = page.Next
		}
	case l.object.OnlyV1():
		for _, id := range ids {
			if _, err := l.page(ctx, func() (*api.Page, error) { return l.client.Get(ctx, l.object, id) }, take); err != nil {
				return err
			}
		}
	default:
		for some := range slices.Chunk(ids, 100) {
			opts.IDs, opts.Limit = some, len(some)
			if _, err := l.page(ctx, func() (*api.Page, error) { return l.client.List(ctx, l.object, "", opts) }, take); err != nil {
				return err
			}
		}
	}
	return nil
}

// page reads a page, however long it takes. Its only error is the context's.
func (l *lookups) page(ctx context.Context, read func() (*api.Page, error), take func(id string, r api.Record)) (page *api.Page, err error) {
	err = l.insist(ctx, func() (err error) {
		var records []api.Record
		if page, err = read(); err == nil && page != nil {
			records, err = page.Records(ctx, l.client)
		}
		if err != nil {
			return err
		}
		for _, r := range records {
			if !deleted(r) {
				take(strings.Clone(r.ID()), r.Clone())
			}
		}
		return nil
	})
	return page, err
}

// insist reads until it succeeds. Its errors are the context's, and that of a question which Pipedrive refuses.
func (l *lookups) insist(ctx context.Context, read func() error) error {
	for failures := 0; ; failures++ {
		err := read()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var answered *rest.Error
		if errors.As(err, &answered) && answered.Kind == rest.Refused {
			return fmt.Errorf("looking up %s: %w", l.object.Plural, err)
		}
		pause := rest.PauseAfter(err, failures)
		l.log.Errorf("%v; the lookup goes on in %v", err, pause.Round(time.Second))
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}
