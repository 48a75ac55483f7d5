package rest

import (
	"context"
	"sync"
	"time"
)

// Window is a limit of so many requests in any stretch of a given length. It keeps the times of the last
// ones: a token bucket would allow up to twice as many in some stretches.
type Window struct {
	per  time.Duration
	most int // as configured

	mu    sync.Mutex
	times []time.Time // of the last requests, as a ring; some may be ahead
	next  int
}

// NewWindow allows at most n requests in any stretch of length per. One is kept back for what the
// network bunches together.
func NewWindow(n int, per time.Duration) *Window {
	return &Window{per: per, most: n, times: make([]time.Time, max(1, n-1))}
}

// told takes a limit from an answer. One higher than configured is not believed, since it may be that
// of another window.
func (w *Window) told(n int) {
	size := max(1, min(n, w.most)-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if n < 1 || size == len(w.times) {
		return
	}
	kept := make([]time.Time, size)
	for i := range min(len(kept), len(w.times)) { // the newest ones, oldest first, at the end
		kept[len(kept)-1-i] = w.times[(w.next-1-i+2*len(w.times))%len(w.times)]
	}
	w.times, w.next = kept, 0
}

// wait takes the next place in the window and returns when it has come.
func (w *Window) wait(ctx context.Context) error {
	w.mu.Lock()
	now := time.Now()
	at := w.times[w.next].Add(w.per + windowSlack)
	if at.Before(now) {
		at = now
	}
	w.times[w.next] = at
	w.next = (w.next + 1) % len(w.times)
	w.mu.Unlock()
	return Sleep(ctx, at.Sub(now))
}

// windowSlack is for requests that overtake each other on the way.
const windowSlack = 50 * time.Millisecond
