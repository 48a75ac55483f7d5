package pipedrive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestWebhook1_HasTheKeysAndTypesOfRecordedDeliveries(t *testing.T) {
	for name, tc := range map[string]struct {
		object  string
		path    string
		changes object
		missing []string // keys of the recording that the sandbox does not have
	}{
		"hookdeck-updated-person":       {"person", "persons", object{"name": "New Name"}, nil},
		"hookdeck-updated-organization": {"organization", "organizations", object{"name": "New Ltd"}, nil},
		"hookdeck-updated-deal":         {"deal", "deals", object{"value": 5}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rc := listen(t)
			a := hooked(t, pipedrive.Webhooks{})
			a.Put("organization", object{"id": 1, "name": "Old Ltd", "owner_id": 7})
			a.Put("deal", object{"id": 1, "title": "A deal", "person_id": 1, "org_id": 1, "owner_id": 7, "stage_id": 1, "pipeline_id": 1})
			a.subscribe(rc, "updated", tc.object, "1.0")
			require.Equal(t, 200, a.do("PATCH", "/api/v2/"+tc.path+"/1", tc.changes).status)
			got := a.told(rc)
			require.Len(t, got, 1)
			real := sample(t, "webhook-v1/"+name)
			assert.ElementsMatch(t, keys(real), keys(got[0]))
			assert.ElementsMatch(t, keys(meta(real)), keys(meta(got[0])))
			for key, value := range meta(real) {
				assert.IsType(t, value, meta(got[0])[key], key)
			}
			assert.Subset(t, append(keys(part(got[0], "current")), tc.missing...), keys(part(real, "current")))
			for key, value := range part(real, "current") {
				if mine := part(got[0], "current")[key]; mine != nil && value != nil {
					assert.IsType(t, value, mine, key)
				}
			}
			assert.ElementsMatch(t, keys(part(got[0], "current")), keys(part(got[0], "previous")), "the former record in full")
			assert.Equal(t, "updated."+tc.object, got[0]["event"])
			assert.Equal(t, 0.0, got[0]["retry"])
		})
	}
}

func TestWebhook1_AddsDeletesAndMergesHaveTheirOwnWords(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{Workers: 1})
	a.subscribe(rc, "*", "*", "1.0")
	a.do("POST", "/api/v2/persons", object{"name": "One More"})
	a.do("DELETE", "/api/v2/persons/4", nil)
	a.do("PUT", "/v1/persons/1/merge", object{"merge_with_id": 2})
	a.do("POST", "/v1/leads", object{"title": "Leads are told of in 2.0 only", "person_id": 2})
	got := a.told(rc)
	require.Len(t, got, 4)
	for i, want := range []struct {
		event             string
		current, previous bool
	}{{"added.person", true, false}, {"deleted.person", false, true}, {"deleted.person", false, true}, {"merged.person", true, true}} {
		assert.Equal(t, want.event, got[i]["event"])
		assert.Equal(t, want.current, got[i]["current"] != nil)
		assert.Equal(t, want.previous, got[i]["previous"] != nil)
	}
}

func TestWebhook1_RetryCountsFromZero(t *testing.T) {
	rc := listen(t)
	rc.fails(2, 503)
	a := hooked(t, pipedrive.Webhooks{})
	a.subscribe(rc, "*", "*", "1.0")
	a.rename("Renamed")
	for i, body := range a.told(rc) {
		assert.EqualValues(t, i, body["retry"])
	}
}
