package brevo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// companyStream is a stream into brevo_companies, and what comes of it.
type companyStream struct {
	*world
	fields  map[string]any
	letters *letters
	counts  *counts
	produce service.MessageBatchHandlerFunc
	end     func() // ends the input and waits for the output to drain
}

// companiesIn runs a stream into brevo_companies. The fields are added to those that every test shares, or replace
// them; nil takes one away.
func companiesIn(w *world, more map[string]any) *companyStream {
	w.t.Helper()
	id := strconv.FormatInt(harnessID.Add(1), 10)
	s := &companyStream{world: w, letters: &letters{}, counts: &counts{by: map[string]int64{}}}
	lettersByID.Store(id, s.letters)
	countsByID.Store(id, s.counts)
	s.fields = map[string]any{
		"api_key": "sandbox", "base_url": w.url + "/v3", "requests_per_second": 5000, "dead_letter": "letters", "id_cache": "state",
		"action": `${! @action.or("upsert") }`, "batching": map[string]any{"count": 1}, "max_in_flight": 8,
	}
	for k, v := range more {
		s.fields[k] = v
		if v == nil {
			delete(s.fields, k)
		}
	}
	b := service.NewStreamBuilder()
	b.SetLogger(slog.New(w.logs))
	var err error
	s.produce, err = b.AddBatchProducerFunc()
	require.NoError(w.t, err)
	require.NoError(w.t, b.AddOutputYAML(encode(w.t, map[string]any{"brevo_companies": s.fields})))
	require.NoError(w.t, b.AddResourcesYAML(`{output_resources: [{label: letters, test_letters: {id: "`+id+`"}}], cache_resources: [{label: state, test_kept: {id: "`+w.kept.id+`"}}]}`))
	require.NoError(w.t, b.SetMetricsYAML(`{test_counts: {id: "`+id+`"}}`))
	stream, err := b.Build()
	require.NoError(w.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = stream.Run(context.Background())
	}()
	s.end = sync.OnceFunc(func() {
		_ = stream.Stop(context.Background())
		<-done
	})
	w.t.Cleanup(s.end)
	return s
}

// send gives the stream one batch, which must be acknowledged.
func (s *companyStream) send(messages ...*service.Message) {
	s.t.Helper()
	require.NoError(s.t, s.try(messages...))
}

func (s *companyStream) try(messages ...*service.Message) error {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	return s.produce(ctx, messages)
}

// run sends batches to a stream of their own and ends it.
func (w *world) run(fields map[string]any, batches ...[]*service.Message) *companyStream {
	w.t.Helper()
	const active = "Output type brevo_companies is now active"
	before := len(w.logs.with(active))
	s := companiesIn(w, fields)
	for _, batch := range batches {
		s.send(batch...)
	}
	eventually(w.t, func() bool { return len(w.logs.with(active)) > before }, "the stream runs")
	s.end()
	return s
}

// spent are the calls of the 100 an hour.
func (w *world) spent() (calls []string) {
	for _, c := range w.tap.all() {
		path, _, _ := strings.Cut(strings.TrimPrefix(c.uri, "/v3/"), "?")
		if first, _, _ := strings.Cut(path, "/"); first != "contacts" {
			calls = append(calls, c.method+" "+path)
		}
	}
	return calls
}

// org is an organization as a mapping makes it.
func org(id int, rest string, meta ...string) *service.Message {
	return message(fmt.Sprintf(`{"ext_id":%d,"name":"Org %d"%s}`, id, id, rest),
		append([]string{"pipedrive_object", "organization", "pipedrive_id", strconv.Itoa(id)}, meta...)...)
}

func orgs(from, n int, rest string, meta ...string) []*service.Message {
	all := make([]*service.Message, n)
	for i := range all {
		all[i] = org(from+i, rest, meta...)
	}
	return all
}

// member links the contact of a person to a company. It leaves it where the company is 0.
func member(person, org int, meta ...string) *service.Message {
	body := fmt.Sprintf(`{"ext_id":%d,"linkContacts":[{"ext_id":"%d","email":"p%d@example.com"}]}`, org, person, person)
	if org == 0 {
		body = fmt.Sprintf(`{"ext_id":null,"unlinkContacts":[{"ext_id":"%d"}]}`, person)
	}
	return message(body, append([]string{"action", "link", "pipedrive_object", "person", "pipedrive_id", strconv.Itoa(person)}, meta...)...)
}

// putPersons puts n contacts into the account.
func (w *world) putPersons(n int) {
	w.t.Helper()
	for i := 1; i <= n; i++ {
		body := fmt.Sprintf(`{"email":"p%d@example.com","ext_id":"%d"}`, i, i)
		r := request(call{method: http.MethodPost, uri: "/v3/contacts", body: []byte(body), header: http.Header{"Api-Key": {"sandbox"}}})
		w.Server.ServeHTTP(discard{}, r)
	}
}

// byOrg are the companies in Brevo by the organization's id. None is there twice.
func (w *world) byOrg() map[string]sandbox.Company {
	w.t.Helper()
	by := map[string]sandbox.Company{}
	for _, c := range w.Companies() {
		id := fmt.Sprint(c.Attributes["pipedrive_id"])
		_, twice := by[id]
		assert.False(w.t, twice, "organization %s has two companies", id)
		by[id] = c
	}
	return by
}

// limited is an account with as many calls an hour.
func limited(t *testing.T, calls int) *world {
	t.Helper()
	return sandboxed(t, sandbox.Config{Limits: sandbox.Limits{OtherPerHour: calls}})
}

// anHourLater is a new process that has all of an hour's calls again.
func (w *world) anHourLater() {
	w.t.Helper()
	w.SetLimits(sandbox.PublishedLimits())
	_ = w.kept.Delete(w.t.Context(), "brevo_companies/calls")
	w.elsewhere()
}

// elsewhere gives the account another address, so that a stream shares nothing with those before but the cache.
func (w *world) elsewhere() {
	w.t.Helper()
	w.tap = &tap{next: w.Server}
	server := httptest.NewServer(w.tap)
	w.t.Cleanup(server.Close)
	w.url = server.URL
}
