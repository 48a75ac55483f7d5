package main

import (
	"bufio"
	"context"
	"fmt"
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

func TestPipelines_FindTheirMappingsBesideThemselvesFromAnyFolder(t *testing.T) {
	t.Parallel()
	folder := withOneTest(t, copyPipelines(t))
	elsewhere := t.TempDir()
	relative, err := filepath.Rel(elsewhere, folder)
	require.NoError(t, err)
	for _, path := range []string{folder, relative} {
		for _, args := range [][]string{{"lint", path + "/pipedrive.yaml"}, {"test", path + "/pipedrive.yaml"}, {"test", path + "/..."}, {"lint", path + "/..."}} {
			cmd, out := command(t, nil, args...)
			cmd.Dir = elsewhere
			assert.NoError(t, cmd.Run(), "%v: %v", args, out)
		}
	}
	// An edited mapping is what is tested: nothing is built in.
	edit(t, filepath.Join(folder, "mappings/person.blobl"), "this.first_name", "this.last_name")
	cmd, out := command(t, nil, "test", folder+"/pipedrive.yaml")
	assert.Error(t, cmd.Run())
	assert.Contains(t, out.String(), "an ordinary person")
}

// withOneTest leaves of a copy of the pipelines the main job with its first test: Benthos reads all mappings anew for
// each.
func withOneTest(t *testing.T, folder string) string {
	t.Helper()
	job, kept := filepath.Join(folder, "pipedrive.yaml"), filepath.Join(folder, "pipedrive_benthos_test.yaml")
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err == nil && path != kept && path != job && strings.HasSuffix(path, ".yaml") {
			err = os.Remove(path)
		}
		return err
	}))
	tests, err := os.ReadFile(kept)
	require.NoError(t, err)
	parts := strings.SplitAfterN(string(tests), "\n  - name:", 3)
	require.Len(t, parts, 3)
	require.NoError(t, os.WriteFile(kept, []byte(parts[0]+strings.TrimSuffix(parts[1], "\n  - name:")+"\n"), 0o600))
	return folder
}

func TestPipelines_AMistakeInAMappingIsToldWithFileAndLine(t *testing.T) {
	folder := withOneTest(t, copyPipelines(t))
	mapping, err := os.ReadFile(filepath.Join(folder, "mappings/person.blobl"))
	require.NoError(t, err)
	before, _, _ := strings.Cut(string(mapping), `"FIRSTNAME":`)
	line := 1 + strings.Count(before, "\n")
	edit(t, filepath.Join(folder, "mappings/person.blobl"), `"FIRSTNAME":`, `"FIRSTNAME"`)
	for _, args := range [][]string{{"lint", folder + "/pipedrive.yaml"}, {"test", folder + "/..."}, {"run", folder + "/pipedrive.yaml"}} {
		cmd, out := command(t, nil, args...)
		assert.Error(t, cmd.Run(), args[0])
		assert.Contains(t, out.String(), fmt.Sprintf("mappings/person.blobl: line %d", line), args[0])
	}
}

func TestPipelines_OfSeveralFoldersEachFindTheirOwnMappings(t *testing.T) {
	t.Parallel()
	both := t.TempDir()
	for _, name := range []string{"one", "two"} {
		require.NoError(t, os.Rename(withOneTest(t, copyPipelines(t)), filepath.Join(both, name)))
	}
	cmd, out := command(t, nil, "test", both+"/...")
	require.NoError(t, cmd.Run(), out)
	edit(t, filepath.Join(both, "two/mappings/person.blobl"), "this.first_name", "this.last_name")
	cmd, out = command(t, nil, "test", both+"/...")
	assert.Error(t, cmd.Run())
	assert.Contains(t, out.String(), "one/pipedrive.yaml' succeeded")
	assert.Contains(t, out.String(), "two/pipedrive.yaml' failed")
}

func TestDemo_AgreesAndExitsWithZero(t *testing.T) {
	t.Parallel()
	cmd, out := command(t, nil, "demo", "--once", "--persons", "300", "--faults")
	require.NoError(t, cmd.Run(), out)
	for _, want := range []string{"records read", "300 persons", "no valid email", "address of another person", "invalid_emails", "least possible", "Both sides agree"} {
		assert.Contains(t, out.String(), want)
	}
}

func TestDemo_ExitsWithAnErrorWhereTheSidesDiffer(t *testing.T) {
	folder := copyPipelines(t)
	edit(t, filepath.Join(folder, "mappings/person.blobl"), "this.first_name", "this.last_name")
	cmd, out := command(t, nil, "demo", "--once", "--persons", "150", "--pipelines", folder)
	assert.Error(t, cmd.Run())
	assert.Contains(t, out.String(), "FIRSTNAME is not the same on both sides")
	assert.Contains(t, out.String(), "the two sides differ")
}

func TestSandbox_SaysWhereItIsAndEndsOnASignal(t *testing.T) {
	cmd, out := command(t, nil, "sandbox", "--pipedrive-address", "127.0.0.1:0", "--brevo-address", "127.0.0.1:0", "--persons", "40", "--limits")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C") }, 10*time.Second, 10*time.Millisecond, "%v", out)
	var settings []string
	for lines := bufio.NewScanner(strings.NewReader(out.String())); lines.Scan(); {
		if exports, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "export "); ok {
			settings = append(settings, strings.Fields(exports)...)
		}
	}
	require.Len(t, settings, 4)
	run, runOut := command(t, append(settings, "STATE_DIR="+t.TempDir()), "-c", repoFile(t, "pipelines/pipedrive.yaml"))
	require.NoError(t, run.Run(), runOut)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, cmd.Wait(), out)
}

func TestCLI_IsOurs(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		wants []string
	}{
		{[]string{"--version"}, []string{"Version: " + Version}},
		{nil, []string{"connector", "demo", "sandbox", "lint", "streams"}},
		{[]string{"list", "inputs", "outputs", "bloblang-methods"}, []string{"pipedrive_paginated", "brevo_contacts", "Reads whole collections of Pipedrive once", "by import where that pays", "primary_email", "valid_email", "phone_e164"}},
		{[]string{"list", "--format", "json", "inputs"}, []string{`"pipedrive_paginated"`}},
		{[]string{"create", "pipedrive_paginated//brevo_contacts"}, []string{"objects:", "page_size: 500", "mode: auto", "127.0.0.1:4195"}},
		{[]string{"blobl", "--help"}, []string{"blobl"}},
	} {
		cmd, out := command(t, nil, tc.args...)
		require.NoError(t, cmd.Run(), out)
		for _, want := range tc.wants {
			assert.Contains(t, out.String(), want, "%v", tc.args)
		}
	}
}

func TestHealth_TellsAReadyConnectorFromOneThatIsNot(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	address, err := freeAddress()
	require.NoError(t, err)
	health, out := command(t, []string{"HTTP_ADDRESS=" + address}, "health")
	assert.Error(t, health.Run())
	assert.Contains(t, out.String(), "does not answer")

	pipeline := writeFile(t, "idle.yaml", "http: { address: \"${HTTP_ADDRESS}\" }\ninput: { generate: { interval: 1h, mapping: root = deleted() } }\noutput: { brevo_contacts: {} }\n")
	cmd, _ := command(t, settingsFor(t, sb, "HTTP_ADDRESS="+address), "-c", pipeline)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	require.Eventually(t, func() bool {
		health, _ := command(t, []string{"HTTP_ADDRESS=" + address}, "health")
		return ctx.Err() == nil && health.Run() == nil
	}, 20*time.Second, 100*time.Millisecond)
}
