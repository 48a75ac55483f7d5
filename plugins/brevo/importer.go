package brevo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// An import waits for more rows while they keep coming, and the less the more it has: what is a long
// time between two pages for the first thousand rows is not worth it for the third.
const (
	longestIdle  = 1200 * time.Millisecond
	shortestIdle = 100 * time.Millisecond
	manyRows     = 2200
	importWhole  = 4 * time.Second
)

func (g *importGroup) patience() time.Duration {
	idle := longestIdle * time.Duration(manyRows-len(g.starts)) / manyRows
	return min(max(idle, shortestIdle), importWhole-time.Since(g.opened))
}

// importer gathers rows of all batches under way into imports, one for each target, and gives each
// row its verdict.
type importer struct {
	client *api.Client
	log    *service.Logger

	ledger *ledger // nil where there is none; set before the first row
	store  *store

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	poller  *poller // the account's; nil until start
	calls   *hourly // nil without a ledger
	left    bool    // the poller was given back

	mu     sync.Mutex
	row    []byte // the one being added
	spare  []byte // of an import that is done, for the rows of the next
	open   map[string]*importGroup
	active int // groups that have no verdict yet
}

// importGroup is one import on its way.
type importGroup struct {
	target api.Target
	rows   []byte  // joined by commas
	starts []int32 // where each row begins
	opened time.Time
	idle   *time.Timer // seals it

	journaled []byte       // what the ledger is to have, row by row
	number    uint64       // in the journal; 0 if it is not there
	unsettled atomic.Int32 // rows whose verdicts are not in the ledger

	done    chan struct{} // closed when the fields below are set
	err     error         // what went wrong with the import as a whole
	refused map[int]*reportedRow
}

// ticket is a row's place in an import.
type ticket struct {
	group *importGroup
	row   int
}

// verdict waits for what became of the row: nil, a *reportedRow, or what went wrong with the import as
// a whole.
func (t ticket) verdict(ctx context.Context) error {
	select {
	case <-t.group.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.group.err != nil {
		return t.group.err
	}
	if report := t.group.refused[t.row]; report != nil {
		return report
	}
	return nil
}

func newImporter(client *api.Client, log *service.Logger) *importer {
	im := &importer{client: client, log: log, open: map[string]*importGroup{}}
	im.ctx, im.stop = context.WithCancel(context.Background())
	return im
}

// start takes the account's poller, once.
func (im *importer) start() {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.poller == nil {
		im.poller = takePoller(im.client, im.log)
	}
}

// noteCalls has the hour's calls noted.
func (im *importer) noteCalls(calls *hourly) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.calls == nil {
		im.calls = calls
		im.poller.note(calls)
	}
}

// busy reports whether an import is being put together or under way.
func (im *importer) busy() bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.active > 0
}

// add puts a contact into the open import of its target.
func (im *importer) add(target api.Target, w *write) (ticket, error) {
	key := targetKey(target)
	im.mu.Lock()
	defer im.mu.Unlock()
	row, err := api.AppendRow(im.row[:0], w.contact)
	if err != nil {
		return ticket{}, err
	}
	im.row = row
	g := im.open[key]
	if g != nil && len(g.rows)+1+len(row) > api.MaxImport {
		im.seal(key, g)
		g = nil
	}
	if g == nil {
		g = im.openGroup(key, target)
	} else {
		g.rows = append(g.rows, ',')
		g.idle.Reset(g.patience())
	}
	g.starts = append(g.starts, int32(len(g.rows)))
	g.rows = append(g.rows, row...)
	g.unsettled.Add(1)
	if im.ledger != nil {
		g.journaled = appendRow(g.journaled, w)
	}
	return ticket{g, len(g.starts) - 1}, nil
}

