package api_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

// aField is the key of the custom field with a letter.
func aField(letter string) string { return strings.Repeat(letter+"1", 20) }

// withFields is an account with a custom field of each type, named after it.
func withFields(t *testing.T) *account {
	definition := func(letter, name, kind string, options ...any) object {
		return object{"field_name": name, "field_code": aField(letter), "field_type": kind, "is_custom_field": true, "options": list(options)}
	}
	return newAccount(t).with("/api/v2/personFields",
		definition("a", "Text", "varchar"), definition("b", "Number", "double"), definition("c", "Money", "monetary"),
		definition("d", "Option", "enum", object{"id": 1, "label": "Red"}, object{"id": 2, "label": "3"}, object{"id": 3, "label": "Blue"}),
		definition("e", "Set", "set", object{"id": 1, "label": "Red"}, object{"id": 2, "label": "Blue"}),
		definition("f", "Date", "date"), definition("0", "Range", "daterange"), definition("2", "Time", "time"),
		definition("3", "Address", "address"), definition("4", "User", "user"), definition("5", "Person", "people"),
		definition("6", "Twin", "varchar"), definition("7", "Twin", "varchar"), definition("8", "Long text", "text"), definition("9", "Phone No.", "phone"),
	)
}

// bodyOf is the body of a write, as JSON.
func bodyOf(t *testing.T, c *api.Client, plural string, record object, create bool) (string, error) {
	t.Helper()
	body, err := c.Body(t.Context(), kind(t, plural), record, create)
	text, encodeErr := json.Marshal(body)
	require.NoError(t, encodeErr)
	return string(text), err
}

func TestBody_CustomFieldsOfEveryTypeTakeWhatPeopleWrite(t *testing.T) {
	c := withFields(t).client()
	for _, x := range []struct {
		name   string
		given  any
		letter string
		want   string
	}{
		{"text", "x", "a", `"x"`}, {"text", 12, "a", `"12"`}, {"text", "", "a", `""`}, {"Text", nil, "a", `null`}, {aField("a"), "x", "a", `"x"`},
		{"number", 12.5, "b", `12.5`}, {"number", " 12 ", "b", `12`}, {"number", "", "b", `null`},
		{"money", object{"value": "10", "currency": "EUR"}, "c", `{"currency":"EUR","value":10}`}, {"money", "10.5 EUR", "c", `{"currency":"EUR","value":10.5}`},
		{"option", "Red", "d", `1`}, {"option", "blue", "d", `3`}, {"option", 3, "d", `3`}, {"option", "3", "d", `2`}, {"option", "1", "d", `1`}, {"option", "", "d", `null`},
		{"set", list{"Blue", 1}, "e", `[2,1]`}, {"set", "Red", "e", `[1]`}, {"set", list{}, "e", `null`},
		{"date", "2026-01-02", "f", `"2026-01-02"`}, {"range", object{"value": "2026-01-02", "until": "2026-02-02"}, "0", `{"until":"2026-02-02","value":"2026-01-02"}`},
		{"time", "10:00:00", "2", `{"value":"10:00:00"}`}, {"address", "1 High Street", "3", `{"value":"1 High Street"}`},
		{"address", object{"value": "x", "country": nil}, "3", `{"value":"x"}`}, {"user", "7", "4", `7`}, {"person", 7, "5", `7`},
		{"long_text", "x", "8", `"x"`}, {"phone_no", "+44 1", "9", `"+44 1"`},
	} {
		got, err := bodyOf(t, c, "persons", object{"custom_fields_by_name": object{x.name: x.given}}, false)
		require.NoError(t, err, "%s %v", x.name, x.given)
		assert.Equal(t, `{"custom_fields":{"`+aField(x.letter)+`":`+x.want+`}}`, got, "%s %v", x.name, x.given)
	}
	for name, x := range map[string]struct {
		given any
		part  string
	}{
		"number": {"many", "takes a number"}, "money": {10, "is money"}, "option": {"Green", "one of 3, Blue, Red"}, "set": {list{"Green"}, "one of Blue, Red"},
		"range": {"2026", "is a range"}, "user": {1.5, "an id"}, "twin": {"x", "use one of their keys, " + aField("6")}, "txt": {"x", `no custom field "txt" (near: text`},
		aField("x"): {"x", "no custom field"},
	} {
		_, err := bodyOf(t, c, "persons", object{"custom_fields": object{name: x.given}}, false)
		assert.ErrorContains(t, err, x.part, name)
	}
}

