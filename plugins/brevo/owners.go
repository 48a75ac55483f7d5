package brevo

import (
	"context"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"

	"connector/plugins/brevo/api"
)

// owners knows to whom an address belongs that several persons share: to the one with the lowest
// numeric ext_id among those seen. It holds hashes, so that half a million addresses fit in some
// megabytes.
type owners struct {
	mu   sync.Mutex
	seed maphash.Seed
	by   map[uint64]uint64
}

func newOwners() *owners {
	return &owners{seed: maphash.MakeSeed(), by: map[uint64]uint64{}}
}

// claim returns the ext_id of the address's owner if that is somebody else, and "" if the contact
// may have it.
func (o *owners) claim(c api.Contact) string {
	id, err := strconv.ParseUint(c.ExtID, 10, 64)
	if err != nil || c.Email == "" {
		return ""
	}
	address := maphash.String(o.seed, strings.ToLower(c.Email))
	o.mu.Lock()
	defer o.mu.Unlock()
	if owner, taken := o.by[address]; taken && owner < id {
		return strconv.FormatUint(owner, 10)
	}
	o.by[address] = id
	return ""
}

// keyLocks keeps two batches from writing the same contact at the same time.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the key is free again
}

func newKeyLocks() *keyLocks { return &keyLocks{held: map[string]chan struct{}{}} }

// lock waits until it holds all of the keys, which must differ. It takes them in one order, so that
// two callers never wait for each other.
func (l *keyLocks) lock(ctx context.Context, keys []string) (unlock func(), err error) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
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
