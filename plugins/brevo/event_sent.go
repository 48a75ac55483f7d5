package brevo

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// eventID is a hash of all that makes an event this one.
type eventID [16]byte

// eventBook is what all outputs share that send the events of one account.
type eventBook struct {
	locks *keyLocks
	times *times // of the last contact_properties that contacts got

	together atomic.Int64 // from when on events may go together, in Unix seconds

	mu         sync.Mutex
	young, old map[eventID]struct{} // delivered: the last 32,768 at least, and twice that at most
}

// eventBooks live as long as their clients: as the process.
var eventBooks sync.Map // *api.Client → *eventBook

func eventBookOf(client *api.Client) *eventBook {
	b, _ := eventBooks.LoadOrStore(client, &eventBook{locks: newKeyLocks(), times: newTimes(), young: map[eventID]struct{}{}})
	return b.(*eventBook)
}

func (b *eventBook) has(id eventID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, young := b.young[id]
	_, old := b.old[id]
	return young || old
}

func (b *eventBook) add(ids []eventID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if len(b.young) >= generation {
			b.old, b.young = b.young, make(map[eventID]struct{}, generation)
		}
		b.young[id] = struct{}{}
	}
}

// batches reports whether events may go together.
func (b *eventBook) batches() bool { return time.Now().Unix() >= b.together.Load() }

// goSingly lets events go one by one for an hour.
func (b *eventBook) goSingly() { b.together.Store(time.Now().Add(time.Hour).Unix()) }

// eventSlots keep in a cache which events were delivered. The sql cache never forgets a key, so that one for
// each event would let the state grow for ever: instead the first two bytes of an id are its slot, and the
// slot's value is the rest of the ids with their times, less those that are too old.
type eventSlots struct {
	store *store
	log   *service.Logger
	ttl   time.Duration

	mu sync.Mutex // holds while a slot is changed
}

// slotsFrom reads the fields, and checks that the resource exists. It is nil where none is named.
func slotsFrom(conf *service.ParsedConfig, res *service.Resources) (*eventSlots, error) {
	if !conf.Contains(evFieldDedupeCache) {
		return nil, nil
	}
	label, err := conf.FieldString(evFieldDedupeCache)
	if err != nil || label == "" {
		return nil, err
	}
	ttl, err := conf.FieldDuration(evFieldDedupeTTL)
	if err != nil {
		return nil, err
	}
	if !res.HasCache(label) {
		return nil, fmt.Errorf("%s: there is no cache resource %q", evFieldDedupeCache, label)
	}
	return &eventSlots{store: &store{res: res, label: label, prefix: "brevo_events"}, log: res.Logger(), ttl: ttl}, nil
}

// An entry of a slot is 12 bytes of the id, and the time in Unix seconds.
const (
	slotName  = 2
	slotRest  = 12
	slotEntry = slotRest + 4
)

func (id eventID) slot() string { return hex.EncodeToString(id[:slotName]) }
func (id eventID) rest() []byte { return id[slotName : slotName+slotRest] }

// has reports whether the event was delivered. While the cache fails it waits: sent now, the event could be
// there twice.
func (s *eventSlots) has(ctx context.Context, id eventID) (found bool, err error) {
	err = insist(ctx, s.log, func() error {
		entries, err := s.read(ctx, id)
		for ; len(entries) >= slotEntry; entries = entries[slotEntry:] {
			found = found || bytes.Equal(entries[:slotRest], id.rest())
		}
		return err
	})
	return found, err
}

// add notes events that were delivered. A stop does not keep it from trying once.
func (s *eventSlots) add(ctx context.Context, ids []eventID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		err := insist(ctx, s.log, func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			entries, err := s.read(ctx, id)
			if err != nil {
				return err
			}
			entries = append(entries, id.rest()...)
			entries = binary.BigEndian.AppendUint32(entries, uint32(time.Now().Unix()))
			return s.store.set(ctx, id.slot(), entries)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the entries of an id's slot that are not too old.
func (s *eventSlots) read(ctx context.Context, id eventID) (entries []byte, err error) {
	value, err := s.store.get(ctx, id.slot())
	oldest := time.Now().Add(-s.ttl).Unix()
	for ; len(value) >= slotEntry; value = value[slotEntry:] {
		if int64(binary.BigEndian.Uint32(value[slotRest:slotEntry])) >= oldest {
			entries = append(entries, value[:slotEntry]...)
		}
	}
	return entries, err
}
