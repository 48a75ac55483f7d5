package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/brevo"
)

// customer is a person with everything that can belong to one, of which all has arrived.
func (d *demo) customer() (contact int64) {
	d.t.Helper()
	p := d.Pipedrive
	p.Put("organization", map[string]any{"id": 7, "name": "Example Ltd", "employee_count": 12, "address": map[string]any{"value": "1 High Street, London"}})
	p.Put("person", map[string]any{
		"id": 1, "name": "Ada Example", "org_id": 7, "emails": []any{map[string]any{"value": "ada@mail.example.org", "primary": true}},
	})
	p.Put("stage", map[string]any{"id": 3, "name": "Proposal made", "pipeline_id": 1})
	for i, currency := range []string{"EUR", "GBP"} {
		p.Put("deal", map[string]any{"id": i + 1, "title": "Pumps " + currency, "value": 1000, "currency": currency, "status": "won", "person_id": 1, "stage_id": 3})
	}
	p.Put("deal", map[string]any{"id": 3, "title": "Valves", "value": 50, "person_id": 1, "stage_id": 3})
	p.Put("lead", map[string]any{
		"title": "Sensors", "person_id": 1, "value": map[string]any{"amount": 300, "currency": "USD"}, "source_name": "Web forms",
		"label_ids": []any{p.Records("leadLabel", 0, 1)[0]["id"]},
	})
	p.Put("activity", map[string]any{"subject": "Call about pumps", "type": "call", "done": true, "due_date": "2026-05-04", "person_id": 1})

	d.Brevo.PutList(65, "Leads")
	d.Brevo.PutCompanyAttribute("pipedrive_id", "text")
	d.Brevo.PutContact(brevo.Contact{Email: "ada@mail.example.org", ExtID: "1", ListIDs: []int64{60, 65}, Attributes: map[string]any{
		"FULLNAME": "Ada Example", "COMPANY": "Example Ltd", "LTV": 2150, "WON_DEALS": 2, "LEAD_TITLE": "Sensors", "LEAD_SOURCE": "Partner",
	}})
	stored, _ := d.Brevo.Contact("ada@mail.example.org")
	d.post("/v3/companies", fmt.Sprintf(`{"name":"Example Ltd","attributes":{"pipedrive_id":"7"},"linkedContactsIds":[%d]}`, stored.ID))
	d.post("/v3/events", `{"event_name":"activity_logged","identifiers":{"ext_id":"1"},"event_properties":{"type":"call","subject":"Call about pumps"}}`)
	d.post("/v3/events", `{"event_name":"contact_created","identifiers":{"ext_id":"1"}}`)
	return stored.ID
}

func (d *demo) post(path, body string) {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("api-key", "sandbox")
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	d.Brevo.ServeHTTP(answer, r)
	require.Less(d.t, answer.Code, 300, answer.Body.String())
}

func (d *demo) read(path string, view any) {
	d.t.Helper()
	resp, body := d.request(http.MethodGet, path)
	require.Equal(d.t, http.StatusOK, resp.StatusCode, body)
	require.NoError(d.t, json.Unmarshal([]byte(body), view))
}

func TestPerson_HasWhatBelongsToItOnBothSides(t *testing.T) {
	d := start(t, 0)
	d.customer()
	var both recordsView
	d.read("/person.json?id=1", &both)
	r := both.Related
	assert.Equal(t, &organizationView{ID: 7, Name: "Example Ltd", Address: "1 High Street, London", Employees: 12.0, People: 1.0}, r.Organization)
	assert.Equal(t, &companyView{ID: r.Company.ID, Attributes: map[string]any{"name": "Example Ltd", "pipedrive_id": "7"}, Contacts: 1, Linked: true}, r.Company)
	require.Len(t, r.Deals, 3)
	assert.Equal(t, soldView{3, "Valves", 50.0, "EUR", "open", "Proposal made"}, r.Deals[0], "the newest first")
	assert.InDelta(t, 1000+1150, r.Won, 0.001, "open deals do not count, pounds are converted")
	assert.Equal(t, []string{"List 60", "Leads"}, r.Lists)
	assert.Equal(t, []leadView{{"Sensors", map[string]any{"amount": 300.0, "currency": "USD"}, "Web forms", []string{"Hot"}}}, r.Leads)
	assert.Equal(t, "Leads", r.Nurtured)
	assert.Equal(t, []activityView{{1, "call", "Call about pumps", "2026-05-04", true, nil}}, r.Activities)
	require.Len(t, r.Events, 2)
	assert.Equal(t, "contact_created", r.Events[0].Name)
	assert.Contains(t, r.Events[1].Properties, "Call about pumps")
}

