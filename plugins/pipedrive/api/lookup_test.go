package api_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

func TestGet_ReadsOneRecordForOneToken(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons/7", func(url.Values) any {
		return object{"success": true, "data": object{"id": 7, "name": "Person", "is_deleted": true}}
	})
	c := a.client()
	page, err := c.Get(t.Context(), kind(t, "persons"), "7")
	require.NoError(t, err)
	records, err := page.Records(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, records, 1)
	assert.Equal(t, "7", records[0].ID())
	assert.Equal(t, true, records[0]["is_deleted"], "deleted ones included")
	assert.Equal(t, []any{}, records[0]["emails"], "in the one shape")
	assert.Equal(t, "GET /api/v2/persons/{id}", a.attempts[0].Op, "metrics are by operation, not by id")
	assert.Equal(t, 1, a.attempts[0].Cost)
}

func TestGet_IsNilWhereThereIsNone(t *testing.T) {
	for _, answer := range []any{
		status{404, `{"success":false,"error":"Person not found","code":"ERR_NOT_FOUND"}`},
		status{410, `{"success":false,"error":"gone"}`},
	} {
		a := newAccount(t).on("/api/v2/persons/7", func(url.Values) any { return answer })
		page, err := a.client().Get(t.Context(), kind(t, "persons"), "7")
		require.NoError(t, err)
		assert.Nil(t, page)
	}
}

func TestGet_ASpoiltAnswerIsNoAnswer(t *testing.T) {
	for _, body := range []any{object{"success": true, "data": nil}, object{"success": true, "data": list{}}, object{"success": false}} {
		calls := 0
		a := newAccount(t).on("/api/v2/persons/7", func(url.Values) any {
			if calls++; calls == 1 {
				return body
			}
			return object{"success": true, "data": object{"id": 7}}
		})
		page, err := a.client().Get(t.Context(), kind(t, "persons"), "7")
		require.NoError(t, err)
		assert.NotNil(t, page)
		assert.Equal(t, 2, calls, "it is asked for again")
	}
}

func TestGone_IsARecordOfWhichOnlyWhatIsKnownIsLeft(t *testing.T) {
	c := newAccount(t).client()
	for plural, known := range map[string]api.Record{
		"persons": {"id": json.Number("7"), "is_deleted": true},
		"leads":   {"id": "35b0d604-eb0d-42d0-be11-eac8832051f0", "person_id": json.Number("7"), "update_time": "2026-11-02T09:00:00Z", "is_deleted": true},
	} {
		page := api.Gone(kind(t, plural), known)
		for range 2 {
			records, err := page.Records(t.Context(), c)
			require.NoError(t, err)
			require.Len(t, records, 1)
			for key, value := range known {
				assert.Equal(t, value, records[0][key], "%s of %s", key, plural)
			}
			assert.Equal(t, known.ID(), records[0].ID())
		}
	}
}

func TestPersonsWithEmail_SearchesForTheExactAddress(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons/search", func(q url.Values) any {
		assert.Equal(t, url.Values{"term": {"a+b@example.com"}, "fields": {"email"}, "exact_match": {"true"}}, q)
		return object{"success": true, "data": object{"items": list{
			object{"item": object{"id": 7}}, object{"item": object{"id": 12}},
		}}}
	})
	ids, err := a.client().PersonsWithEmail(t.Context(), "a+b@example.com")
	require.NoError(t, err)
	assert.Equal(t, []string{"7", "12"}, ids)
	assert.Equal(t, 20, a.attempts[0].Cost)
	assert.Equal(t, "search", a.attempts[0].Bucket, "searches have a limit of their own")
}

func TestPersonsWithEmail_ARefusalIsToldWithoutTheAddress(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons/search", func(url.Values) any {
		return status{400, `{"success":false,"error":"term is too short"}`}
	})
	_, err := a.client().PersonsWithEmail(t.Context(), "secret@example.com")
	assert.True(t, rest.Is(err, rest.Refused))
	assert.NotContains(t, err.Error(), "secret@example.com")
}
