package rest

import (
	"net/http"
	"sync"
	"time"
)

// clock is the vendor's, as its answers tell it.
type clock struct {
	mu   sync.Mutex
	date time.Time // of the last answer; zero before it
	at   time.Time // when it came, with the monotonic clock's reading
}

func (c *clock) told(h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.date, c.at = date, time.Now()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return time.Now()
	}
	return c.date.Add(time.Since(c.at)).UTC()
}
