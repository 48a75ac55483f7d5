package pipedrive

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// sourceKey and the others are custom fields of accounts that are written to.
var (
	sourceKey   = strings.Repeat("a1", 20)
	interestKey = strings.Repeat("b2", 20)
	creditKey   = strings.Repeat("c3", 20)
	taxKey      = strings.Repeat("d4", 20)
	seatsKey    = strings.Repeat("e5", 20)
)

// newWritten is an account with persons, some custom fields, a pipeline, and an organization.
func newWritten(t *testing.T, cfg sandbox.Config, persons int) *written {
	t.Helper()
	return writtenOf(newAccount(t, cfg, 0), persons)
}

func writtenOf(of *account, persons int) *written {
	a := &written{account: of}
	for i := 1; i <= persons; i++ {
		a.Put("person", map[string]any{
			"id": i, "name": fmt.Sprintf("Person %d", i), "emails": []any{map[string]any{"value": fmt.Sprintf("p%d@example.com", i), "primary": true, "label": "work"}},
			"add_time": "2026-01-01T00:00:00Z", "update_time": "2026-02-03T04:05:06Z",
		})
	}
	a.DefineField("person", sandbox.Field{Name: "Lead Source", Code: sourceKey, Type: "enum", Custom: true, Options: []sandbox.Option{{ID: 11, Label: "Web"}, {ID: 12, Label: "Fair"}}})
	a.DefineField("person", sandbox.Field{Name: "Interests", Code: interestKey, Type: "set", Custom: true, Options: []sandbox.Option{{ID: 21, Label: "Boats"}, {ID: 22, Label: "Cars"}}})
	a.DefineField("person", sandbox.Field{Name: "Credit limit", Code: creditKey, Type: "monetary", Custom: true})
	a.DefineField("organization", sandbox.Field{Name: "Tax number", Code: taxKey, Type: "varchar", Custom: true})
	a.DefineField("deal", sandbox.Field{Name: "Seats", Code: seatsKey, Type: "double", Custom: true})
	a.Put("organization", map[string]any{"id": 1, "name": "Example Ltd", "custom_fields": map[string]any{taxKey: "GB 1"}})
	a.Put("pipeline", map[string]any{"id": 1, "name": "Sales", "order_nr": 1})
	a.Put("stage", map[string]any{"id": 1, "name": "New", "order_nr": 1, "pipeline_id": 1})
	a.onCall(a.keep)
	return a
}

// written is an account that keeps what is sent to it.
type written struct {
	*account
	sentMu sync.Mutex
	sent   []string // "PATCH /api/v2/persons/7 {…}"
}

func (a *written) keep(_ http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	a.sentMu.Lock()
	defer a.sentMu.Unlock()
	a.sent = append(a.sent, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	return false
}

// writes are the calls that change something, in the order in which they came.
func (a *written) writes() (writes []string) {
	return a.those(func(call string) bool { return !strings.HasPrefix(call, "GET") })
}

func (a *written) those(wanted func(string) bool) (calls []string) {
	a.sentMu.Lock()
	defer a.sentMu.Unlock()
	for _, call := range a.sent {
		if wanted(call) {
			calls = append(calls, call)
		}
	}
	return calls
}

// output is a connected one.
func (a *written) output(res *resources, extra string) *writeOutput {
	a.t.Helper()
	conf, err := writeSpec().ParseYAML(fmt.Sprintf("base_url: %s\napi_token: sandbox\nburst_limit: 100000\n%s", a.url, extra), nil)
	require.NoError(a.t, err)
	out, err := newWriteOutput(conf, res.Resources)
	require.NoError(a.t, err)
	require.NoError(a.t, out.Connect(a.t.Context()))
	return out
}

// messages are of JSON texts, whose key "action" goes to their metadata.
func messages(t *testing.T, texts ...string) (batch service.MessageBatch) {
	t.Helper()
	for _, text := range texts {
		var fields map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&fields))
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

// refused writes a batch, and says why messages of it were refused, by their index.
func refused(t *testing.T, out *writeOutput, batch service.MessageBatch) map[int]string {
	t.Helper()
	found, index := map[int]string{}, batch.Index()
	err := out.WriteBatch(t.Context(), batch)
	if err == nil {
		return found
	}
	var be *service.BatchError
	require.ErrorAs(t, err, &be)
	be.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			found[i] = err.Error()
		}
		return true
	})
	return found
}

func meta(m *service.Message, key string) string {
	v, _ := m.MetaGet(key)
	return v
}

// record is one as the account has it.
func (a *written) record(object, id string) map[string]any {
	for _, r := range a.Records(object, 0, 10000) {
		if fmt.Sprint(r["id"]) == id {
			return r
		}
	}
	return nil
}

// withoutIndex makes searches find nothing, as those do whose index lags behind.
func (a *written) withoutIndex(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, "/search") {
		_, _ = w.Write([]byte(`{"success":true,"data":{"items":[]},"additional_data":{"next_cursor":null}}`))
		return true
	}
	return a.keep(w, r)
}
