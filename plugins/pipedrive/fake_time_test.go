package pipedrive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"connector/plugins/internal/memnet"
	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// In fake time nothing may wait on the network: an account there is served from memory.

var (
	inMemory  sync.Map // address → *memnet.Listener
	addresses atomic.Int64
)

func init() {
	dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if m, ok := inMemory.Load(address); ok {
			return m.(*memnet.Listener).Dial(ctx, network, address)
		}
		return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
	}
}

var fakeStart = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// inFakeTime runs a test of an account in fake time, which goes on as soon as everybody waits. It begins
// at fakeStart.
func inFakeTime(t *testing.T, cfg sandbox.Config, test func(t *testing.T, a *account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(fakeStart))
		a := &account{t: t, latency: cfg.Latency}
		cfg.Latency = 0 // in fake time nobody may sleep while others wait for a lock
		a.Server = sandbox.New(cfg)
		n := addresses.Add(1)
		address := fmt.Sprintf("127.%d.%d.%d:80", 1+n>>16, n>>8&255, n&255)
		a.url = "http://" + strings.TrimSuffix(address, ":80")
		m, ended := memnet.Listen(), make(chan struct{})
		inMemory.Store(address, m)
		server := &http.Server{Handler: a}
		go func() { defer close(ended); _ = server.Serve(m) }()
		t.Cleanup(func() {
			a.newProcess()
			inMemory.Delete(address)
			_ = server.Close()
			<-ended
		})
		test(t, a)
	})
}

// newProcess forgets what lives as long as the process does: the client and its books.
func (a *account) newProcess() {
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", "sandbox", "", a.url))
	clients.Lock()
	defer clients.Unlock()
	if c := clients.by[key]; c != nil {
		c.Close()
		delete(clients.by, key)
	}
}

// put puts a record that was updated at a time, which is null when zero, and added when it was first put.
func (a *account) put(object string, id int, text string, at time.Time) {
	a.putWith(object, id, text, at, nil)
}

func (a *account) putWith(object string, id int, text string, at time.Time, more map[string]any) {
	record := map[string]any{"id": id, textOf[object]: text, "update_time": nil}
	layout := time.RFC3339
	switch object {
	case "lead":
		record["id"], layout = leadID(id), "2006-01-02T15:04:05.000Z"
	case "note":
		layout = time.DateTime
	}
	if !at.IsZero() {
		record["update_time"] = at.UTC().Format(layout)
	}
	a.mu.Lock()
	if a.added == nil {
		a.added = map[string]time.Time{}
	}
	key := object + strconv.Itoa(id)
	if _, known := a.added[key]; !known {
		a.added[key] = at
		if at.IsZero() {
			a.added[key] = fakeStart.AddDate(-1, 0, 0)
		}
	}
	record["add_time"] = a.added[key].UTC().Format(layout)
	a.mu.Unlock()
	maps.Copy(record, more)
	a.Put(object, record)
}

var textOf = map[string]string{"person": "name", "organization": "name", "pipeline": "name", "stage": "name", "user": "name",
	"product": "name", "deal": "title", "lead": "title", "activity": "subject", "note": "content"}

// change puts a record as it is from now on.
func (a *account) change(object string, id int, text string) { a.put(object, id, text, time.Now()) }

// remove deletes a record as users do: it is shown as deleted for thirty days, where Pipedrive shows that.
func (a *account) remove(object string, id int) {
	deleted := map[string]any{"is_deleted": true}
	if object == "deal" {
		deleted["status"] = "deleted"
	}
	a.putWith(object, id, "deleted", time.Now(), deleted)
}

func leadID(id int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", id) }

// do makes a call in somebody else's name.
func (a *account) do(method, path, body string) {
	a.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("x-api-token", "sandbox")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.Server.ServeHTTP(w, r)
	require.Less(a.t, w.Code, 300, "%s %s: %s", method, path, w.Body)
}

// asked counts the calls whose path and query hold all parts, and their tokens.
func (a *account) asked(parts ...string) (calls, tokens int) {
	for _, c := range a.Calls() {
		matches := true
		for _, part := range parts {
			matches = matches && strings.Contains(c.Path+"?"+c.RawQuery, part)
		}
		if matches {
			calls, tokens = calls+1, tokens+c.Tokens
		}
	}
	return calls, tokens
}

// openRecents opens a pipedrive_recents of ten records a page.
func (a *account) openRecents(res *resources, extra string) (*input, error) {
	a.t.Helper()
	conf, err := recentsSpec().ParseYAML(a.config(extra), nil)
	require.NoError(a.t, err)
	in, err := newRecentsInput(conf, res.Resources)
	if err != nil {
		return nil, err
	}
	a.t.Cleanup(func() { _ = in.Close(context.Background()) })
	return &input{in, a.t}, nil
}

func (a *account) startRecents(res *resources, extra string) *input {
	a.t.Helper()
	in, err := a.openRecents(res, extra)
	require.NoError(a.t, err)
	require.NoError(a.t, in.Connect(a.t.Context()))
	return in
}

// warm reads the field definitions before the input does, one after another: they are read under a lock,
// and in fake time nobody may wait for a limit while others wait for a lock.
func (a *account) warm(s *store, conf string) {
	a.t.Helper()
	in, err := a.openRecents(s.resources, conf)
	require.NoError(a.t, err)
	for _, o := range in.BatchInput.(*recentsInput).conf.objects {
		page, err := in.client().List(a.t.Context(), o, "", api.ListOptions{Limit: 1})
		require.NoError(a.t, err)
		_, err = page.Records(a.t.Context(), in.client())
		require.NoError(a.t, err)
	}
}
