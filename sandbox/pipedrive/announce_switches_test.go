package pipedrive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestWebhook2_SwitchesChooseAnotherReadingOfThePayload(t *testing.T) {
	address := object{"address": object{"value": "1 High Street"}}
	for name, tc := range map[string]struct {
		switches pipedrive.Webhooks
		method   string
		path     string
		body     object
		check    func(t *testing.T, body object)
	}{
		"update_time is null on create": {pipedrive.Webhooks{NullUpdateTime: true}, "POST", "deals", object{"title": "A deal"},
			func(t *testing.T, body object) { assert.Nil(t, part(body, "data")["update_time"]) }},
		"or it is not": {pipedrive.Webhooks{}, "POST", "deals", object{"title": "A deal"},
			func(t *testing.T, body object) { assert.NotNil(t, part(body, "data")["update_time"]) }},
		"previous has the times that follow": {pipedrive.Webhooks{FullPrevious: true}, "PATCH", "deals/1", object{"stage_id": 2},
			func(t *testing.T, body object) {
				assert.ElementsMatch(t, []string{"stage_id", "stage_change_time", "update_time"}, keys(part(body, "previous")))
			}},
		"an address is an object": {pipedrive.Webhooks{}, "PATCH", "organizations/1", address,
			func(t *testing.T, body object) {
				assert.Equal(t, "1 High Street", part(part(body, "data"), "address")["value"])
			}},
		"or text": {pipedrive.Webhooks{PlainAddress: true}, "PATCH", "organizations/1", address,
			func(t *testing.T, body object) { assert.Equal(t, "1 High Street", part(body, "data")["address"]) }},
		"label_ids beside label": {pipedrive.Webhooks{LabelIDs: true}, "PATCH", "persons/1", object{"name": "Renamed"},
			func(t *testing.T, body object) { assert.Equal(t, []any{}, part(body, "data")["label_ids"]) }},
		"no list of users": {pipedrive.Webhooks{OmitPermittedUsers: true}, "PATCH", "persons/1", object{"name": "Renamed"},
			func(t *testing.T, body object) { assert.NotContains(t, meta(body), "permitted_user_ids") }},
		"a change of nothing": {pipedrive.Webhooks{}, "PATCH", "persons/1", object{"name": "Person 1"},
			func(t *testing.T, body object) { assert.Equal(t, object{}, part(body, "previous")) }},
		"or nothing of it": {pipedrive.Webhooks{SilentNoOps: true}, "PATCH", "persons/1", object{"name": "Person 1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rc := listen(t)
			a := hooked(t, tc.switches)
			a.Put("organization", object{"id": 1, "name": "Example Ltd"})
			a.Put("person", object{"id": 1, "name": "Person 1", "first_name": "Person", "last_name": "1", "update_time": "2026-01-02T00:00:00Z"})
			a.Put("deal", object{"id": 1, "title": "A deal", "stage_id": 1, "pipeline_id": 1, "update_time": "2026-01-02T00:00:00Z"})
			a.subscribe(rc, "*", "*", "2.0")
			require.Less(t, a.do(tc.method, "/api/v2/"+tc.path, tc.body).status, 300)
			got := a.told(rc)
			if tc.check == nil {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			tc.check(t, got[0])
		})
	}
}

func TestWebhook2_RecordsThatAMergeMovesAreToldOfOnRequest(t *testing.T) {
	for moves, n := range map[bool]int{false: 0, true: 1} {
		rc := listen(t)
		a := hooked(t, pipedrive.Webhooks{MergeMoves: moves})
		a.Put("deal", object{"id": 1, "title": "A deal", "person_id": 1, "stage_id": 1, "pipeline_id": 1})
		a.subscribe(rc, "*", "deal", "2.0")
		require.Equal(t, 200, a.do("PUT", "/v1/persons/1/merge", object{"merge_with_id": 2}).status)
		got := a.told(rc)
		require.Len(t, got, n)
		if moves {
			assert.Equal(t, object{"person_id": 1.0}, got[0]["previous"])
		}
	}
}
