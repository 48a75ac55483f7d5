package brevo

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// gate decides what is let in: key, limits and faults. All can change while the server runs.
type gate struct {
	mu         sync.Mutex
	key        string
	windows    map[string][]*window
	closed     map[string]closure
	violations int
	faults     Faults
	random     *rand.Rand
}

// closure is the last 429 of a bucket: when it was given and until when it said to wait.
type closure struct{ since, until time.Time }

// inFlight is for how long after a 429 the calls already under way are forgiven.
const inFlight = 250 * time.Millisecond

// SetKey changes the expected API key.
func (s *Server) SetKey(key string) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.key = key
}

func (g *gate) expectedKey() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.key
}

// SetLimits changes the limits and forgets what was used of them.
func (s *Server) SetLimits(l Limits) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.closed = map[string]closure{}
	s.gate.windows = map[string][]*window{
		bucketContacts: windows(l.ContactsPerSecond, l.ContactsPerHour),
		bucketEvents:   windows(l.EventsPerSecond, l.EventsPerHour),
		bucketOther:    windows(0, l.OtherPerHour),
	}
}

func windows(perSecond, perHour int) []*window {
	all := []*window{{size: time.Second, most: perSecond}, {size: time.Hour, most: perHour}}
	return slices.DeleteFunc(all, func(w *window) bool { return w.most == 0 })
}

// window is a sliding window: at most so many calls in any stretch of its size.
type window struct {
	size  time.Duration
	most  int
	calls []time.Time // a ring once it has most entries
	first int
	used  int
}

// expire forgets the calls that left the window.
func (w *window) expire(now time.Time) {
	for w.used > 0 && now.Sub(w.calls[w.first]) >= w.size {
		w.first = (w.first + 1) % w.most
		w.used--
	}
}

func (w *window) add(now time.Time) {
	last := (w.first + w.used) % w.most
	if last == len(w.calls) {
		w.calls = append(w.calls, now)
	} else {
		w.calls[last] = now
	}
	w.used++
}

// reset is when the window takes one call more than now.
func (w *window) reset(now time.Time) time.Time {
	if w.used == 0 {
		return now
	}
	return w.calls[w.first].Add(w.size)
}

// admit counts a call against its bucket and writes the rate limit headers. A refused call is not
// counted, and gets a 429.
func (g *gate) admit(h http.Header, bucket string, q Quirks) (reply, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.windows[bucket]
	if len(all) == 0 {
		return reply{}, false
	}
	now := time.Now()
	var full *window
	for _, w := range all {
		w.expire(now)
		if w.used >= w.most {
			full = w
		}
	}
	if full != nil {
		if last := g.closed[bucket]; now.Before(last.until) && now.Sub(last.since) > inFlight {
			g.violations++
		}
		g.closed[bucket] = closure{now, full.reset(now)}
		rateHeaders(h, full, now, q)
		return tooMany(fmt.Sprintf("Rate limit of %d calls per %s exceeded", full.most, full.size)), true
	}
	for _, w := range all {
		w.add(now)
	}
	shown := all[0]
	for _, w := range all[1:] {
		if q.RateHeadersShowHourly || w.most-w.used < shown.most-shown.used {
			shown = w
		}
	}
	rateHeaders(h, shown, now, q)
	return reply{}, false
}

func tooMany(message string) reply {
	return fail(http.StatusTooManyRequests, "too_many_requests", message)
}

// rateHeaders describe one window; reset is the number of seconds that are left of it.
//
// Source: developers.brevo.com/docs/limit-headers
func rateHeaders(h http.Header, w *window, now time.Time, q Quirks) {
	if q.HideRateHeaders {
		return
	}
	left := w.reset(now).Sub(now)
	for name, value := range map[string]int{
		"x-sib-ratelimit-limit":     w.most,
		"x-sib-ratelimit-remaining": w.most - w.used,
		"x-sib-ratelimit-reset":     int((left + time.Second - 1) / time.Second),
	} {
		if q.CanonicalRateHeaders {
			name = http.CanonicalHeaderKey(name)
		}
		h[name] = []string{strconv.Itoa(value)}
	}
}

// SetFaults changes what goes wrong, and starts the sequence of its seed anew.
func (s *Server) SetFaults(f Faults) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.faults, s.gate.random = f, rand.New(rand.NewPCG(f.Seed, 0))
}

// fault draws the fault of a call, "" for none.
func (g *gate) fault(method, pattern string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.faults.Rate == 0 || len(g.faults.Kinds) == 0 || g.random.Float64() >= g.faults.Rate {
		return ""
	}
	kind := g.faults.Kinds[g.random.IntN(len(g.faults.Kinds))]
	isContactWrite := method == http.MethodPost && pattern == "/v3/contacts" ||
		method == http.MethodPut && pattern == "/v3/contacts/{identifier}"
	if kind == Fault425 && !isContactWrite {
		return ""
	}
	return kind
}
