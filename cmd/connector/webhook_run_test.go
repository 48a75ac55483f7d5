package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// webhooked are the settings of a run that the sandbox's Pipedrive delivers to.
func webhooked(t *testing.T, sb *sandbox.Sandbox) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	return settingsFor(t, sb, "WEBHOOK_ADDRESS="+address, "WEBHOOK_PUBLIC_URL=http://"+address+"/pipedrive",
		"WEBHOOK_USERNAME=pipedrive", "WEBHOOK_PASSWORD=s3cret", "FOLLOW=true", "POLL_INTERVAL=2s")
}

// subscribed starts the connector, and waits until Pipedrive has its webhooks.
func subscribed(t *testing.T, sb *sandbox.Sandbox, settings []string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	cmd, out := command(t, settings, args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Eventually(t, func() bool { return len(sb.Pipedrive.Records("webhook", 0, 50)) >= 3 }, 20*time.Second, 20*time.Millisecond, "%v", out)
	return cmd, out
}

// openDeal is a deal of the seeded company whose person has no other, and the address of its contact.
func openDeal(t *testing.T, sb *sandbox.Sandbox) (id int, email string) {
	t.Helper()
	byPerson := map[int][]map[string]any{}
	for _, d := range sb.Pipedrive.Records("deal", 0, 10_000) {
		byPerson[wholeOf(d["person_id"])] = append(byPerson[wholeOf(d["person_id"])], d)
	}
	for _, p := range sb.Pipedrive.Records("person", 40, 10_000) {
		deals := byPerson[wholeOf(p["id"])]
		if len(deals) == 1 && deals[0]["status"] == "open" && wholeOf(deals[0]["stage_id"]) < 3 && addressOf(p) != "" {
			return wholeOf(deals[0]["id"]), addressOf(p)
		}
	}
	t.Fatal("the seeded company has no such deal")
	return 0, ""
}

func eventNames(sb *sandbox.Sandbox, dealID int) (names []string) {
	for _, e := range sb.Brevo.Events() {
		var properties struct {
			DealID int `json:"deal_id"`
		}
		if json.Unmarshal(e.Properties, &properties) == nil && properties.DealID == dealID {
			names = append(names, e.Name)
		}
	}
	return names
}

func TestWebhooks_ADealThatMovesPutsItsPersonOnTheListAndTellsTheEvent(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"on their own":        {"-c", repoFile(t, "pipelines/webhooks.yaml")},
		"beside the main job": {"streams", repoFile(t, "pipelines/pipedrive.yaml"), repoFile(t, "pipelines/webhooks.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			sb := startSandbox(t, sandbox.Config{Persons: 300})
			_, out := subscribed(t, sb, webhooked(t, sb), args...)
			deal, email := openDeal(t, sb)
			for _, stage := range []int{3, 1} {
				list := map[int]int64{1: 61, 3: 62}[stage]
				require.NoError(t, sb.Pipedrive.Change("deal", deal, map[string]any{"stage_id": stage}))
				require.Eventually(t, func() bool {
					contact, found := sb.Brevo.Contact(email)
					return found && onList(contact, list) && !onList(contact, 123-list)
				}, 10*time.Second, 10*time.Millisecond, "%v", out)
				time.Sleep(1100 * time.Millisecond) // another second, another change
			}
			person := 0
			for _, d := range sb.Pipedrive.Records("deal", int64(deal-1), 1) {
				person = wholeOf(d["person_id"])
			}
			_, err := sb.Pipedrive.AsUser("POST", "/api/v2/deals", map[string]any{"title": "Second", "person_id": person, "stage_id": 4, "pipeline_id": 1})
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				contact, _ := sb.Brevo.Contact(email)
				return onList(contact, 62) && !onList(contact, 61)
			}, 10*time.Second, 10*time.Millisecond, "the deal that is furthest counts: %v", out)
			time.Sleep(1100 * time.Millisecond)
			deals := sb.Pipedrive.Records("deal", 0, 10_000)
			_, err = sb.Pipedrive.AsUser("DELETE", fmt.Sprintf("/api/v2/deals/%d", wholeOf(deals[len(deals)-1]["id"])), nil)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				contact, _ := sb.Brevo.Contact(email)
				return onList(contact, 61) && !onList(contact, 62)
			}, 10*time.Second, 10*time.Millisecond, "of a deleted deal the other one counts: %v", out)
			require.Eventually(t, func() bool { return slices.Contains(eventNames(sb, deal), "deal_stage_changed") }, 10*time.Second, 20*time.Millisecond, "%v", out)
			time.Sleep(3 * time.Second) // for a poll of the main job
			moved := 0
			for _, name := range eventNames(sb, deal) {
				if name == "deal_stage_changed" {
					moved++
				}
			}
			assert.Equal(t, 2, moved, "one event for each change, whichever way it comes: %v", out)
		})
	}
}

