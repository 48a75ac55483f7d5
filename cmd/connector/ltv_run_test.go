package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/pipedrive"
)

// worth are the sums of won deals by person, recomputed from the account's deals and its rates. What is in a
// currency without a rate is left out.
func worth(sb *sandbox.Sandbox) map[string]float64 {
	rates := pipedrive.DefaultRates()
	rates["EUR"] = 1
	sums := map[string]float64{}
	sb.Pipedrive.Walk("deal", func(d map[string]any) {
		if d["status"] == "won" && d["person_id"] != nil && d["is_archived"] != true {
			value, _ := strconv.ParseFloat(fmt.Sprint(d["value"]), 64)
			sums[fmt.Sprint(wholeOf(d["person_id"]))] += value * rates[fmt.Sprint(d["currency"])]
		}
	})
	return sums
}

// wrongSums are the contacts whose LTV is not that, and how many have one.
func wrongSums(sb *sandbox.Sandbox) (wrong []string, with int) {
	sums := worth(sb)
	sb.Pipedrive.Walk("person", func(p map[string]any) {
		id := fmt.Sprint(wholeOf(p["id"]))
		contact, found := sb.Brevo.Contact(addressOf(p))
		if !found || contact.ExtID != id {
			return // which contacts there are is compared elsewhere
		}
		has, err := strconv.ParseFloat(fmt.Sprint(contact.Attributes["LTV"]), 64)
		if has > 0 {
			with++
		}
		if err != nil || math.Abs(has-sums[id]) > 0.02 || math.Round(has*100)/100 != has {
			wrong = append(wrong, fmt.Sprintf("person %s: LTV is %v instead of %.2f", id, contact.Attributes["LTV"], sums[id]))
		}
	})
	return wrong, with
}

// trade lets a deal be won, lost, reopened, deleted, or change its person, its value or its currency.
func trade(t *testing.T, sb *sandbox.Sandbox, random *rand.Rand, deal map[string]any) {
	t.Helper()
	id, changes := wholeOf(deal["id"]), map[string]any{}
	switch random.IntN(8) {
	case 0, 1:
		changes["status"] = "won"
	case 2:
		changes["status"] = []string{"lost", "open"}[random.IntN(2)]
	case 3:
		_, err := sb.Pipedrive.AsUser("DELETE", fmt.Sprintf("/api/v2/deals/%d", id), nil)
		require.NoError(t, err)
		return
	case 4, 5:
		changes["person_id"] = 60 + random.IntN(200)
	case 6:
		changes["value"] = math.Round(random.Float64()*1e6) / 100
	case 7:
		changes["currency"] = currencies[random.IntN(len(currencies))]
	}
	require.NoError(t, sb.Pipedrive.Change("deal", id, changes))
}

var currencies = []string{"EUR", "USD", "GBP", "SEK", "JPY", "XAF"} // of the last there is no rate

func TestRun_TheValueOfWonDealsIsThatOfAStraightforwardRecomputation(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes twenty seconds")
	}
	sb := startSandbox(t, sandbox.Config{Persons: 400})
	random := rand.New(rand.NewPCG(1, 2))
	deals := sb.Pipedrive.Records("deal", 0, 10_000)
	require.Greater(t, len(deals), 100)
	for i, d := range deals {
		if i%2 == 0 {
			require.NoError(t, sb.Pipedrive.Change("deal", wholeOf(d["id"]), map[string]any{
				"currency": currencies[i/2%len(currencies)], "status": []string{"won", "open"}[i%4/2], "value": math.Round(random.Float64()*1e6) / 100,
			}))
		}
	}
	settings := settingsFor(t, sb)
	for round := range 3 {
		cmd, out := command(t, settings, "-c", repoFile(t, "pipelines/pipedrive.yaml"))
		require.NoError(t, cmd.Run(), out)
		wrong, with := wrongSums(sb)
		assert.Empty(t, wrong, "round %d", round)
		assert.Greater(t, with, 30, "round %d", round)
		assert.Equal(t, 1, strings.Count(out.String(), "no rate from XAF"), "%v", out)

		d := &demo{sb: sb, out: out}
		result := &synced{refused: map[string]string{}}
		require.NoError(t, result.readDeadLetters(filepath.Join(strings.TrimPrefix(settings[4], "STATE_DIR="), "dead_letters.jsonl")))
		result.WithoutPhone = 1000
		assert.Empty(t, d.compare(result), "round %d: counts and lists", round)
		if t.Failed() {
			return
		}
		deals = sb.Pipedrive.Records("deal", 0, 10_000)
		random.Shuffle(len(deals), func(i, j int) { deals[i], deals[j] = deals[j], deals[i] })
		for _, d := range deals[:40] {
			if d["is_deleted"] != true && d["status"] != "deleted" && d["is_archived"] != true {
				trade(t, sb, random, d)
			}
		}
		_, err := sb.Pipedrive.AsUser("POST", "/api/v2/deals", map[string]any{
			"title": "New", "person_id": 70 + round, "status": "won", "value": 1234.56, "currency": "GBP", "stage_id": 4, "pipeline_id": 1})
		require.NoError(t, err)
	}
}
