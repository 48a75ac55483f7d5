package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// plainCall is one request and the status that it should get. In its path, {id} is what the last POST
// made. A call whose status is 400 or 405 is wrong on purpose.
type plainCall struct {
	method, path, body string
	status             int
}

// made finds what a POST made, wherever the vendor says so.
func made(answer []byte) string {
	var a struct {
		Data struct {
			ID         any
			Code       string `json:"field_code"`
			Conversion any    `json:"conversion_id"`
		}
		ID, ProcessID any
	}
	_ = json.Unmarshal(answer, &a)
	if a.Data.Code != "" {
		return a.Data.Code
	}
	for _, id := range []any{a.Data.ID, a.Data.Conversion, a.ID, a.ProcessID} {
		switch id := id.(type) {
		case float64:
			return fmt.Sprintf("%.0f", id)
		case string:
			return id
		}
	}
	return ""
}

// seededLead is the first lead of every seeded company.
const seededLead = "5eed0000-1111-4000-8000-000000000001"

// run makes the calls one after the other.
func (j *judge) run(t *testing.T, calls []plainCall) {
	id := ""
	for _, c := range calls {
		path := strings.ReplaceAll(c.path, "{id}", id)
		var r *http.Request
		if c.body == "" {
			r = httptest.NewRequest(c.method, path, nil)
		} else {
			r = httptest.NewRequest(c.method, path, strings.NewReader(strings.ReplaceAll(c.body, "{id}", id)))
			r.Header.Set("Content-Type", "application/json")
		}
		r.Header.Set(credentials[j.vendor], "sandbox")
		if c.status == 400 || c.status == 405 {
			r = wrong(r)
		}
		answer := j.answer(r)
		assert.Equal(t, c.status, answer.Code, "%s %s: %s", c.method, path, answer.Body)
		if given := made(answer.Body.Bytes()); c.method == "POST" && given != "" {
			id = given
		}
	}
}

func (j *judge) answer(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	j.ServeHTTP(answer, r)
	return answer
}

func seededPipedrive(cfg pipedrive.Config) *pipedrive.Server {
	s := pipedrive.New(cfg)
	seed.Fill(s, 400)
	return s
}

