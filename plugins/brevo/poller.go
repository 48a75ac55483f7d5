package brevo

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// poller asks how the imports of an account stand, those of contacts and those of companies. Each question is one
// of 100 an hour, so it asks about several at once, and not before the time that imports have been taking. It lasts
// as long as an output has it.
type poller struct {
	client *api.Client
	log    *service.Logger

	left func() int // of the hour's questions

	mu      sync.Mutex
	calls   []*hourly // of the outputs that keep them
	waiting map[int64]*waiting
	usual   time.Duration // how long the last import took
	wake    chan struct{}

	users int // under pollers
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// waiting is an import that somebody waits for, or several.
type waiting struct {
	since     time.Time
	reports   bool // somebody wants them
	questions int
	told      bool
	users     int
	done      chan struct{} // closed when process is set
	process   api.Process
}

var pollers = struct {
	sync.Mutex
	by map[*api.Client]*poller
}{by: map[*api.Client]*poller{}}

// takePoller returns the account's poller. Each is given back by leave, after the last wait.
func takePoller(client *api.Client, log *service.Logger) *poller {
	pollers.Lock()
	defer pollers.Unlock()
	p := pollers.by[client]
	if p == nil {
		p = newPoller(client, log)
		var ctx context.Context
		ctx, p.stop = context.WithCancel(context.Background())
		p.done.Go(func() { p.run(ctx) })
		pollers.by[client] = p
	}
	p.users++
	return p
}

// leave gives the poller back, and the calls that were to be noted. It ends with its last user.
func (p *poller) leave(calls *hourly) {
	p.mu.Lock()
	p.calls = slices.DeleteFunc(p.calls, func(h *hourly) bool { return h == calls })
	p.mu.Unlock()
	pollers.Lock()
	p.users--
	last := p.users == 0
	if last {
		delete(pollers.by, p.client)
	}
	pollers.Unlock()
	if last {
		p.stop()
		p.done.Wait()
	}
}

// note has the hour's calls noted from now on.
func (p *poller) note(calls *hourly) {
	if calls != nil {
		p.mu.Lock()
		p.calls = append(p.calls, calls)
		p.mu.Unlock()
	}
}

func (p *poller) noteCalls(ctx context.Context) {
	p.mu.Lock()
	all := slices.Clone(p.calls)
	p.mu.Unlock()
	for _, calls := range all {
		calls.note(ctx)
	}
}

const (
	firstQuestion   = 200 * time.Millisecond
	longestQuestion = 45 * time.Second
	longImport      = time.Minute
)

func newPoller(client *api.Client, log *service.Logger) *poller {
	left := func() int { return client.Left()["other"] }
	return &poller{client: client, log: log, left: left, waiting: map[int64]*waiting{}, usual: firstQuestion, wake: make(chan struct{}, 1)}
}

// wait returns once the process has come to its end, with its reports.
func (p *poller) wait(ctx context.Context, id int64) (api.Process, error) {
	return p.await(ctx, id, true)
}

// waitForEnd is wait for a process that has no reports.
func (p *poller) waitForEnd(ctx context.Context, id int64) (api.Process, error) {
	return p.await(ctx, id, false)
}

func (p *poller) await(ctx context.Context, id int64, reports bool) (api.Process, error) {
	p.mu.Lock()
	w := p.waiting[id]
	if w == nil {
		w = &waiting{since: time.Now(), done: make(chan struct{})}
		p.waiting[id] = w
	}
	w.users++
	w.reports = w.reports || reports
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	select {
	case <-w.done:
		return w.process, nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if w.users--; w.users == 0 && p.waiting[id] == w {
			delete(p.waiting, id) // nobody wants to know any more
		}
		return api.Process{}, ctx.Err()
	}
}

func (p *poller) run(ctx context.Context) {
	for {
		pause, ids := p.plan()
		if len(ids) == 0 {
			select {
			case <-p.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if rest.Sleep(ctx, pause) != nil {
			return
		}
		if p.ask(ctx) != nil {
			return
		}
	}
}

// plan says when to ask next: when the oldest import has had its usual time, and then ever later.
func (p *poller) plan() (pause time.Duration, ids []int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := time.Now()
	for id, w := range p.waiting {
		ids = append(ids, id)
		if w.since.Before(oldest) {
			oldest = w.since
		}
	}
	age := time.Since(oldest)
	if age < p.usual {
		return max(p.usual-age, p.thrift()), ids
	}
	return max(min(max(firstQuestion, age/2), longestQuestion), p.thrift()), ids
}

// thrift is how long a question has to wait for what is left of the hour's: each is answered for all imports
// under way, so the fewer are left the more imports share one.
func (p *poller) thrift() time.Duration {
	switch left := p.left(); {
	case left < 10:
		return 45 * time.Second
	case left < 20:
		return 15 * time.Second
	case left < 40:
		return 5 * time.Second
	case left < 60:
		return 2 * time.Second
	}
	return 0
}

// ask asks once about all that are waited for. Its only error is the context's.
func (p *poller) ask(ctx context.Context) error {
	_, ids := p.plan()
	found := map[int64]api.Process{}
	if len(ids) > 1 {
		var list []api.Process
		err := persist(ctx, p.client, p.log, func() (err error) {
			list, err = p.client.Processes(ctx)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, process := range list {
			if err == nil {
				found[process.ID] = process
			}
		}
	}
	for _, id := range ids {
		process, listed := found[id]
		// A list may leave the reports out.
		if !listed || process.Status == "completed" && process.Reports == nil && p.wantsReports(id) {
			err := persist(ctx, p.client, p.log, func() (err error) {
				process, err = p.client.Process(ctx, id)
				return err
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				p.log.Warnf("import %d: %v; taken as failed", id, err)
				process = api.Process{ID: id, Status: "failed"}
			}
		}
		p.noteCalls(ctx)
		p.heard(process)
	}
	return nil
}

// heard gives a process that has come to its end to who waits for it.
func (p *poller) heard(process api.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiting[process.ID]
	if w == nil {
		return
	}
	if w.questions++; !process.Done() {
		if age := time.Since(w.since); age > longImport && !w.told {
			w.told = true
			p.log.Infof("Brevo has been working on import %d for %v", process.ID, age.Round(time.Second))
		}
		return
	}
	delete(p.waiting, process.ID)
	took := time.Since(w.since)
	if w.questions == 1 { // it may have been done for some time, which is found out by asking sooner, while there is plenty
		if p.thrift() == 0 {
			took -= took / 5
		}
		took -= took / 50
	}
	p.usual = min(max(firstQuestion, took), longestQuestion)
	w.process = process
	close(w.done)
}

func (p *poller) wantsReports(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiting[id]
	return w != nil && w.reports
}
