package api_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

var since = time.Date(2026, 11, 1, 8, 30, 0, 0, time.FixedZone("CET", 3600))

func recents(t *testing.T, a *account, c *api.Client, plural, position string) (*api.Page, []api.Record) {
	t.Helper()
	page, err := c.Recents(t.Context(), kind(t, plural), since, position, 500)
	require.NoError(t, err)
	records, err := page.Records(t.Context(), c)
	require.NoError(t, err)
	return page, records
}

func TestRecents_AsksInUTCForOneKindOfObjectAtTwentyTokens(t *testing.T) {
	a := newAccount(t).on("/v1/recents", func(q url.Values) any {
		assert.Equal(t, url.Values{"since_timestamp": {"2026-11-01 07:30:00"}, "items": {"person"}, "limit": {"500"}}, q)
		return object{"success": true, "data": nil}
	})
	page, records := recents(t, a, a.client(), "persons", "")
	assert.Empty(t, records)
	assert.Empty(t, page.Next)
	assert.True(t, page.Counted())
	for _, attempt := range a.attempts {
		if attempt.Op == "GET /v1/recents" {
			assert.Equal(t, 20, attempt.Cost)
		}
	}
	assert.Equal(t, 1, a.calls("/v1/recents"))
}

func TestRecents_TakesTheRecordsOutOfTheirEntries(t *testing.T) {
	entry := func(id int, data any) object { return object{"item": "person", "id": id, "data": data} }
	person := func(id int) object {
		return object{"id": id, "name": "Person", "org_id": 7, "update_time": "2026-11-01 08:00:00", "active_flag": id != 5,
			"email": list{object{"value": "p@people.example.com", "primary": true, "label": "work"}}}
	}
	a := newAccount(t).on("/v1/recents", func(url.Values) any {
		return object{"success": true, "data": list{
			entry(1, person(1)),
			entry(2, nil),                        // recorded for persons
			entry(3, list{person(3), person(4)}), // guarded against in the field
			entry(5, person(5)),
			entry(6, list{}),
			entry(7, "?"),
			object{"item": "person"},
			nil,
		}, "additional_data": object{"pagination": object{"start": 0, "limit": 500, "more_items_in_collection": true, "next_start": 500}}}
	})
	page, records := recents(t, a, a.client(), "persons", "")
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID())
	}
	assert.Equal(t, []string{"1", "3", "4", "5"}, ids)
	assert.Equal(t, []string{"2", "6", "7"}, page.Missing)
	assert.Equal(t, "500", page.Next)
	assert.Equal(t, "2026-11-01T08:00:00Z", records[0]["update_time"])
	assert.Equal(t, false, records[0]["is_deleted"])
	assert.Equal(t, true, records[3]["is_deleted"], "active_flag: false")
	assert.Len(t, records[0]["emails"], 1)
	second, ok := records[0].Second()
	assert.True(t, ok)
	assert.Equal(t, time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC).Unix(), second)

	again, err := page.Records(t.Context(), a.client())
	require.NoError(t, err)
	assert.Equal(t, records, again, "the page makes them anew")
	assert.Equal(t, []string{"2", "6", "7"}, page.Missing, "and what is missing is not named twice")
}

func TestRecents_ADeletedDealIsDeleted(t *testing.T) {
	a := newAccount(t).on("/v1/recents", func(url.Values) any {
		return object{"success": true, "data": list{object{"item": "deal", "id": 3, "data": object{"id": 3, "status": "deleted", "deleted": true}}}}
	})
	_, records := recents(t, a, a.client(), "deals", "")
	assert.Equal(t, true, records[0]["is_deleted"])
}

func TestRecents_GoesOnAtAPosition(t *testing.T) {
	a := newAccount(t).on("/v1/recents", func(q url.Values) any {
		assert.Equal(t, "500", q.Get("start"))
		return object{"success": true, "data": list{}, "additional_data": object{"pagination": object{"more_items_in_collection": false}}}
	})
	page, _ := recents(t, a, a.client(), "persons", "500")
	assert.Empty(t, page.Next)
}

func TestList_UpdatedSinceIsInWholeSecondsAndOldestChangeFirst(t *testing.T) {
	opts := api.ListOptions{Limit: 500, UpdatedSince: since.Add(999 * time.Millisecond)}
	for plural, want := range map[string]url.Values{
		"persons":    {"updated_since": {"2026-11-01T07:30:00Z"}, "sort_by": {"update_time"}, "sort_direction": {"asc"}, "limit": {"500"}},
		"deals":      {"updated_since": {"2026-11-01T07:30:00Z"}, "sort_by": {"update_time"}, "sort_direction": {"asc"}, "limit": {"500"}, "status": {"open,won,lost,deleted"}},
		"activities": {"updated_since": {"2026-11-01T07:30:00Z"}, "sort_by": {"update_time"}, "sort_direction": {"asc"}, "limit": {"500"}},
	} {
		a := newAccount(t).on("/api/v2/"+plural, func(q url.Values) any {
			assert.Equal(t, want, q, plural)
			return object{"success": true, "data": list{}}
		})
		readAll(t, a.client(), plural, opts)
	}
	for _, plural := range []string{"leads", "notes"} {
		a := newAccount(t).on("/v1/"+plural, func(q url.Values) any {
			assert.Equal(t, url.Values{"updated_since": {"2026-11-01T07:30:00Z"}, "sort": {"update_time ASC"}, "limit": {"500"}, "start": {"0"}}, q, plural)
			return object{"success": true, "data": nil}
		})
		readAll(t, a.client(), plural, opts)
	}
}

func TestList_IDsAreAskedForTogether(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons", func(q url.Values) any {
		assert.Equal(t, "3,5,8", q.Get("ids"))
		return object{"success": true, "data": list{object{"id": 5}}}
	})
	assert.Len(t, readAll(t, a.client(), "persons", api.ListOptions{Limit: 500, IDs: []string{"3", "5", "8"}}), 1)
}
