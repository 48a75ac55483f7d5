package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/semaphore"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

type pagesConfig struct {
	objects  []*api.Object
	list     api.ListOptions
	limit    int    // records read but not delivered
	cache    string // empty: no checkpoint
	cacheKey string
	account  string // whose data it is
}

// pages reads several collections side by side and hands them out page by page. A page stays with it
// until it is acknowledged; one that is not is handed out again after a pause.
type pages struct {
	conf   pagesConfig
	client *api.Client
	log    *service.Logger
	read   *service.MetricCounter

	room     *semaphore.Weighted // records that may still be read
	position *position
	fetched  chan *delivery
	again    chan *delivery

	stop    context.CancelFunc
	readers sync.WaitGroup
	timers  sync.WaitGroup

	mu      sync.Mutex
	pending int           // pages not acknowledged, and readers not at their end
	idle    chan struct{} // closed when pending is 0
	closed  bool
}

// delivery is one page on its way.
type delivery struct {
	page     *api.Page
	records  []api.Record // of the first try; made anew for the next
	weight   int64
	settle   func()
	failures int
}

// startPages loads the checkpoint and starts one reader for each object.
func startPages(ctx context.Context, client *api.Client, res *service.Resources, conf pagesConfig) (*pages, error) {
	conf.account = client.Account()
	pos, err := loadPosition(ctx, res, conf)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &pages{
		conf: conf, client: client, log: res.Logger(), position: pos, stop: stop,
		read:    res.Metrics().NewCounter("pipedrive_records_read", "object"),
		room:    semaphore.NewWeighted(int64(max(conf.limit, conf.list.Limit))),
		fetched: make(chan *delivery),
		again:   make(chan *delivery),
		idle:    make(chan struct{}),
		pending: len(conf.objects),
	}
	pos.startFlusher(ctx)
	for _, o := range conf.objects {
		p.readers.Go(func() { p.readObject(ctx, o) })
	}
	return p, nil
}

// readObject reads one collection to its end.
func (p *pages) readObject(ctx context.Context, o *api.Object) {
	next, done := p.position.start(o)
	total, restarted, seen := 0, false, map[string]bool{}
	for !done {
		weight := int64(p.conf.list.Limit)
		if p.room.Acquire(ctx, weight) != nil {
			return
		}
		page, records, err := p.fetch(ctx, o, next, next != "" && !restarted)
		if errors.Is(err, errBadCursor) {
			p.log.Warnf("%v; reading %s from the beginning", err, o.Plural)
			p.room.Release(weight)
			next, restarted, seen = "", true, map[string]bool{}
			continue
		}
		if err != nil {
			return // only when ctx has ended
		}
		if seen[page.Next] {
			// To go on would be to read the same for ever, and to end would be to say that all was read.
			p.log.Errorf("reading %s: Pipedrive's pages go round in a circle; reading of %s stops here: start again, and tell Pipedrive's support", o.Plural, o.Plural)
			return
		}
		seen[page.Next] = true
		// Users come in one page of any size.
		if n := int64(len(records)); n < weight {
			p.room.Release(weight - n)
			weight = n
		}
		d := &delivery{page: page, records: records, weight: weight}
		d.settle = p.position.track(o, page.Next)
		next, done = page.Next, page.Next == ""
		total += len(records)
		p.read.Incr(int64(len(records)), o.Name)
		if len(records) == 0 {
			d.settle()
			continue
		}
		p.add(1)
		select {
		case p.fetched <- d:
		case <-ctx.Done():
			return
		}
	}
	p.log.Debugf("reading %s: %d read, at the end", o.Plural, total)
	p.add(-1)
}

// errBadCursor is once a reason to begin again: how long a cursor lives is not documented.
var errBadCursor = errors.New("the position is no longer valid")

// fetch reads a page, however long it takes. It says what is wrong each time that something is, and
// goes on when that is mended. Its only errors are errBadCursor and the context's.
func (p *pages) fetch(ctx context.Context, o *api.Object, next string, mayRestart bool) (*api.Page, []api.Record, error) {
	var page *api.Page
	for failures := 0; ; failures++ {
		var err error
		if page == nil {
			page, err = p.client.List(ctx, o, next, p.conf.list)
		}
		if err == nil {
			var records []api.Record
			if records, err = page.Records(ctx, p.client); err == nil {
				return page, records, nil
			}
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if page == nil && mayRestart && rest.Is(err, rest.Refused) {
			return nil, nil, fmt.Errorf("%w: %w", errBadCursor, err)
		}
		pause := rest.PauseAfter(err, failures)
		p.log.Errorf("%v; reading goes on in %v", err, pause.Round(time.Second))
		if err := rest.Sleep(ctx, pause); err != nil {
			return nil, nil, err
		}
	}
}

// next returns a page that is to be delivered.
func (p *pages) next(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case d := <-p.again:
		return p.deliver(ctx, d)
	case d := <-p.fetched:
		return p.deliver(ctx, d)
	case <-p.idle:
		// All is delivered: the next run starts from the beginning.
		if err := p.position.finish(ctx); err != nil {
			return nil, nil, err
		}
		return nil, nil, service.ErrEndOfInput
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (p *pages) deliver(ctx context.Context, d *delivery) (service.MessageBatch, service.AckFunc, error) {
	records := d.records
	d.records = nil
	if records == nil {
		var err error
		if records, err = d.page.Records(ctx, p.client); err != nil {
			p.retryLater(d)
			return nil, nil, err
		}
	}
	object := any(d.page.Object.Name)
	batch := make(service.MessageBatch, len(records))
	for i, r := range records {
		batch[i] = message(object, r)
	}
	return batch, func(_ context.Context, err error) error {
		if err == nil {
			d.settle()
			p.room.Release(d.weight)
			p.add(-1)
			return nil
		}
		p.retryLater(d)
		return nil
	}, nil
}

// What is the same on every message is made once.
var (
	actionSnapshot  any = "snapshot"
	sourcePaginated any = "paginated"
)

func message(object any, r api.Record) *service.Message {
	m := service.NewMessage(nil)
	m.SetStructuredMut(map[string]any(r))
	m.MetaSetMut("pipedrive_object", object)
	m.MetaSetMut("pipedrive_id", r.ID())
	m.MetaSetMut("pipedrive_action", actionSnapshot)
	m.MetaSetMut("pipedrive_source", sourcePaginated)
	if t := r.Time(); t != "" {
		m.MetaSetMut("pipedrive_time", t)
	}
	return m
}

const (
	firstReplay   = 500 * time.Millisecond
	longestReplay = 30 * time.Second
)

// retryLater hands the whole page out again after a pause that doubles with each failure.
func (p *pages) retryLater(d *delivery) {
	pause := min(firstReplay<<min(d.failures, 10), longestReplay)
	d.failures++
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.timers.Go(func() {
		if rest.Sleep(p.position.ctx, pause) != nil {
			return
		}
		select {
		case p.again <- d:
		case <-p.position.ctx.Done():
		}
	})
}

func (p *pages) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending += n; p.pending == 0 {
		close(p.idle)
	}
}

// close stops the readers and writes the position. Pages that are not acknowledged by now are read
// again by the next run.
func (p *pages) close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.readers.Wait()
	p.timers.Wait()
	return p.position.close(ctx)
}
