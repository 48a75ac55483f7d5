package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

type object = map[string]any
type list = []any

// account answers as Pipedrive would: by path, with a body or an answer of the test's own.
type account struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	answers  map[string]func(url.Values) any
	asked    []string // path?query, in order
	warnings []string
	attempts []rest.Attempt
}

type status struct {
	code int
	body string
}

func newAccount(t *testing.T) *account {
	a := &account{t: t, answers: map[string]func(url.Values) any{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked = append(a.asked, r.URL.RequestURI())
		answer, known := a.answers[r.URL.Path]
		a.mu.Unlock()
		var body any = status{404, `{"success":false,"error":"Unknown method ."}`}
		if known {
			body = answer(r.URL.Query())
		} else if strings.HasSuffix(r.URL.Path, "Fields") {
			body = object{"success": true, "data": list{}}
		}
		switch b := body.(type) {
		case status:
			w.WriteHeader(b.code)
			_, _ = w.Write([]byte(b.body))
		case []byte:
			_, _ = w.Write(b)
		default:
			_ = json.NewEncoder(w).Encode(b)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

// on answers a path.
func (a *account) on(path string, answer func(url.Values) any) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = answer
	return a
}

// with answers a path with records, all on one page.
func (a *account) with(path string, records ...any) *account {
	return a.on(path, func(url.Values) any { return object{"success": true, "data": records} })
}

func (a *account) client(change ...func(*api.Config)) *api.Client {
	return newClient(a.t, a.URL, append([]func(*api.Config){func(cfg *api.Config) {
		cfg.Warn = func(text string) { a.mu.Lock(); a.warnings = append(a.warnings, text); a.mu.Unlock() }
		cfg.Observe = func(at rest.Attempt) { a.mu.Lock(); a.attempts = append(a.attempts, at); a.mu.Unlock() }
	}}, change...)...)
}

func newClient(t *testing.T, base string, change ...func(*api.Config)) *api.Client {
	t.Helper()
	cfg := api.Config{APIToken: "sandbox", BaseURL: base, BurstLimit: 1000, Timeout: 10 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	c, err := api.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// calls counts the requests whose path and query contain a text.
func (a *account) calls(part string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, uri := range a.asked {
		if strings.Contains(uri, part) {
			n++
		}
	}
	return n
}

func kind(t *testing.T, plural string) *api.Object {
	t.Helper()
	o, err := api.ObjectOf(plural)
	require.NoError(t, err)
	return o
}

var v1 = api.ListOptions{Version: "v1", Limit: 500}
var v2 = api.ListOptions{Version: "v2", Limit: 500}

// readAll reads a collection to its end.
func readAll(t *testing.T, c *api.Client, plural string, opts api.ListOptions) (all []api.Record) {
	t.Helper()
	for position := ""; ; {
		page, err := c.List(t.Context(), kind(t, plural), position, opts)
		require.NoError(t, err)
		records, err := page.Records(t.Context(), c)
		require.NoError(t, err)
		all = append(all, records...)
		if position = page.Next; position == "" {
			return all
		}
	}
}

// readOne reads a collection of one record.
func readOne(t *testing.T, c *api.Client, plural string, opts api.ListOptions) api.Record {
	t.Helper()
	all := readAll(t, c, plural, opts)
	require.Len(t, all, 1)
	return all[0]
}
