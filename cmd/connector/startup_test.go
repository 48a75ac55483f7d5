package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

func TestRun_SaysWhatIsWrongAndWhatToDo(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	pipeline := repoFile(t, "pipelines/pipedrive.yaml")
	file := filepath.Join(t.TempDir(), "a-file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	for _, tc := range []struct {
		name     string
		setting  string
		args     []string
		wants    []string
		runsOn   bool // it waits to be mended
		pipeline string
	}{
		{name: "wrong token", setting: "PIPEDRIVE_API_TOKEN=wr0ng", wants: []string{"401", "PIPEDRIVE_API_TOKEN", "Personal preferences"}, runsOn: true},
		{name: "no token", setting: "PIPEDRIVE_API_TOKEN=", wants: []string{"api_token is empty", "PIPEDRIVE_API_TOKEN"}},
		{name: "wrong key", setting: "BREVO_API_KEY=wr0ng", wants: []string{"401", "BREVO_API_KEY", "SMTP & API"}, runsOn: true},
		{name: "no key", setting: "BREVO_API_KEY=", wants: []string{"api_key is empty", "BREVO_API_KEY"}},
		{name: "wrong company", setting: "PIPEDRIVE_COMPANY_DOMAIN=acme", wants: []string{"acme", "company_domain", "sandbox"}, runsOn: true},
		{name: "company that is an address", setting: "PIPEDRIVE_COMPANY_DOMAIN=https://acme.pipedrive.com", wants: []string{"company_domain", "write acme"}},
		{name: "unreachable Pipedrive", setting: "PIPEDRIVE_BASE_URL=http://127.0.0.1:9", wants: []string{"127.0.0.1:9", "can be reached"}, runsOn: true},
		{name: "unreachable Brevo", setting: "BREVO_BASE_URL=http://127.0.0.1:9/v3", wants: []string{"127.0.0.1:9", "can be reached"}, runsOn: true},
		{name: "plain http to a foreign host", setting: "BREVO_BASE_URL=http://example.com/v3", wants: []string{"in clear", "https"}},
		{name: "state folder that is a file", setting: "STATE_DIR=" + file, wants: []string{file, "STATE_DIR", "cannot be written"}},
		{name: "region that is none", setting: "DEFAULT_REGION=Britain", wants: []string{"BRITAIN", "DEFAULT_REGION", "GB"}},
		{name: "missing file", pipeline: "nowhere.yaml", wants: []string{"nowhere.yaml"}},
		{name: "bad YAML", pipeline: writeFile(t, "bad.yaml", "input:\n  foo: [\n"), wants: []string{"bad.yaml", "line 2"}},
		{name: "unknown field", pipeline: writeFile(t, "field.yaml", "input:\n  pipedrive_paginated:\n    page_sise: 3\noutput:\n  drop: {}\n"), wants: []string{"page_sise", "field.yaml(3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := tc.pipeline
			if path == "" {
				path = pipeline
			}
			cmd, out := command(t, append(settingsFor(t, sb), tc.setting), append(tc.args, "-c", path)...)
			require.NoError(t, cmd.Start())
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			if tc.runsOn {
				require.Eventually(t, func() bool { return containsAll(out.String(), tc.wants) }, 20*time.Second, 20*time.Millisecond, "%v", out)
				require.NoError(t, cmd.Process.Kill())
				<-ended
			} else {
				select {
				case err := <-ended:
					assert.Error(t, err, "it must not end as if all were well")
				case <-time.After(20 * time.Second):
					_ = cmd.Process.Kill()
					t.Fatalf("it runs on: %s", out)
				}
				for _, want := range tc.wants {
					assert.Contains(t, out.String(), want)
				}
			}
			assert.NotContains(t, out.String(), "wr0ng", "a credential in the log")
		})
	}
}

func TestRun_NamesAnUnknownAttributeAndAnUnknownList(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 30})
	folder := copyPipelines(t)
	edit(t, filepath.Join(folder, "mappings/person.blobl"), `"FULLNAME":     this.name,`, `"FULLNAME":     this.name, "Nickname": this.name, "Lastname": this.last_name,`)
	edit(t, filepath.Join(folder, "mappings/lists.blobl"), "[ 60 ]", "[ 60, 99 ]")
	cmd, out := command(t, settingsFor(t, sb), "-c", filepath.Join(folder, "pipedrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	for _, want := range []string{
		"no contact attribute Nickname and would drop it", "Contact attributes, type text",
		"no contact attribute Lastname, but LASTNAME", "no list 99", "60 All contacts",
	} {
		assert.Contains(t, out.String(), want)
	}
	assert.Equal(t, 1, strings.Count(out.String(), "no contact attribute Nickname"), "once by name")
}
