package rest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Window is a limit of so many requests in any stretch of a given length. It keeps the times of the last
// ones: a token bucket would allow up to twice as many in some stretches.
type Window struct {
	per  time.Duration
	most int // as configured

	mu      sync.Mutex
	times   []time.Time // of the last requests, as a ring, in order; some may be ahead
	next    int         // the oldest of them
	places  int         // how many may pass in a stretch; len(times) unless answers name a lower limit
	namedAt time.Time   // when an answer last named that lower limit
	version uint64
}

// NewWindow allows at most n requests in any stretch of length per. One is kept back for what the
// network bunches together.
func NewWindow(n int, per time.Duration) *Window {
	size := max(1, n-1)
	return &Window{per: per, most: n, times: make([]time.Time, size), places: size}
}

// Recent are the times of the requests that count at a moment, oldest first: those of the last stretch
// before it.
func (w *Window) Recent(now time.Time) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(w.ordered(), func(t time.Time) bool { return t.After(now) || now.Sub(t) >= w.per+windowSlack })
}

// Restore takes back what Recent said in a former run. Times that the window holds already, that are
// past, or that are ahead are left out.
func (w *Window) Restore(times []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, all, here := time.Now(), w.ordered(), map[int64]int{}
	for _, t := range all {
		here[t.UnixMilli()]++ // whoever stores them may cut them off
	}
	for _, t := range times {
		if here[t.UnixMilli()] > 0 {
			here[t.UnixMilli()]--
		} else if !t.After(now) && now.Sub(t) < w.per+windowSlack {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	w.fill(all)
}

// Version grows with each request that passes.
func (w *Window) Version() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version
}

// left is how many requests may pass at a moment.
func (w *Window) left(now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	taken := 0
	for _, t := range w.times {
		if now.Sub(t) < w.per+windowSlack {
			taken++
		}
	}
	return max(0, w.places-taken)
}

// told takes a limit from an answer. One higher than configured is not believed, since it may be that
// of another window; a lower one is believed until an answer names a higher one, or none has named it
// for lowerHolds.
func (w *Window) told(n int) {
	if n < 1 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places, w.namedAt = max(1, min(n, w.most)-1), time.Now()
}

// forget lets go of a lower limit that no answer has named for long. Otherwise one odd answer could hold
// up everything: after it, an hour's window with one place asks nobody for an hour.
func (w *Window) forget(now time.Time) {
	if now.Sub(w.namedAt) >= lowerHolds {
		w.places = len(w.times)
	}
}

// lowerHolds is for how long a lower limit is believed that no answer names again.
const lowerHolds = time.Minute

// ordered are the times that are known, oldest first.
func (w *Window) ordered() []time.Time {
	all := slices.Concat(w.times[w.next:], w.times[:w.next])
	return slices.DeleteFunc(all, time.Time.IsZero)
}

// fill makes a ring of the newest of times.
func (w *Window) fill(times []time.Time) {
	size := len(w.times)
	times = times[max(0, len(times)-size):]
	w.times, w.next = make([]time.Time, size), 0
	copy(w.times[size-len(times):], times)
}

// back is the time of the request so many before the next one.
func (w *Window) back(n int) time.Time {
	return w.times[(w.next-n+len(w.times))%len(w.times)]
}

// wait takes the next place in the window and returns when it has come. Where it is more than
// longestWait ahead, it is not taken, and its time is returned.
func (w *Window) wait(ctx context.Context) (full time.Time, err error) {
	w.mu.Lock()
	now := time.Now()
	w.forget(now)
	at := later(later(now, w.back(w.places).Add(w.per+windowSlack)), w.back(1))
	if at.Sub(now) > longestWait {
		w.mu.Unlock()
		return at, nil
	}
	w.times[w.next] = at
	w.next = (w.next + 1) % len(w.times)
	w.mu.Unlock()
	if err := Sleep(ctx, at.Sub(now)); err != nil {
		return time.Time{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	return time.Time{}, nil
}

// windowSlack is for requests that overtake each other on the way.
const windowSlack = 100 * time.Millisecond
