package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

// idle is a pipeline with a state file, and perhaps dead letters, that runs until it is stopped.
func idle(t *testing.T, database string) string {
	t.Helper()
	return writeFile(t, "idle.yaml", `
http: { address: "${HTTP_ADDRESS}" }
input: { generate: { interval: 1h, mapping: root = deleted() } }
output: { brevo_contacts: { dead_letter: refused } }
cache_resources:
  - label: state
    sql: { driver: sqlite, dsn: "file:${STATE_DIR:./state}/`+database+`?_pragma=busy_timeout(5000)", table: state, key_column: k, value_column: v, init_statement: "CREATE TABLE IF NOT EXISTS state (k TEXT PRIMARY KEY, v BLOB)" }
output_resources:
  - label: refused
    file: { path: "${STATE_DIR:./state}/dead_letters.jsonl", codec: lines }
`)
}

// starts runs the binary until it is ready.
func starts(t *testing.T, settings []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd, out := command(t, settings, args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Output type brevo_contacts is now active") },
		20*time.Second, 10*time.Millisecond, "%v", out)
	return cmd
}

// refusedToRun runs the binary, which must end at once with an error that says all of that.
func refusedToRun(t *testing.T, settings []string, args []string, wants ...string) {
	t.Helper()
	cmd, out := command(t, settings, args...)
	require.NoError(t, cmd.Start())
	watchdog := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	err := cmd.Wait()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended, "%v", out)
	assert.Positive(t, ended.ExitCode(), "%v", out)
	for _, want := range wants {
		assert.Contains(t, out.String(), want)
	}
}

func stateOf(settings []string) string {
	for _, setting := range settings {
		if state, ok := strings.CutPrefix(setting, "STATE_DIR="); ok {
			return state
		}
	}
	return ""
}

func TestLock_ASecondProcessOnAStateFileIsToldWhoHasIt(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	settings := settingsFor(t, sb, "FOLLOW=false")
	pipeline := idle(t, "pipedrive.db")
	first := starts(t, settings, "-c", pipeline)
	pid := fmt.Sprintf("process %d on ", first.Process.Pid)
	for _, args := range [][]string{
		{"-c", pipeline}, {"run", pipeline},
		{"-c", repoFile(t, "pipelines/pipedrive.yaml")},
		{"-c", repoFile(t, "pipelines/redrive.yaml")},
	} {
		refusedToRun(t, settings, args, filepath.Join(stateOf(settings), "pipedrive.db"), pid, "STATE_DIR", "stop that one")
	}

	// What does not run does not ask.
	for _, args := range [][]string{{"lint", pipeline}, {"test", repoFile(t, "pipelines/redrive.yaml")}, {"echo", pipeline}} {
		cmd, out := command(t, settings, args...)
		assert.NoError(t, cmd.Run(), "%v: %v", args, out)
	}
	// Another folder is another job.
	starts(t, append(settings, "STATE_DIR="+t.TempDir()), "-c", pipeline)

	// A process that is killed leaves nothing behind that holds up the next.
	require.NoError(t, first.Process.Signal(syscall.SIGKILL))
	_ = first.Wait()
	second := starts(t, settings, "-c", pipeline)
	refusedToRun(t, settings, []string{"-c", pipeline}, fmt.Sprintf("process %d on ", second.Process.Pid))
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	require.NoError(t, second.Wait())
	starts(t, settings, "-c", pipeline)
}

func TestLock_DeadLettersAreNotSentAgainWhileAnyoneWritesThem(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	settings := settingsFor(t, sb)
	one := starts(t, settings, "-c", idle(t, "one.db"))
	two := starts(t, settings, "-c", idle(t, "two.db")) // many may write
	redrive := []string{"-c", repoFile(t, "pipelines/redrive.yaml")}
	file := filepath.Join(stateOf(settings), "dead_letters.jsonl")
	refusedToRun(t, settings, redrive, file, fmt.Sprint(one.Process.Pid), fmt.Sprint(two.Process.Pid), "stop the connectors that write them")
	require.NoError(t, one.Process.Signal(syscall.SIGKILL))
	_ = one.Wait()
	refusedToRun(t, settings, redrive, file+" are in use by process "+fmt.Sprint(two.Process.Pid))
	require.NoError(t, two.Process.Signal(syscall.SIGTERM))
	require.NoError(t, two.Wait())
	cmd, out := command(t, settings, redrive...)
	require.NoError(t, cmd.Run(), out)
}