func TestBody_AnEmptyCustomFieldsIsLeftOut(t *testing.T) {
	c := withFields(t).client()
	for _, record := range []object{{"custom_fields": object{}}, {"custom_fields": nil, "custom_fields_by_name": object{}}} {
		got, err := bodyOf(t, c, "persons", record, false)
		require.NoError(t, err)
		assert.Equal(t, `{}`, got, "it may clear them all")
	}
	got, err := bodyOf(t, c, "persons", object{"name": "Ada", "custom_fields_by_name": object{"text": nil}}, true)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"Ada"}`, got)
}

func TestBody_ANewFieldIsFoundByItsNameAndAWrongOneAskedForOnce(t *testing.T) {
	a := withFields(t)
	c := a.client()
	_, err := bodyOf(t, c, "persons", object{"custom_fields_by_name": object{"text": "x"}}, false)
	require.NoError(t, err)
	a.with("/api/v2/personFields", object{"field_name": "Fresh", "field_code": aField("a"), "field_type": "varchar", "is_custom_field": true})
	c.AgeFields(6e9)
	_, err = bodyOf(t, c, "persons", object{"custom_fields_by_name": object{"fresh": "x"}}, false)
	require.NoError(t, err)
	require.Equal(t, 2, a.calls("personFields"))
	for range 3 {
		c.AgeFields(6e9)
		_, err = bodyOf(t, c, "persons", object{"custom_fields_by_name": object{"frsh": "x"}}, false)
		require.ErrorContains(t, err, "near: fresh")
	}
	assert.Equal(t, 3, a.calls("personFields"), "what is wrong in many rows is not asked for with each")
}

func TestBody_PlainFields(t *testing.T) {
	c := newAccount(t).client()
	for _, x := range []struct {
		plural string
		record object
		create bool
		want   string
	}{
		{"persons", object{"id": 1, "name": "Ada Example", "first_name": "Ada", "won_deals_count": 1, "is_deleted": false}, false, `{"name":"Ada Example"}`},
		{"persons", object{"first_name": "Ada", "last_name": "Example"}, true, `{"first_name":"Ada","last_name":"Example"}`},
		{"persons", object{"name": "A", "org_id": nil, "add_time": "2026-01-01T00:00:00Z"}, false, `{"name":"A","org_id":null}`},
		{"persons", object{"name": "A", "org_id": nil, "add_time": "2026-01-01T00:00:00Z"}, true, `{"add_time":"2026-01-01T00:00:00Z","name":"A"}`},
		{"deals", object{"value": "1.5", "won_time": nil, "archive_time": "2026-01-02T03:04:05Z", "is_archived": "true"}, false, `{"archive_time":"2026-01-02 03:04:05","is_archived":true,"value":1.5}`},
		{"organizations", object{"address": "1 High Street", "employee_count": "12"}, false, `{"address":{"value":"1 High Street"},"employee_count":12}`},
		{"activities", object{"person_id": 7, "participants": list{}}, false, `{"participants":[{"person_id":7,"primary":true}]}`},
		{"activities", object{"person_id": 7, "participants": list{object{"person_id": 8}}}, false, `{"participants":[{"person_id":8}]}`},
		{"leads", object{"org_id": 7, "visible_to": 3, "is_archived": false}, false, `{"is_archived":false,"organization_id":7,"visible_to":"3"}`},
		{"leads", object{"title": "A", "organization_id": 7, "is_archived": false}, true, `{"organization_id":7,"title":"A"}`},
		{"notes", object{"content": "x", "pinned_to_deal_flag": 1}, false, `{"content":"x","pinned_to_deal_flag":true}`},
	} {
		got, err := bodyOf(t, c, x.plural, x.record, x.create)
		require.NoError(t, err, x.want)
		assert.Equal(t, x.want, got)
	}
}

func TestFind_HoldsWhatTheSearchGivesAgainstTheValue(t *testing.T) {
	a := withFields(t)
	found := func(items ...any) func(url.Values) any {
		return func(q url.Values) any {
			assert.Equal(t, "true", q.Get("exact_match"))
			entries := list{}
			for _, item := range items {
				entries = append(entries, object{"result_score": 1, "item": item})
			}
			return object{"success": true, "data": object{"items": entries}, "additional_data": object{"next_cursor": nil}}
		}
	}
	c := a.client()
	a.on("/api/v2/persons/search", found(
		object{"id": 1, "name": "a@example.com", "emails": list{"A@Example.com"}}, object{"id": 2, "name": "A@example.com", "emails": list{"b@example.com"}}))
	ids, err := c.Find(t.Context(), kind(t, "persons"), "email", "a@example.com")
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, ids)
	ids, err = c.Find(t.Context(), kind(t, "persons"), "name", "A@EXAMPLE.com")
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2"}, ids)

	a.with("/api/v2/persons", object{"id": 1, "custom_fields": object{aField("a"): "X"}}, object{"id": 2, "custom_fields": object{aField("9"): "x"}})
	ids, err = c.Find(t.Context(), kind(t, "persons"), "text", "x")
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, ids, "the other one has it in another field")

	for field, part := range map[string]string{"option": "does not search", "birthday": "cannot be searched by birthday", "twin": "use one of their keys"} {
		_, err = c.Find(t.Context(), kind(t, "persons"), field, "x")
		assert.ErrorContains(t, err, part)
	}
	_, err = c.Find(t.Context(), kind(t, "activities"), "subject", "x")
	assert.ErrorContains(t, err, "by id only")
}
