package pipedrive

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// message is one as it was handed out.
type message struct {
	meta   map[string]string
	record map[string]any
}

func (m message) text() string { return fmt.Sprint(m.record[textOf[m.meta["pipedrive_object"]]]) }

// String is "change person 5".
func (m message) String() string {
	s := m.meta["pipedrive_action"] + " " + m.meta["pipedrive_object"] + " " + m.meta["pipedrive_id"]
	if to := m.meta["pipedrive_merged_to_id"]; to != "" {
		s += " merged to " + to
	}
	return s
}

func messagesOf(t *testing.T, batch service.MessageBatch) (all []message) {
	t.Helper()
	for _, m := range batch {
		msg := message{meta: map[string]string{}}
		require.NoError(t, m.MetaWalk(func(key, value string) error { msg.meta[key] = value; return nil }))
		delete(msg.meta, "record")
		body, err := m.AsStructuredMut()
		require.NoError(t, err)
		msg.record = body.(map[string]any)
		all = append(all, msg)
	}
	return all
}

// following is an input whose pages are taken and delivered as they come.
type following struct {
	*input
	cache *testCache
	stop  context.CancelFunc
	ended chan struct{} // closed once the input has ended, or reading was stopped

	look func([]message) // at each page, before it is delivered; may be nil

	mu     sync.Mutex
	got    []message
	refuse func([]message) bool // the whole page, if any of it
}

// follow starts a pipedrive_recents. Pages for which refuse is true are not delivered.
func (a *account) follow(res *store, extra string, refuse ...func([]message) bool) *following {
	a.t.Helper()
	ctx, cancel := context.WithCancel(a.t.Context())
	f := &following{input: a.startRecents(res.resources, extra), cache: res.testCache, stop: cancel, ended: make(chan struct{}), look: a.look}
	if len(refuse) > 0 {
		f.refuse = refuse[0]
	}
	go func() {
		defer close(f.ended)
		for {
			batch, ack, err := f.ReadBatch(ctx)
			if err != nil {
				if ctx.Err() == nil {
					assert.ErrorIs(a.t, err, service.ErrEndOfInput)
				}
				return
			}
			f.take(messagesOf(a.t, batch), ack)
		}
	}()
	return f
}

func (f *following) take(page []message, ack service.AckFunc) {
	if f.look != nil {
		f.look(page)
	}
	f.mu.Lock()
	refused := f.refuse != nil && f.refuse(page)
	if !refused {
		f.got = append(f.got, page...)
	}
	f.mu.Unlock()
	if refused {
		_ = ack(context.Background(), assert.AnError)
		return
	}
	_ = ack(context.Background(), nil)
}

// after is what was delivered since it was asked last, once so much time has passed.
func (f *following) after(d time.Duration) (all []string) {
	f.t.Helper()
	for _, m := range f.messages(d) {
		all = append(all, m.String())
	}
	return all
}

func (f *following) messages(d time.Duration) []message {
	time.Sleep(d)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

// refusing lets no page be delivered, from now on or no longer.
func (f *following) refusing(all bool) {
	f.refusingThose(func([]message) bool { return all })
}

func (f *following) refusingThose(refuse func([]message) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = refuse
}

// end stops the input as Benthos does.
func (f *following) end() {
	f.t.Helper()
	f.stop()
	<-f.ended
	require.NoError(f.t, f.Close(context.Background()))
}

// kill ends the input without a last word to the cache.
func (f *following) kill() {
	f.cache.set(func(c *testCache) { c.dead = true })
	f.stop()
	<-f.ended
	_ = f.Close(context.Background())
	f.cache.set(func(c *testCache) { c.dead = false })
}

// testCache is a cache that can fail, and be cut off.
type testCache struct {
	mu     sync.Mutex
	values map[string][]byte
	writes int
	fails  error // of each write
	dead   bool  // writes are lost without a word
}

func (c *testCache) set(change func(*testCache)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *testCache) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.values[key]; ok {
		return v, nil
	}
	return nil, service.ErrKeyNotFound
}

func (c *testCache) Set(_ context.Context, key string, value []byte, _ *time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails != nil {
		return c.fails
	}
	if !c.dead {
		c.values[key] = value
		c.writes++
	}
	return nil
}

func (c *testCache) Add(ctx context.Context, key string, value []byte, ttl *time.Duration) error {
	return c.Set(ctx, key, value, ttl)
}

func (c *testCache) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails == nil && !c.dead {
		delete(c.values, key)
	}
	return c.fails
}

func (c *testCache) Close(context.Context) error { return nil }

// position is what is stored for pipedrive_recents.
func (c *testCache) position() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.values["pipedrive_recents"])
}

// store is a cache called state, and a log.
type store struct {
	*resources
	*testCache
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{testCache: &testCache{values: map[string][]byte{}}}
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterCache("test", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.Cache, error) { return s.testCache, nil }))
	s.resources = newResourcesWith(t, env, "test: {}")
	return s
}

// repeated is "change person 1" to "change person n".
func repeated(what string, from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("%s %d", what, i))
	}
	return all
}
