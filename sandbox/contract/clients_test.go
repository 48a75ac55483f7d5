package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "connector/plugins"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
)

// job is a stream in parts. Without an input it gets messages, without an output it gives them.
type job struct{ input, processor, output string }

const resources = `
cache_resources:
  - label: state
    memory: {}
output_resources:
  - label: refused
    drop: {}
`

// run runs the job to its end and returns what came out of it.
func (s job) run(t *testing.T, in ...string) (out []*service.Message) {
	t.Helper()
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.AddResourcesYAML(resources))
	var send service.MessageBatchHandlerFunc
	var err error
	if s.input != "" {
		err = b.AddInputYAML(s.input)
	} else {
		send, err = b.AddBatchProducerFunc()
	}
	require.NoError(t, err)
	if s.processor != "" {
		require.NoError(t, b.AddProcessorYAML(s.processor))
	}
	var mu sync.Mutex
	if s.output != "" {
		err = b.AddOutputYAML(s.output)
	} else {
		err = b.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
			mu.Lock()
			defer mu.Unlock()
			out = append(out, m)
			return nil
		})
	}
	require.NoError(t, err)
	stream, err := b.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- stream.Run(ctx) }()
	if send != nil {
		require.NoError(t, send(ctx, batchOf(t, in)))
		require.NoError(t, stream.Stop(ctx))
	}
	require.NoError(t, <-done)
	return out
}

// batchOf makes messages, whose key "action" goes to their metadata.
func batchOf(t *testing.T, bodies []string) (batch service.MessageBatch) {
	for _, body := range bodies {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &fields))
		m := service.NewMessage(nil)
		if action, ok := fields["action"].(string); ok {
			m.MetaSetMut("action", action)
			delete(fields, "action")
		}
		m.SetStructuredMut(fields)
		batch = append(batch, m)
	}
	return batch
}

// pipedriveInput reads objects from the sandbox at an address.
func pipedriveInput(url, objects string, pageSize int, version, more string) string {
	return fmt.Sprintf(`
pipedrive_paginated:
  api_token: sandbox
  base_url: %s
  burst_limit: 100000
  objects: [ %s ]
  page_size: %d
  api_version: %s
  checkpoint_cache: state
  %s
`, url, objects, pageSize, version, more)
}

func TestPipedriveClient_ReadsEveryObjectOfEitherVersion(t *testing.T) {
	const all = "persons, deals, organizations, activities, leads, pipelines, stages, users, notes, products"
	for version, want := range map[string]string{"v2": "/api/v2/", "v1": "/v1/"} {
		t.Run(version, func(t *testing.T) {
			server := seededPipedrive(pipedrive.Config{})
			j := watch(t, "pipedrive", server)
			read := job{input: pipedriveInput(j.serve(t), all, 37, version,
				"include_fields: [ won_deals_count, open_deals_count, people_count, products_count, source_lead_id, attendees, last_activity_id, smart_bcc_email, marketing_status ]")}.run(t)
			assert.Greater(t, len(read), 400+100+200+200)
			for _, object := range []string{"persons", "deals", "organizations", "activities", "products", "pipelines", "stages"} {
				assert.Positive(t, j.operations["GET "+want+object+" 200"], object)
			}
			assert.Greater(t, j.operations["GET "+want+"persons 200"], 10, "there are several pages")
			for _, object := range []string{"leads", "notes", "users"} {
				assert.Positive(t, j.operations["GET /v1/"+object+" 200"], object)
			}
		})
	}
}

func TestPipedriveClient_ReadsAFilter(t *testing.T) {
	for _, version := range []string{"v2", "v1"} {
		server := seededPipedrive(pipedrive.Config{})
		server.Put("filter", map[string]any{"id": 7, "name": "Of one company", "type": "people", "org_id": 1})
		j := watch(t, "pipedrive", server)
		read := job{input: pipedriveInput(j.serve(t), "persons", 2, version, "filter_id: 7")}.run(t)
		assert.NotEmpty(t, read, version)
		assert.Less(t, len(read), 400, version)
	}
}

