package brevo

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContacts_UpsertCreatesWith201AndUpdatesWith204(t *testing.T) {
	c := start(t, Config{})
	created := c.post("/contacts", `{"email":"Ann@Example.com","ext_id":"7","attributes":{"FIRSTNAME":"Ann","LTV":12.5,"SMS":"+33612345678"},"listIds":[60],"updateEnabled":true}`)
	require.Equal(t, http.StatusCreated, created.status, created.text)
	assert.EqualValues(t, 1, created.json["id"])

	updated := c.post("/contacts", `{"email":"ann@example.com","attributes":{"LASTNAME":"Lee"},"updateEnabled":true}`)
	assert.Equal(t, http.StatusNoContent, updated.status)
	assert.Empty(t, updated.text)

	got := c.get("/contacts/ann%40example.com?identifierType=email_id")
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "ann@example.com", got.json["email"])
	assert.Equal(t, map[string]any{
		"FIRSTNAME": "Ann", "LASTNAME": "Lee", "LTV": 12.5, "SMS": "33612345678", "EXT_ID": "7",
	}, got.json["attributes"])
	assert.Equal(t, []any{60.0}, got.json["listIds"])
	assert.Equal(t, map[string]any{}, got.json["statistics"])
}

func TestContacts_ExistingEmailWithoutUpdateEnabledIs400AndNamesIt(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com"})
	a := c.post("/contacts", `{"email":"ann@example.com"}`)
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, "duplicate_parameter", a.json["code"])
	assert.Equal(t, "Unable to create contact, email is already associated with another Contact", a.json["message"])
	assert.Equal(t, map[string]any{"duplicate_identifiers": []any{"email"}}, a.json["metadata"])
}

func TestContacts_UpsertWithForeignPhoneIs400AndSavesNothing(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "bob@example.com", Attributes: map[string]any{"SMS": "+4915112345678"}})
	c.PutContact(Contact{Email: "ann@example.com"})
	for _, email := range []string{"ann@example.com", "new@example.com"} {
		a := c.post("/contacts", `{"email":"`+email+`","attributes":{"FIRSTNAME":"X","SMS":"004915112345678"},"updateEnabled":true}`)
		assert.Equal(t, http.StatusBadRequest, a.status)
		assert.Equal(t, map[string]any{"duplicate_identifiers": []any{"SMS"}}, a.json["metadata"])
	}
	ann, _ := c.Contact("ann@example.com")
	assert.Empty(t, ann.Attributes)
	_, found := c.Contact("new@example.com")
	assert.False(t, found)
}

func TestContacts_WithoutAddressAreFoundByExtIDThenByPhone(t *testing.T) {
	c := start(t, Config{})
	require.Equal(t, http.StatusCreated, c.post("/contacts", `{"ext_id":"7"}`).status)
	assert.Equal(t, http.StatusNoContent, c.post("/contacts", `{"ext_id":"7","attributes":{"SMS":"33612345678"},"updateEnabled":true}`).status)
	assert.Equal(t, http.StatusNoContent, c.post("/contacts", `{"attributes":{"SMS":"+33612345678","FIRSTNAME":"Ann"},"updateEnabled":true}`).status)
	assert.Equal(t, 1, c.Count())
	got := c.get("/contacts/7?identifierType=ext_id")
	assert.NotContains(t, got.json, "email")
	assert.Equal(t, "Ann", got.json["attributes"].(map[string]any)["FIRSTNAME"])

	none := c.post("/contacts", `{"attributes":{"FIRSTNAME":"Nobody"}}`)
	assert.Equal(t, http.StatusBadRequest, none.status)
	assert.Equal(t, "missing_parameter", none.json["code"])
}

func TestContacts_NewAddressWithForeignExtIDIs400(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "old@example.com", ExtID: "7"})
	a := c.post("/contacts", `{"email":"new@example.com","ext_id":"7","updateEnabled":true}`)
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, map[string]any{"duplicate_identifiers": []any{"ext_id"}}, a.json["metadata"])
}

