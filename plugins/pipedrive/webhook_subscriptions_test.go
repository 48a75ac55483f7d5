package pipedrive

import (
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// public is an address that Pipedrive can reach.
func public(t *testing.T) string {
	t.Helper()
	ts := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(ts.Close)
	return ts.URL + "/pipedrive"
}

func subscribe(url, events string) string {
	return fmt.Sprintf("%ssubscribe: {public_url: '%s', events: [%s], check_interval: 1s}\n", withPassword, url, events)
}

// hooks are the account's webhooks as "name url".
func (in *hook) hooks() (all []api.Webhook) {
	in.t.Helper()
	all, err := in.client.Webhooks(in.t.Context())
	require.NoError(in.t, err)
	return all
}

// subscribed waits until the account's webhooks are of these events and URLs.
func (in *hook) subscribed(want ...string) {
	in.t.Helper()
	slices.Sort(want)
	var have []string
	require.Eventually(in.t, func() bool {
		have = nil
		for _, w := range in.hooks() {
			have = append(have, w.Event()+" "+w.URL)
		}
		slices.Sort(have)
		return slices.Equal(want, have)
	}, 10*time.Second, 20*time.Millisecond, "%v", have)
}

// bodies keeps what is sent to POST /v1/webhooks.
func (a *account) bodies() func() []string {
	var mu sync.Mutex
	var all []string
	a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/webhooks" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, string(body))
		}
		return false
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func TestSubscriptions_WhatIsMissingIsCreated(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	sent := a.bodies()
	in := a.startHook(newResources(t), subscribe(url, "person.*, person.change, deal.change"))
	in.subscribed("person.* "+url, "deal.change "+url)
	require.Len(t, sent(), 2, "person.change is in person.*")
	for _, body := range sent() {
		for _, part := range []string{`"version":"2.0"`, `"http_auth_user":"pipedrive"`, `"http_auth_password":"hunter2"`, `"name":"connector `} {
			assert.Contains(t, body, part)
		}
	}
	assert.False(t, in.res.logs.has("hunter2"))
}

func TestSubscriptions_ARestartChangesNothing(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	in := a.startHook(newResources(t), subscribe(url, "person.*"))
	in.subscribed("person.* " + url)
	before := in.hooks()
	require.NoError(t, in.Close(t.Context()))
	again := a.startHook(newResources(t), subscribe(url, "person.*"))
	require.Eventually(t, func() bool { n, _ := a.asked("/v1/webhooks"); return n >= 6 }, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, before[0].ID, again.hooks()[0].ID)
	assert.Len(t, again.hooks(), 1)
}

func TestSubscriptions_WhatIsOursAndStaleIsReplacedAndWhatIsNotIsNotTouched(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	other := url + "/other"
	create := func(name, event, at, version string) {
		object, action, _ := strings.Cut(event, ".")
		a.do("POST", "/v1/webhooks", fmt.Sprintf(`{"name":%q,"event_object":%q,"event_action":%q,"subscription_url":%q,"version":%q}`, name, object, action, at, version))
	}
	create("Zapier", "person.*", other, "2.0")
	create("a connector of somebody's", "person.*", url, "2.0")
	create("connector person.*", "person.*", other, "2.0")
	create("connector person.*", "person.*", url, "2.0") // another password
	create("connector person.*", "person.updated", url, "1.0")
	create("connector lead.*", "lead.*", url, "2.0")
	in := a.startHook(newResources(t), subscribe(url, "person.*"))
	in.subscribed("person.* "+other, "person.* "+url, "person.* "+url)
	names := []string{}
	for _, w := range in.hooks() {
		name, _, _ := strings.Cut(w.Name, " #")
		names = append(names, name)
	}
	assert.Equal(t, []string{"Zapier", "a connector of somebody's", "connector person.*"}, names)
	require.NoError(t, in.Close(t.Context()))

	again := a.startHook(newResources(t), strings.ReplaceAll(subscribe(url, "person.*"), "hunter2", "hunter3"))
	require.Eventually(t, func() bool {
		hooks := again.hooks() // two, between the old one and the new one
		return len(hooks) == 3 && hooks[2].Name != in.subscriptions.wanted[0].Name
	}, 10*time.Second, 20*time.Millisecond, "another password makes another webhook")
	again.subscribed("person.* "+other, "person.* "+url, "person.* "+url)
}

func TestSubscriptions_AWebhookThatWasDeletedIsCreatedAgainAndTheLogSaysWhatClosesTheGap(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	in := a.startHook(newResources(t), subscribe(url, "person.*"))
	in.subscribed("person.* " + url)
	id := in.hooks()[0].ID
	a.do("DELETE", "/v1/webhooks/"+id, "")
	require.Eventually(t, func() bool { return len(in.hooks()) == 1 && in.hooks()[0].ID != id }, 10*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool { return in.res.logs.has("pipedrive_recents reads it") }, 5*time.Second, 10*time.Millisecond)
}

func TestSubscriptions_OneThatPipedriveSwitchedOffIsReplaced(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	in := a.startHook(newResources(t), subscribe(url, "person.*"))
	in.subscribed("person.* " + url)
	id := in.hooks()[0].ID
	a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/webhooks" {
			return false
		}
		recorder := httptest.NewRecorder()
		a.Server.ServeHTTP(recorder, r)
		body := recorder.Body.String()
		if strings.Contains(body, `"id":`+id+`,`) || strings.Contains(body, `"id":`+id+`}`) {
			body = strings.Replace(body, `"is_active":1`, `"is_active":0,"remove_reason":"too many failures"`, 1)
		}
		_, _ = io.WriteString(w, body)
		return true
	})
	require.Eventually(t, func() bool { return in.res.logs.has("switched off by Pipedrive") }, 10*time.Second, 20*time.Millisecond)
	assert.NotEqual(t, id, in.hooks()[0].ID)
}

