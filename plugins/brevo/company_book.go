package brevo

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// companyBook is what all outputs share that write the companies of one account with one id map: what was
// delivered, what waits, and the one worker that makes the calls. It lasts as long as one of them is connected.
type companyBook struct {
	client *api.Client
	log    *service.Logger
	store  *store // nil without id_cache
	gauge  *service.MetricGauge

	attributes *companyAttributes
	poller     *poller
	calls      *hourly            // nil without id_cache
	outs       []*companiesOutput // that are connected; under mu
	stop       context.CancelFunc
	worker     sync.WaitGroup

	mu           sync.Mutex
	known        *companyMap
	state        companyState
	changes      map[string]*companyChange // by ext_id
	links        map[linkKey]*linkChange
	parked       []*companySegment // of links, which wait in the cache only; in order
	parkedLinks  int
	room         int       // for links in memory
	settled      []settled // messages with a verdict that flush has not seen
	arrivals     uint64
	arrived      arrival // of companies
	linkArrivals arrival
	closedUntil  time.Time     // Brevo lets the key have no companies, until it is asked again; zero while it does
	finishing    int           // how many outputs end and wait for the worker
	still        chan struct{} // closed when there is nothing more to do for now
	wake         chan struct{}

	segmentsMu   sync.Mutex
	segments     segmentRange
	openSegments map[uint64]bool

	// The worker's own.
	contacts     map[linkKey]int64   // ids in Brevo
	contactsRead int                 // how many contacts, oldest first, are in there
	namesakes    map[string][]string // ids of companies by name, where the key attribute cannot be had
	linksAlone   bool                // an import of links failed
	adopted      bool                // those that are in Brevo are in the map
	ending       bool                // the last plan was made for an output that ends
	drained      time.Time           // when the worker was last at work
	told         time.Time           // when it last said what waits
	sincePosted  time.Time           // no company was created before; zero while none is on its way
}

// arrival is when the first and the last came of what waits.
type arrival struct{ first, last time.Time }

func (a *arrival) note() {
	a.last = time.Now()
	if a.first.IsZero() {
		a.first = a.last
	}
}

// companyState is what a run has to know of the ones before, beside the map.
type companyState struct {
	ID      uint64 `json:"id"` // of the map
	Adopted bool   `json:"adopted"`

	Limit int   `json:"limit,omitempty"` // of a page of companies; 0 while it is not known
	Pages pages `json:"pages,omitempty"`

	LinksByImport verdict `json:"links_by_import,omitempty"`

	// Posted is since when companies may have been created whose ids are not in the map, in milliseconds, and by
	// which process; 0 where there is none.
	Posted  int64 `json:"posted,omitempty"`
	Process int64 `json:"process,omitempty"`
}

// verdict is what was found out about Brevo.
type verdict int

const (
	unknown verdict = iota
	holds
	fails
)

const keyCompanies = "companies" // the state

// companyBooks are the books that are open.
var companyBooks = struct {
	opening chan struct{} // holds one token: one output opens a book at a time
	sync.Mutex
	by map[companyBookKey]*companyBook
}{opening: make(chan struct{}, 1), by: map[companyBookKey]*companyBook{}}

type companyBookKey struct {
	client *api.Client
	id     uint64 // of the map; 0 without a cache
}

