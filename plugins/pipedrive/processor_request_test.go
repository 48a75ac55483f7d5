package pipedrive

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// request is a processor for one call.
func (a *written) request(res *resources, extra string) *requestProcessor {
	a.t.Helper()
	conf, err := requestSpec().ParseYAML(fmt.Sprintf("base_url: %s\napi_token: sandbox\nburst_limit: 100000\ntimeout: 2s\n%s", a.url, extra), nil)
	require.NoError(a.t, err)
	p, err := newRequestProcessor(conf, res.Resources)
	require.NoError(a.t, err)
	return p
}

// requested sends one message through a processor.
func requested(t *testing.T, p *requestProcessor, text string) (any, *service.Message) {
	t.Helper()
	batches, err := p.ProcessBatch(t.Context(), messages(t, text))
	require.NoError(t, err)
	require.Len(t, batches, 1)
	require.Len(t, batches[0], 1)
	v, err := batches[0][0].AsStructured()
	require.NoError(t, err)
	return v, batches[0][0]
}

const someLead = "35b0d604-eb0d-42d0-be11-eac8832051f0"

// The endpoints that people know by their names in v1, through the one client.
func TestRequest_EveryEndpointIsReachedByItsNameInV1(t *testing.T) {
	t.Parallel()
	recently := time.Now().UTC().Add(-time.Hour).Format(time.DateTime)
	for _, c := range []struct {
		call, query, body string
		sent              string // method and path
		tokens            int
		gives             string // a mapping of the answer's data that has to be true
	}{
		{"GET /persons", "", "", "GET /api/v2/persons", 10, `this.length() == 3 && this.0.custom_fields_by_name.lead_source == "Fair"`},
		{"POST /persons", "", `{"name":"Ada","custom_fields_by_name":{"lead_source":"web"}}`, "POST /api/v2/persons", 5, `this.name == "Ada" && this.custom_fields_by_name.lead_source == "Web"`},
		{"PUT /persons/1", "", `{"name":"Renamed"}`, "PATCH /api/v2/persons/1", 5, `this.id == 1 && this.name == "Renamed"`},
		{"DELETE /persons/1", "", "", "DELETE /api/v2/persons/1", 3, `this.id == 1`},
		{"GET /deals", `{"status":["won","lost"]}`, "", "GET /api/v2/deals", 10, `this.length() == 1 && this.0.custom_fields_by_name.seats == 3`},
		{"POST /deals", "", `{"title":"A deal","person_id":1}`, "POST /api/v2/deals", 5, `this.title == "A deal"`},
		{"PUT /deals/1", "", `{"status":"lost","custom_fields":{"Seats":4}}`, "PATCH /api/v2/deals/1", 5, `this.status == "lost" && this.custom_fields_by_name.seats == 4`},
		{"GET /organizations", "", "", "GET /api/v2/organizations", 10, `this.0.custom_fields_by_name.tax_number == "GB 1"`},
		{"POST /organizations", "", `{"name":"Sample Ltd"}`, "POST /api/v2/organizations", 5, `this.name == "Sample Ltd"`},
		{"GET /activities", "", "", "GET /api/v2/activities", 10, `this.0.subject == "Call"`},
		{"POST /activities", "", `{"subject":"Write","type":"task"}`, "POST /api/v2/activities", 5, `this.subject == "Write"`},
		{"GET /leads", "", "", "GET /v1/leads", 20, `this.0.org_id == 1 && this.0.custom_fields_by_name.seats == 4`},
		{"GET /pipelines", "", "", "GET /api/v2/pipelines", 5, `this.0.name == "Sales"`},
		{"GET /stages", "", "", "GET /api/v2/stages", 5, `this.0.name == "New"`},
		{"GET /itemSearch", `{"term":"Person 2","item_types":"person","limit":5}`, "", "GET /api/v2/itemSearch", 20, `this.items.0.item.id == 2`},
		{"GET /recents", `{"since_timestamp":"` + recently + `","items":"person"}`, "", "GET /v1/recents", 20, `this.0.item == "person" && this.0.data.emails.0.value == "p3@example.com"`},
		{"POST /webhooks", "", `{"subscription_url":"https://hooks.example.org/x","event_action":"*","event_object":"person","name":"Ours","version":"2.0"}`, "POST /v1/webhooks", 10, `this.event_object == "person"`},
		{"PUT /persons/1/merge", "", `{"merge_with_id":2}`, "PUT /v1/persons/1/merge", 40, `this.id == 2 && this.is_deleted == false`},
		{"PATCH /leads/" + someLead, "", `{"title":"Renamed","custom_fields_by_name":{"seats":5}}`, "PATCH /v1/leads/" + someLead, 10, `this.title == "Renamed" && this.custom_fields_by_name.seats == 5`},
		{"GET /v1/users/me", "", "", "GET /v1/users/me", 2, `this.company_domain == "sandbox"`},
		{"GET /persons/search", `{"term":"p2@example.com","fields":"email","exact_match":true}`, "", "GET /api/v2/persons/search", 20, `this.items.0.item.id == 2`},
	} {
		t.Run(c.call, func(t *testing.T) {
			t.Parallel()
			a := newWritten(t, sandbox.Config{Webhooks: sandbox.Webhooks{Probe: sandbox.ProbeNone}}, 3)
			a.Put("person", map[string]any{"id": 1, "name": "Person 1", "custom_fields": map[string]any{sourceKey: 12}, "update_time": "2026-02-03T04:05:06Z"})
			a.Put("person", map[string]any{"id": 3, "name": "Person 3", "emails": []any{map[string]any{"value": "p3@example.com", "primary": true}}, "update_time": time.Now().UTC().Format(time.RFC3339)})
			a.Put("deal", map[string]any{"id": 1, "title": "Deal", "status": "won", "person_id": 1, "stage_id": 1, "pipeline_id": 1, "custom_fields": map[string]any{seatsKey: 3}})
			a.Put("lead", map[string]any{"id": someLead, "title": "Lead", "organization_id": 1, seatsKey: 4})
			a.Put("activity", map[string]any{"id": 1, "subject": "Call", "type": "call"})
			method, path, _ := strings.Cut(c.call, " ")
			extra := fmt.Sprintf("method: %s\npath: %s\n", method, path)
			for field, text := range map[string]string{"query": c.query, "body": c.body} {
				if text != "" {
					extra += fmt.Sprintf("%s: 'root = %s'\n", field, text)
				}
			}
			p := a.request(newResources(t), extra+"result_map: |\n  root.data = this\n  root.holds = "+c.gives)
			before := p.client.Totals().Tokens // a test that is over may have had the same address, and so the same client
			got, m := requested(t, p, `{}`)
			require.NoError(t, m.GetError())
			assert.Equal(t, true, at(got, "holds"), "%v", got)
			calls := a.those(func(call string) bool { return !strings.Contains(call, "Fields") })
			require.Len(t, calls, 1)
			assert.True(t, strings.HasPrefix(calls[0]+" ", c.sent+" "), calls[0])
			spent := 0
			for _, call := range a.Calls() {
				spent += call.Tokens
			}
			assert.Equal(t, spent, p.client.Totals().Tokens-before, "what it books is what it costs")
			last := a.Calls()[len(a.Calls())-1]
			assert.Equal(t, c.tokens, last.Tokens)
			if id, ok := at(got, "data", "id").(fmt.Stringer); ok {
				assert.Equal(t, id.String(), meta(m, "pipedrive_id"))
			}
			assert.Equal(t, fmt.Sprint(last.Status), meta(m, "pipedrive_status"))
		})
	}
}

