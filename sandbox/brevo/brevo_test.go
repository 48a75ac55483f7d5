package brevo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// account is a running sandbox and a client with its key.
type account struct {
	*Server
	t   *testing.T
	url string
	key string
}

// start runs an account with attributes and lists of the default mapping.
func start(t *testing.T, cfg Config) *account {
	if cfg.ImportDelay == 0 {
		cfg.ImportDelay = 3 * time.Millisecond
	}
	s := New(cfg)
	for _, name := range []string{"FIRSTNAME", "LASTNAME", "COMPANY"} {
		s.PutAttribute(Attribute{Name: name, Type: "text"})
	}
	s.PutAttribute(Attribute{Name: "LTV", Type: "float"})
	s.PutAttribute(Attribute{Name: "BORN", Type: "date"})
	s.PutAttribute(Attribute{Name: "VIP", Type: "boolean"})
	s.PutList(60, "All contacts")
	s.PutList(61, "Early stages")
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	return &account{Server: s, t: t, url: ts.URL, key: "sandbox"}
}

// got is an answer.
type got struct {
	status int
	header http.Header
	text   string
	json   map[string]any // of objects
}

// try makes a call that may fail on the way.
func (a *account) try(method, path, body string, header ...string) (got, error) {
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+"/v3"+path, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("api-key", a.key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	g := got{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &g.json)
	return g, err
}

func (a *account) call(method, path, body string) got {
	a.t.Helper()
	g, err := a.try(method, path, body)
	require.NoError(a.t, err)
	return g
}

func (a *account) get(path string) got        { return a.call(http.MethodGet, path, "") }
func (a *account) post(path, body string) got { return a.call(http.MethodPost, path, body) }
func (a *account) put(path, body string) got  { return a.call(http.MethodPut, path, body) }
func (a *account) delete(path string) got     { return a.call(http.MethodDelete, path, "") }

// finish runs an import to its end and returns its process.
func (a *account) finish(body string) got {
	a.t.Helper()
	accepted := a.post("/contacts/import", body)
	require.Equal(a.t, http.StatusAccepted, accepted.status, accepted.text)
	return a.finishProcess(accepted.json["processId"])
}

func (a *account) finishProcess(id any) got {
	a.t.Helper()
	path := "/processes/" + string(mustJSON(id))
	require.Eventually(a.t, func() bool {
		status := a.get(path).json["status"]
		return status == "completed" || status == "failed"
	}, 5*time.Second, 2*time.Millisecond)
	return a.get(path)
}