// takeCompanyBook returns the book of the output's account and map. Each is given back by leave.
func takeCompanyBook(ctx context.Context, out *companiesOutput) (*companyBook, error) {
	select {
	case companyBooks.opening <- struct{}{}:
		defer func() { <-companyBooks.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b := &companyBook{
		client: out.client, log: out.log, store: out.store, gauge: out.tally.backlogMetric, known: newCompanyMap(),
		changes: map[string]*companyChange{}, links: map[linkKey]*linkChange{}, wake: make(chan struct{}, 1),
		openSegments: map[uint64]bool{}, room: mostLinks, contacts: map[linkKey]int64{}, namesakes: map[string][]string{},
	}
	if err := b.readState(ctx); err != nil {
		return nil, err
	}
	companyBooks.Lock()
	for key, other := range companyBooks.by {
		if key.id != b.state.ID || key.client != out.client && key.id == 0 {
			continue
		}
		defer companyBooks.Unlock()
		switch {
		case key.client != out.client:
			return nil, fmt.Errorf("the id map %s is in use for another Brevo account: set another %s for one of the two", out.store, cyFieldCacheKey)
		case other.attributes.wanted != out.keyAttribute:
			return nil, fmt.Errorf("%s is %s here and %s in another output with the same id map: it has to be the same", cyFieldKeyAttribute, out.keyAttribute, other.attributes.wanted)
		}
		other.mu.Lock()
		other.outs = append(other.outs, out)
		other.mu.Unlock()
		return other, nil
	}
	companyBooks.Unlock()

	b.attributes = newCompanyAttributes(out)
	if b.store != nil {
		b.calls = &hourly{client: out.client, store: out.store, log: out.log}
		if err := b.load(ctx, out); err != nil {
			return nil, err
		}
	}
	b.poller = takePoller(out.client, out.log)
	b.poller.note(b.calls)
	b.adopted = b.state.Adopted
	b.outs = []*companiesOutput{out}
	companyBooks.Lock()
	companyBooks.by[companyBookKey{out.client, b.state.ID}] = b
	companyBooks.Unlock()
	worker, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.worker.Go(func() { b.work(worker) })
	return b, nil
}

// leave ends the worker with the last output. What is not done is left to the next run, or to another output.
func (b *companyBook) leave(out *companiesOutput) {
	companyBooks.Lock()
	b.mu.Lock()
	b.outs = slices.DeleteFunc(b.outs, func(o *companiesOutput) bool { return o == out })
	last := len(b.outs) == 0
	if !last && b.store != nil { // the resources of a stream end with it
		b.store.later.Store(b.outs[0].store.res)
	}
	b.mu.Unlock()
	companyBooks.Unlock()
	if !last {
		return
	}
	b.stop()
	b.worker.Wait()
	b.poller.leave(b.calls)
	companyBooks.Lock()
	delete(companyBooks.by, companyBookKey{b.client, b.state.ID})
	companyBooks.Unlock()
}

// outFor is the output of a message, or another one where it has ended: what is not done is done by those that are
// left.
func (b *companyBook) outFor(out *companiesOutput) *companiesOutput {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.outs) == 0 || slices.Contains(b.outs, out) {
		return out
	}
	return b.outs[0]
}

// readState reads what earlier runs found out, and gives a new map its id.
func (b *companyBook) readState(ctx context.Context) error {
	if b.store == nil {
		return nil
	}
	return insist(ctx, b.log, func() error {
		value, err := b.store.get(ctx, keyCompanies)
		if err != nil {
			return err
		}
		if value != nil {
			if err := json.Unmarshal(value, &b.state); err != nil || b.state.ID == 0 {
				return b.store.damaged(keyCompanies, errCorrupt)
			}
			return nil
		}
		b.state.ID = rand.Uint64() | 1
		return b.writeState(ctx)
	})
}

func (b *companyBook) writeState(ctx context.Context) error {
	if b.store == nil {
		return nil
	}
	value, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	return b.store.set(ctx, keyCompanies, value)
}

// keepState is writeState until it succeeds. Only the worker changes the state.
func (b *companyBook) keepState(ctx context.Context) error {
	return insist(ctx, b.log, func() error { return b.writeState(ctx) })
}

// load reads the map, the hour's calls and the backlog.
func (b *companyBook) load(ctx context.Context, out *companiesOutput) error {
	if err := b.calls.restore(ctx); err != nil {
		return err
	}
	if err := b.attributes.restore(ctx, b.store); err != nil {
		return err
	}
	if err := b.known.load(ctx, b.store); err != nil {
		return err
	}
	return b.restore(ctx, out)
}
