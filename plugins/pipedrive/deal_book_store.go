package pipedrive

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// dealsAChunk is how many ids of deals share an entry of the cache.
const dealsAChunk = 1000

// storedBook is the head of a dealBook in the cache; its chunks lie beside it.
type storedBook struct {
	Version  int     `json:"v"`
	Complete bool    `json:"complete"`
	Lost     bool    `json:"lost,omitempty"`
	Chunks   []int64 `json:"chunks"`
}

const bookVersion = 1

func bookKey(key string) string           { return key + "/deals" }
func chunkKey(key string, n int64) string { return bookKey(key) + "/" + strconv.FormatInt(n, 10) }
func (b *dealBook) chunks() map[int64]bool {
	all := map[int64]bool{}
	for id := range b.deals {
		all[id/dealsAChunk] = true
	}
	return all
}

// loadBook reads the book that belongs to a position. One that is not there, though deals were read, is lost.
func (c *checkpoint) loadBook(ctx context.Context) (*dealBook, error) {
	b := newDealBook()
	get := func(key string) (raw []byte, err error) {
		err = c.access(ctx, func(cache service.Cache) (err error) {
			raw, err = cache.Get(ctx, key)
			return err
		})
		return raw, err
	}
	raw, err := get(bookKey(c.key))
	if errors.Is(err, service.ErrKeyNotFound) {
		return lostBook(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the known deals from the cache %q: %w", c.cache, err)
	}
	var head storedBook
	if err := json.Unmarshal(raw, &head); err != nil || head.Version != bookVersion {
		return lostBook(), nil // deals are read again, and the book written anew
	}
	for _, n := range head.Chunks {
		raw, err := get(chunkKey(c.key, n))
		if err != nil && !errors.Is(err, service.ErrKeyNotFound) {
			return nil, fmt.Errorf("reading the known deals from the cache %q: %w", c.cache, err)
		}
		deals := map[int64]bookedDeal{}
		if err == nil {
			err = unpack(raw, func(r io.Reader) error { return gob.NewDecoder(r).Decode(&deals) })
		}
		if err != nil {
			return lostBook(), nil
		}
		for id, d := range deals {
			b.set(id, d)
		}
	}
	b.complete, b.lost = head.Complete, head.Lost
	clear(b.changed)
	return b, nil
}

func lostBook() *dealBook {
	b := newDealBook()
	b.lose()
	return b
}

// saveBook writes what has changed of the book: the head last, which names the chunks.
func (c *checkpoint) saveBook(ctx context.Context, b *dealBook) error {
	b.mu.Lock()
	changed := b.changed
	b.changed = map[int64]bool{}
	type entry struct {
		key   string
		value []byte
	}
	var entries []entry
	var err error
	for _, n := range slices.Sorted(maps.Keys(changed)) {
		if n >= 0 && err == nil {
			e := entry{key: chunkKey(c.key, n)}
			e.value, err = b.chunk(n)
			entries = append(entries, e)
		}
	}
	if len(changed) > 0 && err == nil {
		e := entry{key: bookKey(c.key)}
		e.value, err = json.Marshal(storedBook{Version: bookVersion, Complete: b.complete, Lost: b.lost, Chunks: slices.Sorted(maps.Keys(b.chunks()))})
		entries = append(entries, e)
	}
	b.mu.Unlock()
	for _, e := range entries {
		if err == nil {
			err = c.access(ctx, func(cache service.Cache) error { return cache.Set(ctx, e.key, e.value, nil) })
		}
	}
	if err != nil {
		b.mu.Lock()
		maps.Copy(b.changed, changed)
		b.mu.Unlock()
		return fmt.Errorf("writing the known deals to the cache %q: %w", c.cache, err)
	}
	return nil
}

func (b *dealBook) chunk(n int64) ([]byte, error) {
	deals := map[int64]bookedDeal{}
	for id := n * dealsAChunk; id < (n+1)*dealsAChunk; id++ {
		if d, ok := b.deals[id]; ok {
			deals[id] = d
		}
	}
	return pack(func(w io.Writer) error { return gob.NewEncoder(w).Encode(deals) })
}
