package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"connector/plugins/internal/memnet"
	"connector/plugins/internal/rest"
)

// serveInMemory serves h to the clients that dial what it returns, until the test ends.
func serveInMemory(t *testing.T, h http.Handler) *memnet.Listener {
	m, ended := memnet.Listen(), make(chan struct{})
	server := &http.Server{Handler: h}
	go func() { defer close(ended); _ = server.Serve(m) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return m
}

// strict is a vendor that keeps exact books: 20 calls in any 2 s, 100 calls of /other in any hour, and
// a day's tokens that begin anew at an hour of the vendor's own.
type strict struct {
	tokens   int           // a day; 0 means without end
	midnight time.Duration // after midnight UTC
	silent   bool          // says nothing in headers

	mu         sync.Mutex
	calls      map[string][]time.Time
	day        time.Time
	spent      int
	others     int // of spent: by others in the company
	violations []string
	refused    []time.Time
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string][]time.Time{}
	}
	now, bucket, most, per, cost := time.Now(), "calls", 20, 2*time.Second, 10
	if r.URL.Path == "/other" {
		bucket, most, per, cost = "other", 100, time.Hour, 1
	}
	calls := append(s.calls[bucket], now)
	s.calls[bucket] = calls
	if n := len(calls); n > most && now.Sub(calls[n-1-most]) < per {
		s.violations = append(s.violations, fmt.Sprintf("%s at %v", bucket, now))
	}
	if day := now.UTC().Add(-s.midnight).Truncate(24 * time.Hour); day.After(s.day) {
		s.day, s.spent, s.others = day, 0, 0
	}
	over := s.tokens > 0 && s.spent+cost > s.tokens
	if !over {
		s.spent += cost
	}
	if s.tokens > 0 && !s.silent {
		w.Header().Set("x-day-remaining", strconv.Itoa(s.tokens-s.spent))
	}
	if over {
		s.refused = append(s.refused, now)
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"error":"daily request budget exceeded"}`))
		return
	}
	ok(w, r, 0)
}

// others spend tokens of the company.
func (s *strict) othersSpend(tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spent += tokens
	s.others += tokens
}

// own are the tokens that the client has spent in the vendor's day.
func (s *strict) own() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent - s.others
}

func (s *strict) count(bucket string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls[bucket])
}

// fake is a client of s in fake time, with the limits of s in its books.
func fake(t *testing.T, s http.Handler, configure ...func(*rest.Config)) *rest.Client {
	t.Helper()
	m := serveInMemory(t, s)
	base, err := url.Parse("http://127.0.0.1")
	require.NoError(t, err)
	cfg := rest.Config{
		Vendor: "Acme", BaseURL: base, Header: "x-api-token", Secret: secret, Timeout: 30 * time.Second,
		Retry: rest.DefaultRetry, Explain: explain, Dial: m.Dial,
	}
	withBooks(&rest.Gate{Least: 2 * time.Second, Most: 5 * time.Minute}, rest.NewWindow(20, 2*time.Second))(&cfg)
	cfg.Books.Buckets["other"] = &rest.Bucket{
		Gate: &rest.Gate{Least: 10 * time.Second, Most: time.Hour}, Windows: []*rest.Window{rest.NewWindow(100, time.Hour)},
	}
	cfg.Books.DayIsSpent = func(e *rest.Error, r rest.Reading, cost int) bool {
		return r.DayRemaining >= 0 && r.DayRemaining < cost || strings.Contains(e.Message, "daily")
	}
	for _, c := range configure {
		c(&cfg)
	}
	client := rest.New(cfg)
	t.Cleanup(client.Close)
	return client
}

func other() *rest.Request {
	req := get()
	req.Path, req.Bucket, req.Cost = "/other", "other", 1
	return req
}

// persistently makes a call again and again, as the components do, until ctx ends. It tells of each
// error.
func persistently(ctx context.Context, c *rest.Client, req func() *rest.Request, tell func(*rest.Error)) {
	for failures := 0; ctx.Err() == nil; failures++ {
		_, err := c.Do(ctx, req())
		var e *rest.Error
		if !errors.As(err, &e) {
			continue
		}
		if tell != nil {
			tell(e)
		}
		_ = rest.Sleep(ctx, rest.PauseAfter(err, failures))
	}
}