func TestPipedriveSandbox_EveryRouteAnswersAsTheFilesSay(t *testing.T) {
	// The webhook that is created here is never sent anything, at an address that nobody reaches.
	j := watch(t, "pipedrive", seededPipedrive(pipedrive.Config{Webhooks: pipedrive.Webhooks{Probe: pipedrive.ProbeNone}}))
	var calls []plainCall
	get := func(paths ...string) {
		for _, path := range paths {
			calls = append(calls, plainCall{"GET", path, "", 200})
		}
	}
	for _, c := range []struct{ plural, create, change, include string }{
		{"persons", `{"name":"Ada Example","emails":[{"value":"ada@example.org","primary":true,"label":"work"}],"phones":[{"value":"+44 7400 000001"}],"org_id":1,"owner_id":1,"visible_to":3,"label_ids":[]}`,
			`{"name":"Ada Sample","org_id":2}`, "won_deals_count,last_activity_id,smart_bcc_email"},
		{"organizations", `{"name":"Example Ltd","address":{"value":"1 High Street, London"},"website":"https://example.org","employee_count":5}`,
			`{"name":"Sample Ltd","annual_revenue":100}`, "people_count,open_deals_count,next_activity_id"},
		{"deals", `{"title":"A deal","value":100,"currency":"EUR","person_id":1,"org_id":1,"stage_id":1}`,
			`{"status":"won"}`, "products_count,first_won_time,source_lead_id"},
		{"activities", `{"subject":"Call","type":"call","due_date":"2026-11-20","due_time":"10:00","duration":"00:30","participants":[{"person_id":1,"primary":true}],"deal_id":1}`,
			`{"done":true,"location":{"value":"1 High Street, London"}}`, "attendees"},
		{"products", `{"name":"A product","code":"P-1","unit":"piece","tax":20,"prices":[{"currency":"EUR","price":10,"cost":1}]}`,
			`{"name":"Another product"}`, ""},
		{"pipelines", `{"name":"A pipeline"}`, `{"name":"Another pipeline","is_deal_probability_enabled":true}`, ""},
		{"stages", `{"name":"A stage","pipeline_id":1}`, `{"name":"Another stage","deal_probability":50}`, ""},
	} {
		base := "/api/v2/" + c.plural
		created := 200
		if c.plural == "products" {
			created = 201
		}
		get(base, base+"?limit=3&sort_by=id&sort_direction=desc", base+"/1")
		if c.include != "" {
			get(base+"?limit=50&include_fields="+c.include, base+"/1?include_fields="+c.include,
				base+"?ids=1,2,3&updated_since=2020-01-01T00:00:00Z&updated_until=2030-01-01T00:00:00Z&owner_id=1")
		}
		calls = append(calls,
			plainCall{"POST", base, c.create, created}, plainCall{"PATCH", base + "/{id}", c.change, 200},
			plainCall{"GET", base + "/{id}", "", 200}, plainCall{"DELETE", base + "/{id}", "", 200},
			plainCall{"GET", base + "/{id}", "", 200},
			plainCall{"GET", base + "/999999", "", 404}, plainCall{"GET", base + "?limit=501", "", 400},
			plainCall{"GET", base + "?cursor=nonsense", "", 400}, plainCall{"GET", base + "?unknown=1", "", 400},
			plainCall{"POST", base, `{"nonsense":1}`, 400}, plainCall{"PUT", base + "/1", `{}`, 405},
			plainCall{"GET", "/v1/" + c.plural, "", 200}, plainCall{"GET", "/api/v1/" + c.plural + "/1", "", 200},
			plainCall{"GET", "/v1/" + c.plural + "/999999", "", 404},
		)
	}
	get("/api/v2/persons?include_option_labels=true&include_labels=true&limit=20", "/api/v2/deals?status=won,lost,open,deleted&limit=500",
		"/api/v2/deals/archived", "/api/v2/deals?include_option_labels=true&limit=20", "/api/v2/organizations?include_labels=true&limit=20",
		"/api/v2/persons?org_id=1", "/api/v2/persons?deal_id=1", "/api/v2/deals?person_id=1", "/api/v2/deals?stage_id=1&limit=5", "/api/v2/deals?pipeline_id=1&limit=5",
		"/api/v2/activities?done=true&limit=5", "/api/v2/stages?pipeline_id=2", "/v1/deals?status=won&limit=3&start=3", "/v1/activities?user_id=0&limit=5")

	for _, object := range []string{"person", "organization", "deal", "product", "activity"} {
		base := "/api/v2/" + object + "Fields"
		get(base, base+"?limit=3", base+"?include_fields=ui_visibility", "/v1/"+object+"Fields")
		if object != "activity" { // the one that v1 does not page
			get("/v1/" + object + "Fields?start=2&limit=5")
		}
		if object == "activity" {
			get(base + "/subject")
			continue
		}
		calls = append(calls,
			plainCall{"POST", base, `{"field_name":"A field","field_type":"enum","options":[{"label":"One"}]}`, 200},
			plainCall{"GET", base + "/{id}", "", 200}, plainCall{"PATCH", base + "/{id}", `{"field_name":"Another"}`, 200},
			plainCall{"POST", base + "/{id}/options", `[{"label":"Two"}]`, 200},
			plainCall{"DELETE", base + "/{id}", "", 200}, plainCall{"GET", base + "/{id}", "", 404},
			plainCall{"POST", base, `{"field_name":"A field"}`, 400},
		)
	}
	get("/v1/leadFields", "/v1/noteFields")

	for _, plural := range []string{"persons", "organizations", "deals", "leads", "products"} {
		get("/api/v2/"+plural+"/search?term=an&limit=5", "/api/v2/"+plural+"/search?term=nothing+like+it&exact_match=true")
		calls = append(calls, plainCall{"GET", "/api/v2/" + plural + "/search?term=a", "", 400})
	}
	get("/api/v2/itemSearch?term=an&limit=20", "/api/v2/itemSearch?term=an&item_types=person,deal&fields=name,title&limit=5")
	calls = append(calls, plainCall{"GET", "/api/v2/itemSearch?term=an&limit=101", "", 400})

	recently := "since_timestamp=2026-01-01+00:00:00"
	get("/v1/deals/summary", "/v1/deals/summary?status=won&pipeline_id=1", "/v1/deals/summary?status=open&user_id=1&stage_id=2",
		"/api/v2/activities?person_id=1", "/api/v2/activities?deal_id=1&include_fields=attendees", "/v1/leads?person_id=1", "/v1/leads?organization_id=1")
	get("/v1/leads", "/v1/leads?limit=2&start=2", "/v1/leads?updated_since=2020-01-01T00:00:00Z&sort=update_time+ASC", "/v1/leads?limit=500&sort=update_time+ASC&start=0",
		"/v1/leads/archived",
		"/v1/leads?person_id=999999", "/v1/notes", "/v1/notes?limit=2&start=1", "/v1/notes?updated_since=2020-01-01T00:00:00Z", "/v1/notes/1",
		"/v1/users", "/v1/users/1", "/v1/users/me", "/v1/users/find?term=mira", "/v1/users/find?term=mira.falkenau@sales.example.com&search_by_email=1",
		"/v1/currencies", "/v1/activityTypes", "/v1/leadLabels", "/v1/leadSources", "/v1/filters", "/v1/filters?type=people", "/v1/webhooks",
		"/v1/recents?"+recently, "/v1/recents?"+recently+"&items=person,deal&limit=3&start=1", "/v1/recents?since_timestamp=2099-01-01+00:00:00",
		"/api/v1/users/me", "/v1/persons?first_char=a&limit=3", "/v1/persons?start=3&limit=3")
	filter := `{"name":"All of them","type":"people","conditions":{"glue":"and","conditions":[{"glue":"and","conditions":[{"object":"person","field_id":"1","operator":">","value":"0","extra_value":null}]},{"glue":"or","conditions":[]}]}}`
	calls = append(calls,
		plainCall{"POST", "/v1/leads", `{"title":"A lead","person_id":1,"value":{"amount":100,"currency":"EUR"}}`, 201},
		plainCall{"GET", "/v1/leads/{id}", "", 200}, plainCall{"PATCH", "/v1/leads/{id}", `{"title":"Another","is_archived":false}`, 200},
		plainCall{"DELETE", "/v1/leads/{id}", "", 200}, plainCall{"GET", "/v1/leads/{id}", "", 404},
		plainCall{"PATCH", "/v1/leads/{id}", `{"title":"Another"}`, 404}, plainCall{"DELETE", "/v1/leads/{id}", "", 404},
		plainCall{"POST", "/v1/leads", `{"title":"A lead"}`, 400}, plainCall{"POST", "/v1/leads", `{"person_id":1}`, 400},

		plainCall{"POST", "/api/v2/leads/" + seededLead + "/convert/deal", `{"stage_id":2}`, 200},
		plainCall{"GET", "/api/v2/leads/" + seededLead + "/convert/status/{id}", "", 200},
		plainCall{"GET", "/api/v2/leads/" + seededLead + "/convert/status/" + seededLead, "", 404},
		plainCall{"POST", "/api/v2/leads/" + seededLead + "/convert/deal", `{}`, 404},
		plainCall{"POST", "/api/v2/leads/" + seededLead[:len(seededLead)-1] + "2/convert/deal", `{"title":"Another"}`, 400},

		plainCall{"POST", "/v1/notes", `{"content":"<p>A note</p>","person_id":1,"pinned_to_person_flag":1}`, 200},
		plainCall{"PUT", "/v1/notes/{id}", `{"content":"Another"}`, 200}, plainCall{"GET", "/v1/notes/{id}", "", 200},
		plainCall{"DELETE", "/v1/notes/{id}", "", 200}, plainCall{"GET", "/v1/notes/{id}", "", 404}, plainCall{"POST", "/v1/notes", `{"content":"A note"}`, 400},

		plainCall{"GET", "/v1/users/99", "", 404},

		plainCall{"POST", "/v1/filters", filter, 200}, plainCall{"GET", "/v1/filters/{id}", "", 200},
		plainCall{"GET", "/api/v2/persons?filter_id={id}&limit=2", "", 200}, plainCall{"GET", "/v1/persons?filter_id={id}&limit=2", "", 200},
		plainCall{"DELETE", "/v1/filters/{id}", "", 200}, plainCall{"GET", "/v1/filters/{id}", "", 404}, plainCall{"POST", "/v1/filters", `{}`, 400},
		plainCall{"GET", "/api/v2/persons?filter_id={id}", "", 404},

		plainCall{"POST", "/v1/webhooks", `{"subscription_url":"https://hooks.example.org/pipedrive","event_action":"*","event_object":"person","name":"Ours","version":"2.0","http_auth_user":"u","http_auth_password":"p"}`, 201},
		plainCall{"GET", "/v1/webhooks", "", 200}, plainCall{"DELETE", "/v1/webhooks/{id}", "", 200}, plainCall{"DELETE", "/v1/webhooks/{id}", "", 404},
		plainCall{"POST", "/v1/webhooks", `{"name":"Ours"}`, 400},

		plainCall{"PUT", "/v1/persons/2/merge", `{"merge_with_id":3}`, 200}, plainCall{"PUT", "/v1/deals/2/merge", `{"merge_with_id":3}`, 200},
		plainCall{"PUT", "/v1/organizations/2/merge", `{"merge_with_id":3}`, 200}, plainCall{"PUT", "/v1/persons/2/merge", `{}`, 400},
		plainCall{"PUT", "/v1/persons/999999/merge", `{"merge_with_id":3}`, 404},
		plainCall{"GET", "/v1/recents", "", 400},
	)
	j.run(t, calls)
}

func TestPipedriveSandbox_RefusalsOfTheGatewayHaveItsShape(t *testing.T) {
	server := pipedrive.New(pipedrive.Config{Limits: pipedrive.Limits{Burst: 1}})
	j := watch(t, "pipedrive", server)
	for _, path := range []string{"/api/v2/persons", "/v1/leads", "/v1/users/me"} {
		assert.Equal(t, http.StatusUnauthorized, j.answer(wrong(httptest.NewRequest("GET", path, nil))).Code)
	}
	j.run(t, []plainCall{{"GET", "/api/v2/persons", "", 200}, {"GET", "/api/v2/persons", "", 429}, {"GET", "/v1/leads", "", 429}})
}
