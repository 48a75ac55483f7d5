package pipedrive_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

// receiver is where webhooks are delivered to.
type receiver struct {
	url    string
	answer func(n int, body object) int // n counts from 1; 0 leaves the request without an answer

	mu      sync.Mutex
	bodies  []object
	headers []http.Header
	times   []time.Time
}

func listen(t *testing.T) *receiver {
	t.Helper()
	rc := &receiver{answer: func(int, object) int { return http.StatusOK }}
	ts := httptest.NewServer(rc)
	t.Cleanup(ts.Close)
	rc.url = ts.URL + "/hook"
	return rc
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body object
	_ = json.NewDecoder(r.Body).Decode(&body)
	rc.mu.Lock()
	rc.bodies, rc.headers, rc.times = append(rc.bodies, body), append(rc.headers, r.Header), append(rc.times, time.Now())
	n, answer := len(rc.bodies), rc.answer
	rc.mu.Unlock()
	status := answer(n, body)
	if status == 0 {
		<-r.Context().Done()
		return
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

// answers fails the first n requests with a status.
func (rc *receiver) fails(n, status int) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.answer = func(i int, _ object) int {
		if i <= n {
			return status
		}
		return http.StatusOK
	}
}

func (rc *receiver) all() []object {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]object{}, rc.bodies...)
}

// hooked is an account with webhooks whose documented pauses pass a thousand times faster.
func hooked(t *testing.T, w pipedrive.Webhooks) *account {
	t.Helper()
	if w.TimeScale == 0 {
		w.TimeScale = 0.001
	}
	a := newAccount(t, pipedrive.Config{CompanyDomain: "acme", Webhooks: w}).withPersons(3)
	t.Cleanup(func() { assert.NoError(t, a.Close()) })
	return a
}

// subscribe creates a webhook for an action, an object and a version.
func (a *account) subscribe(rc *receiver, action, entity, version string) object {
	a.t.Helper()
	made := a.do("POST", "/v1/webhooks", object{
		"subscription_url": rc.url, "event_action": action, "event_object": entity, "name": "test", "version": version,
		"http_auth_user": "pipe", "http_auth_password": "drive",
	})
	require.Equal(a.t, http.StatusCreated, made.status, string(made.raw))
	return made.one(a.t)
}

// settled waits until nothing is under way.
func (a *account) settled() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(a.t, a.Idle(ctx))
}

// told returns what arrived once everything has.
func (a *account) told(rc *receiver) []object {
	a.t.Helper()
	a.settled()
	return rc.all()
}

func (a *account) rename(name string) {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.do("PATCH", "/api/v2/persons/1", object{"name": name}).status)
}

func meta(body object) object {
	m, _ := body["meta"].(object)
	return m
}

func part(body object, name string) object {
	m, _ := body[name].(object)
	return m
}

func keys(m object) []string {
	out := []string{}
	for key := range m {
		out = append(out, key)
	}
	return out
}
