package pipedrive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// hook is a listening pipedrive_webhook, whose batches the test takes itself.
type hook struct {
	*webhookInput
	t   *testing.T
	res *resources
}

func (a *account) openHook(res *resources, extra string) (*hook, error) {
	a.t.Helper()
	conf, err := webhookSpec().ParseYAML(fmt.Sprintf("base_url: %s\napi_token: sandbox\nburst_limit: 100000\naddress: 127.0.0.1:0\n", a.url)+extra, nil)
	require.NoError(a.t, err)
	in, err := newWebhookInput(conf, res.Resources)
	if err != nil {
		return nil, err
	}
	a.t.Cleanup(func() { _ = in.Close(context.Background()) })
	return &hook{in, a.t, res}, nil
}

func (a *account) startHook(res *resources, extra string) *hook {
	a.t.Helper()
	in, err := a.openHook(res, extra)
	require.NoError(a.t, err)
	require.NoError(a.t, in.Connect(a.t.Context()))
	return in
}

// listen starts an input of an account of its own.
func listen(t *testing.T, extra string) *hook {
	t.Helper()
	return newAccount(t, sandbox.Config{}, 0).startHook(newResources(t), extra)
}

const withPassword = "basic_auth: {username: pipedrive, password: hunter2}\n"

func (in *hook) url() string { return "http://" + in.address.String() + in.conf.path }

// answers is what a request came to.
type answers struct {
	status int
	header http.Header
	err    error
}

func (in *hook) send(method, body string, change ...func(*http.Request)) answers {
	r, err := http.NewRequest(method, in.url(), strings.NewReader(body))
	if err != nil {
		return answers{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	for _, c := range change {
		c(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answers{err: err}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return answers{status: resp.StatusCode, header: resp.Header}
}

// post sends a delivery, and gives its status once it is answered.
func (in *hook) post(body string) <-chan int {
	status := make(chan int, 1)
	go func() { status <- in.send(http.MethodPost, body).status }()
	return status
}

func (in *hook) batch() (service.MessageBatch, service.AckFunc) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 10*time.Second)
	defer cancel()
	batch, ack, err := in.ReadBatch(ctx)
	require.NoError(in.t, err)
	return batch, ack
}

// nothing asserts that there is nothing to read for now.
func (in *hook) nothing() {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := in.ReadBatch(ctx)
	require.ErrorIs(in.t, err, context.DeadlineExceeded)
}

// deliverAll acknowledges whatever comes, and keeps it.
func (in *hook) deliverAll() *delivered {
	d := &delivered{}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			batch, ack, err := in.ReadBatch(ctx)
			if err != nil {
				return
			}
			d.mu.Lock()
			d.all = append(d.all, batch...)
			d.mu.Unlock()
			_ = ack(ctx, nil)
		}
	})
	in.t.Cleanup(func() { stop(); done.Wait() })
	return d
}

type delivered struct {
	mu  sync.Mutex
	all service.MessageBatch
}

func (d *delivered) messages() service.MessageBatch {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all.Copy()
}

// change is a payload 2.0 of a change of a person.
func change(id, event int) string {
	return fmt.Sprintf(`{"meta":{"action":"change","entity":"person","entity_id":"%d","id":"%08d-0000-4000-8000-000000000000","timestamp":"2026-11-02T10:11:12.345Z",
"version":"2.0","user_id":"7","change_source":"app","attempt":1},"data":{"id":%d,"name":"Person %d, %d","emails":[]},"previous":{"name":"Before"}}`, id, event, id, id, event)
}

func metaOf(m *service.Message, key string) string {
	text, _ := m.MetaGet(key)
	return text
}

// payloads are the recorded deliveries.
func payloads(t testing.TB) map[string]string {
	t.Helper()
	bodies := map[string]string{}
	files, err := filepath.Glob("../../../shared/payloads/pipedrive/webhook-v[12]/*.json")
	require.NoError(t, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		bodies[filepath.Base(file)] = string(body)
	}
	return bodies
}

func compact(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(bytes.TrimSpace(raw))
}

// waiting counts the places in the line.
func (l *line) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.places)
}

func (in *hook) waiting() int { return in.line.waiting() }

// filled counts the places of which it is known what waits there.
func (l *line) filled() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.places {
		if p.arrival != nil {
			n++
		}
	}
	return n
}

// brokenCache has a cache that always fails.
func brokenCache(t *testing.T) *service.Environment {
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterCache("broken", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Cache, error) {
		return failingCache{}, nil
	}))
	return env
}

type failingCache struct{ service.Cache }

func (failingCache) Get(context.Context, string) ([]byte, error) { return nil, io.ErrClosedPipe }
func (failingCache) Set(context.Context, string, []byte, *time.Duration) error {
	return io.ErrClosedPipe
}
func (failingCache) Close(context.Context) error { return nil }
