package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/semaphore"

	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// feed hands pages out that readers fetch side by side. A page stays with it until it is acknowledged;
// one that is not is handed out again as a whole after a pause.
type feed struct {
	client   *api.Client
	log      *service.Logger
	source   any // what pipedrive_source says
	progress *progress

	room    *semaphore.Weighted // records that may still be read
	most    int64               // of room
	fetched chan *delivery
	again   chan *delivery

	ctx     context.Context // ends with close
	stop    context.CancelFunc
	readers sync.WaitGroup
	timers  sync.WaitGroup

	mu      sync.Mutex
	pending int           // pages not acknowledged, and readers not at their end
	idle    chan struct{} // closed when pending is 0
	closed  bool
}

// newFeed is for so many readers, each of which calls done at its end.
func newFeed(client *api.Client, res *service.Resources, source string, room, readers int) *feed {
	ctx, stop := context.WithCancel(context.Background())
	return &feed{
		client: client, log: res.Logger(), source: source, progress: newProgress(client, res),
		room: semaphore.NewWeighted(int64(room)), most: int64(room),
		fetched: make(chan *delivery), again: make(chan *delivery),
		ctx: ctx, stop: stop, idle: make(chan struct{}), pending: readers,
	}
}

// delivery is one page on its way.
type delivery struct {
	page     *api.Page
	records  []api.Record      // of the first try; made anew for the next
	actions  []any             // of each record; nil for one that is not handed out. A single one is that of all
	formers  []map[int64]int64 // of each record the persons that it belonged to before, who are not yet told; may be nil
	mergedTo string            // a delete's: the record that it was merged into
	since    string            // what is older had been read before; empty where that is not known
	asked    string            // a poll's: when it was asked for
	weight   int64
	settle   func()
	failures int
}

func (d *delivery) action(i int) any {
	if len(d.actions) == 1 {
		return d.actions[0]
	}
	return d.actions[i]
}

// What stands in pipedrive_action.
var (
	actionSnapshot any = "snapshot"
	actionCreate   any = "create"
	actionChange   any = "change"
	actionDelete   any = "delete"
)

// hand gives a page to whoever delivers it. Its error is the context's.
func (f *feed) hand(d *delivery) error {
	f.add(1)
	select {
	case f.fetched <- d:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// done says that a reader is at its end.
func (f *feed) done() { f.add(-1) }

func (f *feed) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending += n; f.pending == 0 {
		close(f.idle)
	}
}

// acquire waits until so many more records may be read. Users come in one page of any size.
func (f *feed) acquire(n int) error { return f.room.Acquire(f.ctx, min(int64(n), f.most)) }

// keep gives back what of the acquired room is not needed, and returns what is.
func (f *feed) keep(acquired, needed int) (weight int64) {
	have := min(int64(acquired), f.most)
	weight = min(int64(needed), have)
	f.room.Release(have - weight)
	return weight
}

// fetch calls read until it succeeds, however long it takes. It says what is wrong each time that
// something is, and goes on when that is mended. Its only errors are the context's, and those that give
// says to give up on.
func (f *feed) fetch(read func() error, give func(error) bool) error {
	for failures := 0; ; failures++ {
		err := read()
		if err == nil {
			return nil
		}
		if f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		if give(err) {
			return err
		}
		pause := rest.PauseAfter(err, failures)
		f.log.Errorf("%v; reading goes on in %v", err, pause.Round(time.Second))
		if err := rest.Sleep(f.ctx, pause); err != nil {
			return err
		}
	}
}

// errBadCursor is once a reason to begin again: how long a cursor lives is not documented.
var errBadCursor = errors.New("the position is no longer valid")

// fetchPage reads a page and its records. Its only errors are errBadCursor, where that may be, and the
// context's.
func (f *feed) fetchPage(list func(context.Context) (*api.Page, error), mayRestart bool) (page *api.Page, records []api.Record, err error) {
	err = f.fetch(func() (err error) {
		if page == nil {
			if page, err = list(f.ctx); err != nil {
				page = nil
				return err
			}
		}
		records, err = page.Records(f.ctx, f.client)
		return err
	}, func(err error) bool { return page == nil && mayRestart && rest.Is(err, rest.Refused) })
	if err != nil && f.ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errBadCursor, err)
	}
	return page, records, err
}

