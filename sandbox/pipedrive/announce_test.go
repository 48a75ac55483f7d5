package pipedrive_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

// sample reads a real payload, or skips the test where they are not.
func sample(t *testing.T, name string) object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "payloads", "pipedrive", name+".json"))
	if err != nil {
		t.Skip("the payloads are not beside the project")
	}
	var body object
	require.NoError(t, json.Unmarshal(data, &body))
	return body
}

func TestWebhook2_MetaHasTheKeysAndTypesOfARecordedDelivery(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	hook := a.subscribe(rc, "*", "*", "")
	require.Equal(t, "2.0", hook["version"])
	before := time.Now().Add(-time.Second)
	a.Put("deal", object{"id": 1, "title": "A deal", "stage_id": 1, "pipeline_id": 1, "update_time": "2026-01-02T00:00:00Z"})
	require.Equal(t, 200, a.do("PATCH", "/api/v2/deals/1", object{"stage_id": 2}).status)

	got := a.told(rc)
	require.Len(t, got, 1, "seeding is not told of")
	m, real := meta(got[0]), meta(sample(t, "webhook-v2/seazone-deal-change"))
	assert.ElementsMatch(t, keys(real), keys(m))
	for key, value := range real {
		assert.IsType(t, value, m[key], key)
	}
	assert.Equal(t, object{"stage_id": 1.0}, got[0]["previous"])
	assert.Equal(t, 2.0, part(got[0], "data")["stage_id"])
	assert.Equal(t, []any{"deal", "1", "change", "api", "7", "7", "1", "acme.pipedrive.com", 1.0, []any{"7"}}, []any{
		m["entity"], m["entity_id"], m["action"], m["change_source"], m["user_id"], m["webhook_owner_id"], m["webhook_id"],
		m["host"], m["attempt"], m["permitted_user_ids"],
	})
	at, err := time.Parse("2006-01-02T15:04:05.000Z", m["timestamp"].(string))
	require.NoError(t, err)
	assert.WithinRange(t, at, before, time.Now())
	for _, h := range rc.headers {
		assert.Equal(t, "Pipedrive Webhooks", h.Get("User-Agent"))
		assert.Equal(t, "application/json", h.Get("Content-Type"))
		assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("pipe:drive")), h.Get("Authorization"))
	}
}

func TestWebhook2_RecordsHaveTheKeysOfTheOfficialSamples(t *testing.T) {
	for name, tc := range map[string]struct {
		path string
		body object
		part string
		more []string // younger than the sample
	}{
		"docs-person-change": {"persons", object{"name": "New Person"}, "data", nil},
		"docs-organization-delete": {"organizations", object{"name": "New Ltd"}, "previous",
			[]string{"website", "linkedin", "industry", "annual_revenue", "employee_count"}},
		"pipedream-deal-create": {"deals", object{"title": "New deal"}, "data", nil},
		"docs-pipeline-change":  {"pipelines", object{"name": "New pipeline"}, "data", nil},
		"docs-stage-delete":     {"stages", object{"name": "New stage", "pipeline_id": 1}, "previous", nil},
	} {
		t.Run(name, func(t *testing.T) {
			rc := listen(t)
			a := hooked(t, pipedrive.Webhooks{})
			a.subscribe(rc, "create", "*", "2.0")
			require.Less(t, a.do("POST", "/api/v2/"+tc.path, tc.body).status, 300)
			got := a.told(rc)
			require.Len(t, got, 1)
			assert.Nil(t, got[0]["previous"])
			real := part(sample(t, "webhook-v2/"+name), tc.part)
			assert.ElementsMatch(t, append(keys(real), tc.more...), keys(part(got[0], "data")))
			for key, value := range real {
				if mine := part(got[0], "data")[key]; mine != nil && value != nil {
					assert.IsType(t, value, mine, key)
				}
			}
		})
	}
}

func TestWebhook2_CustomFieldsAreTypedObjectsAndPreviousHasTheChangedOnly(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{}).withFields("person")
	a.subscribe(rc, "change", "person", "2.0")
	a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{
		hashSource: 11, hashBudget: object{"value": 5, "currency": "EUR"}, hashTopics: []int{21, 22}, hashMemo: "Note",
	}})
	a.settled()
	a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{hashSource: 12, hashMemo: nil}})
	got := a.told(rc)
	require.Len(t, got, 2)
	assert.Equal(t, object{
		hashSource: object{"type": "enum", "id": 11.0}, hashBudget: object{"type": "monetary", "value": 5.0, "currency": "EUR"},
		hashTopics: object{"type": "set", "values": []any{object{"id": 21.0}, object{"id": 22.0}}},
		hashMemo:   object{"type": "varchar", "value": "Note"}, hashPlace: nil,
	}, part(got[0], "data")["custom_fields"])
	assert.Equal(t, "3", part(got[0], "data")["visible_to"])
	assert.Equal(t, object{"custom_fields": object{hashSource: nil, hashBudget: nil, hashTopics: nil, hashMemo: nil}}, got[0]["previous"])
	assert.Equal(t, object{"custom_fields": object{
		hashSource: object{"type": "enum", "id": 11.0}, hashMemo: object{"type": "varchar", "value": "Note"},
	}}, got[1]["previous"])
}

func TestWebhook2_ADeleteHasTheLastRecordAndNoData(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	a.subscribe(rc, "*", "*", "2.0")
	require.Equal(t, 200, a.do("DELETE", "/api/v2/persons/2", nil).status)
	require.Equal(t, 410, a.do("DELETE", "/api/v2/persons/2", nil).status, "which is told of once")
	got := a.told(rc)
	require.Len(t, got, 1)
	assert.Equal(t, "delete", meta(got[0])["action"])
	assert.Nil(t, got[0]["data"])
	assert.Equal(t, "Person 2", part(got[0], "previous")["name"])
	assert.Equal(t, "2026-01-02T00:02:00Z", part(got[0], "previous")["update_time"], "not yet the time of deletion")
}

