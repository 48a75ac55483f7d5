package rest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pace spaces out attempts to connect. It waits before an attempt, not after one, so that the error is
// told at once and a stop is not held up.
type Pace struct {
	mu   sync.Mutex
	next time.Time
}

// Wait returns when the next attempt is due.
func (p *Pace) Wait(ctx context.Context) error {
	p.mu.Lock()
	due := p.next
	p.mu.Unlock()
	return Sleep(ctx, time.Until(due))
}

// After is called with what an attempt came to, and returns it.
func (p *Pace) After(err error) error {
	pause := mendedEvery
	switch {
	case Is(err, Blocked, RateLimited):
		pause = PauseAfter(err, 0)
	case Passing(err):
		pause = unreachableEvery
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = time.Now().Add(pause)
	return err
}

const (
	// mendedEvery is how often something that a person has to mend, such as a wrong token, is tried
	// again.
	mendedEvery = 15 * time.Second

	// unreachableEvery is how often a vendor that does not answer is tried again.
	unreachableEvery = 2 * time.Second
)

// PauseAfter says how long a component waits after an error that the client itself gave up on, when it
// has failed so many times in a row.
func PauseAfter(err error, failures int) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return mendedEvery
	}
	switch e.Kind {
	case RateLimited:
		return max(time.Until(e.Until), time.Second)
	case Blocked:
		if e.Until.IsZero() {
			return blockedEvery
		}
		return max(time.Until(e.Until), time.Second)
	case Unreachable, Malformed, Unavailable:
		return min(time.Second<<min(failures, 5), 30*time.Second)
	case Unauthorized:
		return mendedEvery
	}
	return min(mendedEvery<<min(failures, 5), 5*time.Minute)
}

// blockedEvery is long, since a firewall blocks longer whoever knocks on.
const blockedEvery = 15 * time.Minute
