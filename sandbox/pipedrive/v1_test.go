package pipedrive_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/pipedrive"
)

func TestV1Persons_HaveTheOldShape(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(0).withFields("person")
	a.Put("organization", object{"id": 9, "name": "Harbourline", "address": object{"value": "Mill Lane 2"}})
	a.Put("person", object{
		"id": 1, "name": "Greta Jansma", "owner_id": 7, "org_id": 9, "add_time": "2026-01-01T00:00:00Z", "update_time": "2026-01-02T03:04:05Z",
		"custom_fields": object{hashSource: 11, hashBudget: object{"value": 5, "currency": "EUR"}, hashTopics: []int{21, 22}},
	})
	p := a.get("/api/v1/persons?start=0&limit=10").list(t)[0]
	assert.Equal(t, []any{object{"value": "", "primary": true}}, p["email"])
	assert.Equal(t, []any{object{"value": "", "primary": true}}, p["phone"])
	assert.Equal(t, "2026-01-02 03:04:05", p["update_time"])
	assert.Equal(t, "3", p["visible_to"])
	assert.Equal(t, true, p["active_flag"])
	assert.Equal(t, "11", p[hashSource])
	assert.Equal(t, "21,22", p[hashTopics])
	assert.Equal(t, 5.0, p[hashBudget])
	assert.Equal(t, "EUR", p[hashBudget+"_currency"])
	assert.Contains(t, p, hashPlace+"_locality")
	assert.Nil(t, p[hashMemo])
	assert.Equal(t, 0.0, p["won_deals_count"])
	assert.Equal(t, 7.0, p["owner_id"].(object)["value"])
	assert.Equal(t, "Mill Lane 2", p["org_id"].(object)["address"])
	for _, key := range []string{"emails", "phones", "custom_fields", "is_deleted"} {
		assert.NotContains(t, p, key)
	}
	assert.Equal(t, p["name"], a.get("/v1/persons/1").one(t)["name"])
}

func TestV1Lists_PageByStartAndEndWithoutNextStart(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(25)
	var seen []int
	start := 0.0
	for {
		got := a.get(fmt.Sprintf("/v1/persons?start=%v&limit=10&sort=update_time%%20DESC", start))
		seen = append(seen, ids(got.list(t))...)
		paging := got.body["additional_data"].(object)["pagination"].(object)
		if paging["more_items_in_collection"] == false {
			assert.NotContains(t, paging, "next_start")
			break
		}
		start = paging["next_start"].(float64)
	}
	assert.Len(t, seen, 25)
	assert.Equal(t, 25, seen[0])
	assert.Equal(t, 1, seen[24])
}

func TestV1Lists_EmptyIsNullUnlessToldOtherwise(t *testing.T) {
	assert.Nil(t, newAccount(t, pipedrive.Config{}).get("/v1/persons").body["data"])
	assert.Equal(t, []any{}, newAccount(t, pipedrive.Config{EmptyV1Arrays: true}).get("/v1/persons").body["data"])
	assert.Equal(t, []any{}, newAccount(t, pipedrive.Config{}).get("/v1/leads").body["data"])
}

func TestV1Off_AnswersGoneForDeprecatedListsOnly(t *testing.T) {
	a := newAccount(t, pipedrive.Config{V1Off: true}).withPersons(1)
	for _, path := range []string{"persons", "deals", "organizations", "activities", "products", "pipelines", "stages", "persons/1"} {
		assert.Equal(t, http.StatusGone, a.get("/v1/"+path).status, path)
	}
	for _, path := range []string{"leads", "notes", "users", "users/me", "currencies", "activityTypes", "leadLabels", "leadSources", "webhooks", "filters", "personFields"} {
		assert.Equal(t, http.StatusOK, a.get("/v1/"+path).status, path)
	}
}

func TestV1Activities_AreThoseOfTheTokensUserUnlessUserIsZero(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	a.Put("activity", object{"id": 1, "owner_id": 7})
	a.Put("activity", object{"id": 2, "owner_id": 8})
	assert.Equal(t, []int{1}, ids(a.get("/v1/activities").list(t)))
	assert.Equal(t, []int{1, 2}, ids(a.get("/v1/activities?user_id=0").list(t)))
}