func TestPipedriveClient_OtherReadingsOfTheFilesAreReadToo(t *testing.T) {
	for name, cfg := range map[string]pipedrive.Config{
		"flat lead paging, empty arrays": {FlatLeadPaging: true, EmptyV1Arrays: true},
		"custom fields left out":         {OmitUnsetCustomFields: true},
		"contact sync and campaigns":     {ContactSync: true, Campaigns: true},
	} {
		t.Run(name, func(t *testing.T) {
			j := watch(t, "pipedrive", seededPipedrive(cfg))
			assert.NotEmpty(t, job{input: pipedriveInput(j.serve(t), "persons, leads, notes", 50, "v2", "")}.run(t))
		})
	}
}

// brevoOutput writes contacts to the sandbox at an address.
func brevoOutput(url, mode string) string {
	return fmt.Sprintf(`
brevo_contacts:
  api_key: sandbox
  base_url: %s/v3
  requests_per_second: 100000
  mode: %s
  action: ${! @action.or("upsert") }
  dead_letter: refused
  batching: { count: 1000, period: 10ms }
`, url, mode)
}

// contacts are the cases that differ on the wire.
func contacts() []string {
	cases := []string{
		`{"email":"ada+1@example.org","ext_id":"1","attributes":{"FIRSTNAME":"Ada","WON_DEALS":2,"LTV":10.5,"SMS":"+447400000001","NOTHING":"x"},"listIds":[60]}`,
		`{"email":"bob@example.org","ext_id":"2","attributes":{"FIRSTNAME":"Bob","SMS":"+447400000001"},"listIds":[60]}`,
		`{"email":"cleo@example.org","ext_id":"3","attributes":{"SMS":"nonsense"},"listIds":[60]}`,
		`{"email":"dora@example.org","ext_id":"4","listIds":[60],"emailBlacklisted":true,"smsBlacklisted":true}`,
		`{"email":"amina.osei@newsletter.example","ext_id":"5","listIds":[61],"unlinkListIds":[2]}`,
		`{"email":"new@example.org","ext_id":"6","listIds":[61],"unlinkListIds":[62,63]}`,
		`{"email":"dmitri.volkov@newsletter.example","emailBlacklisted":false,"listIds":[60]}`,
		`{"ext_id":"7","attributes":{"FIRSTNAME":"Only an id"}}`,
		`{"attributes":{"SMS":"+447400000009"}}`,
		`{"email":"not..an@address","ext_id":"8","listIds":[60]}`,
		`{"email":"eve@example.org","ext_id":"9","listIds":[9999]}`,
		`{"email":"bruno.keller@newsletter.example","action":"update","attributes":{"LASTNAME":"Keller-Braun"}}`,
		`{"email":"nobody@example.org","action":"update","attributes":{"LASTNAME":"Nobody"}}`,
		`{"email":"chloe.martin@newsletter.example","action":"delete"}`,
		`{"ext_id":"404","action":"delete"}`,
		`{"email":"ada/one two%@example.org","ext_id":"a/b c","action":"update","attributes":{"FIRSTNAME":"Ä"}}`,
	}
	for i := range 150 {
		cases = append(cases, fmt.Sprintf(`{"email":"many%d@example.org","ext_id":"m%d","attributes":{"FIRSTNAME":"Ann","SMS":"+4474001%05d"},"listIds":[60]}`, i, i, i/2))
	}
	return cases
}

func TestBrevoClient_WritesContactsInEveryMode(t *testing.T) {
	for _, mode := range []string{"single", "import", "auto"} {
		t.Run(mode, func(t *testing.T) {
			server := seededBrevo(brevo.Config{ImportDelay: 30 * time.Millisecond})
			j := watch(t, "brevo", server)
			url := j.serve(t)
			job{output: brevoOutput(url, mode)}.run(t, contacts()...)
			job{output: brevoOutput(url, mode)}.run(t, contacts()...)
			for _, want := range []string{
				"GET /v3/contacts/attributes 200", "GET /v3/contacts/lists/{listId} 404", "POST /v3/contacts 201", "POST /v3/contacts 204",
				"PUT /v3/contacts/{identifier} 204", "PUT /v3/contacts/{identifier} 404", "DELETE /v3/contacts/{identifier} 204",
				"DELETE /v3/contacts/{identifier} 404",
			} {
				assert.Positive(t, j.operations[want], want)
			}
			if mode == "single" {
				assert.Positive(t, j.operations["POST /v3/contacts 400"], "a phone number is refused")
			} else {
				assert.Positive(t, j.operations["GET /reports/{file} 200"], "refused rows are looked up")
				assert.Positive(t, j.operations["POST /v3/contacts/import 202"])
				assert.Positive(t, j.operations["GET /v3/processes/{processId} 200"]+j.operations["GET /v3/processes 200"])
			}
		})
	}
}

