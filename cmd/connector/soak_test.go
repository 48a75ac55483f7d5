package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
)

// testdata/soak/run makes these larger.
var (
	soakKills   = flag.Int("soak.kills", 3, "how often the connector is killed")
	soakPersons = flag.Int("soak.persons", 2500, "how many persons the company has")
	soakChanges = flag.Int("soak.changes", 150, "how many persons change meanwhile")
	soakSeed    = flag.Uint64("soak.seed", 0, "the seed of all chance; 0 draws one")
)

func TestSoak_KilledAgainAndAgainUnderFaultsBothSidesAreEqualAtTheEnd(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-soak.seed=%d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	sb := startSandbox(t, sandbox.Config{
		Persons: *soakPersons,
		Pipedrive: pipedrive.Config{Faults: pipedrive.Faults{Rate: 0.05, Seed: seed, Kinds: []string{
			pipedrive.Fault429, pipedrive.Fault500, pipedrive.Fault502, pipedrive.Fault503, pipedrive.FaultReset,
			pipedrive.FaultTimeout, pipedrive.FaultEmpty, pipedrive.FaultTruncated, pipedrive.FaultCut,
		}}},
		Brevo: brevo.Config{ImportDelay: 150 * time.Millisecond, Faults: brevo.Faults{Rate: 0.05, Seed: seed, Kinds: []string{
			brevo.Fault500, brevo.Fault502, brevo.Fault503, brevo.FaultReset, brevo.FaultResetAfterCommit,
			brevo.FaultTimeout, brevo.FaultEmpty, brevo.FaultTruncated, brevo.Fault429, brevo.Fault425,
		}}},
	})
	settings := settingsFor(t, sb, "POLL_INTERVAL=1s")
	state := strings.TrimPrefix(settings[4], "STATE_DIR=")
	args := []string{
		// A larger company has larger pages, so that a run comes as far as its persons before it is killed.
		"--set", fmt.Sprintf("input.pipedrive_recents.page_size=%d", *soakPersons/50), "--set", "input.pipedrive_recents.burst_limit=40",
		"--set", fmt.Sprintf("input.pipedrive_recents.checkpoint_limit=%d", *soakPersons/6), "--set", "input.pipedrive_recents.timeout=700ms",
		"--set", "output.broker.outputs.0.brevo_contacts.timeout=700ms", "--set", "output.broker.outputs.0.brevo_contacts.tier=extended", "--set", "output.broker.outputs.0.brevo_contacts.requests_per_second=200",
		"-c", repoFile(t, "pipelines/pipedrive.yaml"),
	}

	changer := newChanger(t, sb, chance)
	for n := range *soakKills {
		cmd, out := command(t, append(settings, "FOLLOW=true"), args...)
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		life := time.After(time.Duration(800+chance.IntN(4500)) * time.Millisecond)
		for alive := true; alive; {
			select {
			case <-life:
				alive = false
			case err := <-ended:
				t.Fatalf("it ended by itself: %v\n%s", err, out)
			case <-time.After(20 * time.Millisecond):
				if n > 0 && changer.made < *soakChanges*n / *soakKills {
					changer.change()
				}
			}
		}
		require.NoError(t, cmd.Process.Kill())
		<-ended
		t.Logf("kill %d: %d contacts in Brevo, %d changes made", n+1, sb.Brevo.Count(), changer.made)
	}
	for changer.made < *soakChanges {
		changer.change()
	}

	last, out := command(t, settings, args...)
	require.NoError(t, last.Run(), out)
	sb.Pipedrive.SetFaults(pipedrive.Faults{})
	sb.Brevo.SetFaults(brevo.Faults{})
	d := &demo{sb: sb, out: out}
	result := &synced{refused: map[string]string{}}
	require.NoError(t, result.readDeadLetters(filepath.Join(state, "dead_letters.jsonl")))
	result.WithoutPhone = *soakPersons // told by runs that are gone
	differences := d.compare(result)
	assert.Empty(t, differences[:min(len(differences), 20)])
	changer.check(result)
	if t.Failed() {
		t.Log(lastLines(out.String(), 60))
	}
}

// changer changes persons as their colleagues would while the connector is at work.
type changer struct {
	t      *testing.T
	sb     *sandbox.Sandbox
	chance *rand.Rand
	made   int
	able   []int          // persons who share their address with nobody
	moved  map[int]string // person → the address that it got
}

func newChanger(t *testing.T, sb *sandbox.Sandbox, chance *rand.Rand) *changer {
	c := &changer{t: t, sb: sb, chance: chance, moved: map[int]string{}}
	users := map[string][]int{}
	for _, r := range sb.Pipedrive.Records("person", 0, sb.Pipedrive.Count("person")) {
		if address := addressOf(r); address != "" {
			users[address] = append(users[address], wholeOf(r["id"]))
		}
	}
	for _, r := range sb.Pipedrive.Records("person", 0, sb.Pipedrive.Count("person")) {
		if ids := users[addressOf(r)]; len(ids) == 1 && ids[0] > 40 { // the first ones are odd on purpose
			c.able = append(c.able, ids[0])
		}
	}
	return c
}

// change changes the name, or the address, of one person.
func (c *changer) change() {
	id := c.able[c.chance.IntN(len(c.able))]
	body := map[string]any{"first_name": fmt.Sprintf("Changed %d", c.made), "last_name": "Example"}
	if c.chance.IntN(3) == 0 {
		c.moved[id] = fmt.Sprintf("moved-%d-%d@example.org", id, c.made)
		body = map[string]any{"emails": []any{map[string]any{"value": c.moved[id], "primary": true, "label": "work"}}}
	}
	patchPerson(c.t, c.sb, id, body)
	c.made++
}

// check looks for contacts under addresses that their persons have left.
func (c *changer) check(result *synced) {
	byID := map[string][]string{}
	for after := int64(0); ; {
		contacts := c.sb.Brevo.Contacts(after, walk)
		for _, contact := range contacts {
			byID[contact.ExtID] = append(byID[contact.ExtID], contact.Email)
			after = contact.ID
		}
		if len(contacts) < walk {
			break
		}
	}
	for id, address := range c.moved {
		assert.NotContains(c.t, result.refused, fmt.Sprint(id))
		assert.Equal(c.t, []string{address}, byID[fmt.Sprint(id)], "the address of person %d", id)
	}
}
