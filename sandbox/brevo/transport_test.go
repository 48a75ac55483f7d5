package brevo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTransport_MissingAndWrongKeysAre401(t *testing.T) {
	c := start(t, Config{Key: "right"})
	c.key = "wrong"
	a := c.get("/account")
	assert.Equal(t, http.StatusUnauthorized, a.status)
	assert.Equal(t, map[string]any{"code": "unauthorized", "message": "Key not found"}, a.json)
	c.key = ""
	assert.Equal(t, "authentication not found in headers", c.get("/account").json["message"])
	c.SetKey("wrong")
	c.key = "wrong"
	assert.Equal(t, accountEmail, c.get("/account").json["email"])
}

func TestTransport_UnknownPathsAre404AndWrongMethods405(t *testing.T) {
	c := start(t, Config{})
	for path, status := range map[string]int{
		"/nonsense": http.StatusNotFound, "/contacts/lists/60/nonsense": http.StatusNotFound, "/contacts/": http.StatusMethodNotAllowed,
		"/contacts/lists/60/contacts/add": http.StatusMethodNotAllowed, "/events": http.StatusMethodNotAllowed,
	} {
		a := c.call(http.MethodPatch, path, "")
		assert.Equal(t, status, a.status, path)
		assert.NotEmpty(t, a.json["code"], path)
	}
}

func TestTransport_LargeAnswersAreCompressedWhenAccepted(t *testing.T) {
	c := start(t, Config{})
	fill(c.Server, 50)
	a, err := c.try(http.MethodGet, "/contacts", "", "Accept-Encoding", "gzip")
	require.NoError(t, err)
	assert.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	assert.EqualValues(t, 50, c.get("/contacts").json["count"], "decompressed by the client")
	small, err := c.try(http.MethodGet, "/contacts/1", "", "Accept-Encoding", "gzip")
	require.NoError(t, err)
	assert.Empty(t, small.header.Get("Content-Encoding"))
}

func TestTransport_CallsAndTotalsAreInTheBooks(t *testing.T) {
	c := start(t, Config{})
	c.post("/contacts", `{"email":"ann@example.com"}`)
	c.get("/contacts/1?identifierType=contact_id")
	c.get("/account")
	calls := c.Calls()
	require.Len(t, calls, 3)
	assert.Equal(t, "/v3/contacts/1", calls[1].Path)
	assert.Equal(t, "identifierType=contact_id", calls[1].RawQuery)
	assert.Equal(t, http.StatusOK, calls[1].Status)
	stats := c.Stats()
	assert.Equal(t, map[string]int{"contacts": 2, "other": 1}, stats.Buckets)
	assert.Equal(t, map[string]int{"POST /v3/contacts": 1, "GET /v3/contacts/{identifier}": 1, "GET /v3/account": 1}, stats.Routes)
	assert.Equal(t, 1, stats.Created)
}

func TestLimits_EachBucketHasItsOwnAndTellsWhatIsLeft(t *testing.T) {
	c := start(t, Config{Limits: Limits{ContactsPerSecond: 3, ContactsPerHour: 100, OtherPerHour: 1}})
	for left := 2; left >= 0; left-- {
		a := c.get("/contacts")
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "3", a.header.Get("x-sib-ratelimit-limit"))
		assert.Equal(t, fmt.Sprint(left), a.header.Get("x-sib-ratelimit-remaining"))
	}
	over := c.get("/contacts/lists")
	assert.Equal(t, http.StatusTooManyRequests, over.status)
	assert.Equal(t, "too_many_requests", over.json["code"])
	assert.Equal(t, "0", over.header.Get("x-sib-ratelimit-remaining"))
	assert.Equal(t, "1", over.header.Get("x-sib-ratelimit-reset"))
	assert.Equal(t, http.StatusOK, c.get("/account").status)
	hourly := c.get("/processes")
	assert.Equal(t, http.StatusTooManyRequests, hourly.status)
	assert.Equal(t, "3600", hourly.header.Get("x-sib-ratelimit-reset"))
	assert.Equal(t, http.StatusNoContent, c.post("/events", `{"event_name":"e","identifiers":{"contact_id":1}}`).status)

	stats := c.Stats()
	assert.Equal(t, 2, stats.Limited)
	assert.Zero(t, stats.Violations, "both buckets were exceeded once")
	c.SetLimits(Limits{})
	assert.Empty(t, c.get("/contacts").header.Get("x-sib-ratelimit-limit"))
}

