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

const withCache = "checkpoint_cache: state\n"

func TestNack_BringsTheWholePageAgain(t *testing.T) {
	t.Parallel()
	in := newAccount(t, sandbox.Config{}, 25).start(newResources(t), "")
	first := in.mustRead()
	for range 2 {
		first.refused(t)
		var others []page
		for {
			p := in.mustRead()
			if p.ids[0] == first.ids[0] {
				assert.Equal(t, first.ids, p.ids)
				first = p
				break
			}
			others = append(others, p)
		}
		for _, p := range others {
			p.delivered(t)
		}
	}
	first.delivered(t)
	in.readToEnd()
}

func TestNack_KeepsTheCheckpointFromMovingPastThePage(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 50), newResources(t)
	in := a.start(res, withCache)
	one, two, three := in.mustRead(), in.mustRead(), in.mustRead()
	two.refused(t)
	three.delivered(t)
	one.delivered(t)
	require.NoError(t, in.Close(t.Context()))

	assert.Equal(t, numbers(11, 50), a.start(res, withCache).readToEnd())
}

func TestNack_OfTheFirstPageLeavesNoCheckpoint(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 50), newResources(t)
	in := a.start(res, withCache)
	one, two := in.mustRead(), in.mustRead()
	two.delivered(t)
	one.refused(t)
	require.NoError(t, in.Close(t.Context()))
	assert.Empty(t, res.stored())
	assert.Equal(t, numbers(1, 50), a.start(res, withCache).readToEnd())
}

func TestNack_WhileOthersAreInFlightLosesNothing(t *testing.T) {
	t.Parallel()
	in := newAccount(t, sandbox.Config{}, 100).start(newResources(t), "")
	var flying []page
	for range 5 {
		flying = append(flying, in.mustRead())
	}
	delivered := map[string]bool{}
	for i, p := range flying {
		if i%2 == 0 {
			p.refused(t)
			continue
		}
		for _, id := range p.ids {
			delivered[id] = true
		}
		p.delivered(t)
	}
	for _, id := range in.readToEnd() {
		assert.False(t, delivered[id], "%s was delivered already", id)
		delivered[id] = true
	}
	assert.Len(t, delivered, 100)
}

func TestAck_OutOfOrderMovesTheCheckpointInOrder(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 60), newResources(t)
	in := a.start(res, withCache)
	var p []page
	for range 5 {
		p = append(p, in.mustRead())
	}
	p[4].delivered(t)
	p[1].delivered(t)
	p[0].delivered(t)
	p[3].delivered(t)
	require.NoError(t, in.Close(t.Context()))
	assert.Equal(t, numbers(21, 60), a.start(res, withCache).readToEnd(), "page 3 was not delivered")
}

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

func TestUnauthorized_InTheMiddleStopsReadingUntilItIsMended(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 60), newResources(t)
	in := a.start(res, "checkpoint_limit: 10\n")
	first := in.mustRead()
	a.SetToken("another")
	first.delivered(t)
	require.Eventually(t, func() bool { return res.logs.has("401") }, 10*time.Second, 10*time.Millisecond)
	assert.True(t, res.logs.has("PIPEDRIVE_API_TOKEN"), "it says what to do")
	assert.True(t, res.logs.has("reading persons"))
	a.SetToken("sandbox")
	var rest []string
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // it looks every 15 s
		batch, ack, err := in.ReadBatch(ctx)
		cancel()
		if err == service.ErrEndOfInput {
			break
		}
		require.NoError(t, err)
		for _, m := range batch {
			id, _ := m.MetaGet("pipedrive_id")
			rest = append(rest, id)
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	assert.Equal(t, numbers(11, 60), rest)
}

func TestDailyLimit_ParksTheReading(t *testing.T) {
	t.Parallel()
	// users/me 2, definitions 10, and pages of 10 each
	a, res := newAccount(t, sandbox.Config{Limits: sandbox.Limits{DailyTokens: 35}}, 60), newResources(t)
	in := a.start(res, "")
	assert.Equal(t, numbers(1, 10), in.mustRead().ids)
	assert.Equal(t, numbers(11, 20), in.mustRead().ids)
	require.Eventually(t, func() bool { return res.logs.has("reading goes on in 15m") }, 10*time.Second, 10*time.Millisecond)
	in.silent()
	assert.Equal(t, 1, a.Stats().Limited, "nobody knocks on")
	start := time.Now()
	require.NoError(t, in.Close(t.Context()))
	assert.Less(t, time.Since(start), 5*time.Second, "a stop does not wait for the limit")
}

func TestDailyBudget_ParksTheReadingBeforePipedriveDoes(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 60), newResources(t)
	in := a.start(res, "daily_budget: 35\n")
	in.mustRead()
	in.mustRead()
	require.Eventually(t, func() bool { return res.logs.has("the day's token budget for Pipedrive is spent") }, 10*time.Second, 10*time.Millisecond)
	in.silent()
	assert.LessOrEqual(t, a.Stats().Tokens, 35)
}

func TestBurstLimit_IsKeptByAllInputsTogether(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{Limits: sandbox.Limits{Burst: 8}}, 60)
	var ins []*input
	for _, object := range []string{"persons", "deals"} {
		in := a.start(newResources(t), "objects: ["+object+"]\n")
		ins = append(ins, in)
	}
	for _, in := range ins {
		in.readToEnd()
	}
	assert.Zero(t, a.Stats().Violations)
}

func TestFaults_LoseNothing(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 300)
	in := a.start(newResources(t), "")
	a.SetFaults(sandbox.Faults{Rate: 0.25, Seed: 3, Kinds: []string{
		sandbox.Fault500, sandbox.Fault502, sandbox.Fault503, sandbox.FaultReset, sandbox.FaultEmpty, sandbox.FaultTruncated, sandbox.FaultCut,
	}})
	assert.Equal(t, numbers(1, 300), in.readToEnd())
	assert.Positive(t, a.Stats().Faults)
}

func TestClose_ReturnsWhileEverythingIsInFlight(t *testing.T) {
	t.Parallel()
	in := newAccount(t, sandbox.Config{}, 60).start(newResources(t), withCache)
	one, two := in.mustRead(), in.mustRead()
	two.refused(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, in.Close(ctx))
	assert.NoError(t, one.ack(t.Context(), nil), "an acknowledgement that comes late does no harm")
	assert.NoError(t, one.ack(t.Context(), assert.AnError))
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
