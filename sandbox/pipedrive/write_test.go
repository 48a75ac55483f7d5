package pipedrive_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/pipedrive"
)

func TestPersons_CreatedPersonHasTheFullShape(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1).withFields("person")
	created := a.do("POST", "/api/v2/persons", object{
		"name": "Greta Hallgrim Jansma", "emails": []any{object{"value": "g@x.example.com"}},
		"custom_fields": object{hashSource: 11},
	})
	assert.Equal(t, http.StatusOK, created.status)
	p := created.one(t)
	assert.Equal(t, 2.0, p["id"])
	assert.Equal(t, "Greta", p["first_name"])
	assert.Equal(t, "Hallgrim Jansma", p["last_name"])
	assert.Equal(t, 7.0, p["owner_id"])
	assert.Equal(t, []any{entry("g@x.example.com")}, p["emails"])
	assert.Equal(t, []any{}, p["phones"])
	assert.Equal(t, object{hashSource: 11.0, hashBudget: nil, hashTopics: nil, hashPlace: nil, hashMemo: nil}, p["custom_fields"])
	assert.Equal(t, p, a.get("/api/v2/persons/2").one(t))
}

func TestPersons_NameIsSplitAndJoined(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	p := a.do("PATCH", "/api/v2/persons/1", object{"first_name": "Elif", "last_name": "Yildiran"}).one(t)
	assert.Equal(t, "Elif Yildiran", p["name"])
	p = a.do("PATCH", "/api/v2/persons/1", object{"name": "Cher"}).one(t)
	assert.Equal(t, "Cher", p["first_name"])
	assert.Nil(t, p["last_name"])
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/persons/1", object{"first_name": "Elif"}).status)
	assert.Equal(t, http.StatusBadRequest, a.do("POST", "/api/v2/persons", object{"emails": []any{}}).status)
}

func TestPersons_BodiesAreStrict(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1).withFields("person")
	for name, tc := range map[string]struct {
		body object
		want string
	}{
		"unknown key":            {object{"user_id": 7}, "user_id: Parameter 'user_id' is not allowed for this request"},
		"hash at the root":       {object{hashSource: 11}, hashSource},
		"unknown hash":           {object{"custom_fields": object{"9999999999999999999999999999999999999999": 1}}, "custom_fields.9999"},
		"number as text":         {object{"owner_id": "7"}, "owner_id"},
		"emails as text":         {object{"emails": "a@b.example.com"}, "emails"},
		"two primaries":          {object{"emails": []any{entry("a@x.example.com"), entry("b@x.example.com")}}, "emails"},
		"add_time in an update":  {object{"add_time": "2026-01-01T00:00:00Z"}, "add_time"},
		"unknown option":         {object{"custom_fields": object{hashSource: 99}}, "custom_fields." + hashSource},
		"empty set":              {object{"custom_fields": object{hashTopics: []any{}}}, "custom_fields." + hashTopics},
		"money without currency": {object{"custom_fields": object{hashBudget: object{"value": 5}}}, "currency"},
		"missing organization":   {object{"org_id": 404}, "org_id"},
		"visible_to as text":     {object{"visible_to": "3"}, "visible_to"},
	} {
		got := a.do("PATCH", "/api/v2/persons/1", tc.body)
		assert.Equal(t, http.StatusBadRequest, got.status, name)
		assert.Contains(t, got.message(), tc.want, name)
	}
	assert.Equal(t, "Person 1", a.get("/api/v2/persons/1").one(t)["name"], "nothing was written")
}

func TestPersons_PatchReplacesEmailsAndKeepsEverythingElse(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1).withFields("person")
	a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{hashMemo: "kept", hashSource: 12}}).one(t)
	a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{}}).one(t)
	p := a.do("PATCH", "/api/v2/persons/1", object{
		"emails": []any{object{"value": "new@x.example.com", "label": "home"}}, "custom_fields": object{hashSource: nil},
	}).one(t)
	assert.Equal(t, []any{object{"value": "new@x.example.com", "primary": true, "label": "home"}}, p["emails"])
	assert.Equal(t, "kept", p["custom_fields"].(object)[hashMemo])
	assert.Nil(t, p["custom_fields"].(object)[hashSource])
	assert.NotEqual(t, "2026-01-02T00:01:00Z", p["update_time"])
}

func TestPersons_AddressSubfieldsLeftOutBecomeNull(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1).withFields("person")
	p := a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{hashPlace: object{"value": "Mill Lane 2, Kiel", "locality": "Kiel"}}}).one(t)
	place := p["custom_fields"].(object)[hashPlace].(object)
	assert.Equal(t, "Kiel", place["locality"])
	assert.Equal(t, "Mill Lane 2, Kiel", place["formatted_address"])
	assert.Contains(t, place, "route")
	assert.Nil(t, place["route"])
}

