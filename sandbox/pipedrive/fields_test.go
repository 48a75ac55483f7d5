package pipedrive_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestFields_MoreThanOnePageIsWalkedToTheEnd(t *testing.T) {
	a := newAccount(t, pipedrive.Config{})
	system := len(a.walk("/api/v2/personFields?limit=500"))
	for i := range 250 {
		a.DefineField("person", pipedrive.Field{Name: fmt.Sprintf("Custom %d", i), Type: "varchar", Custom: true})
	}
	first := a.get("/api/v2/personFields")
	assert.Len(t, first.list(t), 100)
	all := a.walk("/api/v2/personFields?")
	assert.Len(t, all, system+250)
	codes := map[any]bool{}
	for _, f := range all {
		codes[f["field_code"]] = true
	}
	assert.Len(t, codes, system+250)
	assert.Len(t, a.get("/v1/personFields?limit=500").list(t), system+250)
}

func TestFields_SingleDefinitionHasOptionsAndFlags(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withFields("person")
	f := a.get("/api/v2/personFields/" + hashSource).one(t)
	assert.Equal(t, "Source", f["field_name"])
	assert.Equal(t, true, f["is_custom_field"])
	assert.Equal(t, []any{object{"id": 11.0, "label": "Fair"}, object{"id": 12.0, "label": "Web"}}, f["options"])
	assert.Equal(t, true, a.get("/api/v2/personFields/won_deals_count").one(t)["is_optional_response_field"])
	assert.Equal(t, http.StatusNotFound, a.get("/api/v2/personFields/none").status)
	status := a.get("/api/v2/dealFields/status").one(t)
	assert.Equal(t, object{"id": "open", "label": "Open"}, status["options"].([]any)[0])
}

func TestFields_LeadFieldsContainTheCustomFieldsOfDeals(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withFields("deal")
	found := false
	for _, f := range a.get("/v1/leadFields?limit=500").list(t) {
		found = found || f["key"] == hashMemo && f["edit_flag"] == true
	}
	assert.True(t, found)
}

func TestFields_CreatedFieldIsWritableUntilItIsDeleted(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	f := a.do("POST", "/api/v2/personFields", object{"field_name": "Tier", "field_type": "enum", "options": []any{object{"label": "Gold"}}}).one(t)
	code := f["field_code"].(string)
	require.Len(t, code, 40)
	more := a.do("POST", "/api/v2/personFields/"+code+"/options", []any{object{"label": "Silver"}}).list(t)
	require.Len(t, more, 1)
	p := a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{code: more[0]["id"]}}).one(t)
	assert.Equal(t, more[0]["id"], p["custom_fields"].(object)[code])
	a.do("DELETE", "/api/v2/personFields/"+code, nil).one(t)
	assert.NotContains(t, a.get("/api/v2/persons/1").one(t)["custom_fields"], code)
	assert.Equal(t, http.StatusBadRequest, a.do("PATCH", "/api/v2/persons/1", object{"custom_fields": object{code: nil}}).status)
}

func TestCustomFields_UnsetOnesAreNullOmittedOrTheWholeIsNull(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  pipedrive.Config
		want any
	}{
		"default": {pipedrive.Config{}, object{hashSource: nil, hashBudget: nil, hashTopics: nil, hashPlace: nil, hashMemo: nil}},
		"omitted": {pipedrive.Config{OmitUnsetCustomFields: true}, object{}},
		"null":    {pipedrive.Config{NullCustomFields: true}, nil},
	} {
		a := newAccount(t, tc.cfg).withPersons(1).withFields("person")
		assert.Equal(t, tc.want, a.get("/api/v2/persons/1").one(t)["custom_fields"], name)
	}
}

func TestCustomFields_CanBeSelectedAndLabelled(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(0).withFields("person")
	a.Put("person", object{"id": 1, "name": "P", "label_ids": []int{2}, "custom_fields": object{hashSource: 11, hashTopics: []int{21}, hashMemo: "m"}})
	p := a.get("/api/v2/persons?include_option_labels=true&include_labels=true&custom_fields=" + hashSource + "," + hashTopics).list(t)[0]
	assert.Equal(t, object{
		hashSource: object{"id": 11.0, "label": "Fair"}, hashTopics: []any{object{"id": 21.0, "label": "Pumps"}},
	}, p["custom_fields"])
	assert.Equal(t, []any{object{"id": 2.0, "label": "Hot lead"}}, p["labels"])
}
