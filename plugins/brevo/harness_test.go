package brevo

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
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
	stop    func()

	kept *kept // the cache "state", which lasts from one stream to the next
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
	w := &world{Server: s, t: t, tap: &tap{next: s}, logs: &logs{}, kept: newKept()}
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
	require.NoError(w.t, b.AddResourcesYAML(`{output_resources: [{label: letters, test_letters: {id: "`+id+`"}}], cache_resources: [{label: state, test_kept: {id: "`+w.kept.id+`"}}]}`))
	require.NoError(w.t, b.SetMetricsYAML(`{test_counts: {id: "`+id+`"}}`))
	w.stream, err = b.Build()
	require.NoError(w.t, err)

	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.stream.Run(context.Background())
	}()
	stream := w.stream
	w.stop = sync.OnceFunc(func() {
		_ = stream.StopWithin(2 * time.Second)
		<-done
	})
	w.t.Cleanup(w.stop)
	return w
}

// restart ends the stream and starts another one, as after an end of the process.
func (w *world) restart(fields map[string]any) *world {
	w.t.Helper()
	w.stop()
	w.tap.forget()
	return w.start(fields)
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