func TestContacts_ForceMergeKeepsTheLastModifiedAndDeletesTheOther(t *testing.T) {
	c := start(t, Config{})
	now := time.Now()
	c.PutContact(Contact{Email: "old@example.com", ExtID: "7", ModifiedAt: now.Add(-time.Hour), ListIDs: []int64{61}, Attributes: map[string]any{"COMPANY": "Acme"}})
	c.PutContact(Contact{Email: "new@example.com", ModifiedAt: now, Attributes: map[string]any{"FIRSTNAME": "Ann"}})
	a := c.post("/contacts", `{"email":"new@example.com","ext_id":"7","updateEnabled":true,"forceMerge":true,"getId":true}`)
	require.Equal(t, http.StatusCreated, a.status, a.text)
	assert.EqualValues(t, 2, a.json["id"])
	assert.Equal(t, 1, c.Count())
	merged, found := c.Contact("new@example.com")
	require.True(t, found)
	assert.Equal(t, "7", merged.ExtID)
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann", "COMPANY": "Acme"}, merged.Attributes)
	assert.Equal(t, []int64{61}, merged.ListIDs)
}

func TestContacts_WrongTypesOfFieldsAre400AndNameTheField(t *testing.T) {
	c := start(t, Config{})
	for body, message := range map[string]string{
		`{"email":"a@b.co","listIds":["60"]}`:            "listIds/0 should be type number",
		`{"email":"a@b.co","listIds":60}`:                "listIds should be type array",
		`{"email":"a@b.co","emailBlacklisted":"true"}`:   "emailBlacklisted should be type boolean",
		`{"email":"a@b.co","emailBlacklisted":null}`:     "emailBlacklisted should be type boolean",
		`{"email":"a@b.co","attributes":[]}`:             "attributes should be type object",
		`{"email":7}`:                                    "email should be type string",
		`{"email":"a@b.co","updateEnabled":1}`:           "updateEnabled should be type boolean",
		`{"email":"a..b@c.de"}`:                          "Invalid email address",
		`{"email":"a@b.co","attributes":{"SMS":"0612"}}`: "Invalid phone number",
		`{"email":"a@b.co","listIds":[60,99]}`:           "List with id 99 does not exist",
	} {
		a := c.post("/contacts", body)
		assert.Equal(t, http.StatusBadRequest, a.status, body)
		assert.Equal(t, "invalid_parameter", a.json["code"], body)
		assert.Equal(t, message, a.json["message"], body)
	}
	assert.Zero(t, c.Count())
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts", `{"email":`).status)
}

func TestContacts_UnknownFieldsAreIgnoredUnlinkListIdsOnPostToo(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ListIDs: []int64{60}})
	body := `{"email":"ann@example.com","updateEnabled":true,"unlinkListIds":[60],"nonsense":{}}`
	assert.Equal(t, http.StatusNoContent, c.post("/contacts", body).status)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, []int64{60}, ann.ListIDs)

	strict := start(t, Config{Quirks: Quirks{RefuseUnlinkOnPost: true}})
	assert.Equal(t, http.StatusBadRequest, strict.post("/contacts", body).status)
}

