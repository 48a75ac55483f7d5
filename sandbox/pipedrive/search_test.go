package pipedrive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func (r answer) hits(t *testing.T) []object {
	t.Helper()
	var out []object
	for _, item := range r.one(t)["items"].([]any) {
		out = append(out, item.(object)["item"].(object))
	}
	return out
}

func TestSearch_ExactEmailIgnoresCaseAndFindsEveryHolder(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(3)
	a.Put("person", object{"id": 4, "name": "Twin", "emails": []any{entry("P2@People.example.com")}, "owner_id": 7})
	hits := a.get("/api/v2/persons/search?term=p2@people.EXAMPLE.com&fields=email&exact_match=true").hits(t)
	require.Equal(t, []int{2, 4}, ids(hits))
	assert.Equal(t, []any{"p2@people.example.com"}, hits[0]["emails"], "plain strings")
	assert.Equal(t, []any{}, hits[0]["custom_fields"])
	assert.Equal(t, 7.0, hits[0]["owner"].(object)["id"])
}

func TestSearch_TermNeedsTwoCharactersOrOneExact(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(3)
	assert.Equal(t, 400, a.get("/api/v2/itemSearch?term=p").status)
	assert.Equal(t, 200, a.get("/api/v2/itemSearch?term=p&exact_match=true").status)
	assert.Equal(t, 400, a.get("/api/v2/itemSearch?term=person&limit=101").status)
	assert.Equal(t, 200, a.get("/api/v2/persons/search?term=person&limit=500").status)
}

func TestSearch_PagesThroughAllHitsOfSeveralTypes(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(5).withFields("deal")
	a.Put("deal", object{"id": 1, "title": "Offer", "stage_id": 1, "custom_fields": object{hashMemo: "for person 3"}})
	a.Put("note", object{"id": 1, "content": "met a person", "person_id": 2})
	seen := map[any]int{}
	next := ""
	for {
		got := a.get("/api/v2/itemSearch?term=person&limit=2" + next)
		for _, hit := range got.hits(t) {
			seen[hit["type"]]++
			if hit["type"] == "deal" {
				assert.Equal(t, []any{"for person 3"}, hit["custom_fields"])
			}
		}
		if got.cursor() == "" {
			break
		}
		next = "&cursor=" + got.cursor()
	}
	assert.Equal(t, map[any]int{"person": 5, "deal": 1}, seen)
}
