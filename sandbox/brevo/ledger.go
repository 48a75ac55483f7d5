package brevo

import (
	"maps"
	"sync"
	"time"
)

// Call is one call that the server saw.
type Call struct {
	Time                   time.Time
	Method, Path, RawQuery string
	Status                 int    // 0 when a fault cut the connection
	Bucket                 string // contacts, events, other
	Limited                bool   // answered 429
}

// Stats are the totals since the start.
type Stats struct {
	Buckets map[string]int // calls by bucket
	Routes  map[string]int // calls by method and pattern: "PUT /v3/contacts/{identifier}"
	Limited int            // answers with 429

	// Violations are calls refused although an earlier 429 of their bucket had announced by then
	// for how long to wait.
	Violations int

	Created, Updated int // contacts, by calls and by imports

	// Resubscribed counts each time that a person on a blocklist ceased to be on it: by a false, a
	// change of address, a merge, or a deletion followed by a new contact with that address.
	Resubscribed int

	Dropped map[string]int // attribute values dropped in silence, by attribute name
}

// callsKept bounds the memory of the books.
const callsKept = 100_000

// ledger keeps the books. It has its own lock because answers are counted while contacts are read.
type ledger struct {
	mu     sync.Mutex
	calls  []Call
	oldest int
	stats  Stats
}

func newLedger() ledger {
	return ledger{stats: Stats{Buckets: map[string]int{}, Routes: map[string]int{}, Dropped: map[string]int{}}}
}

func (l *ledger) record(c Call, pattern string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) < callsKept {
		l.calls = append(l.calls, c)
	} else {
		l.calls[l.oldest] = c
		l.oldest = (l.oldest + 1) % callsKept
	}
	l.stats.Buckets[c.Bucket]++
	if pattern == "" {
		pattern = "(other)"
	}
	l.stats.Routes[c.Method+" "+pattern]++
	if c.Limited {
		l.stats.Limited++
	}
}

func (l *ledger) created()      { l.mu.Lock(); l.stats.Created++; l.mu.Unlock() }
func (l *ledger) updated()      { l.mu.Lock(); l.stats.Updated++; l.mu.Unlock() }
func (l *ledger) resubscribed() { l.mu.Lock(); l.stats.Resubscribed++; l.mu.Unlock() }

// drop notes that a value was dropped in silence.
func (s *Server) drop(attribute string) {
	s.ledger.mu.Lock()
	s.ledger.stats.Dropped[attribute]++
	s.ledger.mu.Unlock()
}

// Calls returns the last 100,000 calls, oldest first.
func (s *Server) Calls() []Call {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	all := make([]Call, 0, len(s.ledger.calls))
	all = append(all, s.ledger.calls[s.ledger.oldest:]...)
	return append(all, s.ledger.calls[:s.ledger.oldest]...)
}

// Stats returns a copy of the totals.
func (s *Server) Stats() Stats {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	stats := s.ledger.stats
	stats.Buckets, stats.Routes, stats.Dropped = maps.Clone(stats.Buckets), maps.Clone(stats.Routes), maps.Clone(stats.Dropped)
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	stats.Violations = s.gate.violations
	return stats
}
