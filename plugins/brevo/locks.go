package brevo

import (
	"context"
	"slices"
	"sync"
)

// keyLocks keeps two batches from writing the same contact at the same time.
type keyLocks struct {
	mu   sync.Mutex
	held map[key]chan struct{} // closed when the key is free again
}

func newKeyLocks() *keyLocks { return &keyLocks{held: map[key]chan struct{}{}} }

// lock waits until it holds all of the keys. It takes them in one order, so that
// two callers never wait for each other.
func (l *keyLocks) lock(ctx context.Context, keys []key) (unlock func(), err error) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	keys = slices.Compact(keys)
	free := make(chan struct{})
	taken := 0
	unlock = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, key := range keys[:taken] {
			delete(l.held, key)
		}
		close(free)
	}
	for taken < len(keys) {
		l.mu.Lock()
		var wait chan struct{}
		for ; taken < len(keys) && wait == nil; taken++ {
			if wait = l.held[keys[taken]]; wait != nil {
				break
			}
			l.held[keys[taken]] = free
		}
		l.mu.Unlock()
		if wait == nil {
			break
		}
		select {
		case <-wait:
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		}
	}
	return unlock, nil
}