func TestRecents_MixItemsOldestChangeFirstWithPlainIDs(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	ago := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }
	a.Put("person", object{"id": 2, "name": "New", "owner_id": 7, "update_time": ago(time.Hour)})
	a.Put("deal", object{"id": 1, "title": "D", "person_id": 2, "stage_id": 1, "update_time": ago(2 * time.Hour)})
	a.Put("person", object{"id": 3, "name": "Too old", "update_time": ago(40 * 24 * time.Hour)})
	a.Put("person", object{"id": 4, "name": "Never", "update_time": nil})
	got := a.get("/v1/recents?since_timestamp=2020-01-01%2000:00:00&items=person,deal")
	entries := got.list(t)
	assert.Len(t, entries, 2)
	assert.Equal(t, "deal", entries[0]["item"])
	assert.Equal(t, 2.0, entries[0]["data"].(object)["person_id"])
	assert.Equal(t, 7.0, entries[1]["data"].(object)["owner_id"])
	assert.NotEmpty(t, got.body["additional_data"].(object)["last_timestamp_on_page"])
	a.do("DELETE", "/api/v2/persons/2", nil).one(t)
	entries = a.get("/v1/recents?since_timestamp=2020-01-01%2000:00:00&items=person").list(t)
	assert.Equal(t, false, entries[0]["data"].(object)["active_flag"])
	assert.Equal(t, http.StatusBadRequest, a.get("/v1/recents").status)
}

func TestMerge_SurvivorIsFilledAndGetsTheLinks(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2).withFields("person")
	a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{hashMemo: "from one"}}).one(t)
	a.Put("deal", object{"id": 1, "person_id": 1, "stage_id": 1})
	merged := a.do("PUT", "/v1/persons/1/merge", object{"merge_with_id": 2}).one(t)
	assert.Equal(t, 2.0, merged["id"])
	assert.Equal(t, 1.0, merged["merge_what_id"])
	p := a.get("/api/v2/persons/2?include_fields=open_deals_count").one(t)
	assert.Equal(t, "Person 2", p["name"])
	assert.Equal(t, "from one", p["custom_fields"].(object)[hashMemo])
	assert.Equal(t, []any{entry("p2@people.example.com"), object{"value": "p1@people.example.com", "primary": false, "label": "work"}}, p["emails"])
	assert.Equal(t, 1.0, p["open_deals_count"])
	assert.Equal(t, []int{2}, ids(a.get("/api/v2/persons").list(t)))
}

func TestLeads_KeepCustomFieldsAtTheRootAndLeaveUnsetOnesOut(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1).withFields("deal")
	created := a.do("POST", "/v1/leads", object{"title": "Pumps", "person_id": 1, hashMemo: "text", "value": object{"amount": 5, "currency": "EUR"}})
	assert.Equal(t, http.StatusCreated, created.status)
	lead := created.one(t)
	id := lead["id"].(string)
	assert.Len(t, id, 36)
	assert.Equal(t, "text", lead[hashMemo])
	assert.NotContains(t, lead, hashSource)
	assert.NotContains(t, lead, "custom_fields")
	assert.Regexp(t, `\.\d{3}Z$`, lead["update_time"])
	assert.Equal(t, lead, a.get("/v1/leads/"+id).one(t))
	assert.Equal(t, []object{lead}, a.get("/v1/leads?person_id=1&sort=update_time%20ASC").list(t))
	a.Put("lead", object{"id": id, "title": "Pumps", "person_id": 1, hashSource: 11, hashBudget: object{"value": 100, "currency": "EUR"}})
	lead = a.get("/v1/leads/" + id).one(t)
	assert.Equal(t, []any{"11", 100.0, "EUR"}, []any{lead[hashSource], lead[hashBudget], lead[hashBudget+"_currency"]}, "as with deals")

	for name, body := range map[string]object{
		"no link":  {"title": "X"},
		"no title": {"person_id": 1},
		"unknown":  {"title": "X", "person_id": 1, "org_id": 1},
	} {
		assert.Equal(t, http.StatusBadRequest, a.do("POST", "/v1/leads", body).status, name)
	}
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/v1/leads/"+id, object{"person_id": nil}).status)
	a.do("PATCH", "/v1/leads/"+id, object{"is_archived": true}).one(t)
	assert.Empty(t, a.get("/v1/leads").list(t))
	assert.Len(t, a.get("/v1/leads/archived").list(t), 1)
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/v1/leads/"+id, object{"title": "Y"}).status)
	assert.Equal(t, object{"id": id}, a.do("DELETE", "/v1/leads/"+id, nil).one(t))
	gone := a.get("/v1/leads/" + id)
	assert.Equal(t, http.StatusNotFound, gone.status)
	assert.Equal(t, "Object was not found.", gone.body["error_info"])
}