func TestPerson_WithoutAContactHasOnlyWhatPipedriveHas(t *testing.T) {
	d := start(t, 60)
	var both recordsView
	d.read("/person.json?id=1", &both)
	assert.Nil(t, both.Contact)
	assert.NotNil(t, both.Related.Organization)
	assert.Nil(t, both.Related.Company)
	assert.Empty(t, both.Related.Lists)
	assert.Empty(t, both.Related.Nurtured)
	assert.Empty(t, both.Related.Events)
}

// figures are the numbers of one kind, by what they count.
func (d *demo) figures(kind int) (from, to map[string]float64) {
	d.t.Helper()
	var view struct{ Kinds []kindView }
	d.read("/kinds.json", &view)
	require.Len(d.t, view.Kinds, 8)
	from, to = map[string]float64{}, map[string]float64{}
	for _, line := range view.Kinds[kind-1].Lines {
		if line.From != nil {
			from[line.From.What] = line.From.N
		}
		if line.To != nil {
			to[line.To.What] = line.To.N
		}
	}
	return from, to
}

func TestKinds_CountBothSidesOfAllEight(t *testing.T) {
	d := start(t, 60)
	d.Brevo.PutAttribute(brevo.Attribute{Name: "LTV", Type: "float"})
	all := func(kind int) map[string]float64 {
		from, to := d.figures(kind)
		for what, n := range to {
			from["→ "+what] = n
		}
		return from
	}
	before := all(1)
	assert.Equal(t, 60.0, before["persons"])
	assert.Zero(t, before["→ contacts of persons"])
	assert.Less(t, before["with a valid e-mail of their own"], 57.0, "some have none, some share theirs")

	d = start(t, 0)
	d.customer()
	for kind, want := range map[int]map[string]float64{
		1: {"persons": 1, "→ contacts of persons": 1, "→ on the list List 60": 1},
		3: {"won deals of persons with a contact": 2, "→ WON_DEALS, added up": 2, "their value by the company's rates": 2150, "→ LTV, added up": 2150},
		4: {"open deals in stages 3 and 4": 1, "won deals": 2},
		5: {"→ events": 1, "→ contact_created": 1},
		6: {"organizations": 1, "→ companies": 1, "persons with one and a contact": 1, "→ contacts linked to a company": 1, "→ contacts with COMPANY": 1},
		7: {"activities": 1, "of persons with a contact": 1, "→ events of activities": 1},
		8: {"leads": 1, "of persons with a contact": 1, "→ with LEAD_TITLE": 1, "→ on the list Leads": 1},
	} {
		got := all(kind)
		for what, n := range want {
			assert.InDelta(t, n, got[what], 0, "%d: %s of %v", kind, what, got)
		}
	}
}

func TestBrowser_APersonIsShownBesideWhatHasComeOfIt(t *testing.T) {
	d := start(t, 0)
	d.customer()
	b := browse(t, d.url)
	b.until(`document.querySelector("tr[data-id='1']")`)
	b.eval(`document.querySelector("tr[data-id='1'] .name").click()`, nil)
	b.until(`document.querySelector("#records").open`)
	var sections []string
	b.eval(`[...document.querySelectorAll("#pairs section")].map((s) => s.innerText)`, &sections)
	require.Len(t, sections, 10)
	for i, wants := range [][]string{
		{"ada@mail.example.org"}, {"Ada Example"}, {"Example Ltd (7)", "1 High Street, London"}, {"COMPANY", "pipedrive_id", "1 contact, this one among them"},
		{"Pumps GBP", "1,000 GBP", "2,150 EUR"}, {"LTV", "2,150", "List 60"}, {"Sensors", "300 USD", "Hot, Web forms"},
		{"On the list Leads.", "LEAD_TITLE"}, {"Call about pumps", "done 2026-05-04"}, {"activity_logged", "subject: Call about pumps"},
	} {
		for _, want := range wants {
			assert.Contains(t, sections[i], want)
		}
	}
	assert.NotContains(t, sections[7], "LEAD_SOURCE", "that is the person's own field")
	assert.Empty(t, b.console)
}

func TestBrowser_TheDataViewShowsTheEightKindsAndFollows(t *testing.T) {
	d := start(t, 0)
	d.customer()
	b := browse(t, d.url+"/data")
	b.until(`document.querySelectorAll("#kinds tbody").length === 8`)
	b.until(`document.querySelector("tbody[data-kind='3']").innerText.includes("€2,150")`)
	d.post("/v3/events", `{"event_name":"activity_logged","identifiers":{"ext_id":"1"}}`)
	b.until(`document.querySelector("tbody[data-kind='7'] .fresh")?.textContent === "2"`)
	assert.Empty(t, b.console)
}