// targetKey is the same for the same set of lists.
func targetKey(t api.Target) string {
	ids := t.ListIDs
	if !slices.IsSorted(ids) {
		ids = slices.Sorted(slices.Values(ids))
	}
	key := make([]byte, 0, 32)
	for _, id := range ids {
		key = append(strconv.AppendInt(key, id, 10), ' ')
	}
	key = strconv.AppendBool(key, t.EmailBlacklist)
	return string(strconv.AppendBool(key, t.SMSBlacklist))
}

func (im *importer) openGroup(key string, target api.Target) *importGroup {
	g := &importGroup{target: target, rows: im.spare[:0], opened: time.Now(), done: make(chan struct{})}
	im.spare = nil
	im.open[key] = g
	im.active++
	g.idle = time.AfterFunc(longestIdle, func() {
		im.mu.Lock()
		defer im.mu.Unlock()
		im.seal(key, g)
	})
	return g
}

// seal sends an import off, once. im.mu is held.
func (im *importer) seal(key string, g *importGroup) {
	if im.open[key] != g {
		return
	}
	g.idle.Stop()
	delete(im.open, key)
	im.running.Go(func() { im.run(g) })
}

func (im *importer) run(g *importGroup) {
	lines, err := im.follow(g)
	if err == nil {
		g.refused, err = match(g, lines)
	}
	if g.err = err; err != nil && im.ctx.Err() == nil {
		im.log.Errorf("%v; its %d contacts are written one by one", err, len(g.starts))
	}
	rows := g.rows
	g.rows, g.starts, g.journaled = nil, nil, nil
	close(g.done)
	im.mu.Lock()
	im.spare = rows
	im.active--
	im.mu.Unlock()
}

// follow sends the import and waits for its end. An import that Brevo gives up on is sent once more.
func (im *importer) follow(g *importGroup) (reportLines, error) {
	var last api.Process
	for range 2 {
		if err := im.intend(g); err != nil {
			return nil, err
		}
		id, err := im.send(g)
		if err != nil {
			return nil, err
		}
		if err := im.taken(g, id); err != nil {
			return nil, err
		}
		if last, err = im.poller.wait(im.ctx, id); err != nil {
			return nil, err
		}
		if last.Status == "completed" {
			return im.fetch(last)
		}
		im.log.Warnf("import %d of %d contacts ended as %s; it is sent again", id, len(g.starts), last.Status)
	}
	return nil, fmt.Errorf("import %d of %d contacts ended as %s twice", last.ID, len(g.starts), last.Status)
}

func (im *importer) send(g *importGroup) (id int64, err error) {
	err = persist(im.ctx, im.client, im.log, func() error {
		id, err = im.client.Import(im.ctx, g.target, g.rows)
		if rest.Is(err, rest.Malformed) {
			return fmt.Errorf("an import was taken, but it cannot be followed: %v", err) // not to be sent for ever
		}
		return err
	})
	return id, err
}

// fetch reads all reports of an import.
func (im *importer) fetch(p api.Process) (reportLines, error) {
	lines := reportLines{}
	for kind, address := range p.Reports {
		for failures := 0; ; failures++ {
			var err error
			if lines[kind], err = im.client.Report(im.ctx, address); err == nil {
				break
			}
			if failures == 5 || im.ctx.Err() != nil {
				return nil, fmt.Errorf("import %d is done, but what became of its rows is not known: %w", p.ID, err)
			}
			if err := rest.Sleep(im.ctx, time.Second<<failures); err != nil {
				return nil, err
			}
		}
	}
	return lines, nil
}

// close ends all that is under way; its rows get the context's error.
func (im *importer) close() {
	im.mu.Lock()
	for key, g := range im.open {
		g.idle.Stop()
		delete(im.open, key)
		g.err = context.Canceled
		close(g.done)
	}
	im.mu.Unlock()
	im.stop()
	im.running.Wait()
	if im.ledger != nil {
		im.ledger.journal.abandon(im)
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.poller != nil && !im.left {
		im.left = true
		im.poller.leave(im.calls)
	}
}
