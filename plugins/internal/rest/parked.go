package rest

import (
	"fmt"
	"time"
)

// What a person can do once the day's tokens are out.
const dayRemedy = "the whole company shares its tokens: find who else spends them, or get more (seats, a plan, or a top-up)"

// overBudget parks a request until the next midnight UTC, when the own books begin a new day. The
// books' mutex is held.
func (b *Books) overBudget(req *Request) *Error {
	text := fmt.Sprintf("the day's token budget for %s is spent: %d tokens of the %d that daily_budget allows",
		b.Vendor, b.day.spent, b.DayBudget-b.DayReserve)
	if b.DayReserve > 0 {
		text += fmt.Sprintf(" (%d less the daily_reserve of %d)", b.DayBudget, b.DayReserve)
	}
	remedy := "raise daily_budget if the company has more"
	if b.DayReserve > 0 {
		remedy += ", or lower daily_reserve"
	}
	return b.park(&Error{
		Kind: RateLimited, Op: req.Op, Doing: req.Doing, Daily: true, Until: b.day.date.Add(24 * time.Hour),
		Message: fmt.Sprintf("%s, and this call costs %d", text, req.Cost), Remedy: remedy,
	})
}

// overReserve parks a request until the vendor is asked again. The books' mutex is held.
func (b *Books) overReserve(req *Request, until time.Time) *Error {
	return b.park(&Error{
		Kind: RateLimited, Op: req.Op, Doing: req.Doing, Daily: true, Until: until,
		Message: fmt.Sprintf("%s says that the company has %d tokens left today, and daily_reserve keeps %d of them for others",
			b.Vendor, b.day.left, b.DayReserve),
		Remedy: fmt.Sprintf("lower daily_reserve, or wait: it is asked again every %d minutes", int(askAgain.Minutes())),
	})
}

// parkedAtGate is for a request that did not go out because an earlier one was refused.
func (b *Books) parkedAtGate(req *Request, until time.Time, why Limit) *Error {
	e := &Error{Kind: RateLimited, Op: req.Op, Doing: req.Doing, Until: until, Daily: why == Daily}
	switch why {
	case Daily:
		e.Message, e.Remedy = b.Vendor+" said that the day's tokens are spent", dayRemedy
	case Firewall:
		e.Kind, e.Message, e.Remedy = Blocked, "a firewall before "+b.Vendor+"'s API keeps this machine out", firewallRemedy
	default:
		e.Message = b.Vendor + " said that its limit is reached"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.park(e)
}

const firewallRemedy = "it is left alone for a while, since it blocks for longer whoever knocks on"

// windowFull is for a request that would wait too long in silence.
func (b *Books) windowFull(req *Request, w *Window, until time.Time) *Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.park(&Error{
		Kind: RateLimited, Op: req.Op, Doing: req.Doing, Until: until,
		Message: fmt.Sprintf("the calls that %s allows in %v are used up (%s: %d)", b.Vendor, w.per, req.Bucket, w.most),
	})
}

func (b *Books) park(e *Error) *Error {
	e.Vendor = b.Vendor
	b.parkedUntil = later(b.parkedUntil, e.Until)
	return e
}
