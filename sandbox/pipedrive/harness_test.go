package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

type object = map[string]any

// account is a simulated account with an HTTP client for it.
type account struct {
	*pipedrive.Server
	t   *testing.T
	url string
}

type answer struct {
	status int
	header http.Header
	raw    []byte
	body   object
}

func newAccount(t *testing.T, cfg pipedrive.Config) *account {
	t.Helper()
	server := pipedrive.New(cfg)
	ts := httptest.NewServer(server)
	t.Cleanup(ts.Close)
	return &account{Server: server, t: t, url: ts.URL}
}

// withPersons adds persons 1..n, changed one minute after another, and a pipeline with two stages.
func (a *account) withPersons(n int) *account {
	a.Put("user", object{"id": 7, "name": "Mira Falkenau", "email": "mira@sales.example.com"})
	a.Put("pipeline", object{"id": 1, "name": "Sales", "order_nr": 1})
	a.Put("stage", object{"id": 1, "name": "Qualified", "pipeline_id": 1, "order_nr": 1})
	a.Put("stage", object{"id": 2, "name": "Offer", "pipeline_id": 1, "order_nr": 2})
	for i := 1; i <= n; i++ {
		a.Put("person", object{
			"id": i, "name": fmt.Sprintf("Person %d", i), "owner_id": 7,
			"add_time": "2026-01-01T00:00:00Z", "update_time": fmt.Sprintf("2026-01-02T%02d:%02d:00Z", i/60, i%60),
			"emails": []any{object{"value": fmt.Sprintf("p%d@people.example.com", i), "primary": true, "label": "work"}},
		})
	}
	return a
}

func (a *account) do(method, path string, body any) answer {
	a.t.Helper()
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		require.NoError(a.t, err)
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, in)
	require.NoError(a.t, err)
	req.Header.Set("x-api-token", "sandbox")
	req.Header.Set("Content-Type", "application/json")
	return a.send(req)
}

func (a *account) send(req *http.Request) answer {
	a.t.Helper()
	res, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	defer res.Body.Close()
	out := answer{status: res.StatusCode, header: res.Header}
	out.raw, err = io.ReadAll(res.Body)
	require.NoError(a.t, err)
	_ = json.Unmarshal(out.raw, &out.body)
	return out
}

func (a *account) get(path string) answer {
	a.t.Helper()
	return a.do(http.MethodGet, path, nil)
}

// data of an answer that must be a success.
func (r answer) list(t *testing.T) []object {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, string(r.raw))
	data, ok := r.body["data"].([]any)
	require.True(t, ok, string(r.raw))
	out := make([]object, len(data))
	for i, item := range data {
		out[i] = item.(object)
	}
	return out
}

func (r answer) one(t *testing.T) object {
	t.Helper()
	require.Less(t, r.status, 300, string(r.raw))
	data, ok := r.body["data"].(object)
	require.True(t, ok, string(r.raw))
	return data
}

func (r answer) cursor() string {
	additional, _ := r.body["additional_data"].(object)
	next, _ := additional["next_cursor"].(string)
	return next
}

func (r answer) message() string {
	text, _ := r.body["error"].(string)
	return text
}

func ids(records []object) []int {
	out := []int{}
	for _, r := range records {
		out = append(out, int(r["id"].(float64)))
	}
	return out
}

// walk reads every page of a v2 list.
func (a *account) walk(path string) []object {
	a.t.Helper()
	var all []object
	for next := ""; ; {
		page := a.get(path + next)
		all = append(all, page.list(a.t)...)
		if page.cursor() == "" {
			return all
		}
		next = "&cursor=" + page.cursor()
	}
}

func entry(value string) object { return object{"value": value, "primary": true, "label": "work"} }

const (
	hashSource = "1111111111111111111111111111111111111111"
	hashBudget = "2222222222222222222222222222222222222222"
	hashTopics = "3333333333333333333333333333333333333333"
	hashPlace  = "4444444444444444444444444444444444444444"
	hashMemo   = "5555555555555555555555555555555555555555"
)

func (a *account) withFields(objectName string) *account {
	a.DefineField(objectName, pipedrive.Field{Name: "Source", Code: hashSource, Type: "enum", Custom: true,
		Options: []pipedrive.Option{{ID: 11, Label: "Fair"}, {ID: 12, Label: "Web"}}})
	a.DefineField(objectName, pipedrive.Field{Name: "Budget", Code: hashBudget, Type: "monetary", Custom: true})
	a.DefineField(objectName, pipedrive.Field{Name: "Topics", Code: hashTopics, Type: "set", Custom: true,
		Options: []pipedrive.Option{{ID: 21, Label: "Pumps"}, {ID: 22, Label: "Valves"}}})
	a.DefineField(objectName, pipedrive.Field{Name: "Place", Code: hashPlace, Type: "address", Custom: true})
	a.DefineField(objectName, pipedrive.Field{Name: "Memo", Code: hashMemo, Type: "varchar", Custom: true})
	return a
}
