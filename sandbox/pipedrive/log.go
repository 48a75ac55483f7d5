package pipedrive

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Call is one request that the server saw.
type Call struct {
	Time     time.Time
	Method   string
	Path     string
	RawQuery string // an api_token in it is masked
	Status   int    // 0: the connection ended without an answer
	Tokens   int    // charged to the daily budget
	Limited  bool   // refused by a limit
}

// Stats are totals since the server was made.
type Stats struct {
	Since      time.Time
	Calls      int
	Tokens     int
	ByPath     map[string]int // by path pattern, as in "GET /api/v2/persons/{id}"
	ByStatus   map[int]int
	Limited    int // 429 answers because of a limit
	Blocked    int // Cloudflare pages
	Violations int // requests made over a limit: Limited and Blocked together
	MaxBurst   int // most requests seen in any 2 s
	Faults     int // answers spoiled on purpose
}

const keptCalls = 100_000

type callLog struct {
	mu    sync.Mutex
	calls []Call // a ring once full
	next  int
	stats Stats
}

func (l *callLog) started() {
	l.stats = Stats{Since: time.Now(), ByPath: map[string]int{}, ByStatus: map[int]int{}}
}

func (l *callLog) addFault(c Call, pattern string) {
	l.add(c, pattern)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Faults++
}

func (l *callLog) add(c Call, pattern string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Calls++
	l.stats.Tokens += c.Tokens
	l.stats.ByStatus[c.Status]++
	if pattern != "" {
		l.stats.ByPath[c.Method+" "+pattern]++
	}
	if len(l.calls) < keptCalls {
		l.calls = append(l.calls, c)
		return
	}
	l.calls[l.next] = c
	l.next = (l.next + 1) % keptCalls
}

// ForgetCalls empties what Calls returns. The totals stay.
func (s *Server) ForgetCalls() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.calls, s.log.next = nil, 0
}

// Calls returns the last 100,000 requests, oldest first.
func (s *Server) Calls() []Call {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Concat(s.log.calls[s.log.next:], s.log.calls[:s.log.next])
}

// Stats returns the totals so far.
func (s *Server) Stats() Stats {
	s.log.mu.Lock()
	out := s.log.stats
	out.ByPath, out.ByStatus = maps.Clone(out.ByPath), maps.Clone(out.ByStatus)
	s.log.mu.Unlock()
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	out.Limited, out.Blocked, out.MaxBurst = s.gate.stats.limited, s.gate.stats.blocked, s.gate.stats.maxBurst
	out.Violations = out.Limited + out.Blocked
	return out
}