// Neither is said of a read by id: both are played.
func TestLeads_ThatAreArchivedOrDeletedAreShownByTheirIDOrNot(t *testing.T) {
	for _, shown := range []bool{false, true} {
		a := newAccount(t, pipedrive.Config{ShowDeletedLeads: shown, HideArchivedLeads: !shown}).withPersons(1)
		status := func(gone func(path string)) int {
			path := "/v1/leads/" + a.do("POST", "/v1/leads", object{"title": "Pumps", "person_id": 1}).one(t)["id"].(string)
			gone(path)
			assert.Empty(t, a.get("/v1/leads").list(t))
			return a.get(path).status
		}
		want := map[bool]int{false: http.StatusNotFound, true: http.StatusOK}[shown]
		assert.Equal(t, want, status(func(path string) { a.do("PATCH", path, object{"is_archived": true}).one(t) }), "archived")
		assert.Equal(t, want, status(func(path string) { a.do("DELETE", path, nil).one(t) }), "deleted")
		assert.Equal(t, want, status(func(path string) {
			a.do("POST", strings.Replace(path, "/v1/", "/api/v2/", 1)+"/convert/deal", object{})
		}), "converted")
	}
}

func TestNotes_NeedContentAndALink(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	note := a.do("POST", "/v1/notes", object{"content": "<b>Hi</b>", "person_id": 1, "pinned_to_person_flag": 1}).one(t)
	assert.Equal(t, "Person 1", note["person"].(object)["name"])
	assert.Equal(t, true, note["pinned_to_person_flag"])
	assert.Equal(t, http.StatusBadRequest, a.do("POST", "/v1/notes", object{"content": "Hi"}).status)
	assert.Equal(t, "Bye", a.do("PUT", "/v1/notes/1", object{"content": "Bye"}).one(t)["content"])
	assert.Len(t, a.get("/v1/notes?person_id=1").list(t), 1)
	assert.Equal(t, http.StatusOK, a.do("DELETE", "/v1/notes/1", nil).status)
	assert.Nil(t, a.get("/v1/notes").body["data"])
}

func TestUsersMe_NamesTheCompany(t *testing.T) {
	a := newAccount(t, pipedrive.Config{CompanyDomain: "acme"}).withPersons(1)
	me := a.get("/v1/users/me").one(t)
	assert.Equal(t, "acme", me["company_domain"])
	assert.Equal(t, 7.0, me["id"])
	assert.Equal(t, true, me["is_you"])
}

func TestWebhooks_AreStoredAndRemoved(t *testing.T) {
	a := newAccount(t, pipedrive.Config{Webhooks: pipedrive.Webhooks{Probe: pipedrive.ProbeNone}}).withPersons(1)
	body := object{"subscription_url": "http://127.0.0.1:9/hook", "event_action": "*", "event_object": "person", "name": "test", "http_auth_user": "u"}
	made := a.do("POST", "/v1/webhooks", body)
	assert.Equal(t, http.StatusCreated, made.status)
	assert.Equal(t, "2.0", made.one(t)["version"])
	assert.Len(t, a.get("/v1/webhooks").list(t), 1)
	assert.Equal(t, http.StatusOK, a.do("DELETE", "/v1/webhooks/1", nil).status)
	missing := a.do("DELETE", "/v1/webhooks/1", nil)
	assert.Equal(t, http.StatusNotFound, missing.status)
	assert.Equal(t, object{"status": "error", "success": false, "errors": object{"id": []any{"not found"}}}, missing.body)
	body["subscription_url"] = "nowhere"
	assert.Equal(t, http.StatusBadRequest, a.do("POST", "/v1/webhooks", body).status)
}