func TestWebhook2_LeadsAndNotesAreToldOf(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	a.subscribe(rc, "*", "*", "2.0")
	id := a.do("POST", "/v1/leads", object{"title": "A lead", "person_id": 1}).one(t)["id"].(string)
	a.settled()
	a.do("PATCH", "/v1/leads/"+id, object{"title": "Another lead"})
	a.settled()
	a.do("DELETE", "/v1/leads/"+id, nil)
	a.settled()
	a.do("POST", "/v1/notes", object{"content": "A note", "person_id": 1})
	a.settled()
	a.Put("note", object{"id": 2, "content": "An old note", "add_time": "2026-01-02 00:00:00", "update_time": "2026-01-02 00:00:00"})
	a.do("PUT", "/v1/notes/2", object{"content": "Another note"})
	a.settled()
	a.do("DELETE", "/v1/notes/2", nil)
	got := a.told(rc)
	require.Len(t, got, 6)
	for i, want := range []string{"create", "change", "delete", "create", "change", "delete"} {
		assert.Equal(t, want, meta(got[i])["action"])
	}
	assert.Equal(t, id, meta(got[0])["entity_id"])
	assert.ElementsMatch(t, keys(part(sample(t, "webhook-v2/docs-lead-create"), "data")), keys(part(got[0], "data")))
	assert.Equal(t, "A lead", part(got[1], "previous")["title"])
	assert.Equal(t, object{"content": "An old note", "update_time": "2026-01-02T00:00:00Z"},
		object{"content": part(got[4], "previous")["content"], "update_time": part(got[4], "previous")["update_time"]})
}

func TestChange_IsAUsersWork(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	a.subscribe(rc, "*", "*", "2.0")
	a.Put("deal", object{"id": 1, "title": "A deal", "stage_id": 1, "pipeline_id": 1, "update_time": "2026-01-02T00:00:00Z"})
	require.NoError(t, a.Change("deal", 1, map[string]any{"stage_id": 2, "value": 100}))
	require.NoError(t, a.Change("user", 7, map[string]any{"active_flag": false}))
	got := a.told(rc)
	require.Len(t, got, 2)
	deal := a.Records("deal", 0, 1)[0]
	assert.Equal(t, deal["update_time"], deal["stage_change_time"], "what Pipedrive derives follows")
	for _, body := range got {
		assert.Equal(t, "app", meta(body)["change_source"])
		if meta(body)["entity"] == "user" {
			real := sample(t, "webhook-v2/docs-user-delete-as-change")
			assert.ElementsMatch(t, keys(real["meta"].(object)), keys(meta(body)))
			assert.ElementsMatch(t, keys(real["data"].(object)), keys(part(body, "data")))
			assert.Equal(t, []any{"7", "7", object{"active_flag": true}}, []any{meta(body)["id"], part(body, "data")["id"], body["previous"]})
		}
	}
	calls := a.Stats().Calls
	assert.Error(t, a.Change("deal", 99, map[string]any{"stage_id": 2}))
	assert.Error(t, a.Change("deal", 1, map[string]any{"nonsense": 2}))
	assert.Equal(t, calls, a.Stats().Calls, "no call of the API's")
	_, err := a.AsUser("POST", "/api/v2/persons", map[string]any{"name": "Made By Hand"})
	require.NoError(t, err)
	assert.Len(t, a.told(rc), 3)
}

func TestWebhook_FiltersByActionAndObject(t *testing.T) {
	a := hooked(t, pipedrive.Webhooks{})
	all, created, people, deals := listen(t), listen(t), listen(t), listen(t)
	a.subscribe(all, "*", "*", "2.0")
	a.subscribe(created, "create", "*", "2.0")
	a.subscribe(people, "*", "person", "2.0")
	a.subscribe(deals, "change", "deal", "2.0")
	a.do("POST", "/api/v2/persons", object{"name": "One More"})
	a.rename("Renamed")
	a.do("POST", "/api/v2/deals", object{"title": "A deal"})
	a.settled()
	for rc, n := range map[*receiver]int{all: 3, created: 2, people: 2, deals: 0} {
		assert.Len(t, rc.all(), n)
	}
	assert.NotEqual(t, meta(all.all()[0])["id"], meta(people.all()[0])["id"])
}

func TestWebhook2_AMergeIsADeleteAndAChangeThatNameEachOther(t *testing.T) {
	for _, first := range []bool{false, true} {
		rc := listen(t)
		a := hooked(t, pipedrive.Webhooks{Workers: 1, SurvivorFirst: first})
		a.subscribe(rc, "*", "person", "2.0")
		require.Equal(t, 200, a.do("PUT", "/v1/persons/1/merge", object{"merge_with_id": 2}).status)
		got := a.told(rc)
		require.Len(t, got, 2)
		if first {
			got[0], got[1] = got[1], got[0]
		}
		assert.Equal(t, []any{"delete", "1", "2", nil}, []any{
			meta(got[0])["action"], meta(got[0])["entity_id"], meta(got[0])["merged_to_id"], meta(got[0])["merged_from_id"]})
		assert.Equal(t, []any{"change", "2", nil, "1"}, []any{
			meta(got[1])["action"], meta(got[1])["entity_id"], meta(got[1])["merged_to_id"], meta(got[1])["merged_from_id"]})
		assert.Contains(t, part(got[1], "previous"), "emails", "those of both")
	}
}
