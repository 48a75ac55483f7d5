package brevo

import (
	"context"
	"errors"
	"time"

	"connector/plugins/internal/patience"
	"connector/plugins/internal/rest"
)

// What waits is done together where more is still coming, since an import costs the same for one company as for
// thousands. Links wait longer: they are of use to nobody before their contacts and companies are there.
const (
	fewQuiet, fewWhole   = 300 * time.Millisecond, time.Second
	manyQuiet, manyWhole = time.Second, 10 * time.Second
	linkQuiet            = 8 * time.Second // they wait for contacts and companies anyway

	// manyLinks are more than people make by hand: a first load, or a bulk change.
	manyLinks = 100

	// few is how many calls of their own are not more than an import with the questions for its end.
	few = 3

	// reserve is how many of the hour's calls are left to the imports of contacts.
	reserve = 20

	tellEvery = 10 * time.Minute
)

// duty is what the worker does next.
type duty int

const (
	nothing duty = iota
	resolving
	companies
	linking
)

// work carries out what waits until ctx ends. It is the only one that makes calls for companies.
func (b *companyBook) work(ctx context.Context) {
	for ctx.Err() == nil {
		if err := b.unpark(ctx); err != nil {
			b.complain(ctx, err)
			continue
		}
		next, at := b.plan(time.Now())
		if next == nothing || time.Until(at) > 0 {
			b.pause(ctx, next, at)
			continue
		}
		var err error
		switch next {
		case resolving:
			err = b.resolve(ctx)
		case companies:
			err = b.writeCompanies(ctx)
		case linking:
			err = b.writeLinks(ctx)
		}
		b.drained = time.Now()
		if flushErr := b.flush(ctx); err == nil {
			err = flushErr
		}
		var closed noCompanies
		if errors.As(err, &closed) {
			b.close(closed)
		} else if err != nil && ctx.Err() == nil {
			b.complain(ctx, err)
		}
	}
	last, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = b.flush(last)
}

// complain says what went wrong, and waits a little.
func (b *companyBook) complain(ctx context.Context, err error) {
	if ctx.Err() == nil && patience.First(b.log, err.Error(), time.Minute) {
		b.log.Errorf("writing companies: %v; it is tried again", err)
	}
	_ = rest.Sleep(ctx, 5*time.Second)
}

// plan says what is to be done next, and when.
func (b *companyBook) plan(now time.Time) (duty, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending = b.finishing > 0
	next, at := nothing, time.Time{}
	sooner := func(d duty, t time.Time) {
		if next == nothing || t.Before(at) {
			next, at = d, t
		}
	}
	if b.state.Posted != 0 && b.sincePosted.IsZero() {
		sooner(resolving, now)
	} else {
		if len(b.changes) > 0 {
			quiet, whole := fewQuiet, fewWhole
			if len(b.changes) >= few {
				quiet, whole = manyQuiet, manyWhole
			}
			sooner(companies, b.due(now, b.arrived, quiet, whole))
		}
		if t, due := b.linksDue(now); due {
			sooner(linking, t)
		}
	}
	if at = later(at, b.closedUntil); now.Before(at) {
		return next, at
	}
	if next != nothing && b.spare() <= 0 {
		return next, later(at, b.goesOn(now))
	}
	return next, at
}

// due is when what waits is done: when nothing more has come for a while, sooner the longer it waits, and
// later the fewer calls are left. An output that ends waits for nothing. b.mu is held.
func (b *companyBook) due(now time.Time, a arrival, quiet, whole time.Duration) time.Time {
	if b.finishing > 0 {
		return now
	}
	at := a.last.Add(quiet)
	if latest := a.first.Add(whole); latest.Before(at) {
		at = latest
	}
	if thrift := b.thrift(); thrift > 0 {
		at = later(at, b.drained.Add(thrift))
	}
	return at
}

// linksDue is when links are to be made, of those that are not put off. b.mu is held.
func (b *companyBook) linksDue(now time.Time) (at time.Time, due bool) {
	soonest, waiting := int64(0), 0
	for _, c := range b.links {
		if c.until <= now.UnixMilli() {
			waiting++
		}
		if soonest == 0 || c.until < soonest {
			soonest, due = max(c.until, 1), true
		}
	}
	if at = time.UnixMilli(soonest); !due || at.After(now) {
		return at, due && b.finishing == 0
	}
	return b.due(now, b.linkArrivals, linkQuiet, b.linkWhole(waiting)), true
}

// linkWhole is how long the first of so many links waits while others keep coming: the less, the more calls are
// left, but always so long that a trickle which goes on for the hour leaves some of them.
func (b *companyBook) linkWhole(waiting int) time.Duration {
	switch spare := b.spare(); {
	case waiting >= manyLinks || spare < 45:
		return 3 * time.Minute
	case spare < 60:
		return time.Minute
	}
	return 20 * time.Second
}

// spare is how many of the hour's calls companies may use now.
func (b *companyBook) spare() int { return b.client.Left()["other"] - reserve }

// thrift is how long to wait between two rounds: what changes meanwhile goes with the same calls.
func (b *companyBook) thrift() time.Duration {
	switch spare := b.spare(); {
	case spare < 10:
		return 2 * time.Minute
	case spare < 25:
		return 30 * time.Second
	case spare < 45:
		return 5 * time.Second
	}
	return 0
}

// goesOn is when there is a call for companies again.
func (b *companyBook) goesOn(now time.Time) time.Time {
	calls := b.client.OtherCalls()
	if over := min(-b.spare(), len(calls)-1); over >= 0 {
		return calls[over].Add(time.Hour + time.Second)
	}
	return now.Add(time.Minute)
}

// pause waits until it is time, or something comes.
func (b *companyBook) pause(ctx context.Context, next duty, at time.Time) {
	if b.flush(ctx) != nil {
		return
	}
	b.mu.Lock()
	// Whatever comes after plan makes another one.
	if b.still != nil && b.ending && len(b.settled) == 0 {
		close(b.still)
		b.still = nil
	}
	b.mu.Unlock()
	wait := time.Hour
	if next != nothing {
		wait = time.Until(at)
		b.tell(at)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.wake:
	case <-ctx.Done():
	}
}

// tell says what waits for the hour.
func (b *companyBook) tell(until time.Time) {
	changes, links := b.waiting()
	if b.spare() > 0 || changes+links == 0 || time.Since(b.told) < tellEvery {
		return
	}
	b.told = time.Now()
	b.log.Infof("%d companies and %d links wait: %d of Brevo's calls an hour are left, and %d of them are for imports of contacts; it goes on at %s UTC",
		changes, links, b.client.Left()["other"], reserve, until.UTC().Format(time.TimeOnly))
}

// call makes a call for companies again and again while waiting can mend it, and notes that it was one of the
// hour's.
func (b *companyBook) call(ctx context.Context, do func() error) error {
	err := persist(ctx, b.client, b.log, func() error { return openOrNot(do()) })
	b.calls.note(ctx)
	if err == nil {
		b.opened()
	}
	return err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
