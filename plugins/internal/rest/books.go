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

// Left is how many calls may go out now: the free places of the fullest window.
func (b *Bucket) Left() int {
	left := -1
	for _, w := range b.Windows {
		if n := w.left(time.Now()); left < 0 || n < left {
			left = n
		}
	}
	return left
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

	// DayIsSpent tells whether the 429 that e and r were read from means that the day has no room for
	// a call of that cost, in tokens. It may be nil.
	DayIsSpent func(e *Error, r Reading, cost int) bool

	// DayBudget is the tokens of a day (UTC), DayReserve what is left of them to others: this client
	// spends no more than the difference, and none while the vendor says that less than the reserve
	// is left. 0 means not known, and no reserve. Bound changes them while the books are in use.
	DayBudget, DayReserve int

	mu           sync.Mutex
	day          day
	spent        int
	calls        int
	limitedCalls int
	parkedUntil  time.Time
}

// Totals are the books' sums since the start, and how the day stands.
type Totals struct {
	Calls, Tokens, Limited int

	SpentToday   int       // tokens of this client in the current day (UTC), former runs' included where restored
	DayRemaining int       // tokens, as the vendor said last; -1 when it has not
	DayLeft      int       // tokens: the vendor's word, else what is left of the budget; -1 when neither is known
	DayReserve   int       // tokens that are left to others
	ParkedUntil  time.Time // when calls that are held back go on; zero when none are
}

// Totals sums up.
func (b *Books) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newDay()
	t := Totals{
		Calls: b.calls, Tokens: b.spent, Limited: b.limitedCalls,
		SpentToday: b.day.spent, DayRemaining: -1, DayLeft: b.dayLeft(), DayReserve: b.DayReserve,
	}
	if !b.day.leftAt.IsZero() {
		t.DayRemaining = b.day.left
	}
	if b.parkedUntil.After(time.Now()) {
		t.ParkedUntil = b.parkedUntil
	}
	return t
}

// wait returns when the request may go out. Its time does not count against the attempt's timeout.
// After it, and after nothing else, leave is to be called.
func (b *Books) wait(ctx context.Context, req *Request) (err error) {
	start := time.Now()
	e, err := b.enter(ctx, req)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // it does not go out
			b.leave(e, false)
		}
	}()
	if err := b.queue(ctx, req, e); err != nil {
		return err
	}
	b.goOut(e)
	req.entry, req.waited = e, time.Since(start)
	return nil
}

// queue returns when the bucket's gate is open and its windows have room.
func (b *Books) queue(ctx context.Context, req *Request, e *entry) error {
	bucket := b.Buckets[req.Bucket]
	for {
		asked, until, why, err := bucket.Gate.pass(ctx)
		if err != nil {
			return err
		}
		if !until.IsZero() {
			return b.parkedAtGate(req, until, why)
		}
		err = b.takePlace(ctx, req, bucket)
		if err == nil && bucket.Gate.isOpen() { // it may have been shut while this one queued
			e.asked = asked
			return nil
		}
		asked()
		if err != nil {
			return err
		}
	}
}

func (b *Books) takePlace(ctx context.Context, req *Request, bucket *Bucket) error {
	for _, w := range bucket.Windows {
		full, err := w.wait(ctx)
		if err != nil {
			return err
		}
		if !full.IsZero() {
			return b.windowFull(req, w, full)
		}
	}
	return nil
}

// correct lets the headers of an answer win over the books.
func (b *Books) correct(req *Request, resp *http.Response) {
	r, bucket := b.Read(resp.Header), b.Buckets[req.Bucket]
	// A 429 shuts the gate itself, in limited: shut already, it would not count as a strike. The limit
	// that it names may be another one's, and only answers that let a call pass name theirs.
	if resp.StatusCode != http.StatusTooManyRequests {
		if resp.StatusCode < 500 {
			bucket.Gate.passed()
			if len(bucket.Windows) > 0 {
				bucket.Windows[0].told(r.Limit)
			}
		}
		if r.Remaining == 0 && r.Reset > 0 {
			bucket.Gate.shut(time.Now().Add(bucket.Gate.bounded(r.Reset)))
		}
	}
	b.heard(req.entry, r.DayRemaining, resp.StatusCode < 300)
}

// limited shuts the gate after a 429, and says in e until when and for which limit.
func (b *Books) limited(req *Request, resp *http.Response, e *Error) {
	gate, r := b.Buckets[req.Bucket].Gate, b.Read(resp.Header)
	e.Daily = b.DayIsSpent != nil && b.DayIsSpent(e, r, req.Cost)
	least, told := retryAfter(resp.Header)
	why := Burst
	if e.Daily {
		why = Daily
		b.heard(req.entry, max(0, r.DayRemaining), false)
		e.Remedy = dayRemedy
	} else if !told && r.Reset > 0 {
		least = gate.bounded(r.Reset)
	}
	e.Until = gate.struck(why, least)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limitedCalls++
	if e.Daily {
		b.parkedUntil = later(b.parkedUntil, e.Until)
	}
}

// blocked shuts every gate after the answer of a firewall, which blocks for longer whoever knocks on.
func (b *Books) blocked(e *Error) {
	for _, bucket := range b.Buckets {
		e.Until = later(e.Until, bucket.Gate.struck(Firewall, 0))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parkedUntil = later(b.parkedUntil, e.Until)
}

// retryAfter reads Retry-After in either of its forms. More than a day is not believed.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(min(s, 24*60*60)) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(t), 24*time.Hour)), true
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

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
