package main

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// beside starts another process on the same state.
func (f *following) beside(args ...string) *exec.Cmd {
	address, err := freeAddress()
	require.NoError(f.t, err)
	cmd, out := command(f.t, append(f.settings, "HTTP_ADDRESS="+address), args...)
	require.NoError(f.t, cmd.Start())
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if f.t.Failed() {
			f.t.Log(lastLines(out.String(), 20))
		}
	})
	require.Eventually(f.t, func() bool { return len(f.sb.Pipedrive.Records("webhook", 0, 50)) >= 3 }, 20*time.Second, 20*time.Millisecond, "%v", out)
	return cmd
}

func TestWholeFollow_NoProcessAndNoKillMakesACompanyTwice(t *testing.T) {
	main, hooks := repoFile(t, "pipelines/pipedrive.yaml"), repoFile(t, "pipelines/webhooks.yaml")
	for name, run := range map[string]func(*testing.T) *following{
		"one process": func(t *testing.T) *following { return follow(t, "streams", main, hooks) },
		"two processes": func(t *testing.T) *following {
			f := follow(t, "-c", main)
			f.beside("-c", hooks)
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := run(t)
			for round := range 3 {
				organization := f.asUser(t, "POST", "/api/v2/organizations", record{"name": fmt.Sprintf("New Works %d", round)})
				person := f.asUser(t, "POST", "/api/v2/persons", record{
					"name": "New Example", "emails": []any{record{"value": fmt.Sprintf("new-%d@example.org", round), "primary": true}},
				})
				f.eventually(t, func() bool { return f.companies(organization["id"]) > 0 })
				if round > 0 { // before it has noted that there is one
					f.kill()
					f.start()
				}
				f.asUser(t, "PATCH", pathOf("persons", wholeOf(person["id"])), record{"org_id": organization["id"]})
				f.asUser(t, "PATCH", pathOf("organizations", wholeOf(organization["id"])), record{"name": fmt.Sprintf("Newer Works %d", round)})
				f.agrees(t)
			}
			f.polled(t)
			assert.Empty(t, f.differences(t))
			assert.Len(t, f.sb.Brevo.Companies(), f.sb.Pipedrive.Count("organization"))
		})
	}
}

// companies is how many Brevo has of an organization.
func (f *following) companies(organization any) (n int) {
	for _, c := range f.sb.Brevo.Companies() {
		if wholeOf(c.Attributes["pipedrive_id"]) == wholeOf(organization) {
			n++
		}
	}
	return n
}
