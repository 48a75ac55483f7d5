package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// following is a connector that has caught up and goes on.
type following struct {
	t        *testing.T
	sb       *sandbox.Sandbox
	settings []string
	args     []string
	cmd      *exec.Cmd
	out      *output
	used     map[int]bool // persons that a test has taken
}

// follow starts the connector on a company of 300 persons, and returns when Brevo has all of it.
func follow(t *testing.T, args ...string) *following {
	t.Helper()
	sb := startSandbox(t, sandbox.Config{Persons: 300})
	address, err := freeAddress()
	require.NoError(t, err)
	f := &following{t: t, sb: sb, args: args, settings: append(webhooked(t, sb), "POLL_INTERVAL=1s", "HTTP_ADDRESS="+address), used: map[int]bool{}}
	f.start()
	f.agrees(t)
	return f
}

func (f *following) start() {
	f.cmd, f.out = command(f.t, f.settings, f.args...)
	require.NoError(f.t, f.cmd.Start())
	cmd := f.cmd
	f.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

func (f *following) kill() {
	require.NoError(f.t, f.cmd.Process.Kill())
	_ = f.cmd.Wait()
}

// agrees waits until Brevo has what Pipedrive has.
func (f *following) agrees(t *testing.T) {
	t.Helper()
	var differences []string
	defer func() {
		if t.Failed() {
			t.Logf("%v\nBrevo's calls: %v", differences, f.sb.Brevo.Stats().Routes)
		}
	}()
	f.eventually(t, func() bool {
		differences = f.differences(t)
		return len(differences) == 0
	})
}

func (f *following) differences(t *testing.T) []string {
	return differencesOf(f.sb, allOf(t, f.settings, f.out).refused, "")
}

func (f *following) eventually(t *testing.T, holds func() bool) {
	t.Helper()
	if !assert.Eventually(t, holds, 40*time.Second, 50*time.Millisecond) {
		t.Log(lastLines(f.out.String(), 20))
		t.FailNow()
	}
}

// asUser does what a user does in Pipedrive's web app, and returns the record.
func (f *following) asUser(t *testing.T, method, path string, body record) record {
	t.Helper()
	answer, err := f.sb.Pipedrive.AsUser(method, path, body)
	require.NoError(t, err)
	data, _ := answer["data"].(map[string]any)
	return data
}

// somebody is an ordinary person that no other test has, of an organization or not, with as many deals and leads.
func (f *following) somebody(t *testing.T, deals, leads int) (id int, email string) {
	t.Helper()
	count := func(object string) map[int]int {
		by := map[int]int{}
		for _, r := range f.sb.Pipedrive.Records(object, 0, walk) {
			by[wholeOf(r["person_id"])]++
		}
		return by
	}
	byDeals, byLeads := count("deal"), count("lead")
	for _, p := range f.sb.Pipedrive.Records("person", 40, walk) {
		id, email := wholeOf(p["id"]), addressOf(p)
		if contact, found := f.sb.Brevo.Contact(email); !f.used[id] && byDeals[id] == deals && byLeads[id] == leads && p["org_id"] != nil &&
			email != "" && found && contact.ExtID == fmt.Sprint(id) {
			f.used[id] = true
			return id, email
		}
	}
	t.Fatalf("the seeded company has no person with %d deals and %d leads left", deals, leads)
	return 0, ""
}

func (f *following) contact(t *testing.T, email string) brevo.Contact {
	t.Helper()
	contact, found := f.sb.Brevo.Contact(email)
	require.True(t, found)
	return contact
}

// events are those of a name whose property is a value.
func (f *following) events(name, property string, value any) (properties []record) {
	for _, e := range f.sb.Brevo.Events() {
		var p record
		if e.Name == name && json.Unmarshal(e.Properties, &p) == nil && fmt.Sprint(p[property]) == fmt.Sprint(value) {
			properties = append(properties, p)
		}
	}
	return properties
}

// metric is the value of a metric's line that has all of the words; 0 if there is none.
func (f *following) metric(words ...string) (value float64) {
	for _, setting := range f.settings {
		address, ok := strings.CutPrefix(setting, "HTTP_ADDRESS=")
		if !ok {
			continue
		}
		resp, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return 0
		}
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if line := lines.Text(); containsAll(line, words) && line[0] != '#' {
				_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &value)
			}
		}
		_ = resp.Body.Close()
	}
	return value
}
