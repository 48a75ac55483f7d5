package brevo

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// Whatever happens before, a message that counts as delivered or unchanged is what Brevo has, and nobody
// who opted out is subscribed again.
func TestLedger_WhatCountsAsDeliveredIsInBrevo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := sandboxed(t, sandbox.Config{ImportDelay: time.Millisecond, Quirks: sandbox.Quirks{MoveLosesBlock: seed%2 == 1}})
			fields := withLedger("mode", []string{modeSingle, modeImport}[seed/2%2])
			w.start(fields)
			require.NoError(t, w.send(message(`{}`, "action", "skip")), "a stream that is stopped before it runs never ends")
			blocked := map[string]bool{} // by ext_id
			clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for step := range 150 {
				switch random.IntN(20) {
				case 0:
					w.restart(fields)
				case 1:
					w.stop()
					w.kept.lose()
					w.start(fields)
				case 2:
					all := w.Contacts(0, 100)
					if len(all) > 0 {
						c := all[random.IntN(len(all))]
						c.EmailBlacklisted = true
						w.PutContact(c)
						blocked[c.ExtID] = true
					}
				}
				id, address, name := 1+random.IntN(6), random.IntN(8), random.IntN(3)
				attribute := fmt.Sprintf("%q", fmt.Sprint("v", name))
				if name == 0 {
					attribute = "null"
				}
				clock = clock.Add(time.Second)
				m := at(message(fmt.Sprintf(`{"email":"a%d@example.com","ext_id":"%d","listIds":[60],"attributes":{"FIRSTNAME":%s,"LASTNAME":"L"}}`, address, id, attribute),
					"pipedrive_object", "person", "pipedrive_id", fmt.Sprint(id), "pipedrive_action", "change"), clock.Format(time.RFC3339))
				remove := random.IntN(12) == 0
				if remove {
					m.MetaSetMut("action", "delete")
				}
				taken := func() int64 {
					return w.counts.of("brevo_contacts_delivered upsert") + w.counts.of("brevo_contacts_unchanged")
				}
				before := taken()
				require.NoError(t, w.send(m))
				if remove {
					delete(blocked, fmt.Sprint(id))
					continue
				}
				if taken() == before {
					continue
				}
				c, found := w.Contact(fmt.Sprintf("a%d@example.com", address))
				require.True(t, found, "step %d", step)
				require.Equal(t, fmt.Sprint(id), c.ExtID, "step %d", step)
				if name > 0 {
					require.Equal(t, fmt.Sprint("v", name), c.Attributes["FIRSTNAME"], "step %d", step)
				}
				for _, c := range w.Contacts(0, 100) {
					if blocked[c.ExtID] {
						// Who lost its contact to a lower id begins anew without it.
						if !c.EmailBlacklisted {
							assert.Failf(t, "subscribed again", "step %d: ext_id %s", step, c.ExtID)
						}
					}
				}
				for extID := range blocked { // whoever has no contact any more
					there := false
					for _, c := range w.Contacts(0, 100) {
						there = there || c.ExtID == extID
					}
					if !there {
						delete(blocked, extID)
					}
				}
			}
		})
	}
}
