package rest

import (
	"context"
	"time"
)

// day is what is known of the vendor's tokens. It is guarded by the books' mutex.
type day struct {
	date    time.Time // midnight UTC; zero before the first call
	spent   int       // tokens of this client since then, those under way included
	pending int       // of calls that wait or are under way, on whatever day they began

	left   int       // as the vendor said last
	leftAt time.Time // when; zero while it has not said
	heard  int       // how often it has said
	asking bool      // a request is under way that asks for left anew

	ended chan struct{} // closed when a request has ended; nil while nobody waits for that
}

// askAgain is how old the vendor's word on its tokens may be before it is asked again: nobody tells
// when its day ends, in a time zone that it does not name, or when somebody has bought more.
const askAgain = 15 * time.Minute

// Day is the current day (midnight UTC) and the tokens that this client has spent in it, those of calls
// under way included.
func (b *Books) Day() (date time.Time, tokens int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newDay()
	return b.day.date, b.day.spent
}

// RestoreDay takes back what Day said in a former run. Where the books hold more, that stays; another day
// than the current one is ignored.
func (b *Books) RestoreDay(date time.Time, tokens int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newDay()
	if dateOf(date).Equal(b.day.date) {
		b.day.spent = max(b.day.spent, tokens)
	}
}

// Bound makes the day's bounds at least as tight: components with the same credentials share their books,
// and each may name its own. Nothing changes if check has an error for what the bounds would be.
func (b *Books) Bound(budget, reserve int, check func(budget, reserve int) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if budget == 0 || b.DayBudget > 0 && b.DayBudget < budget {
		budget = b.DayBudget
	}
	reserve = max(b.DayReserve, reserve)
	if err := check(budget, reserve); err != nil {
		return err
	}
	b.DayBudget, b.DayReserve = budget, reserve
	return nil
}

// dayLeft is the vendor's word where it has given one, else what is left of the budget; -1 where
// neither is known.
func (b *Books) dayLeft() int {
	switch {
	case !b.day.leftAt.IsZero():
		return b.day.left
	case b.DayBudget > 0:
		return max(0, b.DayBudget-b.day.spent)
	}
	return -1
}

// entry is a request in the books, from the moment that it may wait for its limits.
type entry struct {
	cost    int
	date    time.Time // of the day that it is charged to
	heard   int       // day.heard when it went out
	pending int       // of the cost: what the vendor's word may not contain yet
	asks    bool      // it goes out so that the vendor says what is left
	asked   func()    // tells those who wait at the gate for what comes of it; may be nil
}

// enter books a request, or returns why the day leaves no room for it.
func (b *Books) enter(ctx context.Context, req *Request) (*entry, error) {
	for {
		e, ended, err := b.tryEnter(req)
		if e != nil || err != nil {
			return e, err
		}
		if err := await(ctx, ended); err != nil {
			return nil, err
		}
	}
}

// tryEnter returns neither an entry nor an error where the end of other requests has to be waited for.
func (b *Books) tryEnter(req *Request) (e *entry, ended <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newDay()
	d := &b.day
	e = &entry{cost: req.Cost, date: d.date, pending: req.Cost}
	if b.DayBudget > 0 && d.spent+req.Cost > b.DayBudget-b.DayReserve {
		return nil, nil, b.overBudget(req)
	}
	if b.DayReserve > 0 && !d.leftAt.IsZero() && d.left-d.pending-req.Cost < b.DayReserve {
		until, doubtful := d.leftAt.Add(askAgain), d.left-req.Cost >= b.DayReserve // the vendor may have counted what is pending
		switch {
		case !doubtful && until.After(time.Now()):
			return nil, nil, b.overReserve(req, until)
		case doubtful || d.asking:
			if d.ended == nil {
				d.ended = make(chan struct{})
			}
			return nil, d.ended, nil
		}
		d.asking, e.asks = true, true
	}
	d.spent += req.Cost
	d.pending += req.Cost
	b.calls++
	b.spent += req.Cost
	return e, nil, nil
}

// leave closes a request's entry. One that did not go out has cost nothing.
func (b *Books) leave(e *entry, sent bool) {
	b.mu.Lock()
	b.day.pending -= e.pending
	if !sent {
		b.calls--
		b.spent -= e.cost
		if e.date.Equal(b.day.date) {
			b.day.spent = max(0, b.day.spent-e.cost)
		}
	}
	if e.asks {
		b.day.asking = false
	}
	if b.day.ended != nil {
		close(b.day.ended)
		b.day.ended = nil
	}
	b.mu.Unlock()
	if e.asked != nil {
		e.asked()
	}
}

// goOut charges a request that waited over midnight to the day in which it goes out.
func (b *Books) goOut(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.heard = b.day.heard
	if b.newDay(); !e.date.Equal(b.day.date) {
		e.date = b.day.date
		b.day.spent += e.cost
	}
}

func (b *Books) newDay() {
	if today := dateOf(time.Now()); today.After(b.day.date) {
		b.day.date, b.day.spent = today, 0
	}
}

// heard books what an answer says of the tokens that are left. A success that says nothing makes an
// older word void that is past its time, or that it proves wrong.
func (b *Books) heard(e *entry, left int, success bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.day
	switch {
	case left >= 0:
		if e.heard != d.heard && !d.leftAt.IsZero() { // answers overtake each other: the least is the latest
			left = min(left, d.left)
		}
		d.left, d.leftAt, d.heard = left, time.Now(), d.heard+1
		d.pending, e.pending = d.pending-e.pending, 0
	case success && (time.Since(d.leftAt) >= askAgain || d.left < e.cost):
		d.leftAt = time.Time{}
	}
}

func dateOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