func TestRequest_APathIsWhatTheMessageSays(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 3)
	p := a.request(newResources(t), "path: /persons/${! this.id }")
	got, m := requested(t, p, `{"id":2}`)
	assert.Equal(t, "Person 2", at(got, "name"))
	assert.Equal(t, "2", meta(m, "pipedrive_id"))
	for text, part := range map[string]string{
		`{"id":null}`: "is the id there?", `{"id":"2?x=1"}`: "question mark", `{"id":"../deals/1"}`: "neither a name nor an id", `{"id":"a b"}`: "neither a name nor an id",
		`{"id":99}`: "is there such a record",
	} {
		_, m := requested(t, p, text)
		assert.ErrorContains(t, m.GetError(), part)
	}
	assert.Len(t, a.those(func(call string) bool { return !strings.Contains(call, "Fields") }), 2)
}

func TestRequest_AllPagesAreOneList(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 25)
	for i := range 7 {
		a.Put("lead", map[string]any{"title": fmt.Sprintf("Lead %d", i), "organization_id": 1})
	}
	res := newResources(t)
	for path, want := range map[string]struct {
		query        string
		length, each int
	}{
		"/persons":        {`{"limit":10}`, 25, 3},
		"/v1/leads":       {`{"limit":3}`, 7, 3},
		"/itemSearch":     {`{"term":"Person","limit":10}`, 25, 3},
		"/organizations":  {`{}`, 1, 1},
		"/v1/users":       {`{}`, 0, 1},
		"/persons/search": {`{"term":"nobody at all"}`, 0, 1},
	} {
		a.sent = nil
		got, m := requested(t, a.request(res, fmt.Sprintf("path: %s\nquery: 'root = %s'\nall_pages: true\nresult_map: root.found = this", path, want.query)), `{}`)
		require.NoError(t, m.GetError(), path)
		list, _ := at(got, "found").([]any)
		assert.Len(t, list, want.length, path)
		assert.Len(t, a.those(func(call string) bool { return !strings.Contains(call, "Fields") }), want.each, path)
	}
	_, m := requested(t, a.request(res, "path: /persons\nquery: 'root.limit = 10'"), `{}`)
	assert.NotEmpty(t, meta(m, "pipedrive_next"), "that there is more is said")
}

