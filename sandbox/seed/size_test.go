package seed

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
)

func TestCompany_HasTheNumbersThatAreAskedFor(t *testing.T) {
	p := pipedrive.New(pipedrive.Config{})
	Company{Persons: 200, Deals: 200, Organizations: 40, Activities: 120, Leads: -1}.Fill(p)
	for object, want := range map[string]int{
		"person": 200, "deal": 200, "organization": 40, "activity": 120, "lead": 0, "note": 20,
	} {
		assert.Equal(t, want, p.Count(object), object)
	}
	people := map[any]int{}
	for _, person := range p.Records("person", 0, 200) {
		people[person["org_id"]]++
	}
	assert.Len(t, people, 41, "every organization has people, and some people have none")
	assert.LessOrEqual(t, people[40.0], 8, "the last one does not take all that is left")
}

func TestCompany_RecordsAreTheSameWhateverElseThereIs(t *testing.T) {
	small, large := company1(t, 100), pipedrive.New(pipedrive.Config{})
	Company{Persons: 100, Deals: 400, Organizations: 90, Activities: 300, Leads: 70}.Fill(large)
	for object, keys := range map[string][]string{
		"deal": {"title", "value", "currency", "status", "custom_fields"}, "organization": {"name", "address", "custom_fields"},
		"activity": {"subject", "type", "note", "done"}, "lead": {"title", "value", "label_ids", "source_name"},
	} {
		then := small.Records(object, 0, 1000)
		now := large.Records(object, 0, len(then))
		for i := range then {
			for _, key := range keys {
				assert.Equal(t, then[i][key], now[i][key], "%s %v %s", object, then[i]["id"], key)
			}
		}
	}
}

func TestFill_WinsDealsInSeveralCurrenciesAlsoForOnePerson(t *testing.T) {
	p := company1(t, 400)
	sold, of := map[any]int{}, map[any]map[any]bool{}
	for _, d := range p.Records("deal", 0, 1000) {
		if d["status"] != "won" {
			continue
		}
		sold[d["currency"]]++
		if of[d["person_id"]] == nil {
			of[d["person_id"]] = map[any]bool{}
		}
		of[d["person_id"]][d["currency"]] = true
	}
	for _, currency := range []string{"EUR", "USD", "GBP", "CHF"} {
		assert.NotZero(t, sold[currency], currency)
	}
	assert.Greater(t, sold["EUR"], sold["USD"])
	several := 0
	for _, currencies := range of {
		if len(currencies) >= 3 {
			several++
		}
	}
	assert.GreaterOrEqual(t, several, 4)
}

func TestFill_LeadsAndActivitiesAreOfAllKinds(t *testing.T) {
	p := company1(t, 2000)
	seen := map[string]int{}
	note := func(is bool, what string) {
		if is {
			seen[what]++
		}
	}
	labels := p.Records("leadLabel", 0, 10)
	for _, l := range p.Records("lead", 0, 1000) {
		ids := l["label_ids"].([]any)
		note(len(ids) == 0, "lead without label")
		note(len(ids) > 1, "lead with two labels")
		note(l["value"] != nil, "lead with a value")
		note(l["person_id"] == nil && l["organization_id"] != nil, "lead of an organization only")
		note(l["person_id"] != nil && l["organization_id"] == nil, "lead of a person only")
		note(l["person_id"] == nil && l["organization_id"] == nil, "lead of nobody")
		for _, id := range ids {
			known := slices.ContainsFunc(labels, func(label map[string]any) bool { return label["id"] == id })
			assert.True(t, known, "a label of the account")
		}
	}
	for _, a := range p.Records("activity", 0, 2000) {
		text, _ := a["note"].(string)
		note(text == "", "activity without a note")
		note(len(text) > 5000, "activity with a long note")
		note(strings.Contains(text, "<li>"), "activity with HTML")
		note(a["deal_id"] != nil, "activity of a deal")
		note(a["person_id"] == nil, "activity of nobody")
		note(len(a["participants"].([]any)) > 1, "activity of two")
		note(a["done"] == true && a["marked_as_done_time"] != nil, "done activity")
		note(a["done"] != true && a["marked_as_done_time"] != nil, "activity done before it is done")
	}
	assert.Zero(t, seen["lead of nobody"])
	assert.Zero(t, seen["activity done before it is done"])
	for _, what := range []string{
		"lead without label", "lead with two labels", "lead with a value", "lead of an organization only", "lead of a person only",
		"activity without a note", "activity with a long note", "activity with HTML", "activity of a deal", "activity of nobody",
		"activity of two", "done activity",
	} {
		assert.GreaterOrEqual(t, seen[what], 3, what)
	}
}

// Every type of field that the API can create is defined for persons, deals and organizations, and
// values of it go through the API's own check.
func TestFill_HasValuesOfEveryTypeOfCustomField(t *testing.T) {
	p := company1(t, 200)
	for _, object := range []string{"person", "deal", "organization"} {
		types := map[string]bool{}
		codes := map[string]bool{}
		for _, m := range p.Records(object, 0, 1000) {
			for code := range m["custom_fields"].(map[string]any) {
				codes[code] = true
			}
		}
		for _, f := range p.CustomFields(object) {
			assert.True(t, codes[f.Code], "no %s has a value of %s", object, f.Name)
			types[f.Type] = true
		}
		for _, kind := range []string{
			"varchar", "varchar_auto", "text", "double", "monetary", "date", "daterange", "time", "timerange", "set", "enum",
			"address", "phone", "user", "org", "people",
		} {
			assert.True(t, types[kind], "%s lacks %s", object, kind)
		}
		custom := p.Records(object, 0, 1)[0]["custom_fields"].(map[string]any)
		require.NoError(t, p.Change(object, 1, map[string]any{"custom_fields": custom}))
	}
}

func TestAccount_HasTheListsAndAttributesOfTheMappings(t *testing.T) {
	b := brevo.New(brevo.Config{})
	Account(b, nil)
	lists := map[int64]string{}
	for _, l := range b.Lists() {
		lists[l.ID] = l.Name
	}
	assert.Equal(t, "Leads", lists[65])
	get := func(path string) string {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("api-key", "sandbox")
		answer := httptest.NewRecorder()
		b.ServeHTTP(answer, r)
		require.Equal(t, http.StatusOK, answer.Code, path)
		return answer.Body.String()
	}
	contacts, companies := get("/v3/contacts/attributes"), get("/v3/crm/attributes/companies")
	for _, name := range []string{"COMPANY_INDUSTRY", "COMPANY_ADDRESS", "COMPANY_EMPLOYEES", "LEAD_TITLE", "LEAD_ORIGIN", "LEAD_LABELS", "LEAD_VALUE"} {
		assert.Contains(t, contacts, `"`+name+`"`)
	}
	assert.Contains(t, companies, `"address"`)
	assert.Contains(t, companies, `"employee_count"`)
	assert.NotContains(t, companies, "pipedrive_id", "the connector makes it itself")
}
