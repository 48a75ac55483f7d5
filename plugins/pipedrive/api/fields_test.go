package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"connector/plugins/pipedrive/api"
)

// hash is a key of a custom field.
func hash(c byte) string { return strings.Repeat(string(c), 40) }

func n(i int) json.Number { return json.Number(strconv.Itoa(i)) }

var choices = list{object{"id": 11, "label": "Web form"}, object{"id": 12, "label": "Trade fair"}}

// both defines a custom field in the words of both versions.
func both(key, name, kind string) object {
	return object{
		"field_code": key, "field_name": name, "is_custom_field": true,
		"key": key, "name": name, "edit_flag": true,
		"field_type": kind, "options": map[bool]any{true: choices, false: nil}[kind == "enum" || kind == "set"],
	}
}

func TestCustomFields_OptionsThatCarryTheirLabels(t *testing.T) {
	a := newAccount(t).with("/api/v2/personFields", both(hash('a'), "One", "enum"), both(hash('b'), "Many", "set")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{
			hash('a'): object{"id": 11, "label": "Web form"}, hash('b'): list{object{"id": 12, "label": "Trade fair"}},
		}})
	r := readOne(t, a.client(), "persons", v2)
	assert.Equal(t, object{"one": "Web form", "many": list{"Trade fair"}}, r["custom_fields_by_name"])
}

func TestCustomFields_TwinsAreLeftOutWithOneWarning(t *testing.T) {
	a := newAccount(t).with("/api/v2/personFields",
		both(hash('a'), "Region", "varchar"), both(hash('b'), "region ", "varchar"), both(hash('c'), "Other", "varchar")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('a'): "north", hash('b'): "south", hash('c'): "x"}})
	c := a.client()
	for range 3 {
		r := readOne(t, c, "persons", v2)
		assert.Equal(t, object{"other": "x"}, r["custom_fields_by_name"])
		assert.Equal(t, "north", r["custom_fields"].(object)[hash('a')])
		c.AgeFields(time.Hour)
	}
	// A new key has them read again.
	a.with("/api/v2/persons", object{"id": 2, "custom_fields": object{hash('d'): "x"}})
	readAll(t, c, "persons", v2)
	assert.Equal(t, 2, a.calls("personFields"))
	if assert.Len(t, a.warnings, 1) {
		for _, part := range []string{"person", "region", hash('a'), hash('b')} {
			assert.Contains(t, a.warnings[0], part)
		}
	}
}

func TestCustomFields_ASystemFieldOfTheSameNameIsNoTwin(t *testing.T) {
	system := object{"field_code": "label", "field_name": "Label", "field_type": "enum", "is_custom_field": false}
	a := newAccount(t).with("/api/v2/personFields", system, both(hash('a'), "Label", "varchar")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('a'): "x"}})
	assert.Equal(t, object{"label": "x"}, readOne(t, a.client(), "persons", v2)["custom_fields_by_name"])
	assert.Empty(t, a.warnings)
}

func TestDefinitions_AllPagesAreRead(t *testing.T) {
	const total = 1203
	page := func(from, limit int) (fields list, to int) {
		to = min(from+limit, total)
		for i := from; i < to; i++ {
			fields = append(fields, both(fmt.Sprintf("%040x", i), fmt.Sprintf("Field %d", i), "double"))
		}
		return fields, to
	}
	a := newAccount(t).on("/api/v2/dealFields", func(q url.Values) any {
		from, _ := strconv.Atoi(q.Get("cursor"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		fields, to := page(from, limit)
		var next any
		if to < total {
			next = strconv.Itoa(to)
		}
		return object{"success": true, "data": fields, "additional_data": object{"next_cursor": next}}
	}).on("/v1/dealFields", func(q url.Values) any {
		from, _ := strconv.Atoi(q.Get("start"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		fields, to := page(from, limit)
		return object{"success": true, "data": fields, "additional_data": object{"pagination": object{
			"start": from, "limit": limit, "more_items_in_collection": to < total, "next_start": to}}}
	})
	last := fmt.Sprintf("%040x", total-1)
	a.with("/api/v2/deals", object{"id": 1, "custom_fields": object{last: 7}}).with("/v1/deals", object{"id": 1, last: 7})
	for _, opts := range []api.ListOptions{v1, v2} {
		r := readOne(t, a.client(), "deals", opts)
		assert.Equal(t, object{fmt.Sprintf("field_%d", total-1): n(7)}, r["custom_fields_by_name"], opts.Version)
	}
	assert.Equal(t, 3, a.calls("/api/v2/dealFields"))
	assert.Equal(t, 3, a.calls("/v1/dealFields"))
}

func TestDefinitions_AreReadOnceForManyPages(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons", func(q url.Values) any {
		from, _ := strconv.Atoi(q.Get("cursor"))
		var next any
		if from < 9 {
			next = strconv.Itoa(from + 1)
		}
		return object{"success": true, "data": list{object{"id": from + 1, "custom_fields": object{hash('a'): 1}}}, "additional_data": object{"next_cursor": next}}
	}).with("/api/v2/personFields", both(hash('a'), "A", "double"))
	assert.Len(t, readAll(t, a.client(), "persons", v2), 10)
	assert.Equal(t, 1, a.calls("personFields"))
}

func TestDefinitions_AreReadAgainForAnUnknownKey(t *testing.T) {
	a := newAccount(t).with("/api/v2/personFields", both(hash('a'), "A", "double")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('a'): 1}})
	c := a.client()
	readAll(t, c, "persons", v2)
	c.AgeFields(time.Hour)

	a.with("/api/v2/personFields", both(hash('a'), "A", "double"), both(hash('b'), "B", "enum")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('a'): 1, hash('b'): 12}})
	r := readOne(t, c, "persons", v2)
	assert.Equal(t, object{"a": n(1), "b": "Trade fair"}, r["custom_fields_by_name"])
	assert.Equal(t, 2, a.calls("personFields"))

	c.AgeFields(time.Hour)
	a.with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('b'): 13}})
	assert.Equal(t, object{"b": n(13)}, readOne(t, c, "persons", v2)["custom_fields_by_name"], "an option without a label stays an id")
	assert.Equal(t, 3, a.calls("personFields"), "an unknown option is a reason, too")
}

