package brevo

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// TestMain lets many tests run side by side: they wait more than they compute.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "24")
	m.Run()
}

// world is a Brevo account, what went over the wire to it, and a stream that writes to it.
type world struct {
	*sandbox.Server
	t   *testing.T
	url string
	tap *tap

	logs    *logs
	letters *letters
	counts  *counts

	produce service.MessageBatchHandlerFunc
	stream  *service.Stream
}

// sandboxed runs a sandbox with the attributes and lists that these tests speak of.
func sandboxed(t *testing.T, cfg sandbox.Config) *world {
	t.Helper()
	if cfg.ImportDelay == 0 {
		cfg.ImportDelay = 10 * time.Millisecond
	}
	s := sandbox.New(cfg)
	for _, name := range []string{"FIRSTNAME", "LASTNAME", "NOTE"} {
		s.PutAttribute(sandbox.Attribute{Name: name, Type: "text"})
	}
	s.PutAttribute(sandbox.Attribute{Name: "LTV", Type: "float"})
	s.PutAttribute(sandbox.Attribute{Name: "BORN", Type: "date"})
	s.PutAttribute(sandbox.Attribute{Name: "VIP", Type: "boolean"})
	s.PutList(60, "All contacts")
	s.PutList(61, "Early stages")
	s.PutList(62, "Late stages")
	w := &world{Server: s, t: t, tap: &tap{next: s}, logs: &logs{}}
	server := httptest.NewServer(w.tap)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// start runs a stream into brevo_contacts. The fields are added to those that every test shares, or
// replace them; nil takes one away.
func (w *world) start(fields map[string]any, processors ...string) *world {
	w.t.Helper()
	id := strconv.FormatInt(harnessID.Add(1), 10)
	w.letters, w.counts = &letters{}, &counts{by: map[string]int64{}}
	lettersByID.Store(id, w.letters)
	countsByID.Store(id, w.counts)

	b := service.NewStreamBuilder()
	b.SetLogger(slog.New(w.logs))
	var err error
	w.produce, err = b.AddBatchProducerFunc()
	require.NoError(w.t, err)
	for _, p := range processors {
		require.NoError(w.t, b.AddProcessorYAML(p))
	}
	require.NoError(w.t, b.AddOutputYAML(encode(w.t, map[string]any{"brevo_contacts": w.fields(fields)})))
	require.NoError(w.t, b.AddResourcesYAML(`{output_resources: [{label: letters, test_letters: {id: "`+id+`"}}]}`))
	require.NoError(w.t, b.SetMetricsYAML(`{test_counts: {id: "`+id+`"}}`))
	w.stream, err = b.Build()
	require.NoError(w.t, err)

	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.stream.Run(context.Background())
	}()
	w.t.Cleanup(func() {
		_ = w.stream.StopWithin(2 * time.Second)
		<-done
	})
	return w
}

func (w *world) fields(more map[string]any) map[string]any {
	fields := map[string]any{
		"api_key": "sandbox", "base_url": w.url + "/v3", "requests_per_second": 5000, "dead_letter": "letters",
		"action": `${! @action.or("upsert") }`, "mode": "single", "batching": map[string]any{"count": 1}, "max_in_flight": 8,
	}
	for k, v := range more {
		fields[k] = v
		if v == nil {
			delete(fields, k)
		}
	}
	return fields
}

// output builds the output alone, for what Benthos hides between an output and an input.
func (w *world) output(fields map[string]any) *contactsOutput {
	w.t.Helper()
	fields = w.fields(fields)
	delete(fields, "dead_letter")
	conf, err := contactsSpec().ParseYAML(encode(w.t, fields), nil)
	require.NoError(w.t, err)
	out, err := newContactsOutput(conf, service.MockResources())
	require.NoError(w.t, err)
	require.NoError(w.t, out.Connect(w.t.Context()))
	w.t.Cleanup(func() { _ = out.Close(context.Background()) })
	return out
}

// send gives the stream one batch and returns what the input would hear of it.
func (w *world) send(messages ...*service.Message) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 40*time.Second)
	defer cancel()
	return w.produce(ctx, messages)
}