func TestWebhooks_KilledUnderLoadNothingIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	sb := startSandbox(t, sandbox.Config{Persons: 400, Brevo: brevo.Config{Latency: 50 * time.Millisecond}})
	settings := webhooked(t, sb)
	pipeline := repoFile(t, "pipelines/webhooks.yaml")
	cmd, out := subscribed(t, sb, settings, "-c", pipeline)
	want := map[int]string{}
	for round := range 10 {
		for i := range 40 {
			id := 60 + (round*15+i)%150
			want[id] = fmt.Sprintf("Round %d", round)
			require.NoError(t, sb.Pipedrive.Change("person", id, map[string]any{"first_name": want[id], "last_name": "Example"}))
		}
		require.NoError(t, sb.Pipedrive.Idle(t.Context()), "all are answered with a 200")
		require.NoError(t, cmd.Process.Kill(), "and most are not yet in Brevo")
		_ = cmd.Wait()
		cmd, out = command(t, settings, "-c", pipeline)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return strings.Contains(out.String(), "listening for Pipedrive") }, 20*time.Second, 10*time.Millisecond, "%v", out)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Zero(t, sb.Pipedrive.Deliveries().GivenUp+sb.Pipedrive.Deliveries().LostInBan)
	lost := func() (ids []int) {
		for id, first := range want {
			for _, p := range sb.Pipedrive.Records("person", int64(id-1), 1) {
				address := addressOf(p)
				if contact, found := sb.Brevo.Contact(address); address != "" && (!found || contact.Attributes["FIRSTNAME"] != first) && found && contact.ExtID == fmt.Sprint(id) {
					ids = append(ids, id)
				}
			}
		}
		return ids
	}
	assert.Eventually(t, func() bool { return len(lost()) == 0 }, 30*time.Second, 100*time.Millisecond, "%v", out)
}

func TestWebhooks_InOneProcessWithTheMainJobNeitherOvertakesTheOtherNorDoesItsWork(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 300})
	settings := webhooked(t, sb)
	first, out := command(t, append(settings, "FOLLOW=false"), "-c", repoFile(t, "pipelines/pipedrive.yaml"))
	require.NoError(t, first.Run(), out)
	_, out = subscribed(t, sb, settings, "streams", repoFile(t, "pipelines/pipedrive.yaml"), repoFile(t, "pipelines/webhooks.yaml"))
	_, email := openDeal(t, sb)
	contact, found := sb.Brevo.Contact(email)
	require.True(t, found)

	body := fmt.Sprintf(`{"data":{"id":%s,"name":"Old Ghost","first_name":"Old","last_name":"Ghost","emails":[{"value":%q,"primary":true}],"phones":[],
		"add_time":"2020-01-01T00:00:00Z","update_time":"2020-01-02T00:00:00Z"},"previous":{"name":"Older"},"meta":{"action":"change","entity":"person","entity_id":"%s",
		"id":"7c812ffd-0000-4000-8000-000000000001","timestamp":"2020-01-02T00:00:00.123Z","version":"2.0","attempt":1}}`, contact.ExtID, email, contact.ExtID)
	var address string
	for _, setting := range settings {
		if url, ok := strings.CutPrefix(setting, "WEBHOOK_PUBLIC_URL="); ok {
			address = url
		}
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth("pipedrive", "s3cret")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	time.Sleep(2 * time.Second)
	now, _ := sb.Brevo.Contact(email)
	assert.Equal(t, contact.Attributes["FULLNAME"], now.Attributes["FULLNAME"], "%v", out)
}