// companiesOutput writes companies to the sandbox at an address.
func companiesOutput(url string) string {
	return fmt.Sprintf(`
brevo_companies:
  api_key: sandbox
  base_url: %s/v3
  requests_per_second: 100000
  action: ${! @action.or("upsert") }
  id_cache: state
  dead_letter: refused
`, url)
}

func TestBrevoClient_WritesCompaniesAndTheirLinks(t *testing.T) {
	server := seededBrevo(brevo.Config{ImportDelay: 30 * time.Millisecond, Quirks: brevo.Quirks{MostCompanies: 50}})
	j := watch(t, "brevo", server)
	output := companiesOutput(j.serve(t))
	company := func(id int, more string) string {
		return fmt.Sprintf(`{"ext_id":%d,"name":"Org \"%d\", Ä"%s}`, id, id, more)
	}
	var many, again []string
	for i := range 60 {
		many = append(many, company(i+1, `,"attributes":{"revenue":10.5,"domain":"example.org","phone_number":"+441632960001"},"countryCode":44`))
		again = append(again, company(i+1, `,"attributes":{"revenue":11}`))
	}
	job{output: output}.run(t, many...)
	job{output: output}.run(t, append(again, company(61, `,"attributes":{"phone_number":"1632960001"},"countryCode":44`))...)
	job{output: output}.run(t, company(1, `,"attributes":{"domain":"example.com"}`), `{"ext_id":2,"action":"delete"}`,
		`{"action":"link","ext_id":3,"linkContacts":["amina.osei@newsletter.example"]}`)
	for i := range 3 {
		many[i] = fmt.Sprintf(`{"action":"link","ext_id":%d,"linkContacts":["%s@newsletter.example"]}`, i+4, []string{"dmitri.volkov", "bruno.keller", "chloe.martin"}[i])
	}
	job{output: output}.run(t, many[:3]...)
	assert.Len(t, server.Companies(), 60)
	for _, want := range []string{
		"GET /v3/crm/attributes/companies 200", "POST /v3/crm/attributes 200", "GET /v3/companies 200", "GET /v3/companies 400", "POST /v3/companies 200",
		"POST /v3/companies/import 200", "PATCH /v3/companies/{id} 200", "DELETE /v3/companies/{id} 204", "PATCH /v3/companies/link-unlink/{id} 204",
		"GET /v3/companies/{id} 200", "GET /v3/contacts/{identifier} 200",
	} {
		assert.Positive(t, j.operations[want], want)
	}
}

func TestPipeline_BothSidesOfTheMainJob(t *testing.T) {
	from := watch(t, "pipedrive", seededPipedrive(pipedrive.Config{}))
	server := seededBrevo(brevo.Config{ImportDelay: 30 * time.Millisecond})
	to := watch(t, "brevo", server)
	job{
		input: pipedriveInput(from.serve(t), "persons", 100, "v2",
			"include_fields: [ won_deals_count, lost_deals_count, open_deals_count, closed_deals_count ]"),
		processor: `mutation: from "../../pipelines/mappings/person.blobl"`,
		output:    brevoOutput(to.serve(t), "auto"),
	}.run(t)
	assert.Positive(t, to.operations["POST /v3/contacts/import 202"])
}

func TestClients_StayWithinTheFilesWhenTheyAreRefused(t *testing.T) {
	server := seededPipedrive(pipedrive.Config{})
	var calls atomic.Int32
	j := watch(t, "pipedrive", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The third call is refused: the check of the credentials comes first, and is not made again.
		if calls.Add(1) == 3 {
			server.SetFaults(pipedrive.Faults{Rate: 1, Kinds: []string{pipedrive.Fault429}})
			defer server.SetFaults(pipedrive.Faults{})
		}
		server.ServeHTTP(w, r)
	}))
	assert.NotEmpty(t, job{input: pipedriveInput(j.serve(t), "persons", 200, "v2", "")}.run(t))
	refused := 0
	for answer, n := range j.operations {
		if strings.HasSuffix(answer, " 429") {
			refused += n
		}
	}
	assert.Positive(t, refused)
}
