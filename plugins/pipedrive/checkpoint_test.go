package pipedrive

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestCheckpoint_IsWrittenWhileReading(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 50), newResources(t)
	in := a.start(res, withCache)
	in.mustRead().delivered(t)
	assert.Eventually(t, func() bool { return res.stored() != "" }, 10*time.Second, 20*time.Millisecond)
	var stored storedPosition
	require.NoError(t, json.Unmarshal([]byte(res.stored()), &stored))
	assert.Equal(t, 1, stored.Version)
	assert.NotEmpty(t, stored.Objects["person"].Next)
}

func TestResume_EachObjectGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 30), newResources(t)
	for i := 1; i <= 30; i++ {
		a.Put("note", map[string]any{"id": 1000 + i, "content": "x"})
	}
	conf := withCache + "objects: [persons, notes]"
	in := a.start(res, conf)
	var left []string
	for range 5 {
		p := in.mustRead()
		if slices.Contains(p.ids, "21") || slices.Contains(p.ids, "1011") {
			left = append(left, p.ids...) // in flight at the stop
			continue
		}
		p.delivered(t)
	}
	require.NoError(t, in.Close(t.Context()))
	again := a.start(res, conf).readToEnd()
	for _, id := range left {
		assert.Contains(t, again, id)
	}
	assert.NotContains(t, again, "1", "it was delivered with all before it")
	assert.NotContains(t, again, "1001")
}

func TestResume_AFinishedRunStartsAnew(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 25), newResources(t)
	for range 2 {
		in := a.start(res, withCache)
		assert.Equal(t, numbers(1, 25), in.readToEnd())
		require.NoError(t, in.Close(t.Context()))
		assert.Empty(t, res.stored())
	}
}

func TestResume_StartsOverWhereTheStoredCursorIsBad(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 25), newResources(t)
	res.store(`{"v":1,"query":"v2 filter=0","objects":{"person":{"next":"rubbish"}}}`)
	assert.Equal(t, numbers(1, 25), a.start(res, withCache).readToEnd())
	assert.True(t, res.logs.has("no longer valid"))
}

func TestResume_StartsOverWithOtherSettings(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 25), newResources(t)
	res.store(`{"v":1,"query":"v2 filter=99","objects":{"person":{"done":true}}}`)
	assert.Equal(t, numbers(1, 25), a.start(res, withCache).readToEnd())
	assert.True(t, res.logs.has("other settings"))
}

func TestResume_RefusesAPositionThatItCannotRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 5)
	for stored, problem := range map[string]string{
		`{"v":2,"query":"v2 filter=0"}`: "newer version",
		`2026-01-01T00:00:00Z`:          "not one of this input",
		`{}`:                            "not one of this input",
	} {
		res := newResources(t)
		res.store(stored)
		in, err := a.open(res, withCache)
		require.NoError(t, err)
		err = in.Connect(t.Context())
		require.ErrorContains(t, err, problem)
		assert.ErrorContains(t, err, "checkpoint_cache_key", "it says what to do")
		assert.Equal(t, stored, res.stored(), "it is left as it was")
	}
}

// slowCache holds a write back until it is told to go on.
type slowCache struct {
	service.Cache
	mu      sync.Mutex
	values  map[string][]byte
	writing chan struct{}
	goOn    chan struct{}
}

func (c *slowCache) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.values[key]; ok {
		return v, nil
	}
	return nil, service.ErrKeyNotFound
}

func (c *slowCache) Set(_ context.Context, key string, value []byte, _ *time.Duration) error {
	c.writing <- struct{}{}
	<-c.goOn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
	return nil
}

func (c *slowCache) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

func (c *slowCache) Close(context.Context) error { return nil }

func TestResume_AWriteThatIsUnderWayAtTheEndDoesNotOutliveIt(t *testing.T) {
	t.Parallel()
	cache := &slowCache{values: map[string][]byte{}, writing: make(chan struct{}, 10), goOn: make(chan struct{})}
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterCache("slow", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.Cache, error) { return cache, nil }))
	a, res := newAccount(t, sandbox.Config{}, 20), newResourcesWith(t, env, "slow: {}")
	in := a.start(res, withCache)
	in.mustRead().delivered(t)
	<-cache.writing // the position behind page 1
	in.mustRead().delivered(t)
	ended := make(chan bool)
	go func() { _, more := in.read(); ended <- more }()
	select {
	case <-ended: // it did not wait for the write
		close(cache.goOn)
	case <-time.After(200 * time.Millisecond):
		close(cache.goOn)
		<-ended
	}
	require.NoError(t, in.Close(t.Context()))
	assert.Empty(t, res.stored(), "the next run would leave page 1 out")
}

func TestResume_APositionOfAnotherAccountIsNotUsed(t *testing.T) {
	t.Parallel()
	one, res := newAccount(t, sandbox.Config{}, 60), newResources(t)
	in := one.start(res, withCache)
	in.mustRead().delivered(t)
	require.NoError(t, in.Close(t.Context()))
	require.NotEmpty(t, res.stored())

	other := newAccount(t, sandbox.Config{}, 25)
	assert.Equal(t, numbers(1, 25), other.start(res, withCache).readToEnd())
	assert.True(t, res.logs.has("another account"))
}