func TestSubscriptions_ARefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		parts  []string
	}{
		"unreachable": {400, `{"status":"error","success":false,"errors":{"subscription_url":["invalid or non-reachable URL"]}}`, []string{"invalid or non-reachable URL", "WEBHOOK_PUBLIC_URL", "reverse proxy"}},
		"too many":    {422, `{"status":"error","success":false,"errors":{"hook":["limit of hunter2 reached"]}}`, []string{"40 webhooks", "connector webhooks list"}},
		"not allowed": {403, `{"success":false,"message":"Forbidden"}`, []string{"admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, url := newAccount(t, sandbox.Config{}, 0), public(t)
			a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost && r.URL.Path == "/v1/webhooks" {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
					return true
				}
				return false
			})
			in := a.startHook(newResources(t), subscribe(url, "person.*, deal.*"))
			require.Eventually(t, func() bool { return in.res.logs.has("subscribing to person.*") }, 10*time.Second, 10*time.Millisecond)
			for _, part := range c.parts {
				assert.True(t, in.res.logs.has(part), part)
			}
			assert.False(t, in.res.logs.has("hunter2"))
			got := in.deliverAll()
			right := func(r *http.Request) { r.SetBasicAuth("pipedrive", "hunter2") }
			assert.Equal(t, 200, in.send(http.MethodPost, change(1, 1), right).status, "deliveries are taken all the same")
			assert.Len(t, got.messages(), 1)
			a.onCall(nil)
			in.subscribed("person.* "+url, "deal.* "+url)
		})
	}
}

func TestSubscriptions_AnEmptyPostIsWelcomeWhileAWebhookIsCreated(t *testing.T) {
	t.Parallel()
	a, url := newAccount(t, sandbox.Config{}, 0), public(t)
	var in *hook
	probed := make(chan int, 2)
	right := func(r *http.Request) { r.SetBasicAuth("pipedrive", "hunter2") }
	in, err := a.openHook(newResources(t), subscribe(url, "person.*"))
	require.NoError(t, err)
	a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/webhooks" {
			probed <- in.send(http.MethodPost, "", right).status
			probed <- in.send(http.MethodPost, "{}", right).status
		}
		return false
	})
	require.NoError(t, in.Connect(t.Context()))
	assert.Equal(t, 200, <-probed)
	assert.Equal(t, 200, <-probed)
	in.subscribed("person.* " + url)
	assert.Equal(t, 400, in.send(http.MethodPost, "", right).status)
}

func TestSubscriptions_WithoutAPublicURLNobodyAsks(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	in := a.startHook(newResources(t), "subscribe: {public_url: ''}\n")
	require.NoError(t, in.Close(context.Background()))
	calls, _ := a.asked("/v1/webhooks")
	assert.Zero(t, calls)
}
