package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

func TestExamples_ACSVCorrectsWhatItNamesAndTellsWhatItCannot(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	rows := writeFile(t, "corrections.csv", `email,name,lead_source
bruno.abernethy@northfield-logistics.example.org,Bruno Abernethy-Smith,Referral
farid.eskelund@mail.example.org,,Radio
nobody@example.com,,Referral
`)
	state := t.TempDir()
	cmd, out := command(t, settingsFor(t, sb, "CORRECTIONS="+rows, "HTTP_ADDRESS=127.0.0.1:0", "STATE_DIR="+state), "-c", repoFile(t, "pipelines/examples/correct_from_csv.yaml"))
	require.NoError(t, cmd.Run(), out)
	assert.Equal(t, "Bruno Abernethy-Smith", sb.Pipedrive.Records("person", 0, 1)[0]["name"])
	refused, err := os.ReadFile(filepath.Join(state, "refused_corrections.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(refused), "\n"))
	assert.Contains(t, string(refused), "Cold call, Newsletter")
	assert.NotContains(t, out.String(), "nobody@example.com")
}

func TestExamples_AClickBecomesAnActivityAndASearchIsAnswered(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	run := func(name string) (stop func()) {
		cmd, out := command(t, settingsFor(t, sb, "HTTP_ADDRESS="+address), "-c", repoFile(t, "pipelines/examples/"+name))
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		require.Eventually(t, func() bool {
			answer, err := http.Get("http://" + address + "/ready")
			if err == nil {
				_ = answer.Body.Close()
			}
			return err == nil && answer.StatusCode == http.StatusOK
		}, 20*time.Second, 20*time.Millisecond, out)
		return func() {
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			_ = cmd.Wait()
		}
	}
	before := sb.Pipedrive.Count("activity")
	stop := run("activity_from_event.yaml")
	answer, err := http.Post("http://"+address+"/events", "application/json",
		strings.NewReader(`{"event":"click","email":"bruno.abernethy@northfield-logistics.example.org","campaign name":"Autumn","URL":"https://example.com"}`))
	require.NoError(t, err)
	_ = answer.Body.Close()
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	stop()
	made := sb.Pipedrive.Records("activity", int64(before), 10)
	require.Len(t, made, 1)
	assert.Equal(t, "Clicked in Autumn", made[0]["subject"])
	assert.EqualValues(t, 1, made[0]["person_id"])

	stop = run("search.yaml")
	defer stop()
	answer, err = http.Get("http://" + address + "/search?term=abernethy")
	require.NoError(t, err)
	found := make([]byte, 4096)
	n, _ := answer.Body.Read(found)
	_ = answer.Body.Close()
	assert.Contains(t, string(found[:n]), "Bruno Abernethy")
}
