package pipedrive

import (
	"context"
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
	require.Eventually(t, func() bool { return res.logs.has("reading goes on in 1m") }, 10*time.Second, 10*time.Millisecond)
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
