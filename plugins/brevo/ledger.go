package brevo

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// ledger keeps what was delivered for certain, contact by contact, in a cache. It never runs ahead of
// Brevo: what is in doubt has no fingerprint. One in a process serves all outputs that have the same
// cache, whatever they call it.
type ledger struct {
	id      uint64 // made up when the ledger is begun
	log     *service.Logger
	journal journal

	// names are the attributes' numbers. The map is never changed, but replaced.
	names atomic.Pointer[map[string]int]

	mu     sync.Mutex
	there  map[chunkID]bool   // the chunks in the cache
	listed bool               // whether the directory in the cache says all this
	chunks map[chunkID]*chunk // some of them, decoded
	held   int                // entries in chunks
	clock  uint64
}

const (
	// mostHeld bounds the decoded entries; each takes 72 bytes.
	mostHeld = 1 << 15
	// chunkCost is what a chunk takes besides its entries, in entries.
	chunkCost = 4
)

// openLedger reads the directory, or begins a ledger. Each person's address that it knows is given to
// claim.
func openLedger(ctx context.Context, s *store, log *service.Logger, claim func(address, person uint64) error) (*ledger, error) {
	l := &ledger{log: log, there: map[chunkID]bool{}, chunks: map[chunkID]*chunk{}}
	l.names.Store(&map[string]int{})
	value, err := s.get(ctx, keyDirectory)
	if err != nil {
		return nil, err
	}
	if value == nil {
		var id [8]byte
		_, _ = rand.Read(id[:]) // it never fails
		l.id = binary.LittleEndian.Uint64(id[:])
		if err := s.set(ctx, keyDirectory, l.directory()); err != nil {
			return nil, err
		}
	} else if err := l.readDirectory(value); err != nil {
		return nil, s.damaged(keyDirectory, err)
	}
	l.listed = true
	if err := l.journal.load(ctx, s); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(l.there)) {
		if !id.holdsPersons() {
			continue
		}
		c, err := readChunk(ctx, s, id)
		if err != nil {
			return nil, err
		}
		for _, e := range c.entries {
			if e.owns() {
				if err := claim(e.address, uint64(e.key)); err != nil {
					return nil, err
				}
			}
		}
	}
	return l, nil
}

func readChunk(ctx context.Context, s *store, id chunkID) (*chunk, error) {
	value, err := s.get(ctx, id.name())
	if err != nil {
		return nil, err
	}
	if value == nil { // a cache may lose it, and then it is learned again
		return &chunk{}, nil
	}
	c, err := decodeChunk(value)
	if err != nil {
		return nil, s.damaged(id.name(), err)
	}
	return c, nil
}

// load returns a chunk, decoded. l.mu is held.
func (l *ledger) load(ctx context.Context, s *store, id chunkID) (*chunk, error) {
	l.clock++
	c := l.chunks[id]
	if c == nil {
		c = &chunk{}
		if l.there[id] {
			var err error
			if c, err = readChunk(ctx, s, id); err != nil {
				return nil, err
			}
		}
		l.chunks[id] = c
		l.held += len(c.entries) + chunkCost
		l.evict(c)
	}
	c.used = l.clock
	return c, nil
}

// evict drops what was not used for the longest time, until there is room. l.mu is held.
func (l *ledger) evict(keep *chunk) {
	for l.held > mostHeld {
		oldest, found := chunkID(0), false
		for id, c := range l.chunks {
			if !c.dirty && c != keep && (!found || c.used < l.chunks[oldest].used) {
				oldest, found = id, true
			}
		}
		if !found {
			return
		}
		l.held -= len(l.chunks[oldest].entries) + chunkCost
		delete(l.chunks, oldest)
	}
}

// entry returns what is known of a key; an entry with nothing but the key where that is nothing. Its
// error is the context's, or that of a value that cannot be read.
func (l *ledger) entry(ctx context.Context, s *store, k key) (e entry, err error) {
	err = insist(ctx, l.log, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		e = entry{key: k}
		if l.chunks[k.chunk()] == nil && !l.there[k.chunk()] {
			return nil
		}
		c, err := l.load(ctx, s, k.chunk())
		if err != nil {
			return err
		}
		if i, found := c.find(k); found {
			e = c.entries[i]
		}
		return nil
	})
	return e, err
}

// change is one change of one entry. apply is given what there is, and what it gets is about; doing it
// twice is the same as doing it once.
type change struct {
	key   key
	about *write
	apply func(*entry, *write)
}

// commit makes changes, and returns when the cache has them. Its error is the context's, or that of a
// value that cannot be read.
func (l *ledger) commit(ctx context.Context, s *store, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b change) int { return compareKeys(a.key, b.key) })
	return insist(ctx, l.log, func() error { return l.make(ctx, s, changes) })
}

func compareKeys(a, b key) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (l *ledger) make(ctx context.Context, s *store, changes []change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var touched []chunkID // ascending, except that what is hashed is spread
	var c *chunk
	var last chunkID
	for _, ch := range changes {
		if id := ch.key.chunk(); c == nil || id != last {
			var err error
			if c, err = l.load(ctx, s, id); err != nil {
				return err
			}
			touched, last = append(touched, id), id
		}
		l.edit(c, ch)
	}
	slices.Sort(touched)
	touched = slices.DeleteFunc(slices.Compact(touched), func(id chunkID) bool { return !l.chunks[id].dirty })
	for _, id := range touched {
		if !l.there[id] {
			l.there[id], l.listed = true, false
		}
	}
	if !l.listed {
		// First the directory: a chunk that it does not list would be overwritten.
		if err := s.set(ctx, keyDirectory, l.directory()); err != nil {
			return err
		}
		l.listed = true
	}
	for _, id := range touched {
		if err := s.set(ctx, id.name(), l.chunks[id].encode()); err != nil {
			return err
		}
		l.chunks[id].dirty = false
	}
	l.evict(nil)
	return nil
}

// edit makes one change in a chunk. l.mu is held.
func (l *ledger) edit(c *chunk, ch change) {
	i, found := c.find(ch.key)
	e := entry{key: ch.key}
	if found {
		e = c.entries[i]
	}
	before := e
	ch.apply(&e, ch.about)
	switch {
	case e == before:
	case found:
		c.entries[i], c.dirty = e, true
	default:
		c.entries = slices.Insert(c.entries, i, e)
		c.dirty = true
		l.held++
	}
}