func TestLock_PipelinesOfOneProcessShareAState(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	settings := settingsFor(t, sb)
	shared := idle(t, "pipedrive.db")
	resources := writeFile(t, "resources.yaml", "cache_resources:\n  - label: other\n    sql: { driver: sqlite, dsn: \"file:${STATE_DIR}/../"+filepath.Base(stateOf(settings))+"/pipedrive.db\", table: state, key_column: k, value_column: v }\n")
	starts(t, settings, "-r", resources, "-c", shared)
	refusedToRun(t, settings, []string{"-r", resources, "-c", writeFile(t, "plain.yaml", "input: { generate: { count: 1, mapping: root = 1 } }\noutput: { drop: {} }\n")}, "pipedrive.db is in use")
}

func TestLock_TheDefaultConfigurationClaimsItsStateToo(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	settings := settingsFor(t, sb)
	pipeline := idle(t, "pipedrive.db")
	starts(t, settings, "-c", pipeline)
	content, err := os.ReadFile(pipeline)
	require.NoError(t, err)
	cmd, out := command(t, settings, "run")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "connector.yaml"), content, 0o600))
	assert.Error(t, cmd.Run())
	assert.Contains(t, out.String(), "pipedrive.db is in use")
}

func TestClaims_AreWhatTheFilesUse(t *testing.T) {
	t.Setenv("STATE_DIR", "")
	t.Setenv("NAME", "named")
	here, err := os.Getwd()
	require.NoError(t, err)
	for config, wants := range map[string]string{
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: "file:${STATE_DIR:./state}/a.db?_pragma=x" } } ]`:                                                                    "state/a.db",
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: "file:/var/${NAME}.db" } } ]`:                                                                                        "/var/named.db",
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: "file:///var/a.db" } } ]`:                                                                                            "/var/a.db",
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: "plain.db?x=y" } } ]`:                                                                                                "plain.db",
		`input: { broker: { inputs: [ { sql_select: { driver: sqlite, dsn: "file:deep.db" } } ] } }`:                                                                                     "deep.db",
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: ":memory:" } } ]`:                                                                                                    "",
		`cache_resources: [ { label: s, sql: { driver: sqlite, dsn: "file:x?mode=memory&cache=shared" } } ]`:                                                                             "",
		`cache_resources: [ { label: s, sql: { driver: postgres, dsn: "postgres://db/state" } } ]`:                                                                                       "",
		`{ input: { dead_letters: { path: "x.jsonl" } }, a: { driver: sqlite, dsn: "file:z.db" } }`:                                                                                      "z.db x.jsonl",
		`{ output: { brevo_contacts: { dead_letter: dl } }, output_resources: [ { label: dl, file: { path: x.jsonl } }, { label: other, file: { path: y.jsonl } } ] }`:                   "x.jsonl (shared)",
		`{ input: { dead_letters: { path: ./x.jsonl } }, output: { brevo_contacts: { dead_letter: dl } }, output_resources: [ { label: dl, file: { path: "` + here + `/x.jsonl" } } ] }`: here + "/x.jsonl|x.jsonl",
		`{ output: { brevo_contacts: { dead_letter: dl } }, output_resources: [ { label: dl, file: { path: "${! @a }.jsonl" } } ] }`:                                                     "",
		`input: { foo: [`: "",
		`just text`:       "",
		``:                "",
	} {
		var got []string
		for _, c := range claimsOf([]string{writeFile(t, "c.yaml", config), "nowhere.yaml"}) {
			name := c.file
			if c.shared {
				name += " (shared)"
			}
			got = append(got, name)
		}
		if either := strings.Split(wants, "|"); len(either) > 1 {
			assert.Contains(t, either, strings.Join(got, " "), config)
			continue
		}
		assert.Equal(t, wants, strings.Join(got, " "), config)
	}
}