func TestRequest_AnUnknownNameIsSaidBeforeTheCall(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 1)
	p := a.request(newResources(t), "method: PATCH\npath: /persons/1\nbody: 'root.custom_fields_by_name = this'")
	_, m := requested(t, p, `{"lead_sauce":"Web"}`)
	assert.ErrorContains(t, m.GetError(), `no custom field "lead_sauce" (near: lead_source)`)
	_, m = requested(t, p, `{"lead_source":"Radio"}`)
	assert.ErrorContains(t, m.GetError(), "one of Fair, Web")
	assert.Empty(t, a.writes())
}

func TestRequest_ARefusalIsTheMessagesAlone(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	p := a.request(newResources(t), "method: PATCH\npath: /persons/${! this.id }\nbody: 'root = this.without(\"id\")'")
	batches, err := p.ProcessBatch(t.Context(), messages(t, `{"id":1,"nonsense":1}`, `{"id":2,"name":"Renamed"}`))
	require.NoError(t, err)
	require.ErrorContains(t, batches[0][0].GetError(), "PATCH /api/v2/persons/{id}: Pipedrive answered 400")
	assert.ErrorContains(t, batches[0][0].GetError(), "mend the query or the body")
	assert.Equal(t, "400", meta(batches[0][0], "pipedrive_status"))
	assert.NoError(t, batches[0][1].GetError())
	assert.Equal(t, "Renamed", a.record("person", "2")["name"])
}

