package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

// pipedriveRequest makes a call of the sandbox at an address.
func pipedriveRequest(url, call, query, body string) string {
	method, path, _ := strings.Cut(call, " ")
	text := fmt.Sprintf("pipedrive_request:\n  api_token: sandbox\n  base_url: %s\n  burst_limit: 100000\n  method: %s\n  path: %s\n", url, method, path)
	for field, value := range map[string]string{"query": query, "body": body} {
		if value != "" {
			text += fmt.Sprintf("  %s: 'root = %s'\n", field, value)
		}
	}
	return text
}

func TestPipedriveClient_AnyCallByItsNameInV1(t *testing.T) {
	// The webhook that is created here is never sent anything.
	server := seededPipedrive(pipedrive.Config{Webhooks: pipedrive.Webhooks{Probe: pipedrive.ProbeNone}})
	j := watch(t, "pipedrive", server)
	url := j.serve(t)
	for _, c := range []struct{ call, query, body, sent string }{
		{"GET /persons", `{"limit":5,"include_fields":["won_deals_count","last_activity_id"]}`, "", "GET /api/v2/persons 200"},
		{"POST /persons", "", `{"name":"Ada","emails":[{"value":"ada@example.org"}],"custom_fields_by_name":{"lead_source":"Referral","interests":["Pumps","Service"],"credit_limit":"5 EUR"}}`, "POST /api/v2/persons 200"},
		{"PUT /persons/5", "", `{"name":"Renamed","custom_fields_by_name":{"greeting":"Hello"}}`, "PATCH /api/v2/persons/{id} 200"},
		{"DELETE /persons/6", "", "", "DELETE /api/v2/persons/{id} 200"},
		{"GET /deals", `{"status":["won","lost"],"limit":5}`, "", "GET /api/v2/deals 200"},
		{"POST /deals", "", `{"title":"A deal","person_id":5,"custom_fields_by_name":{"seats":"3","contract_start":"2026-12-01"}}`, "POST /api/v2/deals 200"},
		{"PUT /deals/1", "", `{"value":12.5,"currency":"EUR"}`, "PATCH /api/v2/deals/{id} 200"},
		{"GET /organizations", `{"limit":5}`, "", "GET /api/v2/organizations 200"},
		{"POST /organizations", "", `{"name":"Sample Ltd","address":{"value":"1 High Street"}}`, "POST /api/v2/organizations 200"},
		{"GET /activities", `{"limit":5,"done":true}`, "", "GET /api/v2/activities 200"},
		{"POST /activities", "", `{"subject":"Call","type":"call","participants":[{"person_id":5,"primary":true}]}`, "POST /api/v2/activities 200"},
		{"GET /leads", `{"limit":5}`, "", "GET /v1/leads 200"},
		{"GET /pipelines", "", "", "GET /api/v2/pipelines 200"},
		{"GET /stages", `{"pipeline_id":1}`, "", "GET /api/v2/stages 200"},
		{"GET /itemSearch", `{"term":"an","item_types":["person","deal"],"limit":5}`, "", "GET /api/v2/itemSearch 200"},
		{"GET /recents", `{"since_timestamp":"2026-01-01 00:00:00","items":["person","deal"],"limit":5}`, "", "GET /v1/recents 200"},
		{"POST /webhooks", "", `{"subscription_url":"https://hooks.example.org/x","event_action":"*","event_object":"person","name":"Ours","version":"2.0"}`, "POST /v1/webhooks 201"},
		{"PUT /persons/7/merge", "", `{"merge_with_id":8}`, "PUT /v1/persons/{id}/merge 200"},
	} {
		out := job{processor: pipedriveRequest(url, c.call, c.query, c.body)}.run(t, `{}`)
		require.Len(t, out, 1, c.call)
		require.NoError(t, out[0].GetError(), c.call)
		assert.Positive(t, j.operations[c.sent], "%s: %v", c.sent, j.operations)
	}
	for _, path := range []string{"/persons", "/leads", "/recents", "/itemSearch", "/notes", "/users", "/stages", "/personFields", "/activities"} {
		query := map[string]string{"/recents": `{"since_timestamp":"2026-01-01 00:00:00","items":"person"}`, "/itemSearch": `{"term":"example"}`}[path]
		out := job{processor: pipedriveRequest(url, "GET "+path, query, "") + "  all_pages: true\n"}.run(t, `{}`)
		require.Len(t, out, 1, path)
		require.NoError(t, out[0].GetError(), path)
	}
}

