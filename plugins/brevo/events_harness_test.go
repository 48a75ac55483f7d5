package brevo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// eventStream is a stream into brevo_events, and what comes of it.
type eventStream struct {
	*world
	letters *letters
	counts  *counts
	produce service.MessageBatchHandlerFunc
	stop    func()
}

// eventful runs a sandbox and a stream of events to it.
func eventful(t *testing.T, cfg sandbox.Config, fields map[string]any, processors ...string) *eventStream {
	t.Helper()
	return streamEvents(sandboxed(t, cfg), fields, processors...)
}

// streamEvents runs a stream into brevo_events. The fields are added to those that every test shares, or
// replace them; nil takes one away.
func streamEvents(w *world, fields map[string]any, processors ...string) *eventStream {
	w.t.Helper()
	id := strconv.FormatInt(harnessID.Add(1), 10)
	s := &eventStream{world: w, letters: &letters{}, counts: &counts{by: map[string]int64{}}}
	lettersByID.Store(id, s.letters)
	countsByID.Store(id, s.counts)

	b := service.NewStreamBuilder()
	b.SetLogger(slog.New(w.logs))
	var err error
	s.produce, err = b.AddBatchProducerFunc()
	require.NoError(w.t, err)
	for _, p := range processors {
		require.NoError(w.t, b.AddProcessorYAML(p))
	}
	require.NoError(w.t, b.AddOutputYAML(encode(w.t, map[string]any{"brevo_events": eventFields(w, fields)})))
	require.NoError(w.t, b.AddResourcesYAML(`{output_resources: [{label: letters, test_letters: {id: "`+id+`"}}], cache_resources: [{label: state, test_kept: {id: "`+w.kept.id+`"}}]}`))
	require.NoError(w.t, b.SetMetricsYAML(`{test_counts: {id: "`+id+`"}}`))
	stream, err := b.Build()
	require.NoError(w.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = stream.Run(context.Background())
	}()
	s.stop = sync.OnceFunc(func() {
		_ = stream.StopWithin(2 * time.Second)
		<-done
	})
	w.t.Cleanup(s.stop)
	return s
}

func eventFields(w *world, more map[string]any) map[string]any {
	fields := map[string]any{
		"api_key": "sandbox", "base_url": w.url + "/v3", "requests_per_second": 5000, "dead_letter": "letters",
		"action": `${! @action.or("send") }`, "batching": map[string]any{"count": 1}, "max_in_flight": 8,
	}
	for k, v := range more {
		fields[k] = v
		if v == nil {
			delete(fields, k)
		}
	}
	return fields
}

// eventsOutputAlone builds the output without a stream, for what Benthos hides between it and an input.
func eventsOutputAlone(w *world, fields map[string]any) *eventsOutput {
	w.t.Helper()
	fields = eventFields(w, fields)
	delete(fields, "dead_letter")
	conf, err := eventsSpec().ParseYAML(encode(w.t, fields), nil)
	require.NoError(w.t, err)
	out, err := newEventsOutput(conf, service.MockResources())
	require.NoError(w.t, err)
	require.NoError(w.t, out.Connect(w.t.Context()))
	w.t.Cleanup(func() { _ = out.Close(context.Background()) })
	return out
}

// restart ends the stream and starts another one in a process that remembers nothing.
func (s *eventStream) restart(fields map[string]any) *eventStream {
	s.t.Helper()
	s.stop()
	eventBooks.Range(func(client, book any) bool {
		if book == s.book() {
			eventBooks.Delete(client)
		}
		return true
	})
	s.tap.forget()
	return streamEvents(s.world, fields)
}

// book is what the process remembers of the stream's account.
func (s *eventStream) book() *eventBook {
	s.t.Helper()
	conf, err := eventsSpec().ParseYAML(encode(s.t, eventFields(s.world, map[string]any{"dead_letter": nil})), nil)
	require.NoError(s.t, err)
	client, err := clientFrom(conf, service.MockResources())
	require.NoError(s.t, err)
	return eventBookOf(client)
}

// send gives the stream one batch and returns what the input would hear of it.
func (s *eventStream) send(messages ...*service.Message) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 40*time.Second)
	defer cancel()
	return s.produce(ctx, messages)
}

// names are those of the events that Brevo has, in the order of their arrival.
func (s *eventStream) names() []string {
	names := []string{}
	for _, e := range s.Events() {
		names = append(names, e.Name)
	}
	return names
}

// posts are the calls that sent events: "batch" and "single".
func (s *eventStream) posts() (posts []string) {
	for _, c := range s.tap.all() {
		switch {
		case c.is(http.MethodPost, "/events/batch"):
			posts = append(posts, "batch")
		case c.is(http.MethodPost, "/events"):
			posts = append(posts, "single")
		}
	}
	return posts
}

// dealt is an event of a deal as a mapping makes it. Its name tells it from others.
func dealt(id int, name string, meta ...string) *service.Message {
	return message(fmt.Sprintf(`{"event_name":%q,"identifiers":{"ext_id":"%d"},"event_properties":{"deal":%d}}`, name, id, id),
		append([]string{
			"pipedrive_object", "deal", "pipedrive_id", strconv.Itoa(id), "pipedrive_time", "2026-11-01T10:00:00Z",
		}, meta...)...)
}

// deals are a batch of n events of different deals: e0, e1, …
func deals(n int) []*service.Message {
	all := make([]*service.Message, n)
	for i := range all {
		all[i] = dealt(i+1, "e"+strconv.Itoa(i))
	}
	return all
}

// refusing answers each batch of events with 400 as a whole while one of its events is bad.
func refusing(status int, body, bad string) func(http.ResponseWriter, call) bool {
	return func(w http.ResponseWriter, c call) bool {
		if c.is(http.MethodPost, "/events/batch") && strings.Contains(string(c.body), bad) {
			return answer(w, status, body)
		}
		return c.is(http.MethodPost, "/events") && strings.Contains(string(c.body), bad) &&
			answer(w, http.StatusBadRequest, `{"code":"invalid_parameter","message":"no such event"}`)
	}
}
