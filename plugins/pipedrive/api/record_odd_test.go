package api_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	"connector/sandbox"
	"connector/sandbox/pipedrive"
)

func TestRecord_LeadKeepsItsUUIDAndHasOrgID(t *testing.T) {
	const uuid = "35b0d604-eb0d-42d0-be11-eac8832051f0"
	a := newAccount(t).with("/v1/leads", object{
		"id": uuid, "title": "Lead", "organization_id": 7, "person_id": nil, "visible_to": "3", "label_ids": nil,
		"add_time": "2026-11-01T10:00:00.123Z", hash('a'): "x",
	}).with("/v1/dealFields", object{"key": hash('a'), "name": "Reason", "field_type": "varchar", "edit_flag": true})
	r := readOne(t, a.client(), "leads", v2)
	assertShape(t, "lead", r)
	assert.Equal(t, uuid, r.ID())
	assert.Equal(t, json.Number("7"), r["org_id"])
	assert.Equal(t, "2026-11-01T10:00:00.123Z", r.Time())
	assert.Equal(t, object{"reason": "x"}, r["custom_fields_by_name"])
}

func TestRecord_OddV1Values(t *testing.T) {
	for _, c := range []struct {
		name, plural string
		in           object
		key          string
		want         any
	}{
		{"no email is one blank entry", "persons", object{"email": list{object{"value": "", "primary": true}}}, "emails", list{}},
		{"blank entries go, others stay", "persons", object{"phone": list{object{"value": " ", "primary": true, "label": ""}, object{"value": "1", "primary": false, "label": "work"}}},
			"phones", list{object{"value": "1", "primary": false, "label": "work"}}},
		{"null emails", "persons", object{"email": nil}, "emails", list{}},
		{"linked object", "persons", object{"org_id": object{"name": "Acme", "value": 7}}, "org_id", json.Number("7")},
		{"linked number, as in recents", "persons", object{"org_id": 7}, "org_id", json.Number("7")},
		{"linked null", "persons", object{"org_id": nil}, "org_id", nil},
		{"owner with id and value", "deals", object{"user_id": object{"id": 5, "value": 5}}, "owner_id", json.Number("5")},
		{"time", "persons", object{"update_time": "2026-11-02 10:11:12"}, "update_time", "2026-11-02T10:11:12Z"},
		{"no time", "deals", object{"won_time": nil}, "won_time", nil},
		{"zero time", "deals", object{"won_time": "0000-00-00 00:00:00"}, "won_time", nil},
		{"date stays a date", "deals", object{"expected_close_date": "2026-11-02"}, "expected_close_date", "2026-11-02"},
		{"time of day in v2's form", "activities", object{"due_time": "10:30"}, "due_time", "10:30:00"},
		{"text that looks like a time stays", "persons", object{"name": "2026-11-02 10:11:12"}, "name", "2026-11-02 10:11:12"},
		{"active person", "persons", object{"active_flag": true}, "is_deleted", false},
		{"inactive person", "persons", object{"active_flag": false}, "is_deleted", true},
		{"deleted deal", "deals", object{"deleted": true, "active": false}, "is_deleted", true},
		{"won deal is not deleted", "deals", object{"deleted": false, "active": false}, "is_deleted", false},
		{"deleted stage", "stages", object{"active_flag": false}, "is_deleted", true},
		{"deleted pipeline", "pipelines", object{"active": false}, "is_deleted", true},
		{"visible_to", "deals", object{"visible_to": "7"}, "visible_to", json.Number("7")},
		{"one label", "persons", object{"label": 4}, "label_ids", list{json.Number("4")}},
		{"labels as text", "deals", object{"label": "1,2"}, "label_ids", list{json.Number("1"), json.Number("2")}},
		{"no label", "deals", object{"label": nil}, "label_ids", list{}},
		{"label_ids win", "persons", object{"label": 4, "label_ids": list{5, 6}}, "label_ids", list{json.Number("5"), json.Number("6")}},
		{"address", "organizations", object{"address": "Main St 1", "address_locality": "Bern", "address_country": nil}, "address",
			object{"value": "Main St 1", "locality": "Bern", "country": nil}},
		{"no address", "organizations", object{"address": nil, "address_locality": nil}, "address", nil},
		{"busy as number", "activities", object{"busy_flag": 1}, "busy", true},
		{"done as number", "activities", object{"done": 0}, "done", false},
		{"participants", "activities", object{"participants": list{object{"person_id": 1, "primary_flag": true}}}, "participants",
			list{object{"person_id": json.Number("1"), "primary": true}}},
		{"null participants", "activities", object{"participants": nil}, "participants", list{}},
		{"null attendees", "activities", object{"attendees": nil}, "attendees", list{}},
		{"a field of tomorrow", "deals", object{"mood": object{"score": 1.50, "when": "2026-01-01 00:00:00"}}, "mood",
			object{"score": json.Number("1.5"), "when": "2026-01-01 00:00:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in["id"] = 1
			a := newAccount(t).with("/v1/"+c.plural, c.in)
			r := readOne(t, a.client(), c.plural, v1)
			require.Contains(t, r, c.key)
			assert.Equal(t, c.want, r[c.key])
			assertShape(t, kind(t, c.plural).Name, r)
		})
	}
}

func TestRecord_V2PassesUnknownFieldsAndNumbersUntouched(t *testing.T) {
	a := newAccount(t).on("/api/v2/deals", func(url.Values) any {
		return []byte(`{"success":true,"data":[{"id":12345678901234567890,"value":0.10,"mood":{"a":[1,null]},"label_ids":null,"custom_fields":null}]}`)
	})
	r := readOne(t, a.client(), "deals", v2)
	assertShape(t, "deal", r)
	body, err := json.Marshal(r)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":12345678901234567890,"value":0.10,"mood":{"a":[1,null]},"label_ids":[],"custom_fields":{},"custom_fields_by_name":{},"is_deleted":false}`, string(body))
	assert.Contains(t, string(body), `12345678901234567890`)
	assert.Contains(t, string(body), `0.10`)
}

func TestRecord_SandboxVariantsTakeTheOneShape(t *testing.T) {
	for name, cfg := range map[string]pipedrive.Config{
		"unset custom fields left out": {OmitUnsetCustomFields: true},
		"custom_fields null":           {NullCustomFields: true},
		"empty v1 lists":               {EmptyV1Arrays: true},
		"flat paging of leads":         {FlatLeadPaging: true},
		"contact sync":                 {ContactSync: true, Campaigns: true},
	} {
		t.Run(name, func(t *testing.T) {
			box, err := sandbox.Start(sandbox.Config{Persons: 60, Pipedrive: cfg})
			require.NoError(t, err)
			t.Cleanup(func() { _ = box.Close() })
			for _, o := range api.Objects {
				for _, r := range readAll(t, newClient(t, box.PipedriveURL()), o.Plural, v2) {
					assertShape(t, o.Name, r)
				}
			}
		})
	}
}
