package pipedrive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// BenchmarkWebhook sends deliveries one after the other on 32 connections, into a consumer that
// acknowledges at once.
func BenchmarkWebhook(b *testing.B) {
	a := &account{Server: sandbox.New(sandbox.Config{})}
	ts := httptest.NewServer(a)
	defer ts.Close()
	conf, err := webhookSpec().ParseYAML("base_url: "+ts.URL+"\napi_token: sandbox\naddress: 127.0.0.1:0\ndedupe_cache: state\n"+withPassword, nil)
	require.NoError(b, err)
	builder := service.NewResourceBuilder()
	require.NoError(b, builder.AddCacheYAML("label: state\nmemory: {}"))
	res, stop, err := builder.Build()
	require.NoError(b, err)
	defer func() { _ = stop(context.Background()) }()
	in, err := newWebhookInput(conf, res)
	require.NoError(b, err)
	require.NoError(b, in.Connect(b.Context()))
	defer func() { _ = in.Close(context.Background()) }()
	go func() {
		for {
			_, ack, err := in.ReadBatch(context.Background())
			if err != nil {
				return
			}
			_ = ack(context.Background(), nil)
		}
	}()

	const senders = 32
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	var mu sync.Mutex
	var took []time.Duration
	work := make(chan int, senders)
	var done sync.WaitGroup
	b.ResetTimer()
	for range senders {
		done.Go(func() {
			for i := range work {
				r, _ := http.NewRequest(http.MethodPost, "http://"+in.address.String()+"/pipedrive", strings.NewReader(change(i%5000, i)))
				r.Header.Set("Content-Type", "application/json")
				r.SetBasicAuth("pipedrive", "hunter2")
				start := time.Now()
				resp, err := client.Do(r)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Error(resp.Status)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	for i := range b.N {
		work <- i
	}
	close(work)
	done.Wait()
	b.StopTimer()
	slices.Sort(took)
	if n := len(took); n > 0 {
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "deliveries/s")
		b.ReportMetric(float64(took[n*99/100].Microseconds())/1000, "p99-ms")
	}
	client.CloseIdleConnections()
}

// TestWebhook_ALongBurstIsAnswered sends 500 deliveries in a second, as they come: none waits for another.
func TestWebhook_ALongBurstIsAnswered(t *testing.T) {
	t.Parallel()
	in := listen(t, "dedupe_cache: state\n")
	got := in.deliverAll()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	statuses := map[int]int{}
	var done sync.WaitGroup
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for i := range 500 {
		<-tick.C
		done.Go(func() {
			resp, err := client.Post(in.url(), "application/json", strings.NewReader(change(i%50, i)))
			if !assert.NoError(t, err) {
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			statuses[resp.StatusCode]++
		})
	}
	done.Wait()
	assert.Equal(t, map[int]int{200: 500}, statuses)
	assert.Len(t, got.messages(), 500)
}

func FuzzWebhook_Bodies(f *testing.F) {
	for _, body := range payloads(f) {
		f.Add([]byte(body))
	}
	for _, body := range []string{"", "{", "null", "[]", change(1, 1), change(1, 2)[:100], strings.Repeat("[", 300), `{"meta":{"action":"added","object":"note","id":1,"v":1},"current":{}}`,
		"\xff\x00", `{"meta":{"action":"delete","entity":"user"}}`} {
		f.Add([]byte(body))
	}
	a := &account{Server: sandbox.New(sandbox.Config{})}
	ts := httptest.NewServer(a)
	f.Cleanup(ts.Close)
	conf, err := webhookSpec().ParseYAML("base_url: "+ts.URL+"\napi_token: sandbox\nburst_limit: 100000\n", nil)
	require.NoError(f, err)
	in, err := newWebhookInput(conf, service.MockResources())
	require.NoError(f, err)
	ctx, stop := context.WithCancel(context.Background())
	f.Cleanup(stop)
	in.server = &http.Server{}
	go func() {
		for {
			batch, ack, err := in.ReadBatch(ctx)
			if err != nil {
				return
			}
			for _, m := range batch {
				if _, err := m.AsBytes(); err != nil {
					panic(fmt.Sprintf("a record that is no JSON: %v", err))
				}
			}
			_ = ack(ctx, nil)
		}
	}()
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/pipedrive", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		in.ServeHTTP(w, r)
		assert.Contains(t, []int{200, 400}, w.Code)
	})
}
