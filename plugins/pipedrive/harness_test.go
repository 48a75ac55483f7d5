package pipedrive

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// account is a simulated Pipedrive account.
type account struct {
	*sandbox.Server
	t   *testing.T
	url string

	latency time.Duration // of all calls but those for definitions, which are made under a lock

	look func([]message) // see following

	mu     sync.Mutex
	before func(http.ResponseWriter, *http.Request) (answered bool)
	added  map[string]time.Time
}

func newAccount(t *testing.T, cfg sandbox.Config, persons int) *account {
	t.Helper()
	a := &account{Server: sandbox.New(cfg), t: t}
	ts := httptest.NewServer(a)
	t.Cleanup(ts.Close)
	a.url = ts.URL
	for i := 1; i <= persons; i++ {
		a.Put("person", map[string]any{
			"id": i, "name": fmt.Sprintf("Person %d", i),
			"add_time": "2026-01-01T00:00:00Z", "update_time": "2026-02-03T04:05:06Z",
		})
	}
	return a
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	before := a.before
	a.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "Fields") {
		_ = rest.Sleep(r.Context(), a.latency)
	}
	if before == nil || !before(w, r) {
		a.Server.ServeHTTP(w, r)
	}
}

// onCall is told of each request before the account sees it, and may answer in its place.
func (a *account) onCall(before func(http.ResponseWriter, *http.Request) (answered bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = before
}

// pages counts the pages of a collection that were asked for and given.
func (a *account) pages(plural string) (n int) {
	for _, c := range a.Calls() {
		if strings.HasSuffix(c.Path, "/"+plural) && c.Status == 200 {
			n++
		}
	}
	return n
}

// logs collects what is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) has(part string) bool { return l.count(part) > 0 }

func (l *logs) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// resources are what several runs of an input share: a cache called state, and a log.
type resources struct {
	*service.Resources
	t    *testing.T
	logs *logs
}

// newResources has a cache called state.
func newResources(t *testing.T) *resources {
	return newResourcesWith(t, service.NewEnvironment(), "memory: {}")
}

func newResourcesWith(t *testing.T, env *service.Environment, cache string) *resources {
	t.Helper()
	r := &resources{t: t, logs: &logs{}}
	b := env.NewResourceBuilder()
	b.SetLogger(slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, b.AddCacheYAML("label: state\n"+cache))
	res, stop, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { _ = stop(context.Background()) })
	r.Resources = res
	return r
}

func (r *resources) stored() (position string) {
	r.t.Helper()
	require.NoError(r.t, r.AccessCache(r.t.Context(), "state", func(c service.Cache) {
		raw, err := c.Get(r.t.Context(), "pipedrive_paginated")
		if err == nil {
			position = string(raw)
		}
	}))
	return position
}

func (r *resources) store(position string) {
	r.t.Helper()
	require.NoError(r.t, r.AccessCache(r.t.Context(), "state", func(c service.Cache) {
		require.NoError(r.t, c.Set(r.t.Context(), "pipedrive_paginated", []byte(position), nil))
	}))
}

// input is one whose pages the test takes and acknowledges itself.
type input struct {
	service.BatchInput
	t *testing.T
}

// page is one batch as it was handed out.
type page struct {
	ids []string
	ack service.AckFunc
}

// orDefault adds a field that extra leaves out.
func orDefault(extra, field string) string {
	if name, _, _ := strings.Cut(field, " "); strings.Contains(extra, name) {
		return extra
	}
	return field + extra
}

// config is the input's configuration for an account, of ten records a page unless extra says otherwise.
func (a *account) config(extra string) string {
	return fmt.Sprintf("base_url: %s\napi_token: sandbox\n", a.url) + orDefault(orDefault(extra, "page_size: 10\n"), "burst_limit: 100000\n")
}

func (a *account) open(res *resources, extra string) (*input, error) {
	a.t.Helper()
	conf, err := paginatedSpec().ParseYAML(a.config(extra), nil)
	require.NoError(a.t, err)
	in, err := newPaginatedInput(conf, res.Resources)
	if err != nil {
		return nil, err
	}
	a.t.Cleanup(func() { _ = in.Close(context.Background()) })
	return &input{in, a.t}, nil
}

// client is the one that all inputs of an account share.
func (in *input) client() *api.Client {
	if paginated, ok := in.BatchInput.(*paginatedInput); ok {
		return paginated.client
	}
	return in.BatchInput.(*recentsInput).client
}

// start opens an input and connects it.
func (a *account) start(res *resources, extra string) *input {
	a.t.Helper()
	in, err := a.open(res, extra)
	require.NoError(a.t, err)
	require.NoError(a.t, in.Connect(a.t.Context()))
	return in
}

// read returns the next page; ok is false at the end.
func (in *input) read() (p page, ok bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 20*time.Second)
	defer cancel()
	batch, ack, err := in.ReadBatch(ctx)
	if err == service.ErrEndOfInput {
		return page{}, false
	}
	require.NoError(in.t, err)
	for _, m := range batch {
		id, _ := m.MetaGet("pipedrive_id")
		p.ids = append(p.ids, id)
	}
	p.ack = ack
	return p, true
}

func (in *input) mustRead() page {
	in.t.Helper()
	p, ok := in.read()
	require.True(in.t, ok, "the input has ended")
	return p
}

// silent asserts that the input has nothing to hand out for now.
func (in *input) silent() {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err := in.ReadBatch(ctx)
	assert.ErrorIs(in.t, err, context.DeadlineExceeded)
}

func (p page) delivered(t *testing.T) { require.NoError(t, p.ack(t.Context(), nil)) }

func (p page) refused(t *testing.T) { require.NoError(t, p.ack(t.Context(), assert.AnError)) }

// readToEnd delivers all pages that are left and returns their ids.
func (in *input) readToEnd() (ids []string) {
	in.t.Helper()
	for {
		p, ok := in.read()
		if !ok {
			return ids
		}
		ids = append(ids, p.ids...)
		p.delivered(in.t)
	}
}

// numbers are the ids from one to another.
func numbers(from, to int) (ids []string) {
	for i := from; i <= to; i++ {
		ids = append(ids, strconv.Itoa(i))
	}
	return ids
}
