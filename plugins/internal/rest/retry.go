package rest

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry bounds how long one call is tried. Waits for a limit that the vendor gives a time for do
// not count: they end by themselves.
type Retry struct {
	First time.Duration // the first pause; each further one doubles, with jitter
	Most  time.Duration // the longest pause
	Total time.Duration // no new attempt later than this after the first
}

// DefaultRetry rides out a hiccup. What takes longer is the caller's, who can tell somebody.
var DefaultRetry = Retry{First: 500 * time.Millisecond, Most: 5 * time.Second, Total: 15 * time.Second}

func (p Retry) run(ctx context.Context, req *Request, attempt func() (*Answer, error)) (*Answer, error) {
	start, pause, limited := time.Now(), p.First, 0
	for {
		answer, err := attempt()
		var e *Error
		if err == nil || !errors.As(err, &e) || req.Once || !e.retryable(req) {
			return answer, err
		}
		wait := jitter(pause)
		if e.Kind == RateLimited {
			// The gate of the books holds back the whole client, this attempt included.
			if limited++; limited > mostLimited || time.Until(e.Until) > p.Total {
				return nil, err
			}
			wait = 0
			start = time.Now()
		}
		if time.Since(start)+wait > p.Total {
			return nil, err
		}
		if err := Sleep(ctx, wait); err != nil {
			return nil, err
		}
		pause = min(2*pause, p.Most)
	}
}

// mostLimited is how many 429s one call waits out before its caller is told.
const mostLimited = 5

// jitter spreads retries of many workers over the upper half of the pause.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}

// Sleep waits for d, or for ctx, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
