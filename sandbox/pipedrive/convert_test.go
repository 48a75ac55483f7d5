package pipedrive_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

const leadID = "5eed0000-1111-4000-8000-000000000001"

// withLead adds a lead with a custom field, a note and an activity.
func (a *account) withLead() *account {
	a.withFields("deal")
	a.Put("organization", object{"id": 3, "name": "Example Ltd"})
	a.Put("lead", object{
		"id": leadID, "title": "Pumps", "owner_id": 7, "person_id": 2, "organization_id": 3, "visible_to": "3",
		"value": object{"amount": 1200, "currency": "GBP"}, "expected_close_date": "2026-12-24", hashMemo: "Asked twice",
		"add_time": "2026-01-01T00:00:00.000Z", "update_time": "2026-01-01T00:00:00.000Z",
	})
	a.Put("note", object{"content": "A note", "lead_id": leadID, "person_id": 2})
	a.Put("activity", object{"subject": "A call", "lead_id": leadID, "person_id": 2})
	return a
}

func TestConvert_TheDealHasWhatTheLeadHadAndTheLeadIsGone(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2).withLead()
	started := a.do("POST", "/api/v2/leads/"+leadID+"/convert/deal", object{"stage_id": 2})
	require.Equal(t, http.StatusOK, started.status, string(started.raw))
	id := started.one(t)["conversion_id"].(string)
	status := a.get("/api/v2/leads/" + leadID + "/convert/status/" + id).one(t)
	assert.Equal(t, object{"conversion_id": id, "status": "completed", "deal_id": 1.0}, status)

	other := "/api/v2/leads/5eed0000-1111-4000-8000-000000000002/convert/status/" + id
	assert.Equal(t, http.StatusNotFound, a.get(other).status, "another lead's")

	deal := a.get("/api/v2/deals/1?include_fields=source_lead_id").one(t)
	wanted := object{
		"title": "Pumps", "value": 1200.0, "currency": "GBP", "person_id": 2.0, "org_id": 3.0, "owner_id": 7.0, "stage_id": 2.0,
		"pipeline_id": 1.0, "status": "open", "expected_close_date": "2026-12-24", "source_lead_id": leadID, "visible_to": 3.0,
	}
	for key, want := range wanted {
		assert.Equal(t, want, deal[key], key)
	}
	assert.Equal(t, "Asked twice", deal["custom_fields"].(object)[hashMemo])
	assert.NotContains(t, a.get("/api/v2/deals/1").one(t), "source_lead_id")

	assert.Equal(t, http.StatusNotFound, a.get("/v1/leads/"+leadID).status)
	assert.Empty(t, a.get("/v1/leads").list(t))
	assert.Equal(t, http.StatusNotFound, a.do("POST", "/api/v2/leads/"+leadID+"/convert/deal", object{}).status)
	for _, object := range []string{"note", "activity"} {
		moved := a.Records(object, 0, 1)[0]
		assert.Equal(t, 1.0, moved["deal_id"], object)
		assert.Nil(t, moved["lead_id"], object)
	}
}

func TestConvert_IsToldOfAsANewDealAndADeletedLead(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{}).withLead()
	a.subscribe(rc, "*", "*", "2.0")
	deal, err := a.Convert(leadID)
	require.NoError(t, err)
	assert.Equal(t, int64(1), deal)
	told := map[any]any{}
	for _, body := range a.told(rc) {
		told[meta(body)["entity"]] = meta(body)["action"]
		assert.Equal(t, "app", meta(body)["change_source"])
	}
	assert.Equal(t, map[any]any{"deal": "create", "lead": "delete"}, told)
}

func TestConvert_TakesItsTimeWhenToldTo(t *testing.T) {
	a := newAccount(t, pipedrive.Config{ConversionDelay: 50 * time.Millisecond}).withPersons(2).withLead()
	t.Cleanup(func() { _ = a.Close() })
	started := a.do("POST", "/api/v2/leads/"+leadID+"/convert/deal", nil).one(t)
	status := func() any {
		return a.get("/api/v2/leads/" + leadID + "/convert/status/" + started["conversion_id"].(string)).one(t)["status"]
	}
	assert.Contains(t, []any{"not_started", "running", "completed"}, status())
	assert.Eventually(t, func() bool { return status() == "completed" }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, 1, a.Count("deal"))
}

func TestConvert_FailsForALeadThatGoesMeanwhileAndRejectsAnArchivedOne(t *testing.T) {
	a := newAccount(t, pipedrive.Config{ConversionDelay: 20 * time.Millisecond}).withPersons(2).withLead()
	t.Cleanup(func() { _ = a.Close() })
	convert := "/api/v2/leads/" + leadID + "/convert/"
	require.NoError(t, a.Change("lead", leadID, object{"is_archived": true}))
	rejected := a.do("POST", convert+"deal", nil).one(t)["conversion_id"].(string)
	assert.Equal(t, "rejected", a.get(convert + "status/" + rejected).one(t)["status"])

	require.NoError(t, a.Change("lead", leadID, object{"is_archived": false}))
	failing := a.do("POST", convert+"deal", nil).one(t)["conversion_id"].(string)
	a.Remove("lead", leadID)
	assert.Eventually(t, func() bool { return a.get(convert + "status/" + failing).one(t)["status"] == "failed" }, 10*time.Second, 5*time.Millisecond)
	assert.Zero(t, a.Count("deal"))
}

func TestConvert_NothingIsCarriedOutOnceTheServerIsClosed(t *testing.T) {
	a := newAccount(t, pipedrive.Config{ConversionDelay: time.Hour}).withPersons(2).withLead()
	started := a.do("POST", "/api/v2/leads/"+leadID+"/convert/deal", nil).one(t)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "twice does no harm")
	status := a.get("/api/v2/leads/" + leadID + "/convert/status/" + started["conversion_id"].(string)).one(t)
	assert.Equal(t, "not_started", status["status"])
	assert.Equal(t, 1, a.Count("lead"))
}

func TestConvert_RefusesWhatItDoesNotKnow(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2).withLead()
	path := "/api/v2/leads/" + leadID + "/convert/"
	for _, body := range []object{{"title": "Another"}, {"stage_id": "1"}, {"stage_id": 99}, {"pipeline_id": 99}} {
		assert.Equal(t, http.StatusBadRequest, a.do("POST", path+"deal", body).status, body)
	}
	missing := a.get(path + "status/5eed0000-1111-4000-8000-00000000000f")
	assert.Equal(t, http.StatusNotFound, missing.status)
	assert.Equal(t, "Entity was not found", missing.message())
}

func TestLeads_HaveTheCustomFieldsThatAreSetInTheFormOfDealsInV1(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2).withLead()
	a.Put("lead", object{
		"id": leadID, "title": "Pumps", "person_id": 2, "add_time": "2026-01-01T00:00:00.000Z", "update_time": "2026-01-01T00:00:00.000Z",
		hashBudget: object{"value": 12.5, "currency": "GBP"}, hashTopics: []any{21, 22}, hashSource: 11,
	})
	lead := a.get("/v1/leads/" + leadID).one(t)
	assert.Equal(t, 12.5, lead[hashBudget])
	assert.Equal(t, "GBP", lead[hashBudget+"_currency"])
	assert.Equal(t, "21,22", lead[hashTopics])
	assert.Equal(t, "11", lead[hashSource])
	assert.NotContains(t, lead, hashMemo)
	assert.NotContains(t, lead, hashPlace+"_locality")
}
