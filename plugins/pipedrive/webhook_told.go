package pipedrive

import (
	"sync"
	"time"
)

// told keeps the log from being filled by whoever can reach the listener.
type told struct {
	mu sync.Mutex
	at map[string]time.Time
}

// mostTold bounds the things that are told once only, which others can name. What goes beyond is not told.
const mostTold = 100

// seldom calls tell unless the same was told within so long; 0 is for ever.
func (t *told) seldom(what string, within time.Duration, tell func()) {
	t.mu.Lock()
	last, known := t.at[what]
	again := known && (within == 0 || time.Since(last) < within)
	if again || !known && within == 0 && len(t.at) >= mostTold {
		t.mu.Unlock()
		return
	}
	if t.at == nil {
		t.at = map[string]time.Time{}
	}
	t.at[what] = time.Now()
	t.mu.Unlock()
	tell()
}
