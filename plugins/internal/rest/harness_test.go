package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

const secret = "0123456789abcdef-secret"

// vendor is an API that records when requests arrive.
type vendor struct {
	*httptest.Server

	mu       sync.Mutex
	arrivals []time.Time
	headers  []http.Header
	urls     []string
}

// newVendor answers the n-th request, counted from 1, by answer.
func newVendor(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *vendor {
	t.Helper()
	v := &vendor{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		v.arrivals = append(v.arrivals, time.Now())
		v.headers = append(v.headers, r.Header.Clone())
		v.urls = append(v.urls, r.URL.String())
		n := len(v.arrivals)
		v.mu.Unlock()
		answer(w, r, n)
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.arrivals)
}

func (v *vendor) times() []time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := slices.Clone(v.arrivals)
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// most is the largest number of arrivals in any stretch of length per.
func most(times []time.Time, per time.Duration) int {
	top := 0
	for from := range times {
		to := from
		for to < len(times) && times[to].Sub(times[from]) < per {
			to++
		}
		top = max(top, to-from)
	}
	return top
}

func ok(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = w.Write([]byte(`{"data":[]}`)) }

// quick is a retry policy for tests: three orders of magnitude faster than the real one.
var quick = rest.Retry{First: time.Millisecond, Most: 5 * time.Millisecond, Total: 3 * time.Second}

// newClient is a client of v without limits, unless configure says otherwise.
func newClient(t *testing.T, v *vendor, configure ...func(*rest.Config)) *rest.Client {
	t.Helper()
	base, err := url.Parse(v.URL)
	require.NoError(t, err)
	cfg := rest.Config{
		Vendor: "Acme", BaseURL: base, Header: "x-api-token", Secret: secret, Timeout: 5 * time.Second, Retry: quick,
		Explain: explain,
	}
	for _, c := range configure {
		c(&cfg)
	}
	client := rest.New(cfg)
	t.Cleanup(client.Close)
	return client
}

func explain(body []byte, header http.Header, e *rest.Error) {
	var b struct{ Code, Error string }
	if json.Unmarshal(body, &b) != nil {
		b.Error = string(body)
	}
	e.Code, e.Message, e.CorrelationID = b.Code, b.Error, header.Get("x-correlation-id")
}

// withBooks keeps books with one bucket. The test's vendor gives its reset in milliseconds.
func withBooks(gate *rest.Gate, windows ...*rest.Window) func(*rest.Config) {
	return func(cfg *rest.Config) {
		cfg.Books = &rest.Books{
			Vendor:  "Acme",
			Buckets: map[string]*rest.Bucket{"calls": {Gate: gate, Windows: windows}},
			Read: func(h http.Header) rest.Reading {
				return rest.Reading{
					Limit: rest.Number(h, "x-limit"), Remaining: rest.Number(h, "x-remaining"),
					Reset:        time.Duration(rest.Number(h, "x-reset-ms")) * time.Millisecond,
					DayRemaining: rest.Number(h, "x-day-remaining"),
				}
			},
			DayIsSpent: func(_ *rest.Error, r rest.Reading, _ int) bool { return r.DayRemaining == 0 },
		}
	}
}

func openGate() *rest.Gate { return &rest.Gate{Least: 20 * time.Millisecond, Most: time.Second} }

// get is a call that expects a JSON answer.
func get() *rest.Request {
	return &rest.Request{
		Op: "GET /things", Doing: "reading things", Method: http.MethodGet, Path: "/things", Bucket: "calls", Cost: 10,
		Decode: func(body []byte) error { return json.Unmarshal(body, &struct{}{}) },
	}
}

func post() *rest.Request {
	return &rest.Request{
		Op: "POST /things", Doing: "making a thing", Method: http.MethodPost, Path: "/things", Bucket: "calls", Cost: 5,
		Body: [][]byte{[]byte(`{"a":`), []byte(`1}`)},
	}
}

// together makes n calls at the same time, and waits for all.
func together(t *testing.T, c *rest.Client, n int) {
	t.Helper()
	var calls sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		calls.Go(func() { _, errs[i] = c.Do(t.Context(), get()) })
	}
	calls.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
