package brevo

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// kept is a cache that outlives the streams that use it.
type kept struct {
	id   string
	fail atomic.Bool // reads and writes fail

	frozen  atomic.Bool // writes are lost without a word: the process is as good as dead
	changed func()      // called before each write and deletion; set while no stream runs

	mu     sync.Mutex
	values map[string][]byte
	sets   map[string]int
	gets   int
}

var keptByID sync.Map

func newKept() *kept {
	k := &kept{id: strconv.FormatInt(harnessID.Add(1), 10), values: map[string][]byte{}, sets: map[string]int{}}
	keptByID.Store(k.id, k)
	return k
}

func init() {
	service.MustRegisterCache("test_kept", service.NewConfigSpec().Field(service.NewStringField("id")),
		func(conf *service.ParsedConfig, _ *service.Resources) (service.Cache, error) {
			id, err := conf.FieldString("id")
			found, _ := keptByID.Load(id)
			return found.(*kept), err
		})
}

var errKept = errors.New("the disk is full")

func (k *kept) Get(_ context.Context, key string) ([]byte, error) {
	if k.fail.Load() {
		return nil, errKept
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gets++
	if v, ok := k.values[key]; ok {
		return v, nil
	}
	return nil, service.ErrKeyNotFound
}

func (k *kept) Set(_ context.Context, key string, value []byte, _ *time.Duration) error {
	if k.fail.Load() {
		return errKept
	}
	if k.lost() {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[key] = value
	k.sets[key]++
	return nil
}

func (k *kept) Add(ctx context.Context, key string, value []byte, ttl *time.Duration) error {
	return k.Set(ctx, key, value, ttl)
}

func (k *kept) Delete(_ context.Context, key string) error {
	if k.fail.Load() {
		return errKept
	}
	if k.lost() {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.values, key)
	return nil
}

func (k *kept) lost() bool {
	if k.changed != nil {
		k.changed()
	}
	return k.frozen.Load()
}

func (k *kept) Close(context.Context) error { return nil }

// changes is how often something was written.
func (k *kept) changes() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sets := range k.sets {
		n += sets
	}
	return n
}

// lose empties the cache.
func (k *kept) lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.values)
}

// copy is what is in the cache now, and back puts it there again: what a process that ended then has left.
func (k *kept) copy() (back func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	values := maps.Clone(k.values)
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.values = values
	}
}

func (k *kept) keys(prefix string) (keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range k.values {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// withLedger are fields of an output with a ledger, and more.
func withLedger(more ...any) map[string]any {
	fields := map[string]any{"ledger_cache": "state"}
	for i := 0; i < len(more); i += 2 {
		fields[more[i].(string)] = more[i+1]
	}
	return fields
}

// at gives a message a time.
func at(m *service.Message, time string) *service.Message {
	m.MetaSetMut("pipedrive_time", time)
	return m
}

// outputWith builds an output alone, with a cache.
func (w *world) outputWith(k *kept, fields map[string]any) *contactsOutput {
	w.t.Helper()
	fields = w.fields(fields)
	delete(fields, "dead_letter")
	conf, err := contactsSpec().ParseYAML(encode(w.t, fields), nil)
	require.NoError(w.t, err)
	out, err := newContactsOutput(conf, resourcesWith(k))
	require.NoError(w.t, err)
	require.NoError(w.t, out.Connect(w.t.Context()))
	w.t.Cleanup(func() { _ = out.Close(context.Background()) })
	return out
}

func resourcesWith(k *kept) *service.Resources {
	b := service.NewResourceBuilder()
	_ = b.AddCacheYAML(`{label: state, test_kept: {id: "` + k.id + `"}}`)
	found, _, err := b.Build()
	if err != nil {
		panic(err)
	}
	return found
}
