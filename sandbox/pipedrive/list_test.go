package pipedrive_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestPersons_CursorWalkSeesEveryRecordOnce(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(120)
	for _, query := range []string{
		"limit=7", "limit=120", "limit=500", "limit=7&sort_by=update_time", "limit=7&sort_by=add_time&sort_direction=desc",
		"limit=7&sort_by=update_time&sort_direction=desc",
	} {
		seen := ids(a.walk("/api/v2/persons?" + query))
		assert.Len(t, seen, 120, query)
		slices.Sort(seen)
		assert.Len(t, slices.Compact(seen), 120, query)
	}
}

func TestPersons_RecordChangedDuringAnUpdateTimeWalkMovesToTheEnd(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(20)
	first := a.get("/api/v2/persons?limit=10&sort_by=update_time")
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, ids(first.list(t)))
	a.do("PATCH", "/api/v2/persons/15", object{"name": "Changed Meanwhile"}).one(t)
	rest := ids(a.walk("/api/v2/persons?limit=10&sort_by=update_time&cursor=" + first.cursor()))
	assert.Equal(t, []int{11, 12, 13, 14, 16, 17, 18, 19, 20, 15}, rest)
}

func TestPersons_UpdatedSinceIncludesItsBoundAndUpdatedUntilExcludesIt(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(10)
	for _, sort := range []string{"id", "update_time"} {
		got := a.get("/api/v2/persons?sort_by=" + sort + "&updated_since=2026-01-02T00:03:00Z&updated_until=2026-01-02T00:06:00Z")
		assert.Equal(t, []int{3, 4, 5}, ids(got.list(t)))
	}
	got := a.get("/api/v2/persons?sort_by=update_time&sort_direction=desc&updated_since=2026-01-02T00:08:00Z")
	assert.Equal(t, []int{10, 9, 8}, ids(got.list(t)))
}

func TestPersons_NullUpdateTimeIsListedButNeverByUpdatedSince(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2)
	a.Put("person", object{"id": 3, "name": "Old", "update_time": nil})
	assert.Equal(t, []int{1, 2, 3}, ids(a.get("/api/v2/persons").list(t)))
	assert.Equal(t, []int{1, 2}, ids(a.get("/api/v2/persons?updated_since=2000-01-01T00:00:00Z").list(t)))
	assert.Equal(t, []int{3, 1, 2}, ids(a.walk("/api/v2/persons?limit=1&sort_by=update_time")))
}

func TestLists_RefuseWhatV2Refuses(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(3)
	foreign := a.get("/api/v2/persons?limit=1&sort_by=update_time").cursor()
	for query, key := range map[string]string{
		"user_id=7":                            "user_id: Parameter 'user_id' is not allowed for this request",
		"updated_since=2026-01-01T00:00:00.5Z": "updated_since",
		"updated_since=2026-01-01":             "updated_since",
		"limit=501":                            "limit",
		"limit=0":                              "limit",
		"cursor=nonsense":                      "cursor",
		"cursor=" + foreign:                    "cursor",
		"sort_by=name":                         "sort_by",
		"include_fields=won_deals_count,shoe_size":        "include_fields",
		"ids=" + strings.Repeat("1,", 100) + "1":          "ids",
		"custom_fields=" + strings.Repeat("a,", 15) + "a": "custom_fields",
		"include_labels=maybe":                            "include_labels",
		"owner_id=me":                                     "owner_id",
		"start=0":                                         "start",
	} {
		got := a.get("/api/v2/persons?" + query)
		assert.Equal(t, http.StatusBadRequest, got.status, query)
		assert.Equal(t, "ERR_SCHEMA_VALIDATION_FAILED", got.body["code"], query)
		assert.Contains(t, got.message(), "Validation failed: "+key, query)
	}
}

func TestLists_ClampLimitWhenToldSo(t *testing.T) {
	a := newAccount(t, pipedrive.Config{ClampLimit: true}).withPersons(3)
	assert.Len(t, a.get("/api/v2/persons?limit=9999").list(t), 3)
}

func TestPersons_IDsMissingOrDeletedAreLeftOut(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(5)
	a.do("DELETE", "/api/v2/persons/2", nil).one(t)
	assert.Equal(t, []int{1, 4}, ids(a.get("/api/v2/persons?ids=4,2,99,1,4").list(t)))
}

func TestLists_FilterByLinks(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(4)
	a.Put("organization", object{"id": 9, "name": "Harbourline"})
	a.Put("person", object{"id": 2, "name": "Linked", "org_id": 9, "owner_id": 8})
	for i, status := range []string{"open", "won", "lost"} {
		a.Put("deal", object{"id": i + 1, "person_id": 2, "org_id": 9, "stage_id": 1 + i%2, "pipeline_id": 1, "status": status})
	}
	a.Put("activity", object{"id": 1, "person_id": 2, "deal_id": 1, "done": true, "lead_id": "x"})
	for path, want := range map[string][]int{
		"/api/v2/persons?org_id=9":               {2},
		"/api/v2/persons?owner_id=7":             {1, 3, 4},
		"/api/v2/persons?deal_id=1":              {2},
		"/api/v2/deals?person_id=2":              {1, 2, 3},
		"/api/v2/deals?person_id=3":              {},
		"/api/v2/deals?org_id=9&status=won,lost": {2, 3},
		"/api/v2/deals?stage_id=2":               {2},
		"/api/v2/deals?pipeline_id=1&limit=2":    {1, 2},
		"/api/v2/activities?done=true":           {1},
		"/api/v2/activities?done=false":          {},
		"/api/v2/activities?deal_id=1":           {1},
		"/api/v2/activities?lead_id=x":           {1},
		"/api/v2/stages?pipeline_id=1":           {1, 2},
	} {
		assert.Equal(t, want, ids(a.get(path).list(t)), path)
	}
}

