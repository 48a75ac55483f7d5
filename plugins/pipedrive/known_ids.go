package pipedrive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// knownIDs are the ids that there are, as a set of bits: Pipedrive numbers the records of a company
// from 1.
type knownIDs struct {
	mu      sync.Mutex
	words   []uint64
	changed bool
}

const highestID = 1 << 30

func (k *knownIDs) add(records []api.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range records {
		id, err := strconv.ParseInt(r.ID(), 10, 64)
		if err != nil || id < 0 || id >= highestID || deleted(r) {
			continue
		}
		if missing := int(id/64) + 1 - len(k.words); missing > 0 {
			k.words = append(k.words, make([]uint64, missing)...)
		}
		if k.words[id/64]&(1<<(id%64)) == 0 {
			k.words[id/64] |= 1 << (id % 64)
			k.changed = true
		}
	}
}

func (k *knownIDs) remove(id int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id/64 < int64(len(k.words)) {
		k.words[id/64] &^= 1 << (id % 64)
		k.changed = true
	}
}

func (k *knownIDs) count() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// without are the ids that other does not have, in ascending order. Nobody else changes other.
func (k *knownIDs) without(other *knownIDs) (ids []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, w := range k.words {
		if i < len(other.words) {
			w &^= other.words[i]
		}
		for ; w != 0; w &= w - 1 {
			ids = append(ids, int64(i*64+bits.TrailingZeros64(w)))
		}
	}
	return ids
}

// union adds the ids of other, which nobody else changes.
func (k *knownIDs) union(other *knownIDs) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if missing := len(other.words) - len(k.words); missing > 0 {
		k.words = append(k.words, make([]uint64, missing)...)
	}
	for i, w := range other.words {
		k.changed = k.changed || k.words[i]|w != k.words[i]
		k.words[i] |= w
	}
}

const idsVersion = 1

func (f *follower) idsKey() string { return f.conf.cacheKey + "/ids/" + f.o.Name }

// loadIDs reads the known ids. Where there are none, the first sweep only learns.
func (f *follower) loadIDs(ctx context.Context) error {
	f.ids = &knownIDs{}
	if f.conf.cache == "" {
		return nil
	}
	var raw []byte
	err := f.position.access(ctx, func(c service.Cache) (err error) {
		raw, err = c.Get(ctx, f.idsKey())
		return err
	})
	if errors.Is(err, service.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the known ids of %s from the cache %q: %w", f.o.Plural, f.conf.cache, err)
	}
	if len(raw)%8 != 1 || raw[0] != idsVersion {
		return fmt.Errorf("the known ids of %s in the cache %q are not in the form that this version of the program writes", f.o.Plural, f.conf.cache)
	}
	for raw = raw[1:]; len(raw) > 0; raw = raw[8:] {
		f.ids.words = append(f.ids.words, binary.BigEndian.Uint64(raw))
	}
	return nil
}

// saveIDs writes the known ids if they have changed. Its only error is the context's.
func (f *follower) saveIDs() error {
	if f.ids == nil {
		return nil
	}
	f.ids.mu.Lock()
	changed := f.ids.changed
	raw := []byte{idsVersion}
	for _, w := range f.ids.words {
		raw = binary.BigEndian.AppendUint64(raw, w)
	}
	f.ids.changed = false
	f.ids.mu.Unlock()
	if !changed || f.conf.cache == "" {
		return nil
	}
	return f.fetch(func() error {
		return f.position.access(f.ctx, func(c service.Cache) error { return c.Set(f.ctx, f.idsKey(), raw, nil) })
	}, func(error) bool { return false })
}