func TestLimits_WindowsSlide(t *testing.T) {
	s := New(Config{Limits: Limits{ContactsPerSecond: 10}})
	w := s.gate.windows[bucketContacts][0]
	at := time.Now()
	taken := 0
	for range 200 { // 50 calls a second for 4 seconds
		w.expire(at)
		if w.used < w.most {
			w.add(at)
			taken++
		}
		at = at.Add(20 * time.Millisecond)
	}
	assert.Equal(t, 40, taken)
}

func TestLimits_ComingBackBeforeTheAnnouncedResetIsAViolation(t *testing.T) {
	s := New(Config{Limits: Limits{OtherPerHour: 1}})
	for range 3 {
		s.gate.admit(http.Header{}, bucketOther, Quirks{})
	}
	assert.Zero(t, s.Stats().Violations, "calls in flight are forgiven")
	s.gate.closed[bucketOther] = closure{time.Now().Add(-time.Second), time.Now().Add(time.Hour)}
	s.gate.admit(http.Header{}, bucketOther, Quirks{})
	assert.Equal(t, 1, s.Stats().Violations)
}

func TestFaults_EveryKindShowsAsItselfAndOnlyCommitsWhatItShould(t *testing.T) {
	for _, test := range []struct {
		kind      string
		status    int // 0: the client gets an error
		committed bool
	}{
		{Fault500, 500, false}, {Fault502, 502, false}, {Fault503, 503, false}, {Fault429, 429, false}, {Fault425, 425, false},
		{FaultReset, 0, false}, {FaultResetAfterCommit, 0, true}, {FaultEmpty, 201, true}, {FaultTruncated, 0, true},
	} {
		t.Run(test.kind, func(t *testing.T) {
			c := start(t, Config{Faults: Faults{Rate: 1, Kinds: []string{test.kind}}})
			a, err := c.try(http.MethodPost, "/contacts", `{"email":"ann@example.com"}`)
			if test.status == 0 {
				assert.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.Equal(t, test.status, a.status)
			}
			_, committed := c.Contact("ann@example.com")
			assert.Equal(t, test.committed, committed)
			if test.kind == FaultEmpty {
				assert.Empty(t, a.text)
			}
		})
	}
}

func TestFaults_TimeoutLastsUntilTheClientLeaves(t *testing.T) {
	c := start(t, Config{Faults: Faults{Rate: 1, Kinds: []string{FaultTimeout}}})
	client := http.Client{Timeout: 50 * time.Millisecond}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/v3/contacts", strings.NewReader(`{"email":"ann@example.com"}`))
	require.NoError(t, err)
	req.Header.Set("api-key", c.key)
	_, err = client.Do(req)
	assert.ErrorContains(t, err, "Timeout")
	assert.Zero(t, c.Count())
}

func TestFaults_SameSeedFailsTheSameCalls(t *testing.T) {
	run := func() (statuses []int) {
		c := start(t, Config{Faults: Faults{Rate: 0.3, Seed: 7, Kinds: []string{Fault500, Fault503}}})
		for range 30 {
			statuses = append(statuses, c.get("/account").status)
		}
		return statuses
	}
	first := run()
	assert.Equal(t, first, run())
	assert.Contains(t, first, http.StatusOK)
	assert.Contains(t, first, http.StatusServiceUnavailable)
}

func TestServer_TakesConcurrentCalls(t *testing.T) {
	c := start(t, Config{Limits: Limits{ContactsPerSecond: 1 << 20}})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				body := fmt.Sprintf(`{"email":"p%d@example.com","updateEnabled":true,"listIds":[60],"attributes":{"LTV":%d}}`, i, worker)
				r := httptest.NewRequest(http.MethodPost, "/v3/contacts", strings.NewReader(body))
				r.Header.Set("api-key", "sandbox")
				c.ServeHTTP(httptest.NewRecorder(), r)
				c.Contacts(0, 10)
				c.Stats()
			}
		})
	}
	c.finish(`{"jsonBody":[{"email":"p1@example.com"},{"email":"q@example.com"}],"listIds":[61]}`)
	wg.Wait()
	assert.Equal(t, 51, c.Count())
	assert.Equal(t, 50, c.Lists()[0].Members)
}