func TestRequest_AMergeWhoseAnswerWasLostIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ method, path, body string }{
		"merge":  {"PUT", "/persons/1/merge", `{"merge_with_id":2}`},
		"create": {"POST", "/persons", `{"name":"Ada"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newWritten(t, sandbox.Config{}, 2)
			a.onCall(a.losing(c.method))
			p := a.request(newResources(t), fmt.Sprintf("method: %s\npath: %s\nbody: 'root = %s'", c.method, c.path, c.body))
			_, m := requested(t, p, `{}`)
			assert.ErrorContains(t, m.GetError(), "it may have been carried out")
			assert.Len(t, a.writes(), 1)
		})
	}
}

func TestRequest_ACallThatWasNotLetInIsMadeAgain(t *testing.T) {
	for _, status := range []int{429, 503} {
		inFakeTime(t, sandbox.Config{}, func(t *testing.T, of *account) {
			a, turned := writtenOf(of, 0), 0
			a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
				if a.keep(w, r); r.Method == http.MethodPost && turned < 3 {
					turned++
					w.WriteHeader(status)
					return true
				}
				return false
			})
			_, m := requested(t, a.request(newResources(t), "method: POST\npath: /persons\nbody: 'root.name = \"Ada\"'"), `{}`)
			require.NoError(t, m.GetError(), "%d", status)
			assert.Equal(t, 1, a.Count("person"))
		})
	}
}

func TestRequest_WaitsWhileTheTokenIsRefused(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, of *account) {
		a, res := writtenOf(of, 1), newResources(t)
		p := a.request(res, "path: /persons/1")
		a.SetToken("another")
		time.AfterFunc(time.Hour, func() { a.SetToken("sandbox") })
		got, _ := requested(t, p, `{}`)
		assert.Equal(t, "Person 1", at(got, "name"))
		assert.True(t, res.logs.has("PIPEDRIVE_API_TOKEN"))
	})
}

func TestRequest_SearchesKeepToTheirOwnLimit(t *testing.T) {
	inFakeTime(t, sandbox.Config{Limits: sandbox.Limits{Burst: 100, SearchBurst: 10}}, func(t *testing.T, of *account) {
		a := writtenOf(of, 1)
		p := a.request(newResources(t), "path: ${! this.path }\nquery: 'root.term = \"Person\"'")
		var all sync.WaitGroup
		for range 20 {
			for _, path := range []string{"/itemSearch", "/persons/search"} {
				all.Go(func() {
					_, err := p.ProcessBatch(t.Context(), messages(t, `{"path":"`+path+`"}`))
					assert.NoError(t, err)
				})
			}
		}
		all.Wait()
		assert.Zero(t, p.client.Totals().Limited)
	})
}

func TestRequest_WhatIsWrittenIsSeenByTheNextLookup(t *testing.T) {
	t.Parallel()
	a, res := newWritten(t, sandbox.Config{}, 1), newResources(t)
	look := a.lookup(res, "object: persons\nid: 1\ncache_ttl: 1h")
	process(t, look, `{}`)
	requested(t, a.request(res, "method: PUT\npath: /persons/1\nbody: 'root.name = \"Renamed\"'"), `{}`)
	got, _ := process(t, look, `{}`)
	assert.Equal(t, "Renamed", at(got[0], "person", "name"))
}

func TestRequest_AConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	res := newResources(t)
	for text, part := range map[string]string{
		"path: persons":                                     "begin with a slash",
		"path: /person":                                     "near: /persons",
		"path: /persons?limit=1":                            "goes into query",
		"{ path: /persons, body: root = this }":             "a GET has none",
		"{ path: /persons, method: POST, all_pages: true }": "only a GET has pages",
	} {
		conf, err := requestSpec().ParseYAML(text, nil)
		require.NoError(t, err)
		_, err = newRequestProcessor(conf, res.Resources)
		assert.ErrorContains(t, err, part)
	}
}

// losing carries out the first call of a method, and cuts the connection in place of its answer.
func (a *written) losing(method string) func(http.ResponseWriter, *http.Request) bool {
	var lost atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) bool {
		if a.keep(w, r); r.Method != method || !lost.CompareAndSwap(false, true) {
			return false
		}
		a.Server.ServeHTTP(&unread{}, r)
		panic(http.ErrAbortHandler)
	}
}

// unread is an answer that nobody gets.
type unread struct{ header http.Header }

func (u *unread) Header() http.Header {
	if u.header == nil {
		u.header = http.Header{}
	}
	return u.header
}
func (*unread) Write(p []byte) (int, error) { return len(p), nil }
func (*unread) WriteHeader(int)             {}