// next returns a page that is to be delivered. Once all are it returns what ended says.
func (f *feed) next(ctx context.Context, ended func(context.Context) error) (service.MessageBatch, service.AckFunc, error) {
	select {
	case d := <-f.again:
		return f.deliver(ctx, d)
	case d := <-f.fetched:
		return f.deliver(ctx, d)
	case <-f.idle:
		if err := ended(ctx); err != nil {
			return nil, nil, err
		}
		return nil, nil, service.ErrEndOfInput
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (f *feed) deliver(ctx context.Context, d *delivery) (service.MessageBatch, service.AckFunc, error) {
	records := d.records
	d.records = nil
	if records == nil {
		var err error
		if records, err = d.page.Records(ctx, f.client); err != nil {
			f.retryLater(d)
			return nil, nil, err
		}
	}
	batch := f.messages(d, records)
	return batch, func(_ context.Context, err error) error {
		if err == nil {
			d.settle()
			f.progress.delivered(d.page.Object, len(batch))
			f.room.Release(d.weight)
			f.add(-1)
			return nil
		}
		f.retryLater(d)
		return nil
	}, nil
}

func (f *feed) messages(d *delivery, records []api.Record) service.MessageBatch {
	object, origins := any(d.page.Object.Name), &origins{page: d.page, client: f.client}
	batch := make(service.MessageBatch, 0, len(records))
	for i, r := range records {
		action := d.action(i)
		if action == nil {
			continue
		}
		m := service.NewMessage(nil)
		m.SetStructuredMut(map[string]any(r))
		m.MetaSetMut("pipedrive_object", object)
		m.MetaSetMut("pipedrive_id", r.ID())
		m.MetaSetMut("pipedrive_action", action)
		m.MetaSetMut("pipedrive_source", f.source)
		if t := r.Time(); t != "" {
			m.MetaSetMut("pipedrive_time", t)
		}
		if action != actionSnapshot {
			forget(f.client, d.page.Object, r.ID())
		}
		if d.since != "" {
			m.MetaSetMut("pipedrive_since", d.since)
		}
		if d.asked != "" {
			m.MetaSetMut("pipedrive_read", d.asked)
		}
		if d.mergedTo != "" {
			m.MetaSetMut("pipedrive_merged_to_id", d.mergedTo)
		}
		m = deadletter.WithOrigin(m, origins.of(i))
		if d.formers != nil {
			batch = append(batch, alsoTold(m, d.formers[i])...)
		}
		batch = append(batch, m)
	}
	return batch
}

// origins gives the records of a page once more, for those that are refused after a mapping has made
// something else of them. The page is decoded again when that is asked for, and once.
type origins struct {
	page   *api.Page
	client *api.Client

	once    sync.Once
	records []api.Record
	err     error
}

func (o *origins) of(i int) deadletter.Origin {
	return func() (any, error) {
		o.once.Do(func() { o.records, o.err = o.page.Records(context.Background(), o.client) })
		if o.err != nil {
			return nil, o.err
		}
		return o.records[i].Clone(), nil
	}
}

const (
	firstReplay   = 500 * time.Millisecond
	longestReplay = 30 * time.Second
)

// retryLater hands the whole page out again after a pause that doubles with each failure.
func (f *feed) retryLater(d *delivery) {
	pause := min(firstReplay<<min(d.failures, 10), longestReplay)
	d.failures++
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.timers.Go(func() {
		if rest.Sleep(f.ctx, pause) != nil {
			return
		}
		select {
		case f.again <- d:
		case <-f.ctx.Done():
		}
	})
}

// close stops the readers, once. Pages that are not acknowledged by now are read again by the next run.
func (f *feed) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.readers.Wait()
	f.timers.Wait()
	f.progress.close()
}
