package rest

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bucket is a family of calls that the vendor limits together.
type Bucket struct {
	Windows []*Window
	Gate    *Gate
}

// Gate is where the whole client waits once a limit was hit.
type Gate struct {
	// Least and Most bound a pause that the vendor asks for, or leaves open.
	Least, Most time.Duration

	mu      sync.Mutex
	until   time.Time
	daily   bool
	strikes int
}

func (g *Gate) shut(until time.Time, daily bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until, g.daily = until, daily
	}
}

func (g *Gate) state() (until time.Time, daily bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until, g.daily
}

// struck counts a 429 and returns a pause that doubles with each one that follows without a success
// between. Answers to requests that were under way together count as one.
func (g *Gate) struck() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().After(g.until) {
		g.strikes++
	}
	return min(g.Most, g.Least<<min(max(g.strikes-1, 0), 16))
}

func (g *Gate) passed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().After(g.until) {
		g.strikes = 0
	}
}

// Reading is what an answer's headers say of a limit. Unknown figures are negative.
type Reading struct {
	Limit, Remaining int
	Reset            time.Duration
	DayRemaining     int
}

// Books are one client's accounts of the vendor's limits.
type Books struct {
	Vendor  string
	Buckets map[string]*Bucket

	// Read takes a Reading from an answer's headers.
	Read func(http.Header) Reading

	// Day tells whether a 429 means that the day's budget is spent. It may be nil.
	Day func(e *Error, r Reading) bool

	// DayBudget bounds the tokens that this process spends in a day (UTC). 0 means no bound.
	DayBudget int

	mu           sync.Mutex
	day          time.Time
	spentToday   int
	spent        int
	calls        int
	limitedCalls int
	dayRemaining int
}

// Totals are the books' sums since the start.
type Totals struct {
	Calls, Tokens, Limited int
	DayRemaining           int // as the vendor said last; -1 when it has not
}

// Totals sums up.
func (b *Books) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Totals{Calls: b.calls, Tokens: b.spent, Limited: b.limitedCalls, DayRemaining: -1}
	if !b.day.IsZero() {
		t.DayRemaining = b.dayRemaining
	}
	return t
}

// longestWait is how long a call waits at a shut gate before its caller is told, so that a person
// can be told.
const longestWait = time.Minute

// wait returns when the request may go out. Its time does not count against the attempt's timeout.
func (b *Books) wait(ctx context.Context, req *Request) (err error) {
	if b == nil {
		return nil
	}
	bucket, start := b.Buckets[req.Bucket], time.Now()
	if err := b.budget(req); err != nil {
		return err
	}
	defer func() {
		if err != nil { // it does not go out
			b.mu.Lock()
			defer b.mu.Unlock()
			b.enter(-1, -req.Cost)
		}
	}()
	for open := false; !open; {
		if err := b.passGate(ctx, req, bucket.Gate); err != nil {
			return err
		}
		for _, w := range bucket.Windows {
			if err := w.wait(ctx); err != nil {
				return err
			}
		}
		// The gate may have been shut while this one queued.
		until, _ := bucket.Gate.state()
		open = !until.After(time.Now())
	}
	req.waited = time.Since(start)
	return nil
}

func (b *Books) passGate(ctx context.Context, req *Request, gate *Gate) error {
	until, daily := gate.state()
	left := time.Until(until)
	if left > longestWait {
		return b.parked(req, until, daily)
	}
	return Sleep(ctx, left)
}

func (b *Books) budget(req *Request) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newDay()
	if b.DayBudget > 0 && b.spentToday+req.Cost > b.DayBudget {
		return b.parked(req, b.day.Add(24*time.Hour), true)
	}
	b.enter(1, req.Cost)
	return nil
}

func (b *Books) enter(calls, tokens int) {
	b.calls += calls
	b.spent += tokens
	b.spentToday = max(0, b.spentToday+tokens)
}

func (b *Books) newDay() {
	if today := time.Now().UTC().Truncate(24 * time.Hour); today.After(b.day) {
		if b.day.IsZero() {
			b.dayRemaining = -1
		}
		b.day, b.spentToday = today, 0
	}
}

func (b *Books) parked(req *Request, until time.Time, daily bool) *Error {
	e := &Error{
		Kind: RateLimited, Vendor: b.Vendor, Op: req.Op, Doing: req.Doing,
		Message: b.Vendor + "'s limit is reached", Until: until, Daily: daily,
	}
	if daily {
		e.Message = "the day's token budget for " + b.Vendor + " is spent"
	}
	return e
}

// correct lets the headers of an answer win over the books.
func (b *Books) correct(req *Request, resp *http.Response) {
	r, bucket := b.Read(resp.Header), b.Buckets[req.Bucket]
	// A 429 shuts the gate itself, in limited: shut already, it would not count as a strike.
	if resp.StatusCode != http.StatusTooManyRequests {
		bucket.Gate.passed()
		if r.Remaining == 0 && r.Reset > 0 {
			bucket.Gate.shut(time.Now().Add(bucket.Gate.bounded(r.Reset)), false)
		}
	}
	if len(bucket.Windows) > 0 {
		bucket.Windows[0].told(r.Limit)
	}
	if r.DayRemaining >= 0 {
		b.mu.Lock()
		b.newDay()
		b.dayRemaining = r.DayRemaining
		b.mu.Unlock()
	}
}

func (g *Gate) bounded(d time.Duration) time.Duration {
	return max(g.Least, min(d, g.Most))
}

// dayPause is how often a spent day is tried again, since its end is at a midnight of an unnamed
// time zone.
const dayPause = 15 * time.Minute

// limited shuts the gate after a 429 and says until when.
func (b *Books) limited(req *Request, resp *http.Response, e *Error) (until time.Time, daily bool) {
	if b == nil {
		return time.Now().Add(time.Second), false
	}
	gate, r := b.Buckets[req.Bucket].Gate, b.Read(resp.Header)
	pause := gate.struck()
	daily = b.Day != nil && b.Day(e, r)
	if after, ok := retryAfter(resp.Header); ok {
		pause = max(after, pause)
	} else if daily {
		pause = dayPause
	} else if r.Reset > 0 {
		pause = max(pause, gate.bounded(r.Reset))
	}
	// Headers give whole seconds, cut off.
	until = time.Now().Add(pause + jitter(500*time.Millisecond))
	gate.shut(until, daily)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limitedCalls++
	return until, daily
}

// retryAfter reads Retry-After in either of its forms.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(s) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(t)), true
	}
	return 0, false
}

// Number reads a header that should hold a whole number; -1 where it does not.
func Number(h http.Header, name string) int {
	n, err := strconv.Atoi(h.Get(name))
	if err != nil {
		return -1
	}
	return n
}