func TestContacts_PutLinksAndUnlinksLists(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ListIDs: []int64{60}})
	assert.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"listIds":[61],"unlinkListIds":[60]}`).status)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, []int64{61}, ann.ListIDs)
	assert.Equal(t, []List{{60, 1, "All contacts", 0, 0}, {61, 1, "Early stages", 1, 0}}, c.Lists())
}

func TestContacts_PathIdentifiersAreDecodedExactlyOnce(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "a+b@example.com", ExtID: "x/7 %", Attributes: map[string]any{"SMS": "33612345678"}})
	for path, status := range map[string]int{
		"/contacts/a%2Bb%40example.com":                             http.StatusOK,
		"/contacts/a+b@example.com":                                 http.StatusOK,
		"/contacts/a%252Bb%2540example.com":                         http.StatusBadRequest,
		"/contacts/a%252Bb%2540example.com?identifierType=email_id": http.StatusBadRequest,
		"/contacts/x%2F7%20%25?identifierType=ext_id":               http.StatusOK,
		"/contacts/1":           http.StatusOK,
		"/contacts/2":           http.StatusNotFound,
		"/contacts/33612345678": http.StatusOK,
		"/contacts/%2B33612345678?identifierType=phone_id": http.StatusOK,
		"/contacts/33612345678?identifierType=whatsapp_id": http.StatusNotFound,
		"/contacts/1?identifierType=contact_id":            http.StatusOK,
		"/contacts/1?identifierType=ext_id":                http.StatusNotFound,
		"/contacts/1?identifierType=nonsense":              http.StatusBadRequest,
		"/contacts/nobody%40example.com":                   http.StatusNotFound,
	} {
		assert.Equal(t, status, c.get(path).status, path)
	}
	assert.Equal(t, http.StatusNotFound, c.delete("/contacts/33612345678").status, "DELETE takes no SMS without identifierType")
}

func TestContacts_DeleteRemovesAndFreesIdentifiers(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ExtID: "7", ListIDs: []int64{60}, Attributes: map[string]any{"SMS": "33612345678"}})
	assert.Equal(t, http.StatusNoContent, c.delete("/contacts/7?identifierType=ext_id").status)
	assert.Equal(t, http.StatusNotFound, c.delete("/contacts/7?identifierType=ext_id").status)
	assert.Zero(t, c.Lists()[0].Members)
	assert.Equal(t, http.StatusCreated, c.post("/contacts", `{"email":"bob@example.com","ext_id":"7","attributes":{"SMS":"33612345678"}}`).status)

	c.PutContact(Contact{Email: accountEmail})
	assert.Equal(t, http.StatusMethodNotAllowed, c.delete("/contacts/owner%40sandbox.example").status)
}

func TestContacts_ListPagesByCreationAndFilters(t *testing.T) {
	c := start(t, Config{})
	old := time.Now().Add(-48 * time.Hour)
	for i := range 5 {
		c.PutContact(Contact{
			Email: string(rune('a'+i)) + "@example.com", CreatedAt: old, ModifiedAt: old.Add(time.Duration(i) * 12 * time.Hour),
			ListIDs:    []int64{60 + int64(i%2)},
			Attributes: map[string]any{"FIRSTNAME": []string{"Ann", "Bob"}[i%2], "LTV": float64(i), "VIP": i == 4},
		})
	}
	since := url.QueryEscape(old.Add(24 * time.Hour).Format(time.RFC3339Nano))
	for query, want := range map[string][]int{
		"":                           {5, 4, 3, 2, 1},
		"?sort=asc&limit=2&offset=2": {3, 4},
		"?offset=9":                  {},
		"?limit=0":                   {},
		"?modifiedSince=" + since:    {5, 4, 3},
		"?createdSince=" + since:     {},
		"?ids=2&ids=4":               {4, 2},
		"?listIds=61":                {4, 2},
		"?listIds=60&listIds=61&sort=asc&limit=1":               {1},
		"?filter=" + url.QueryEscape(`equals(FIRSTNAME,"Ann")`): {5, 3, 1},
		"?filter=" + url.QueryEscape(`equals(LTV, 3)`):          {4},
		"?filter=" + url.QueryEscape(`equals(VIP, true)`):       {5},
	} {
		a := c.get("/contacts" + query)
		require.Equal(t, http.StatusOK, a.status, query+a.text)
		ids := []int{}
		for _, item := range a.json["contacts"].([]any) {
			ids = append(ids, int(item.(map[string]any)["id"].(float64)))
		}
		assert.Equal(t, want, ids, query)
	}
	assert.EqualValues(t, 5, c.get("/contacts?limit=1").json["count"])
	assert.EqualValues(t, 3, c.get("/contacts?limit=1&modifiedSince=" + since).json["count"])
	for _, bad := range []string{"?limit=1001", "?limit=x", "?sort=up", "?modifiedSince=2025-01-01T00:00:00+02:00", "?ids=x", "?segmentId=1&listIds=60", "?filter=less(LTV,3)"} {
		assert.Equal(t, http.StatusBadRequest, c.get("/contacts"+bad).status, bad)
	}
}

func TestContacts_BatchIsGone(t *testing.T) {
	assert.Equal(t, http.StatusNotFound, start(t, Config{}).post("/contacts/batch", `{"contacts":[]}`).status)
	assert.Equal(t, http.StatusGone, start(t, Config{Quirks: Quirks{BatchStatus: http.StatusGone}}).post("/contacts/batch", `{}`).status)
}
