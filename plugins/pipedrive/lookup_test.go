package pipedrive

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func (a *account) lookup(res *resources, extra string) *lookupProcessor {
	a.t.Helper()
	conf, err := lookupSpec().ParseYAML(fmt.Sprintf("base_url: %s\napi_token: sandbox\nburst_limit: 100000\n%s", a.url, extra), nil)
	require.NoError(a.t, err)
	p, err := newLookupProcessor(conf, res.Resources)
	require.NoError(a.t, err)
	return p
}

// process sends JSON texts through the processor as one batch, and returns what becomes of them.
func process(t *testing.T, p *lookupProcessor, texts ...string) (results []any, batch service.MessageBatch) {
	t.Helper()
	for _, text := range texts {
		batch = append(batch, service.NewMessage([]byte(text)))
	}
	batches, err := p.ProcessBatch(t.Context(), batch)
	require.NoError(t, err)
	require.Len(t, batches, 1)
	for _, m := range batches[0] {
		v, err := m.AsStructured()
		require.NoError(t, err)
		results = append(results, v)
	}
	return results, batches[0]
}

func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (a *account) calls(path string) (n int) {
	for _, c := range a.Calls() {
		if c.Path == path {
			n++
		}
	}
	return n
}

func TestLookup_AWholeBatchCostsACallForAHundredIDs(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 300)
	p := a.lookup(newResources(t), "object: persons\nid: this.person_id")
	var deals []string
	for i := range 400 {
		deals = append(deals, fmt.Sprintf(`{"id":%d,"person_id":%d}`, i, i%250+1))
	}
	got, _ := process(t, p, deals...)
	assert.Equal(t, 3, a.calls("/api/v2/persons"))
	for i, v := range got {
		require.Equal(t, fmt.Sprintf("Person %d", i%250+1), at(v, "person", "name"))
	}
	process(t, p, deals...)
	assert.Equal(t, 3, a.calls("/api/v2/persons"), "what was fetched is kept")
}

func TestLookup_WhatDoesNotExistIsNull(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 2)
	p := a.lookup(newResources(t), "object: persons\nid: this.person_id")
	got, _ := process(t, p, `{"person_id":1}`, `{"person_id":99}`, `{"person_id":null}`, `{}`, `{"person_id":0}`)
	assert.Equal(t, "Person 1", at(got[0], "person", "name"))
	for _, v := range got[1:] {
		require.Contains(t, v, "person")
		assert.Nil(t, at(v, "person"))
	}
}

func TestLookup_ManyIDsGoIntoAnyPath(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 3)
	p := a.lookup(newResources(t), "object: persons\nid: 'this.participants.map_each(p -> p.person_id)'\n"+
		"result_map: |\n  root.people.names = this.map_each(p -> p.name.or(\"nobody\"))\n  meta count = this.length()")
	got, batch := process(t, p, `{"participants":[{"person_id":3},{"person_id":77},{"person_id":1}]}`)
	assert.Equal(t, []any{"Person 3", "nobody", "Person 1"}, at(got[0], "people", "names"))
	count, _ := batch[0].MetaGet("count")
	assert.Equal(t, "3", count)
}

func TestLookup_ShortListsAreReadWholeAndLeadsOneByOne(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	for i := 1; i <= 3; i++ {
		a.Put("stage", map[string]any{"id": i, "name": fmt.Sprintf("Stage %d", i), "order_nr": i, "pipeline_id": 1})
	}
	a.Put("lead", map[string]any{"id": "35b0d604-eb0d-42d0-be11-eac8832051f0", "title": "Lead"})
	got, _ := process(t, a.lookup(newResources(t), "object: stages\nid: this.stage_id"), `{"stage_id":1}`, `{"stage_id":3}`)
	assert.Equal(t, "Stage 3", at(got[1], "stage", "name"))
	assert.Equal(t, 1, a.calls("/api/v2/stages"))
	got, _ = process(t, a.lookup(newResources(t), "object: leads\nid: this.lead_id"),
		`{"lead_id":"35b0d604-eb0d-42d0-be11-eac8832051f0"}`, `{"lead_id":"45b0d604-eb0d-42d0-be11-eac8832051f1"}`)
	assert.Equal(t, "Lead", at(got[0], "lead", "title"))
	assert.Nil(t, at(got[1], "lead"))
}

func TestLookup_AnIDThatIsNoneFailsItsMessageAlone(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 1)
	got, batch := process(t, a.lookup(newResources(t), "object: persons\nid: this.person_id"),
		`{"person_id":"1&x=2"}`, `{"person_id":1}`, `{"person_id":{"value":1}}`, `{"person_id":1.5}`)
	assert.Equal(t, "Person 1", at(got[1], "person", "name"))
	for _, i := range []int{0, 2, 3} {
		assert.ErrorContains(t, batch[i].GetError(), "the id to look up cannot be read")
	}
}

func TestLookup_AChangeThatAnInputReadsIsSeenByTheNextLookup(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 2), newResources(t)
	p := a.lookup(res, "object: persons\nid: this.person_id\ncache_ttl: 1h")
	got, _ := process(t, p, `{"person_id":2}`)
	require.Equal(t, "Person 2", at(got[0], "person", "name"))
	at2 := time.Now().UTC().Format(time.RFC3339)
	a.Put("person", map[string]any{"id": 2, "name": "Renamed", "add_time": "2026-01-01T00:00:00Z", "update_time": at2})

	conf, err := recentsSpec().ParseYAML(a.config("start_from: 2026-10-01T00:00:00Z\nfollow: false"), nil)
	require.NoError(t, err)
	in, err := newRecentsInput(conf, res.Resources)
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close(context.Background()) })
	require.NoError(t, in.Connect(t.Context()))
	_, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), nil))

	got, _ = process(t, p, `{"person_id":2}`)
	assert.Equal(t, "Renamed", at(got[0], "person", "name"))
}

func TestLookup_WaitsWhilePipedriveIsDown(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 1)
	a.SetFaults(sandbox.Faults{Rate: 0.7, Seed: 3, Kinds: []string{sandbox.Fault500, sandbox.FaultEmpty, sandbox.FaultReset}})
	got, _ := process(t, a.lookup(newResources(t), "object: persons\nid: this.person_id"), `{"person_id":1}`)
	assert.Equal(t, "Person 1", at(got[0], "person", "name"))
}

func TestLookup_WhatIsLinkedToARecordComesAsAList(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 3)
	for i := 1; i <= 5; i++ {
		a.Put("deal", map[string]any{"id": i, "title": fmt.Sprintf("Deal %d", i), "person_id": 1 + i/5, "status": "open", "stage_id": 1, "pipeline_id": 1})
	}
	p := a.lookup(newResources(t), "object: deals\nby: person_id\nid: this.id\nresult_map: 'root.titles = this.map_each(d -> d.title)'")
	got, _ := process(t, p, `{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":null}`, `{"id":1}`)
	four := []any{"Deal 1", "Deal 2", "Deal 3", "Deal 4"}
	assert.Equal(t, []any{four, []any{"Deal 5"}, []any{}, []any{}, four},
		[]any{at(got[0], "titles"), at(got[1], "titles"), at(got[2], "titles"), at(got[3], "titles"), at(got[4], "titles")})
	assert.Equal(t, 3, a.calls("/api/v2/deals"), "one for each person")
}
