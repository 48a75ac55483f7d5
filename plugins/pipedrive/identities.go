package pipedrive

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"connector/plugins/pipedrive/api"
)

// identities keep two batches from writing the same record at a time, and remember which record has a value:
// Pipedrive's index may not know yet what has just been created. They are shared by all outputs of a process.
type identities struct {
	ids *lru.Cache[string, remembered] // by object, field and value

	mu   sync.Mutex
	held map[string]chan struct{} // closed when the record is free again
}

// rememberedFor is longer than an index lags behind, and short enough for what somebody else changes; the
// record is read before it is written in any case.
const rememberedFor = 10 * time.Minute

type remembered struct {
	id string
	at time.Time
}

var allIdentities sync.Map // *api.Client → *identities

func identitiesOf(client *api.Client) *identities {
	if known, ok := allIdentities.Load(client); ok {
		return known.(*identities)
	}
	ids, _ := lru.New[string, remembered](mostKept) // its only error is a size below 1
	known, _ := allIdentities.LoadOrStore(client, &identities{held: map[string]chan struct{}{}, ids: ids})
	return known.(*identities)
}

func (k *identities) remember(key, id string) { k.ids.Add(key, remembered{id, time.Now()}) }

func (k *identities) forget(key string) { k.ids.Remove(key) }

// id is the record that had a value when it was last found or created.
func (k *identities) id(key string) (id string, ok bool) {
	r, ok := k.ids.Get(key)
	return r.id, ok && time.Since(r.at) < rememberedFor
}

// lock waits until nobody else writes the record that a key stands for. No key is no record.
func (k *identities) lock(ctx context.Context, key string) (unlock func(), err error) {
	if key == "" {
		return func() {}, nil
	}
	for {
		k.mu.Lock()
		wait := k.held[key]
		if wait == nil {
			free := make(chan struct{})
			k.held[key] = free
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				defer k.mu.Unlock()
				delete(k.held, key)
				close(free)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
