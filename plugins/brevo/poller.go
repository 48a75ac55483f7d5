package brevo

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// poller asks how imports stand. Each question is one of 100 an hour, so it asks about several at
// once, and not before the time that imports have been taking.
type poller struct {
	client *api.Client
	log    *service.Logger

	left  func() int // of the hour's questions
	calls *hourly    // nil without a ledger; set before anything is waited for

	mu      sync.Mutex
	waiting map[int64]*waiting
	usual   time.Duration // how long the last import took
	wake    chan struct{}
	done    sync.WaitGroup
	once    sync.Once
}

type waiting struct {
	since     time.Time
	questions int
	told      bool
	answer    chan api.Process
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

func (p *poller) start(ctx context.Context) {
	p.once.Do(func() { p.done.Go(func() { p.run(ctx) }) })
}

// wait returns once the process has come to its end.
func (p *poller) wait(ctx context.Context, id int64) (api.Process, error) {
	w := &waiting{since: time.Now(), answer: make(chan api.Process, 1)}
	p.mu.Lock()
	p.waiting[id] = w
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	select {
	case process := <-w.answer:
		return process, nil
	case <-ctx.Done():
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
		if !listed || process.Status == "completed" && process.Reports == nil {
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
		p.calls.note(ctx)
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
	if w.questions == 1 {
		took -= took / 50 // it may have been done for some time
	}
	p.usual = min(max(firstQuestion, took), longestQuestion)
	w.answer <- process
}