// sendAll gives the stream several batches at once, and wants them all acknowledged.
func (w *world) sendAll(batches ...[]*service.Message) {
	w.t.Helper()
	var all sync.WaitGroup
	for i, batch := range batches {
		all.Go(func() { assert.NoError(w.t, w.send(batch...), "batch %d", i) })
	}
	all.Wait()
}

// contact returns a contact that must be there.
func (w *world) contact(email string) sandbox.Contact {
	w.t.Helper()
	c, found := w.Contact(email)
	assert.True(w.t, found, "%s is not in Brevo", email)
	return c
}

// writes are the calls other than those that only read.
func (w *world) writes() []string {
	var all []string
	for _, c := range w.tap.all() {
		if c.method != http.MethodGet {
			all = append(all, c.method+" "+c.uri)
		}
	}
	return all
}

// message is JSON with metadata in pairs.
func message(body string, meta ...string) *service.Message {
	m := service.NewMessage([]byte(body))
	for i := 0; i < len(meta); i += 2 {
		m.MetaSetMut(meta[i], meta[i+1])
	}
	return m
}

// person is a contact as the person mapping makes it.
func person(id int, rest string) *service.Message {
	return message(fmt.Sprintf(`{"email":"p%d@example.com","ext_id":"%d","attributes":{"FIRSTNAME":"P%d"}%s}`, id, id, id, rest),
		"pipedrive_object", "person", "pipedrive_id", strconv.Itoa(id))
}

// persons are a batch of n persons on list 60, from an id on.
func persons(from, n int) []*service.Message {
	all := make([]*service.Message, n)
	for i := range all {
		all[i] = person(from+i, `,"listIds":[60]`)
	}
	return all
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond, what)
}

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

var (
	harnessID   atomic.Int64
	lettersByID sync.Map
	countsByID  sync.Map
)

func init() {
	id := service.NewConfigSpec().Field(service.NewStringField("id"))
	service.MustRegisterBatchOutput("test_letters", id,
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			id, err := conf.FieldString("id")
			found, _ := lettersByID.Load(id)
			return found.(*letters), service.BatchPolicy{}, 4, err
		})
	service.MustRegisterMetricsExporter("test_counts", id, func(conf *service.ParsedConfig, _ *service.Logger) (service.MetricsExporter, error) {
		id, err := conf.FieldString("id")
		found, _ := countsByID.Load(id)
		return found.(*counts), err
	})
}

// letters is a dead-letter output.
type letters struct {
	fail atomic.Bool

	mu   sync.Mutex
	kept []letter
}

type letter struct{ body, reason, id string }

func (l *letters) Connect(context.Context) error { return nil }
func (l *letters) Close(context.Context) error   { return nil }
func (l *letters) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	if l.fail.Load() {
		return fmt.Errorf("the disk is full")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		reason, _ := m.MetaGet("reason")
		id, _ := m.MetaGet("pipedrive_id")
		l.kept = append(l.kept, letter{string(body), reason, id})
	}
	return nil
}

func (l *letters) all() []letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.kept)
}

// ids are those of the persons that were refused, sorted.
func (l *letters) ids() []string {
	ids := []string{}
	for _, one := range l.all() {
		ids = append(ids, one.id)
	}
	slices.Sort(ids)
	return ids
}

// counts are the counters of a stream: "brevo_contacts_delivered upsert".
type counts struct {
	mu sync.Mutex
	by map[string]int64
}

func (c *counts) of(name string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[name]
}

func (c *counts) NewCounterCtor(name string, keys ...string) service.MetricsExporterCounterCtor {
	return func(values ...string) service.MetricsExporterCounter {
		full := name
		for i, key := range keys {
			if key != "label" && key != "path" && key != "stream" {
				full += " " + values[i]
			}
		}
		return counter{c, full}
	}
}

type counter struct {
	c    *counts
	name string
}

func (n counter) Incr(count int64) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.by[n.name] += count
}

func (c *counts) NewTimerCtor(string, ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return ignored{} }
}

func (c *counts) NewGaugeCtor(string, ...string) service.MetricsExporterGaugeCtor {
	return func(...string) service.MetricsExporterGauge { return ignored{} }
}

func (c *counts) Close(context.Context) error { return nil }

type ignored struct{}

func (ignored) Timing(int64) {}
func (ignored) Set(int64)    {}
