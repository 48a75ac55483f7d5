package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

func TestWhole_EachPartIsSwitchedOffByALine(t *testing.T) {
	for _, part := range []string{"deals", "organizations", "leads", "activities", "companies"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			sb := startSandbox(t, sandbox.Config{Persons: 120})
			folder := copyPipelines(t)
			pipeline := filepath.Join(folder, "pipedrive.yaml")
			if part == "companies" {
				edit(t, pipeline, `action: ${! @company_action.or("upsert") }`, `action: skip`)
			} else {
				takeOut(t, pipeline, part)
			}
			settings := settingsFor(t, sb)
			cmd, out := command(t, settings, "-c", pipeline)
			require.NoError(t, cmd.Run(), out)

			result := allOf(t, settings, out)
			differences := (&demo{sb: sb, out: out}).compare(result)
			// What is of the part itself is left to differencesOf. Of deals the counts are left, which are the persons'.
			ofThePart := map[string][]string{
				"deals": {"the stage's list is", "LTV"}, "leads": {"list of leads"}, "organizations": {"compan", "COMPANY"}, "companies": {"compan"},
			}[part]
			differences = slices.DeleteFunc(differences, func(d string) bool {
				return slices.ContainsFunc(ofThePart, func(text string) bool { return strings.Contains(d, text) })
			})
			assert.Empty(t, differences)
			assert.Empty(t, differencesOf(sb, result.refused, part))
			assert.NotContains(t, out.String(), "level=error")
		})
	}
}

// takeOut takes an object's line out of a pipeline.
func takeOut(t testing.TB, pipeline, object string) {
	t.Helper()
	content, err := os.ReadFile(pipeline)
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^      - ` + object + `( .*)?\n`)
	require.Len(t, line.FindAll(content, -1), 1)
	require.NoError(t, os.WriteFile(pipeline, line.ReplaceAll(content, nil), 0o600))
}
