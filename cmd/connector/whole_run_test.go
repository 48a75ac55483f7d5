package main

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// go test ./cmd/connector -run TestWhole -args -whole.full
var wholeFull = flag.Bool("whole.full", false, "test with 5,000 persons and deals, not with a fifth of them")

// allOf is what a run came to, from its dead letters.
func allOf(t *testing.T, settings []string, out *output) *synced {
	t.Helper()
	result := &synced{refused: map[string]string{}}
	for _, setting := range settings {
		if state, ok := strings.CutPrefix(setting, "STATE_DIR="); ok {
			require.NoError(t, result.readDeadLetters(filepath.Join(state, "dead_letters.jsonl")))
		}
	}
	result.WithoutPhone = strings.Count(out.String(), "is written without its phone number")
	return result
}

func TestWhole_AllThatPipedriveHasIsInBrevoWithinBothVendorsLimits(t *testing.T) {
	company := seed.Company{Persons: 1000, Deals: 1000, Organizations: 200, Activities: 600, Leads: 100}
	if *wholeFull {
		company = seed.Company{Persons: 5000, Deals: 5000, Organizations: 1000, Activities: 3000, Leads: 500}
	}
	sb := startSandbox(t, sandbox.Config{
		Persons: company.Persons, Company: company,
		Pipedrive: pipedrive.Config{Limits: pipedrive.PublishedLimits()},
		Brevo:     brevo.Config{Limits: brevo.PublishedLimits()},
	})
	settings := settingsFor(t, sb)
	cmd, out := command(t, settings, "-c", repoFile(t, "pipelines/pipedrive.yaml"))
	require.NoError(t, cmd.Run(), out)

	pd, br := sb.Pipedrive.Stats(), sb.Brevo.Stats() // before the comparison asks, too
	t.Logf("Pipedrive: %d tokens by %v\nBrevo: %v by %v", pd.Tokens, pd.ByPath, br.Buckets, br.Routes)
	result := allOf(t, settings, out)
	assert.Empty(t, (&demo{sb: sb, out: out}).compare(result))
	assert.Empty(t, differencesOf(sb, result.refused, ""))
	assert.Len(t, sb.Brevo.Companies(), company.Organizations)
	assert.Empty(t, sb.Brevo.Events(), "the first read tells no events")

	assert.Zero(t, pd.Violations+pd.Limited+br.Violations+br.Limited, "limits exceeded")
	assert.LessOrEqual(t, br.Buckets["other"], 100)
	assert.Zero(t, br.Resubscribed)
	assert.Empty(t, br.Dropped, "attributes that vanish with a success answer")
	least := leastTokens(company)
	assert.LessOrEqual(t, pd.Tokens, least+least/10, "the least are %d", least)
}

// leastTokens is what a full read, and a look at what changed meanwhile, cannot cost less than.
func leastTokens(c seed.Company) int {
	pages := func(n int) int { return (n + 499) / 500 }
	lists := 10*(pages(c.Persons)+pages(c.Deals)+pages(c.Organizations)) + 20*pages(c.Leads)
	const fields = 4 * 10        // of persons, deals, organizations and activities
	const rest = 2 + 5 + 10 + 40 // users/me, stages, lead labels, and a summary of deals for the rates
	const polls = 4*10 + 20
	return lists + fields + rest + polls
}
