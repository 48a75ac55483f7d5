package pipelines_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"connector/pipelines"
)

// A section is what stands in a pipeline from a line on, up to the next line that is not further in.
func section(t *testing.T, file, first string) string {
	t.Helper()
	raw, err := pipelines.Files.ReadFile(file)
	require.NoError(t, err)
	indent := len(first) - len(strings.TrimLeft(first, " "))
	var lines []string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		in := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case len(lines) == 0 && line != first:
			continue
		case len(lines) > 0 && line != "" && in <= indent:
			return strings.TrimSpace(strings.Join(lines, "\n"))
		}
		lines = append(lines, line)
	}
	require.NotEmpty(t, lines, "%s has no line %q", file, first)
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Benthos has no way to share processors among files whose mappings a user edits without naming the file of
// each at every start: so the text is the same, and stays it.
func TestPipelines_WhatTheyShareIsTheSameText(t *testing.T) {
	main, others := "pipedrive.yaml", []string{"webhooks.yaml", "redrive.yaml"}
	for _, first := range []string{
		"    - label: related",
		"        processors: &contacts",
		"        processors: &companies",
	} {
		want := section(t, main, first)
		require.Greater(t, strings.Count(want, "\n"), 0, first)
		for _, other := range others {
			if other == "webhooks.yaml" && strings.Contains(first, "companies") {
				continue // as a process of its own it leaves companies to the main job
			}
			assert.Equal(t, want, section(t, other, first), "%s in %s and %s", strings.TrimSpace(first), main, other)
		}
	}
	assert.Equal(t, section(t, main, "      - label: events_of"), strings.ReplaceAll(section(t, "webhooks.yaml", "      - label: events_of"), "webhooks", "state"))
	// What the redrive has besides is about letters, and the last case is what it cannot map.
	want := section(t, main, "    - label: contact")
	assert.Equal(t, want, section(t, "webhooks.yaml", "    - label: contact"))
	for _, line := range mappingLine.FindAllString(want, -1) {
		assert.Contains(t, section(t, "redrive.yaml", "    - label: contact"), line)
	}
}

var mappingLine = regexp.MustCompile(`(?m)^ +- check: .*\n +processors: .*blobl.*$`)

func TestPipelines_EveryMappingIsUsedAndHasATest(t *testing.T) {
	entries, err := pipelines.Files.ReadDir("mappings")
	require.NoError(t, err)
	main, err := pipelines.Files.ReadFile("pipedrive.yaml")
	require.NoError(t, err)
	all := string(main)
	for _, e := range entries {
		if raw, err := pipelines.Files.ReadFile("mappings/" + e.Name()); err == nil && strings.HasSuffix(e.Name(), ".blobl") {
			all += string(raw)
		}
	}
	for _, e := range entries {
		name, isMapping := strings.CutSuffix(e.Name(), ".blobl")
		if !isMapping {
			continue
		}
		assert.Contains(t, all, "/"+name+".blobl\"", "%s is used", e.Name())
		raw, err := pipelines.Files.ReadFile(fmt.Sprintf("mappings/%s_test.yaml", name))
		if !assert.NoError(t, err) {
			continue
		}
		var file struct {
			Tests []struct{ Name string }
		}
		require.NoError(t, yaml.Unmarshal(raw, &file))
		assert.NotEmpty(t, file.Tests, e.Name())
	}
}
