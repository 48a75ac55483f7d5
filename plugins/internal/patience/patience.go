// Package patience is how components wait for a vendor: again and again while waiting can mend what is wrong,
// in one voice, and with one caller asking where a person has to mend it.
package patience

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
)

// Persist does a call of a client again and again while waiting can mend it, and says what it waits for. It
// returns nil, the context's error, or why the call is refused. While the account refuses the client's key,
// one caller asks whether it has been mended, and all others wait for that one.
func Persist(ctx context.Context, client any, log *service.Logger, call func() error) error {
	door := doorOf(client)
	mine := false
	defer func() {
		if mine {
			door.open()
		}
	}()
	for failures := 0; ; failures++ {
		if !mine {
			if err := door.pass(ctx); err != nil {
				return err
			}
		}
		err := call()
		shut := rest.Is(err, rest.Unauthorized, rest.Blocked)
		if mine && !shut {
			door.open()
			mine = false
		}
		var e *rest.Error
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.As(err, &e) || !rest.Passing(err) && !shut {
			return err
		}
		if shut && !mine {
			if mine = door.shut(); !mine {
				continue // somebody else finds out
			}
		}
		pause := rest.PauseAfter(err, failures)
		if First(log, err.Error(), pause) {
			log.Errorf("%v; it goes on in %v, nothing is lost", err, pause.Round(time.Second))
		}
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// door is shut while an account lets nobody in.
type door struct {
	mu     sync.Mutex
	opened chan struct{} // closed when it opens; nil while it is open
}

// doors live as long as their clients: as the process.
var doors sync.Map // client → *door

func doorOf(client any) *door {
	d, _ := doors.LoadOrStore(client, &door{})
	return d.(*door)
}

// pass waits until the door is open.
func (d *door) pass(ctx context.Context) error {
	for {
		d.mu.Lock()
		opened := d.opened
		d.mu.Unlock()
		if opened == nil {
			return ctx.Err()
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// shut reports whether it was the caller who shut the door, and who has to open it.
func (d *door) shut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil {
		return false
	}
	d.opened = make(chan struct{})
	return true
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.opened)
	d.opened = nil
}

// complaints keeps many writers that wait for the same thing from all saying so.
var complaints = complaintBook{said: map[complaint]time.Time{}}

type complaintBook struct {
	mu   sync.Mutex
	said map[complaint]time.Time
}

// complaint is what one component says.
type complaint struct {
	log  *service.Logger
	text string
}

// First reports whether no component of a log has said the same within the last pause.
func First(log *service.Logger, text string, pause time.Duration) bool {
	b, c := &complaints, complaint{log, text}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(b.said, func(_ complaint, until time.Time) bool { return now.After(until) })
	if _, said := b.said[c]; said {
		return false
	}
	b.said[c] = now.Add(pause * 9 / 10)
	return true
}
