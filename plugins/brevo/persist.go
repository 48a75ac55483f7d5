package brevo

import (
	"context"
	"errors"
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
		log.Errorf("%v; writing goes on in %v, nothing is lost", err, pause.Round(time.Second))
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