// pipedriveOutput writes to the sandbox at an address.
func pipedriveOutput(url, object, match string) string {
	return fmt.Sprintf(`
pipedrive:
  api_token: sandbox
  base_url: %s
  burst_limit: 100000
  object: %s
  match: %s
  action: ${! @action.or("upsert") }
  dead_letter: refused
`, url, object, match)
}

func TestPipedriveClient_WritesEveryObject(t *testing.T) {
	server := seededPipedrive(pipedrive.Config{})
	j := watch(t, "pipedrive", server)
	url := j.serve(t)
	for _, c := range []struct{ object, match, record, change string }{
		{"persons", "email", `{"email":"ada@example.org","name":"Ada Example","owner_id":1,"org_id":1,"visible_to":3,"label_ids":[],"custom_fields_by_name":{"lead_source":"Referral","delivery_address":"1 High Street"}}`, `{"email":"ADA@example.org","name":"Ada","custom_fields_by_name":{"lead_source":null}}`},
		{"persons", "greeting", `{"name":"Bob Example","custom_fields_by_name":{"greeting":"Hello, Bob"}}`, `{"phones":[{"value":"+44 1"}],"custom_fields_by_name":{"greeting":"hello, bob"}}`},
		{"organizations", "name", `{"name":"Example Ltd","address":"1 High Street","employee_count":"5"}`, `{"name":"Example Ltd","website":"https://example.org"}`},
		{"deals", "title", `{"title":"A deal of ours","value":"10","currency":"EUR","person_id":5,"stage_id":1}`, `{"title":"A deal of ours","status":"won","custom_fields_by_name":{"terms":null,"seats":2}}`},
		{"leads", "title", `{"title":"A lead of ours","person_id":5,"visible_to":3,"value":{"amount":5,"currency":"EUR"}}`, `{"title":"A lead of ours","org_id":1,"custom_fields_by_name":{"seats":2}}`},
		{"products", "name", `{"name":"A product of ours","unit":"piece","tax":20}`, `{"name":"A product of ours","code":"P-1"}`},
	} {
		job{output: pipedriveOutput(url, c.object, c.match)}.run(t, c.record, c.change)
		job{output: pipedriveOutput(url, c.object, c.match)}.run(t, strings.Replace(c.change, "{", `{"action":"delete",`, 1))
	}
	for object, records := range map[string][]string{
		"activities": {`{"subject":"Call","type":"call","done":"true","person_id":5,"location":"1 High Street"}`, `{"id":1,"note":"<b>Done</b>"}`, `{"id":2,"action":"delete"}`},
		"notes":      {`{"content":"A note","person_id":5}`, `{"id":1,"content":"Another"}`, `{"id":2,"action":"delete"}`},
		"pipelines":  {`{"name":"A pipeline"}`, `{"id":1,"name":"Renamed"}`},
		"stages":     {`{"name":"A stage","pipeline_id":1}`, `{"id":1,"deal_probability":50}`},
		"persons":    {`{"id":999999,"action":"update","name":"Nobody"}`, `{"id":999999,"action":"delete"}`},
	} {
		job{output: pipedriveOutput(url, object, "id")}.run(t, records...)
	}
	for _, want := range []string{
		"POST /api/v2/persons 200", "PATCH /api/v2/persons/{id} 200", "DELETE /api/v2/persons/{id} 200", "DELETE /api/v2/persons/{id} 404",
		"POST /api/v2/organizations 200", "PATCH /api/v2/organizations/{id} 200", "POST /api/v2/deals 200", "PATCH /api/v2/deals/{id} 200", "DELETE /api/v2/deals/{id} 200",
		"POST /v1/leads 201", "PATCH /v1/leads/{id} 200", "DELETE /v1/leads/{id} 200", "POST /api/v2/products 201", "PATCH /api/v2/products/{id} 200",
		"POST /api/v2/activities 200", "PATCH /api/v2/activities/{id} 200", "DELETE /api/v2/activities/{id} 200",
		"POST /v1/notes 200", "PUT /v1/notes/{id} 200", "DELETE /v1/notes/{id} 200", "POST /api/v2/pipelines 200", "PATCH /api/v2/stages/{id} 200",
		"GET /api/v2/persons/search 200", "GET /api/v2/leads/search 200", "GET /api/v2/products/search 200",
	} {
		assert.Positive(t, j.operations[want], want)
	}
}