// v1 needs a definition to read a value: what came before it was known is read anew.
func TestDefinitions_ANewFieldOfV1IsReadInItsType(t *testing.T) {
	a := newAccount(t).with("/v1/dealFields", both(hash('a'), "A", "double")).with("/v1/leads", object{"id": "x", hash('a'): 1})
	c := a.client()
	readAll(t, c, "leads", v2)
	c.AgeFields(time.Hour)
	a.with("/v1/dealFields", both(hash('a'), "A", "double"), both(hash('b'), "B", "enum"), both(hash('c'), "C", "set")).
		with("/v1/leads", object{"id": "x", hash('b'): "12", hash('c'): "11,12"})
	r := readOne(t, c, "leads", v2)
	assert.Equal(t, object{hash('b'): n(12), hash('c'): list{n(11), n(12)}}, r["custom_fields"])
	assert.Equal(t, object{"b": "Trade fair", "c": list{"Web form", "Trade fair"}}, r["custom_fields_by_name"])
}

func TestDefinitions_AreNotReadAgainForAKeyThatTheyDoNotHave(t *testing.T) {
	a := newAccount(t).with("/api/v2/personFields", both(hash('a'), "A", "double")).
		with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('e'): 1}})
	c := a.client()
	for range 4 {
		r := readOne(t, c, "persons", v2)
		assert.Equal(t, object{hash('e'): n(1)}, r["custom_fields"])
		assert.Equal(t, object{}, r["custom_fields_by_name"])
		c.AgeFields(time.Hour)
	}
	assert.Equal(t, 2, a.calls("personFields"))

	// Neither when there are two such keys, in turn.
	for i := range 6 {
		a.with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash("ef"[i%2]): 1}})
		readOne(t, c, "persons", v2)
		c.AgeFields(time.Hour)
	}
	assert.Equal(t, 3, a.calls("personFields"))
}

func TestDefinitions_ThatMayNotBeReadLeaveTheKeys(t *testing.T) {
	a := newAccount(t).with("/api/v2/persons", object{"id": 1, "custom_fields": object{hash('a'): 1}}).
		on("/api/v2/personFields", func(url.Values) any {
			return status{403, `{"success":false,"error":"Scope and URL mismatch","errorCode":403}`}
		})
	c := a.client()
	for range 3 {
		r := readOne(t, c, "persons", v2)
		assertShape(t, "person", r)
		assert.Equal(t, object{hash('a'): n(1)}, r["custom_fields"])
		assert.Equal(t, object{}, r["custom_fields_by_name"])
		c.AgeFields(time.Hour)
	}
	assert.Equal(t, 1, a.calls("personFields"))
	if assert.Len(t, a.warnings, 1) {
		assert.Contains(t, a.warnings[0], "Scope and URL mismatch")
		assert.Contains(t, a.warnings[0], "by key only")
	}
}

func TestSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"Lead Source": "lead_source", "lead_source": "lead_source", "LEAD SOURCE": "lead_source", "  Lead  Source ": "lead_source",
		"Lead-Source": "lead_source", "Lead/Source (old)": "lead_source_old", "E-Mail": "e_mail", "Größe": "größe", "Straße & Nr.": "straße_nr",
		"名前": "名前", "النهريني": "النهريني", "A1": "a1", "1st": "1st", "CamelCase": "camelcase", "": "", "!!!": "", "🚀 Rocket": "rocket",
		"company_size": "company_size", "__x__": "x", "Cafe\u0301": "cafe\u0301", "ÉCOLE": "école", "100%": "100",
	} {
		assert.Equal(t, want, api.SnakeCase(name), "%q", name)
	}
}
