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
)

// Imports wait for more rows while they keep coming, and all together: a batch has contacts for many targets and
// is done with the last of them, and the next ones come only then. How long is a matter of how far apart batches
// have come, which in a first read, a page of Pipedrive each, can be seconds. An input has no more than so many
// records under way: once about as many wait as ever did, no others are waited for.
const (
	shortestIdle    = 250 * time.Millisecond
	longestIdle     = 1200 * time.Millisecond
	longestOpen     = 4 * time.Second
	firstReadIdle   = 3 * time.Second
	firstReadOpen   = 12 * time.Second
	sealIdle        = 50 * time.Millisecond // once as many wait as ever did
	gapsThatMayPass = 3

	// senders is how many are sent at a time: all at once would be a burst of megabytes, at the edge of the limit.
	senders = 4
)

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

	sending chan struct{} // a place for each that is being sent

	mu     sync.Mutex
	row    []byte // the one being added
	spare  []byte // of an import that is done, for the rows of the next
	open   map[string]*importGroup
	active int // groups that have no verdict yet

	idle     *time.Timer // seals all that is open
	openedAt time.Time   // when the first of them was; zero when none is
	cameAt   time.Time   // when the last batch did
	gap      time.Duration
	waiting  int // rows of batches that wait for verdicts
	most     int // the most that ever did
}

// importGroup is one import on its way.
type importGroup struct {
	target api.Target
	rows   []byte  // joined by commas
	starts []int32 // where each row begins

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
	im := &importer{client: client, log: log, open: map[string]*importGroup{}, sending: make(chan struct{}, senders)}
	im.ctx, im.stop = context.WithCancel(context.Background())
	im.idle = time.AfterFunc(time.Hour, func() {
		im.mu.Lock()
		defer im.mu.Unlock()
		im.sealAll()
	})
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

// add puts the contacts of a batch into the open imports of their targets. One that cannot be encoded is refused,
// and its ticket empty.
func (im *importer) add(writes []*write) []ticket {
	im.mu.Lock()
	defer im.mu.Unlock()
	tickets := make([]ticket, len(writes))
	for i, w := range writes {
		var err error
		if im.row, err = api.AppendRow(im.row[:0], w.contact); err != nil {
			w.refuse("message", fmt.Errorf("the contact cannot be encoded: %w", err))
			continue
		}
		tickets[i] = im.addRow(w)
	}
	im.waiting += len(writes)
	if wait := im.patience(writes[0].snapshot); im.waiting <= im.most && im.waiting >= im.most*19/20 {
		im.idle.Reset(min(wait, sealIdle))
	} else {
		im.idle.Reset(wait)
	}
	im.most = max(im.most, im.waiting)
	return tickets
}

// done says that rows have their verdicts.
func (im *importer) done(rows int) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.waiting -= rows
}

// addRow adds im.row. im.mu is held.
func (im *importer) addRow(w *write) ticket {
	target := targetOf(w.contact)
	key := targetKey(target)
	g := im.open[key]
	if g != nil && len(g.rows)+1+len(im.row) > api.MaxImport {
		im.seal(key, g)
		g = nil
	}
	if g == nil {
		g = im.openGroup(key, target)
	} else {
		g.rows = append(g.rows, ',')
	}
	g.starts = append(g.starts, int32(len(g.rows)))
	g.rows = append(g.rows, im.row...)
	g.unsettled.Add(1)
	if im.ledger != nil {
		g.journaled = appendRow(g.journaled, w)
	}
	return ticket{g, len(g.starts) - 1}
}

// patience is how long to wait for the next batch, after one that has just come. im.mu is held.
func (im *importer) patience(firstRead bool) time.Duration {
	now, longest, open := time.Now(), longestIdle, longestOpen
	if firstRead {
		longest, open = firstReadIdle, firstReadOpen
	}
	if im.openedAt.IsZero() {
		im.openedAt = now
	} else {
		im.gap = max(now.Sub(im.cameAt), im.gap*3/4)
	}
	im.cameAt = now
	idle := longestIdle
	if im.gap > 0 {
		idle = min(max(gapsThatMayPass*im.gap, shortestIdle), longest)
	}
	return max(0, min(idle, open-now.Sub(im.openedAt)))
}

func targetOf(c api.Contact) api.Target {
	return api.Target{ListIDs: c.ListIDs, EmailBlacklist: isTrue(c.EmailBlacklisted), SMSBlacklist: isTrue(c.SMSBlacklisted)}
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
	g := &importGroup{target: target, rows: im.spare[:0], done: make(chan struct{})}
	im.spare = nil
	im.open[key] = g
	im.active++
	return g
}

// sealAll sends all that is open off. im.mu is held.
func (im *importer) sealAll() {
	im.idle.Stop()
	for key, g := range im.open {
		im.seal(key, g)
	}
	im.openedAt = time.Time{}
}

// seal sends an import off. im.mu is held.
func (im *importer) seal(key string, g *importGroup) {
	delete(im.open, key)
	im.running.Go(func() { im.run(g) })
}

// close ends all that is under way; its rows get the context's error.
func (im *importer) close() {
	im.mu.Lock()
	im.idle.Stop()
	for key, g := range im.open {
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
