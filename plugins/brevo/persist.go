package brevo

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
)

// persist does a write again and again while waiting can mend it, and says what it waits for. It
// returns nil, the context's error, or why the write is refused.
func persist(ctx context.Context, log *service.Logger, write func() error) error {
	for failures := 0; ; failures++ {
		err := write()
		var e *rest.Error
		if err == nil || ctx.Err() != nil {
			return ctxOr(ctx, err)
		}
		if !errors.As(err, &e) || !rest.Passing(err) && !rest.Is(err, rest.Unauthorized, rest.Blocked) {
			return err
		}
		pause := rest.PauseAfter(err, failures)
		if complaints.first(complaint{log, err.Error()}, pause) {
			log.Errorf("%v; writing goes on in %v, nothing is lost", err, pause.Round(time.Second))
		}
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func ctxOr(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
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

// first reports whether nobody has said the same within the last pause.
func (b *complaintBook) first(c complaint, pause time.Duration) bool {
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
