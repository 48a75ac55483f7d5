package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
)

func TestRun_TwentyThousandPersonsWithinBothVendorsLimits(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	const persons = 20_000
	sb := startSandbox(t, sandbox.Config{
		Persons:   persons,
		Pipedrive: pipedrive.Config{Limits: pipedrive.PublishedLimits()},
		Brevo:     brevo.Config{Limits: brevo.PublishedLimits()},
	})
	cmd, out := command(t, settingsFor(t, sb), "-c", repoFile(t, "pipelines/pipedrive.yaml"))
	require.NoError(t, cmd.Run(), out)

	pd, br := sb.Pipedrive.Stats(), sb.Brevo.Stats()
	assert.Contains(t, []int{40, 41}, pd.ByPath["GET /api/v2/persons"], "page reads")
	assert.LessOrEqual(t, br.Buckets["contacts"], 120, "imports for each combination of lists, and the ids of contacts for their companies")
	assert.Zero(t, pd.Violations+pd.Limited+br.Violations+br.Limited, "limits exceeded")
	assert.Zero(t, br.Resubscribed)
	assert.Empty(t, br.Dropped, "attributes that vanish with a success answer")

	d := &demo{sb: sb, out: out}
	letters := filepath.Join(strings.TrimPrefix(cmd.Env[len(cmd.Env)-1], "STATE_DIR="), "dead_letters.jsonl")
	result := &synced{refused: map[string]string{}}
	require.NoError(t, result.readDeadLetters(letters))
	result.WithoutPhone = strings.Count(out.String(), "is written without its phone number")
	assert.Empty(t, d.compare(result))
}

func TestRun_AfterAKillInTheMiddleNothingIsMissing(t *testing.T) {
	t.Parallel()
	sb := startSandbox(t, sandbox.Config{Persons: 5000, Brevo: brevo.Config{ImportDelay: 100 * time.Millisecond}})
	settings := settingsFor(t, sb)
	args := []string{"--set", "input.pipedrive_recents.page_size=50", "--set", "input.pipedrive_recents.burst_limit=50", "--set", "input.pipedrive_recents.checkpoint_limit=2500", "-c", repoFile(t, "pipelines/pipedrive.yaml")}
	before := sb.Brevo.Count()

	first, _ := command(t, settings, args...)
	require.NoError(t, first.Start())
	require.Eventually(t, func() bool { return sb.Brevo.Count() > before+500 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()
	require.Less(t, sb.Brevo.Count(), 4900, "it was killed too late to show anything")

	second, out := command(t, settings, args...)
	require.NoError(t, second.Run(), out)
	d := &demo{sb: sb, out: out}
	result := &synced{refused: map[string]string{}}
	require.NoError(t, result.readDeadLetters(filepath.Join(strings.TrimPrefix(settings[4], "STATE_DIR="), "dead_letters.jsonl")))
	result.WithoutPhone = 1000
	assert.Empty(t, d.compare(result))
}

func TestRun_ATermSignalEndsItInTimeAndTheNextRunGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	sb := startSandbox(t, sandbox.Config{Persons: 5000})
	settings := settingsFor(t, sb)
	args := []string{
		"--set", "input.pipedrive_recents.page_size=50", "--set", "input.pipedrive_recents.burst_limit=50",
		"--set", "input.pipedrive_recents.checkpoint_limit=2500", "-c", repoFile(t, "pipelines/pipedrive.yaml"),
	}
	before := sb.Brevo.Count()

	first, out := command(t, settings, args...)
	require.NoError(t, first.Start())
	require.Eventually(t, func() bool { return sb.Brevo.Count() > before+500 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.NoError(t, first.Wait(), out)
	read := sb.Pipedrive.Stats().ByPath["GET /api/v2/persons"]
	require.Less(t, read, 100, "it was stopped too late to show anything")

	second, out := command(t, settings, args...)
	require.NoError(t, second.Run(), out)
	assert.LessOrEqual(t, sb.Pipedrive.Stats().ByPath["GET /api/v2/persons"], 100+60, "at most the pages under way are read again")
}

func TestRun_AfterAFullSyncChangesCostPagesAndAnIdleLookCostsOne(t *testing.T) {
	t.Parallel()
	sb := startSandbox(t, sandbox.Config{Persons: 5000})
	settings := settingsFor(t, sb)
	look := func() (pages, writes, imports int) {
		pd, br := sb.Pipedrive.Stats().ByPath, sb.Brevo.Stats().Routes
		cmd, out := command(t, settings, "-c", repoFile(t, "pipelines/pipedrive.yaml"))
		require.NoError(t, cmd.Run(), out)
		pd2, br2 := sb.Pipedrive.Stats().ByPath, sb.Brevo.Stats().Routes
		for route, n := range br2 {
			if strings.HasPrefix(route, "POST /v3/contacts") || strings.HasPrefix(route, "PUT /v3/contacts") {
				writes += n - br[route]
			}
		}
		return pd2["GET /api/v2/persons"] - pd["GET /api/v2/persons"], writes, br2["POST /v3/contacts/import"] - br["POST /v3/contacts/import"]
	}
	pages, _, _ := look()
	assert.Equal(t, 10+1, pages, "the full read, and a look at what changed meanwhile")

	pages, writes, _ := look()
	assert.Equal(t, 1, pages, "an idle look")
	assert.Zero(t, writes, "an idle look")

	for id := 101; id <= 600; id++ {
		patchPerson(t, sb, id, map[string]any{"first_name": "Changed", "last_name": fmt.Sprint(id)})
	}
	pages, writes, imports := look()
	assert.LessOrEqual(t, pages, 2)
	assert.Equal(t, 1, imports, "500 changes are an import")
	assert.LessOrEqual(t, writes, 10, "and a few that no import can say")

	pages, writes, _ = look()
	assert.Equal(t, 1, pages, "an idle look")
	assert.Zero(t, writes, "an idle look")

	d := &demo{sb: sb}
	result := &synced{refused: map[string]string{}}
	require.NoError(t, result.readDeadLetters(filepath.Join(strings.TrimPrefix(settings[4], "STATE_DIR="), "dead_letters.jsonl")))
	result.WithoutPhone = 1000
	assert.Empty(t, d.compare(result))
}
