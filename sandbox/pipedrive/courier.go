package pipedrive

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Deliveries counts what became of deliveries since the server was made. One change is one delivery
// to each webhook that it matches; once Idle, Sent = Delivered + GivenUp + LostInBan + Dropped.
type Deliveries struct {
	Sent       int // deliveries that were due
	Delivered  int // answered with 2xx
	Attempts   int // requests made, duplicates included
	Retried    int // requests that were not the first of their delivery
	Duplicates int // second copies that were sent on purpose
	LostInBan  int // never sent, or not sent again, because of a ban
	GivenUp    int // failed with the last attempt
	Dropped    int // the webhook was removed meanwhile
	Bans       int
	Removed    int // webhooks removed for want of success
}

// courier carries deliveries to the webhooks. Its goroutines are started by spawn and waited for by close.
type courier struct {
	cfg     Webhooks
	post    poster
	life    context.Context // ends with close; attempts and pauses end with it
	end     context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards everything below; s.mu may be held when it is taken, never the other way
	lanes   map[int64]*lane
	pending int           // queued, being sent, or waiting for another attempt
	idle    chan struct{} // closed when pending becomes 0; nil while nobody waits
	counts  Deliveries
	due     int
}

// lane is the deliveries to one webhook.
type lane struct {
	target
	queue   []*delivery
	workers int

	strikes      int // first attempts that failed since the last ban
	bannedUntil  time.Time
	failingSince time.Time // of the first failure after the last success
	removed      time.Time
	forgotten    bool // deleted by its owner
	lastTime     time.Time
	lastStatus   int
}

// delivery is one event on its way to one webhook.
type delivery struct {
	event   *event
	id      string
	attempt int
	second  bool // a copy that is sent on purpose; never retried, and in no count but Attempts
}

func newCourier(cfg Webhooks) *courier {
	c := &courier{cfg: cfg, post: newPoster(cfg), lanes: map[int64]*lane{}}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// close ends all that is under way and waits for it. What was not delivered is forgotten.
func (c *courier) close() {
	c.mu.Lock()
	c.end()
	c.settle(c.pending)
	c.mu.Unlock()
	c.running.Wait()
	c.post.close()
}

// send takes a delivery into the queue of its webhook.
func (c *courier) send(to target, e *event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return
	}
	l := c.lanes[to.id]
	if l == nil {
		l = &lane{target: to}
		c.lanes[to.id] = l
	}
	d := &delivery{event: e, id: e.id()}
	c.counts.Sent++
	c.take(l, d)
	if c.due++; c.cfg.Duplicate > 0 && c.due%c.cfg.Duplicate == 0 {
		c.counts.Duplicates++
		c.take(l, &delivery{event: e, id: d.id, second: true})
	}
}

func (c *courier) take(l *lane, d *delivery) {
	c.pending++
	if c.cfg.Reorder > 0 {
		c.spawn(func() { c.later(l, d, rand.N(c.cfg.Reorder)) })
		return
	}
	c.queue(l, d)
}

// queue puts a delivery in line, and starts a worker if there may be one more.
func (c *courier) queue(l *lane, d *delivery) {
	l.queue = append(l.queue, d)
	if l.workers < cmp.Or(c.cfg.Workers, laneWorkers) {
		l.workers++
		c.spawn(func() { c.work(l) })
	}
}

// spawn starts a goroutine unless the courier is closed. The caller holds the lock.
func (c *courier) spawn(run func()) {
	if c.life.Err() == nil {
		c.running.Go(run)
	}
}

// later queues a delivery after a pause.
func (c *courier) later(l *lane, d *delivery, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-c.life.Done():
		return
	case <-timer.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(l, d)
}

// work sends until the queue is empty.
func (c *courier) work(l *lane) {
	for d := c.next(l); d != nil; d = c.next(l) {
		d.attempt++
		status := c.post.deliver(c.life, l.target, d.event.body(l.target, d, c.cfg.FreshRetryIDs))
		c.judge(l, d, status)
	}
}

// next returns a delivery that may be sent, or nil at the end of the worker's life.
func (c *courier) next(l *lane) *delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(l.queue) > 0 && c.life.Err() == nil {
		d := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		switch {
		case l.gone():
			c.finish(d, &c.counts.Dropped)
		case time.Now().Before(l.bannedUntil) && !(d.attempt > 0 && c.cfg.RetriesPassBan):
			c.finish(d, &c.counts.LostInBan)
		default:
			return d
		}
	}
	l.workers--
	return nil
}

func (l *lane) gone() bool { return l.forgotten || !l.removed.IsZero() }

// finish ends a delivery in one of the counts; a second copy is in none.
func (c *courier) finish(d *delivery, count *int) {
	if !d.second {
		*count++
	}
	c.settle(1)
}

// settle takes deliveries out of the books.
func (c *courier) settle(n int) {
	c.pending -= n
	if c.pending <= 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// wait returns when nothing is under way, or with the error of ctx.
func (c *courier) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.pending <= 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forget ends the deliveries to a webhook that its owner deleted.
func (c *courier) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lanes[id]; l != nil {
		l.forgotten = true
		delete(c.lanes, id)
	}
}
