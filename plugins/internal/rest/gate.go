package rest

import (
	"context"
	"sync"
	"time"
)

// Limit tells apart what holds requests back.
type Limit string

const (
	// Burst is the vendor's limit on requests in a short time.
	Burst Limit = "burst"
	// Daily is the end of the day's tokens.
	Daily Limit = "daily"
	// Firewall is a refusal from before the API, as Cloudflare gives one to who goes on after a 429.
	Firewall Limit = "firewall"
)

// Gate is where the whole client waits once a limit was hit.
type Gate struct {
	// Least and Most bound a pause that the vendor asks for, or leaves open.
	Least, Most time.Duration

	mu         sync.Mutex
	until      time.Time
	why        Limit
	strikes    int           // refusals since the last success
	dayStrikes int           // those of them that were for the day
	asking     chan struct{} // closed when the request that goes first has its answer; nil when none does
}

// longestWait is how long a call waits at a shut gate, or for its place in a window, before its caller
// is told, so that a person can be told.
const longestWait = time.Minute

// pass returns once a request may go on. Where that is more than longestWait ahead, it says until when
// and why instead.
//
// After a refusal one request goes first, and the others wait for what comes of it: sent together they
// could all be refused again. So asked is to be called when the answer is booked.
func (g *Gate) pass(ctx context.Context) (asked func(), until time.Time, why Limit, err error) {
	asked = func() {}
	for {
		g.mu.Lock()
		left, asking := time.Until(g.until), g.asking
		until, why = g.until, g.why
		open := left <= 0 && (g.strikes == 0 || asking == nil)
		if open && g.strikes > 0 {
			g.asking = make(chan struct{})
			asked = g.asked
		}
		g.mu.Unlock()
		switch {
		case open:
			return asked, time.Time{}, "", nil
		case left > longestWait:
			return nil, until, why, nil
		case left > 0:
			err = Sleep(ctx, left)
		default:
			err = await(ctx, asking)
		}
		if err != nil {
			return nil, time.Time{}, "", err
		}
	}
}

func (g *Gate) asked() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.asking)
	g.asking = nil
}

func (g *Gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.until.After(time.Now())
}

// shut is for what an answer says in advance, without a refusal.
func (g *Gate) shut(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until, g.why = until, Burst
	}
}

// struck shuts the gate after a refusal, for least or more, and returns until when. The pause doubles
// with each refusal that follows without a success between. Answers to requests that were under way
// together count as one.
func (g *Gate) struck(why Limit, least time.Duration) (until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	open := !now.Before(g.until)
	if open || g.strikes == 0 {
		g.strikes++
	}
	if why == Daily && (open || g.why != Daily) {
		g.dayStrikes++
	}
	pause := min(g.Most, doubled(g.Least, g.strikes))
	switch why {
	case Daily:
		pause = min(longestDayPause, doubled(dayPause, g.dayStrikes))
	case Firewall:
		pause = blockedEvery
	}
	pause = max(pause, least)
	if why != Firewall {
		pause += jitter(500 * time.Millisecond) // headers give whole seconds, cut off
	}
	if until = now.Add(pause); until.After(g.until) {
		g.until, g.why = until, why
	}
	return g.until
}

// doubled is d, doubled with each strike after the first.
func doubled(d time.Duration, strikes int) time.Duration {
	return d << min(max(strikes-1, 0), 16)
}

// A spent day is asked about again after 1, 2, 4, 8, 15, 15, … minutes: it ends at a midnight of an
// unnamed time zone, and may end before it, when somebody buys tokens.
const (
	dayPause        = time.Minute
	longestDayPause = 15 * time.Minute
)

func (g *Gate) passed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !time.Now().Before(g.until) {
		g.strikes, g.dayStrikes = 0, 0
	}
}

func (g *Gate) bounded(d time.Duration) time.Duration {
	return max(g.Least, min(d, g.Most))
}

// await waits for a channel to be closed, or for ctx, whose error it then returns.
func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
