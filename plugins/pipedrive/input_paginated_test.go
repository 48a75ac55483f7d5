package pipedrive

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

func TestPaginated_ReadsEverythingOnceAndEnds(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 95)
	in := a.start(newResources(t), "")
	assert.Equal(t, numbers(1, 95), in.readToEnd())
	assert.Equal(t, 10, a.pages("persons"))
	_, _, err := in.ReadBatch(t.Context())
	assert.ErrorIs(t, err, service.ErrEndOfInput)
	require.NoError(t, in.Close(t.Context()))
	assert.NoError(t, in.Close(t.Context()), "it can be closed twice")
}

func TestPaginated_AnEmptyAccountEnds(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 0)
	assert.Empty(t, a.start(newResources(t), "objects: [persons, deals, leads, notes]").readToEnd())
}

func TestPaginated_DoesNotEndBeforeTheLastPageIsDelivered(t *testing.T) {
	in := newAccount(t, sandbox.Config{}, 10).start(newResources(t), "")
	p := in.mustRead()
	in.silent()
	p.delivered(t)
	_, ok := in.read()
	assert.False(t, ok)
}

func TestPaginated_ReadsEveryObjectSideBySide(t *testing.T) {
	for _, version := range []string{"v2", "v1"} {
		t.Run(version, func(t *testing.T) {
			a := newAccount(t, sandbox.Config{}, 0)
			seed.Fill(a.Server, 60)
			in := a.start(newResources(t), "api_version: "+version+
				"\ncheckpoint_limit: 100000\nobjects: [persons, deals, organizations, activities, leads, pipelines, stages, users, notes, products]")
			read := map[string]int{}
			var held []service.AckFunc
			for {
				batch, ack, err := in.ReadBatch(t.Context())
				require.NoError(t, err)
				for _, m := range batch {
					object, _ := m.MetaGet("pipedrive_object")
					read[object]++
				}
				held = append(held, ack)
				if len(held) > 5 && len(read) == len(api.Objects) {
					break // each has shown up, while none was acknowledged
				}
			}
			for _, ack := range held {
				require.NoError(t, ack(t.Context(), nil))
			}
			for {
				batch, ack, err := in.ReadBatch(t.Context())
				if err == service.ErrEndOfInput {
					break
				}
				require.NoError(t, err)
				for _, m := range batch {
					object, _ := m.MetaGet("pipedrive_object")
					read[object]++
				}
				require.NoError(t, ack(t.Context(), nil))
			}
			for _, o := range api.Objects {
				assert.Equal(t, a.Count(o.Name), read[o.Name], o.Plural)
			}
		})
	}
}

func TestPaginated_MessageIsTheRecordWithItsMetadata(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 1)
	a.Put("person", map[string]any{"id": 2, "name": "Never updated", "add_time": "2026-01-01T00:00:00Z", "update_time": nil})
	a.Put("lead", map[string]any{"id": "35b0d604-eb0d-42d0-be11-eac8832051f0", "title": "Lead", "add_time": "2026-01-01T00:00:00.000Z"})
	in := a.start(newResources(t), "objects: [persons, leads]")
	got := map[string]map[string]any{}
	for range 2 {
		batch, ack, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		for _, m := range batch {
			meta := map[string]any{}
			require.NoError(t, m.MetaWalkMut(func(key string, v any) error { meta[key] = v; return nil }))
			got[meta["pipedrive_id"].(string)] = meta
			body, err := m.AsBytes()
			require.NoError(t, err)
			var record struct {
				ID json.RawMessage `json:"id"`
			}
			require.NoError(t, json.Unmarshal(body, &record))
			assert.Equal(t, meta["pipedrive_id"], strings.Trim(string(record.ID), `"`))
			whole, err := m.AsStructured()
			require.NoError(t, err)
			asRead, _ := m.MetaGetMut("record")
			assert.Equal(t, whole, asRead, "the record as it was read")
			delete(meta, "record")
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	of := func(object, id, at string) map[string]any {
		return map[string]any{"pipedrive_object": object, "pipedrive_id": id, "pipedrive_action": "snapshot",
			"pipedrive_time": at, "pipedrive_source": "paginated"}
	}
	assert.Equal(t, map[string]map[string]any{
		"1":                                    of("person", "1", "2026-02-03T04:05:06Z"),
		"2":                                    of("person", "2", "2026-01-01T00:00:00Z"),
		"35b0d604-eb0d-42d0-be11-eac8832051f0": of("lead", "35b0d604-eb0d-42d0-be11-eac8832051f0", "2026-01-01T00:00:00.000Z"),
	}, got)
}

func TestPaginated_CountsComeWhenTheyAreAskedFor(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 1)
	for _, include := range []bool{false, true} {
		in := a.start(newResources(t), map[bool]string{true: "include_fields: [won_deals_count]"}[include])
		batch, _, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		body, err := batch[0].AsStructured()
		require.NoError(t, err)
		_, there := body.(map[string]any)["won_deals_count"]
		assert.Equal(t, include, there)
	}
}

func TestPaginated_ReadsAheadWithinItsBound(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 100)
	in := a.start(newResources(t), "checkpoint_limit: 30")
	held := []page{in.mustRead(), in.mustRead(), in.mustRead()}
	in.silent()
	assert.Equal(t, 3, a.pages("persons"))
	held[1].delivered(t)
	held = append(held, in.mustRead())
	in.silent()
	assert.Equal(t, 4, a.pages("persons"))
	for _, i := range []int{0, 2, 3} {
		held[i].delivered(t)
	}
	assert.Equal(t, numbers(41, 100), in.readToEnd())
}

func TestPaginated_ABoundBelowAPageIsAPage(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 25)
	assert.Equal(t, numbers(1, 25), a.start(newResources(t), "checkpoint_limit: 1").readToEnd())
}
