package brevo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// tap records what goes over the wire, and lets a test answer in the place of the account.
type tap struct {
	next http.Handler
	// instead answers a call if it returns true. It is set before the stream starts.
	instead func(http.ResponseWriter, call) bool

	mu    sync.Mutex
	calls []call
}

type call struct {
	method, uri string // as sent
	body        []byte
	header      http.Header
}

func (c call) object() (o map[string]any) {
	_ = json.Unmarshal(c.body, &o)
	return o
}

func (c call) is(method, path string) bool {
	return c.method == method && strings.SplitN(c.uri, "?", 2)[0] == "/v3"+path
}

func (tp *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := call{r.Method, r.RequestURI, body, r.Header.Clone()}
	tp.mu.Lock()
	tp.calls = append(tp.calls, c)
	tp.mu.Unlock()
	if tp.instead == nil || !tp.instead(w, c) {
		tp.next.ServeHTTP(w, r)
	}
}

func (tp *tap) all() []call {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return slices.Clone(tp.calls)
}

// forget begins anew.
func (tp *tap) forget() {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.calls = nil
}

// of returns the calls of a method and path.
func (tp *tap) of(method, path string) []call {
	return slices.DeleteFunc(tp.all(), func(c call) bool { return !c.is(method, path) })
}

func answer(w http.ResponseWriter, status int, body string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	return true
}

// logs keeps what the components say.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Level.String()+" "+r.Message)
	return nil
}

// with returns the lines that hold all of the texts.
func (l *logs) with(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
}

func (l *logs) String() string { return strings.Join(l.with(), "\n") }

// request is a call as the account would get it, and discard takes its answer.
func request(c call) *http.Request {
	r, _ := http.NewRequest(c.method, "http://brevo.example"+c.uri, bytes.NewReader(c.body))
	r.Header = c.header
	r.RequestURI = c.uri
	return r
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