func TestPersons_DeletionIsSoftAndSecondDeletionIsGone(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2)
	deleted := a.do("DELETE", "/api/v2/persons/1", nil)
	assert.Equal(t, object{"id": 1.0}, deleted.one(t))
	assert.Equal(t, []int{2}, ids(a.get("/api/v2/persons").list(t)))
	assert.Equal(t, true, a.get("/api/v2/persons/1").one(t)["is_deleted"])
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/persons/1", object{"name": "No"}).status)
	assert.Equal(t, http.StatusGone, a.do("DELETE", "/api/v2/persons/1", nil).status)
	assert.Equal(t, http.StatusNotFound, a.do("DELETE", "/api/v2/persons/9", nil).status)
	a.Remove("person", "1")
	gone := a.get("/api/v2/persons/1")
	assert.Equal(t, http.StatusNotFound, gone.status)
	assert.Equal(t, "Person not found", gone.message())
}

func TestPersons_HiddenDeletedPersonIsNotFound(t *testing.T) {
	a := newAccount(t, pipedrive.Config{HideDeleted: true}).withPersons(1)
	a.do("DELETE", "/api/v2/persons/1", nil).one(t)
	assert.Equal(t, http.StatusNotFound, a.get("/api/v2/persons/1").status)
}

func TestPersons_MarketingStatusChangesOnceAndOtherwiseSilentlyNot(t *testing.T) {
	a := newAccount(t, pipedrive.Config{Campaigns: true}).withPersons(1)
	status := func() any {
		return a.get("/api/v2/persons/1?include_fields=marketing_status").one(t)["marketing_status"]
	}
	assert.Equal(t, "no_consent", status())
	a.do("PATCH", "/api/v2/persons/1", object{"marketing_status": "subscribed"}).one(t)
	assert.Equal(t, "subscribed", status())
	a.do("PATCH", "/api/v2/persons/1", object{"marketing_status": "unsubscribed"}).one(t)
	assert.Equal(t, "subscribed", status())
}

func TestPersons_ContactSyncKeysAreForbiddenWithoutContactSync(t *testing.T) {
	off := newAccount(t, pipedrive.Config{}).withPersons(1)
	assert.Equal(t, http.StatusForbidden, off.do("PATCH", "/api/v2/persons/1", object{"job_title": "Buyer"}).status)
	assert.NotContains(t, off.get("/api/v2/persons/1").one(t), "job_title")
	on := newAccount(t, pipedrive.Config{ContactSync: true}).withPersons(1)
	assert.Equal(t, "Buyer", on.do("PATCH", "/api/v2/persons/1", object{"job_title": "Buyer"}).one(t)["job_title"])
}

func TestDeals_StatusAndStageSetTheirTimes(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	d := a.do("POST", "/api/v2/deals", object{"title": "Pumps", "person_id": 1}).one(t)
	assert.Equal(t, 1.0, d["pipeline_id"])
	assert.Equal(t, 1.0, d["stage_id"])
	assert.Nil(t, d["won_time"])
	d = a.do("PATCH", "/api/v2/deals/1", object{"stage_id": 2}).one(t)
	assert.NotNil(t, d["stage_change_time"])
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/deals/1", object{"lost_reason": "Price"}).status)
	d = a.do("PATCH", "/api/v2/deals/1", object{"status": "lost", "lost_reason": "Price"}).one(t)
	assert.NotNil(t, d["lost_time"])
	assert.NotNil(t, d["close_time"])
	assert.Equal(t, "Price", d["lost_reason"])
	d = a.do("PATCH", "/api/v2/deals/1", object{"status": "open"}).one(t)
	assert.Nil(t, d["lost_time"])
	assert.Nil(t, d["lost_reason"])
}

func TestDeals_ArchivedOrDeletedCanOnlyBeRestored(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	a.do("POST", "/api/v2/deals", object{"title": "Pumps"}).one(t)
	d := a.do("PATCH", "/api/v2/deals/1", object{"is_archived": true}).one(t)
	assert.NotNil(t, d["archive_time"])
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/deals/1", object{"title": "X"}).status)
	assert.Nil(t, a.do("PATCH", "/api/v2/deals/1", object{"is_archived": false}).one(t)["archive_time"])
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/deals/1", object{"is_deleted": true}).status)
	a.do("DELETE", "/api/v2/deals/1", nil).one(t)
	d = a.do("PATCH", "/api/v2/deals/1", object{"is_deleted": false}).one(t)
	assert.Equal(t, "open", d["status"])
}

func TestActivities_PersonComesFromThePrimaryParticipant(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2)
	got := a.do("POST", "/api/v2/activities", object{"subject": "Call", "type": "call", "person_id": 1, "participants": []any{
		object{"person_id": 1, "primary": false}, object{"person_id": 2, "primary": true},
	}}).one(t)
	assert.Equal(t, 2.0, got["person_id"])
	got = a.do("PATCH", "/api/v2/activities/1", object{"done": true, "person_id": 1}).one(t)
	assert.Equal(t, 2.0, got["person_id"])
	assert.NotNil(t, got["marked_as_done_time"])
}

func TestProducts_CreatedAnswers201(t *testing.T) {
	a := newAccount(t, pipedrive.Config{})
	got := a.do("POST", "/api/v2/products", object{"name": "Pump", "prices": []any{object{"price": 5, "currency": "EUR"}}})
	assert.Equal(t, http.StatusCreated, got.status)
	assert.Equal(t, 1.0, got.one(t)["prices"].([]any)[0].(object)["product_id"])
}
