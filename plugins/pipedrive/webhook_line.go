package pipedrive

import (
	"context"
	"errors"
	"slices"
	"sync"

	"connector/plugins/pipedrive/api"
)

// arrival is a delivery that is under way: its sender waits for what becomes of it.
type arrival struct {
	*api.Delivery
	key string // the same for all attempts

	settled chan struct{} // closed once err is what became of it
	err     error         // nil when it is safe
}

// record is whose order is kept.
func (a *arrival) record() string { return a.Object + "/" + a.ID }

// place is one in the line. It is taken before the delivery is known as a whole, so that those of one
// record stay in the order in which they came.
type place struct {
	record  string
	arrival *arrival // nil until it is known
}

var (
	errStopping = errors.New("the connector stops")
	errFull     = errors.New("too many deliveries wait")
)

// mostWaiting is how many deliveries may wait to be read. At 500 a second it is what comes in the nine
// seconds that each may wait.
const mostWaiting = 5000

// line is where deliveries wait until they are read, in the order of arrival. Those of a record that is
// being delivered stay until that is over, so that nothing overtakes on the way through the pipeline.
type line struct {
	mu     sync.Mutex
	places []*place
	held   map[string]bool // records that are being delivered
	closed bool
	more   chan struct{} // something may be there to be read
}

func newLine() *line { return &line{held: map[string]bool{}, more: make(chan struct{}, 1)} }

func (l *line) enter(record string) (*place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, errStopping
	case len(l.places) >= mostWaiting:
		return nil, errFull
	}
	p := &place{record: record}
	l.places = append(l.places, p)
	return p, nil
}

// fill says what waits in a place.
func (l *line) fill(p *place, a *arrival) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errStopping
	}
	p.arrival = a
	l.signal()
	return nil
}

// leave gives up a place in which nothing waits.
func (l *line) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places = slices.DeleteFunc(l.places, func(other *place) bool { return other == p })
	l.signal()
}

// take returns those that wait, so many at most, and waits where there are none. Its error is the
// context's, or errStopping.
func (l *line) take(ctx context.Context, most int) ([]*arrival, error) {
	for {
		taken, closed := l.pick(most)
		switch {
		case len(taken) > 0:
			return taken, nil
		case closed:
			return nil, errStopping
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *line) pick(most int) (taken []*arrival, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	unknown := map[string]bool{} // records of which an earlier delivery is not known yet
	left := l.places[:0]
	for i, p := range l.places {
		if len(taken) == most {
			left = append(left, l.places[i:]...)
			l.signal()
			break
		}
		if p.arrival == nil {
			unknown[p.record] = true
		}
		if l.held[p.record] || unknown[p.record] {
			left = append(left, p)
			continue
		}
		taken = append(taken, p.arrival)
	}
	clear(l.places[len(left):])
	l.places = left
	for _, a := range taken {
		l.held[a.record()] = true
	}
	return taken, l.closed
}

// release says that the records of what was taken are not being delivered any more.
func (l *line) release(taken []*arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range taken {
		delete(l.held, a.record())
	}
	l.signal()
}

// close lets nobody in any more, and returns what still waits.
func (l *line) close() (left []*arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.places {
		if p.arrival != nil {
			left = append(left, p.arrival)
		}
	}
	l.places, l.closed = nil, true
	l.signal()
	return left
}

func (l *line) signal() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}
