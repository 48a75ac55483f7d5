package contract

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestJudge_FindsWhatIsWrong(t *testing.T) {
	needSpecs(t)
	for _, c := range []struct {
		vendor, method, path, body, answer string
		status                             int
		want                               violation
	}{
		{"pipedrive", "GET", "/api/v2/persons?api_token=x", "", `{"success":true,"data":[],"additional_data":{"next_cursor":null}}`, 200,
			violation{"GET /api/v2/persons", "request", "/query/api_token", "undeclared"}},
		{"pipedrive", "GET", "/api/v2/persons?include_fields=won_deals_count,nonsense", "", `{}`, 200,
			violation{"GET /api/v2/persons", "request", "/*", "enum"}},
		{"pipedrive", "PATCH", "/api/v2/deals/1", `{"user_id":1}`, `{}`, 200, violation{"PATCH /api/v2/deals/{id}", "request", "/user_id", "undeclared"}},
		{"pipedrive", "GET", "/api/v2/persons", "", `{"success":true,"data":[{"id":"1"}]}`, 200,
			violation{"GET /api/v2/persons", "response 200", "/data/*/id", "type"}},
		{"pipedrive", "GET", "/api/v1/leads", "", `{"success":true,"data":[{"name":"x"}]}`, 200,
			violation{"GET /v1/leads", "response 200", "/data/*/name", "undeclared"}},
		{"pipedrive", "GET", "/api/v2/nothing", "", ``, 404, violation{"GET /api/v2/nothing", "request", "/", "operation"}},
		{"pipedrive", "GET", "/api/v2/persons", "", `oh no`, 500, violation{"GET /api/v2/persons", "response 500", "/", "error shape"}},
		{"brevo", "POST", "/v3/contacts", `{"email":"a@example.org","unlinkListIds":[1]}`, ``, 204,
			violation{"POST /v3/contacts", "request", "/unlinkListIds", "undeclared"}},
		{"brevo", "PUT", "/v3/contacts/a%40example.org?identifierType=nonsense", `{"listIds":["1"]}`, ``, 204,
			violation{"PUT /v3/contacts/{identifier}", "request", "/listIds/*", "type"}},
		{"brevo", "PUT", "/v3/contacts/a%40example.org", `{}`, `{"id":1}`, 204, violation{"PUT /v3/contacts/{identifier}", "response 204", "/", "body"}},
		{"brevo", "GET", "/v3/events", "", `{"events":[{"event_name":1}],"count":1}`, 200,
			violation{"GET /v3/events", "response 200", "/events/*/event_name", "type"}},
	} {
		j := newJudge(c.vendor, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		}))
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set(credentials[c.vendor], "sandbox")
		r.Header.Set("Content-Type", "application/json")
		j.answer(r)
		if _, found := j.violations[c.want]; !found || excused(c.vendor, c.want) {
			t.Errorf("%s %s: %s is not found, or excused, among %v", c.method, c.path, c.want, j.violations)
		}
	}
}
