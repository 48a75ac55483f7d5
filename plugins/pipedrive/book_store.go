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

	"github.com/cespare/xxhash/v2"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// storedBook is the head of a book in the cache; its chunks lie beside it.
type storedBook struct {
	Version  int     `json:"v"`
	Complete bool    `json:"complete"`
	Lost     bool    `json:"lost,omitempty"`
	Chunks   []int64 `json:"chunks"`
}

const bookVersion = 1

const (
	dealsAChunk  = 1000 // ids of deals in an entry of the cache
	chunksOfUUID = 32   // entries for leads, whose ids are in no order
)

// chunkOf is the entry of the cache that holds a record.
func (b *book) chunkOf(id bookID) int64 {
	if b.o.Name == "deal" {
		return id.number() / dealsAChunk
	}
	return int64(xxhash.Sum64(id[:]) % chunksOfUUID)
}

func bookKey(key string, o *api.Object) string { return key + "/" + o.Plural }
func chunkKey(key string, o *api.Object, n int64) string {
	return bookKey(key, o) + "/" + strconv.FormatInt(n, 10)
}

// loadBook reads the book that belongs to a position. One that is not there, though records were read, is lost.
func (c *checkpoint) loadBook(ctx context.Context, o *api.Object) (*book, error) {
	b := newBook(o)
	get := func(key string) (raw []byte, err error) {
		err = c.access(ctx, func(cache service.Cache) (err error) {
			raw, err = cache.Get(ctx, key)
			return err
		})
		return raw, err
	}
	raw, err := get(bookKey(c.key, o))
	if errors.Is(err, service.ErrKeyNotFound) {
		return lostBook(o), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the known %s from the cache %q: %w", o.Plural, c.cache, err)
	}
	var head storedBook
	if err := json.Unmarshal(raw, &head); err != nil || head.Version != bookVersion {
		return lostBook(o), nil // everything is read again, and the book written anew
	}
	for _, n := range head.Chunks {
		raw, err := get(chunkKey(c.key, o, n))
		if err != nil && !errors.Is(err, service.ErrKeyNotFound) {
			return nil, fmt.Errorf("reading the known %s from the cache %q: %w", o.Plural, c.cache, err)
		}
		if err == nil {
			err = b.load(raw)
		}
		if err != nil {
			return lostBook(o), nil
		}
	}
	b.complete, b.lost = head.Complete, head.Lost
	clear(b.changed)
	return b, nil
}

// load takes a chunk in.
func (b *book) load(raw []byte) error {
	records := map[bookID]booked{}
	if err := unpack(raw, func(r io.Reader) error { return gob.NewDecoder(r).Decode(&records) }); err != nil {
		return err
	}
	for id, d := range records {
		b.set(id, d)
	}
	return nil
}

func lostBook(o *api.Object) *book {
	b := newBook(o)
	b.lose()
	return b
}

// saveBook writes what has changed of the book: the head last, which names the chunks.
func (c *checkpoint) saveBook(ctx context.Context, b *book) error {
	b.mu.Lock()
	changed := b.changed
	b.changed = map[int64]bool{}
	type entry struct {
		key   string
		value []byte
	}
	var entries []entry
	var err error
	if len(changed) > 0 {
		all, some := b.chunks(changed)
		for _, n := range slices.Sorted(maps.Keys(changed)) {
			if n >= 0 && err == nil {
				e := entry{key: chunkKey(c.key, b.o, n)}
				e.value, err = packChunk(some[n])
				entries = append(entries, e)
			}
		}
		if err == nil {
			e := entry{key: bookKey(c.key, b.o)}
			e.value, err = json.Marshal(storedBook{Version: bookVersion, Complete: b.complete, Lost: b.lost, Chunks: all})
			entries = append(entries, e)
		}
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
		return fmt.Errorf("writing the known %s to the cache %q: %w", b.o.Plural, c.cache, err)
	}
	return nil
}

// chunks names all chunks that hold a record, and gives those that are wanted.
func (b *book) chunks(wanted map[int64]bool) (all []int64, some map[int64]map[bookID]booked) {
	used := map[int64]bool{}
	some = map[int64]map[bookID]booked{}
	for n := range wanted {
		some[n] = map[bookID]booked{}
	}
	for id, d := range b.records {
		n := b.chunkOf(id)
		used[n] = true
		if wanted[n] {
			some[n][id] = d
		}
	}
	return slices.Sorted(maps.Keys(used)), some
}

func packChunk(records map[bookID]booked) ([]byte, error) {
	return pack(func(w io.Writer) error { return gob.NewEncoder(w).Encode(records) })
}
