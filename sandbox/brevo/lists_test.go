package brevo

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLists_NeedANameAndAFolderAndKeepTheirContactsAlive(t *testing.T) {
	c := start(t, Config{})
	assert.Equal(t, "List name is missing", c.post("/contacts/lists", `{"folderId":1}`).json["message"])
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/lists", `{"name":"VIP"}`).status)
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/lists", `{"name":"VIP","folderId":9}`).status)
	created := c.post("/contacts/lists", `{"name":"VIP","folderId":1}`)
	require.Equal(t, http.StatusCreated, created.status)
	assert.EqualValues(t, 62, created.json["id"])

	c.PutContact(Contact{Email: "ann@example.com", ListIDs: []int64{62}})
	require.Equal(t, http.StatusNoContent, c.put("/contacts/lists/62", `{"name":"Very important"}`).status)
	got := c.get("/contacts/lists/62").json
	assert.Equal(t, "Very important", got["name"])
	assert.EqualValues(t, 1, got["uniqueSubscribers"])
	assert.EqualValues(t, 1, got["folderId"])
	require.Equal(t, http.StatusNoContent, c.delete("/contacts/lists/62").status)
	assert.Equal(t, http.StatusNotFound, c.get("/contacts/lists/62").status)
	ann, found := c.Contact("ann@example.com")
	assert.True(t, found)
	assert.Empty(t, ann.ListIDs)
}

func TestLists_PagesTakeAtMostFifty(t *testing.T) {
	c := start(t, Config{})
	page := c.get("/contacts/lists?limit=1&sort=asc")
	assert.EqualValues(t, 2, page.json["count"])
	assert.EqualValues(t, 60, page.json["lists"].([]any)[0].(map[string]any)["id"])
	over := c.get("/contacts/lists?limit=51")
	assert.Equal(t, http.StatusBadRequest, over.status)
	assert.Equal(t, "out_of_range", over.json["code"])
	assert.EqualValues(t, 0, c.get("/contacts/segments").json["count"])
}

func TestLists_AddTakesExistingContactsOnlyAndReportsTheRest(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ExtID: "7"})
	c.PutContact(Contact{Email: "bob@example.com", ListIDs: []int64{60}})
	a := c.post("/contacts/lists/60/contacts/add", `{"emails":["ann@example.com","bob@example.com","new@example.com"]}`)
	require.Equal(t, http.StatusCreated, a.status, a.text)
	assert.Equal(t, map[string]any{"contacts": map[string]any{
		"success": []any{"ann@example.com"}, "failure": []any{"bob@example.com", "new@example.com"},
	}}, a.json)
	assert.Equal(t, 2, c.Count(), "adding to a list creates nobody")

	again := c.post("/contacts/lists/60/contacts/add", `{"extIds":["7"]}`)
	assert.Equal(t, http.StatusBadRequest, again.status)
	assert.Equal(t, "Contact already in list and/or does not exist", again.json["message"])
	removed := c.post("/contacts/lists/60/contacts/remove", `{"ids":[1,2,3]}`)
	assert.Equal(t, map[string]any{"success": []any{1.0, 2.0}, "failure": []any{3.0}}, removed.json["contacts"])
	assert.EqualValues(t, 0, c.get("/contacts/lists/60/contacts").json["count"])
}

func TestLists_AddTakesExactlyOneKindAndAtMost150(t *testing.T) {
	c := start(t, Config{})
	ids := strings.TrimSuffix(strings.Repeat("1,", 151), ",")
	for _, body := range []string{`{}`, `{"ids":[]}`, `{"ids":[1],"emails":["a@b.co"]}`, `{"ids":[` + ids + `]}`, `{"ids":["1"]}`} {
		assert.Equal(t, http.StatusBadRequest, c.post("/contacts/lists/60/contacts/add", body).status, body)
	}
	assert.Equal(t, http.StatusNotFound, c.post("/contacts/lists/9/contacts/add", `{"ids":[1]}`).status)
}

func TestLists_RemoveAllIsAProcess(t *testing.T) {
	c := start(t, Config{Quirks: Quirks{FlatListResults: true}})
	for i := range 3 {
		c.PutContact(Contact{Email: fmt.Sprintf("p%d@example.com", i), ListIDs: []int64{60}})
	}
	a := c.post("/contacts/lists/60/contacts/remove", `{"all":true}`)
	require.Equal(t, http.StatusCreated, a.status)
	assert.EqualValues(t, 3, a.json["total"])
	c.finishProcess(a.json["processId"])
	assert.Zero(t, c.Lists()[0].Members)
}

func TestLists_ContactsOfAListPageAndFilterByChange(t *testing.T) {
	c := start(t, Config{})
	for i := range 4 {
		when := time.Date(2025, 1, 1+i, 0, 0, 0, 0, time.UTC)
		c.PutContact(Contact{Email: fmt.Sprintf("p%d@example.com", i), ListIDs: []int64{60 + int64(i/3)}, CreatedAt: when, ModifiedAt: when})
	}
	page := c.get("/contacts/lists/60/contacts?limit=2&sort=asc")
	assert.EqualValues(t, 3, page.json["count"])
	assert.Len(t, page.json["contacts"], 2)
	assert.NotContains(t, page.json["contacts"].([]any)[0], "statistics")
	assert.EqualValues(t, 1, c.get("/contacts/lists/60/contacts?modifiedSince=2025-01-03T00:00:00Z").json["count"])
	assert.Equal(t, http.StatusBadRequest, c.get("/contacts/lists/60/contacts?limit=501").status)
	assert.Equal(t, http.StatusNotFound, c.get("/contacts/lists/9/contacts").status)
}

func TestFolders_AreCreatedRenamedAndDeletedWithTheirLists(t *testing.T) {
	c := start(t, Config{})
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/folders", `{}`).status)
	require.EqualValues(t, 2, c.post("/contacts/folders", `{"name":"Imports"}`).json["id"])
	require.Equal(t, http.StatusNoContent, c.put("/contacts/folders/2", `{"name":"Old imports"}`).status)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/lists/61", `{"folderId":2}`).status)
	assert.Equal(t, "Old imports", c.get("/contacts/folders/2").json["name"])
	assert.EqualValues(t, 1, c.get("/contacts/folders/2/lists").json["count"])
	assert.EqualValues(t, 2, c.get("/contacts/folders").json["count"])
	require.Equal(t, http.StatusNoContent, c.delete("/contacts/folders/2").status)
	assert.Len(t, c.Lists(), 1)
	assert.Equal(t, http.StatusNotFound, c.get("/contacts/folders/2").status)
}