func TestFilters_OverrideIDsAndOwner(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(6)
	a.Put("filter", object{"id": 1, "name": "Some", "type": "people", "ids": []int{2, 4}})
	a.Put("filter", object{"id": 2, "name": "Owned", "type": "people", "owner_id": 7})
	created := a.do("POST", "/v1/filters", object{"name": "Named", "type": "people", "conditions": object{"glue": "and", "conditions": []any{
		object{"glue": "and", "conditions": []any{object{"object": "person", "field_code": "name", "operator": "=", "value": "Person 5"}}},
		object{"glue": "or", "conditions": []any{}},
	}}}).one(t)
	assert.Equal(t, []int{2, 4}, ids(a.get("/api/v2/persons?filter_id=1&ids=5&owner_id=99").list(t)))
	assert.Len(t, a.get("/api/v2/persons?filter_id=2").list(t), 6)
	assert.Equal(t, []int{5}, ids(a.get(fmt.Sprintf("/api/v2/persons?filter_id=%v", created["id"])).list(t)))
	assert.Equal(t, http.StatusNotFound, a.get("/api/v2/persons?filter_id=77").status)
}

func TestPersons_CountsFollowTheDeals(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2)
	for i, status := range []string{"open", "won", "won", "lost"} {
		a.Put("deal", object{"id": i + 1, "person_id": 1, "status": status, "stage_id": 1})
	}
	const query = "?include_fields=open_deals_count,won_deals_count,lost_deals_count,closed_deals_count"
	counts := func(id int) []any {
		p := a.get(fmt.Sprintf("/api/v2/persons/%d", id) + query).one(t)
		return []any{p["open_deals_count"], p["won_deals_count"], p["lost_deals_count"], p["closed_deals_count"]}
	}
	assert.Equal(t, []any{1.0, 2.0, 1.0, 3.0}, counts(1))
	a.do("PATCH", "/api/v2/deals/1", object{"status": "won"}).one(t)
	a.do("DELETE", "/api/v2/deals/4", nil).one(t)
	a.do("PATCH", "/api/v2/deals/2", object{"person_id": 2}).one(t)
	assert.Equal(t, []any{0.0, 2.0, 0.0, 2.0}, counts(1))
	assert.Equal(t, []any{0.0, 1.0, 0.0, 1.0}, counts(2))
	assert.NotContains(t, a.get("/api/v2/persons/1").one(t), "won_deals_count")
}

func TestDeals_DeletedAreListedByStatusOnlyAndArchivedByTheirOwnPath(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	for i := 1; i <= 4; i++ {
		a.Put("deal", object{"id": i, "title": "D", "stage_id": 1})
	}
	a.do("DELETE", "/api/v2/deals/2", nil).one(t)
	a.do("PATCH", "/api/v2/deals/3", object{"is_archived": true}).one(t)
	a.Put("deal", object{"id": 4, "title": "D", "is_deleted": true, "status": "deleted", "update_time": "2020-01-01T00:00:00Z"})
	assert.Equal(t, []int{1}, ids(a.get("/api/v2/deals").list(t)))
	assert.Equal(t, []int{1, 2}, ids(a.get("/api/v2/deals?status=open,won,lost,deleted").list(t)), "deleted within 30 days only")
	assert.Equal(t, []int{3}, ids(a.get("/api/v2/deals/archived").list(t)))
	assert.Equal(t, http.StatusBadRequest, a.get("/api/v2/deals/archived?include_labels=true").status)
	assert.Equal(t, "deleted", a.get("/api/v2/deals/2").one(t)["status"])
}

func TestLargeAnswers_AreCompressedForClientsThatAcceptIt(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(100)
	req, err := http.NewRequestWithContext(t.Context(), "GET", a.url+"/api/v2/persons", nil)
	require.NoError(t, err)
	req.Header.Set("x-api-token", "sandbox")
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	z, err := gzip.NewReader(res.Body)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"next_cursor":null`)
}

func TestServer_ReadersAndWritersDoNotDisturbEachOther(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(50)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 25 {
				id := fmt.Sprint(1 + (worker*25+i)%50)
				a.do("PATCH", "/api/v2/persons/"+id, object{"name": "Changed " + id})
				a.get("/api/v2/persons?limit=20&sort_by=update_time&include_fields=won_deals_count")
				a.Put("deal", object{"person_id": i + 1, "status": "won"})
				a.Records("person", 0, 10)
				a.Stats()
			}
		})
	}
	group.Wait()
	assert.Len(t, a.walk("/api/v2/persons?limit=20"), 50)
	assert.Equal(t, 100, a.Count("deal"))
}
