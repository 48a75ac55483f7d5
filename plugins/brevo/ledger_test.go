package brevo

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestLedger_UnchangedContactCostsNoCall(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", mode))
			batch := func(note string) (all []*service.Message) {
				for id := range 20 {
					all = append(all, at(person(id+1, fmt.Sprintf(`,"listIds":[60,61],"x%s":null`, note)), "2026-01-01T10:00:00Z"))
				}
				return all
			}
			require.NoError(t, w.send(batch("")...))
			for range 2 {
				w.tap.forget()
				require.NoError(t, w.send(batch("")...))
				assert.Empty(t, w.writes())
				w.restart(withLedger("mode", mode))
			}
			w.tap.forget()
			require.NoError(t, w.send(batch("")...))
			require.NoError(t, w.send(message(`{"listIds":[61,60],"attributes":{"FIRSTNAME":"P7"},"ext_id":"7","email":"P7@example.com"}`,
				"pipedrive_object", "person", "pipedrive_id", "7")), "another order says the same")
			assert.Empty(t, w.tap.of(http.MethodGet, "/contacts/p1%40example.com"))
			assert.Empty(t, w.writes())
			assert.EqualValues(t, 21, w.counts.of("brevo_contacts_unchanged"))
			assert.Zero(t, w.counts.of("brevo_contacts_delivered upsert"))
			require.NoError(t, w.send(person(7, `,"listIds":[60]`)))
			assert.Len(t, w.writes(), 1, "what changed is written")
			w.stop()
			assert.Len(t, w.logs.with("contacts: 1 delivered, 21 unchanged, 0 skipped, 0 refused"), 1)
		})
	}
}

func TestLedger_WhatAnotherRecordWritesIsNeverUnchanged(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	require.NoError(t, w.send(person(7, `,"listIds":[60]`)))
	for range 2 {
		w.tap.forget()
		require.NoError(t, w.send(message(`{"ext_id":"7","listIds":[61]}`, "pipedrive_object", "deal", "pipedrive_id", "3", "action", "update")))
		assert.Len(t, w.writes(), 1)
	}
	w.tap.forget()
	require.NoError(t, w.send(person(7, `,"listIds":[60]`)))
	assert.Empty(t, w.writes(), "the person's own record has not changed")
}

func TestLedger_WrittenWithoutItsPhoneIsUnchangedNextTime(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.holders(1, "33612345")
			w.start(withLedger("mode", mode))
			require.NoError(t, w.send(callers(1, 1, "33612345")...))
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_without_phone"))
			w.restart(withLedger("mode", mode))
			require.NoError(t, w.send(callers(1, 1, "33612345")...))
			assert.Empty(t, w.writes())
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_unchanged"))
		})
	}
}

func TestLedger_RefusedContactIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", mode))
			bad := func() *service.Message {
				return message(`{"email":"bad@","ext_id":"2","listIds":[60]}`, "pipedrive_object", "person", "pipedrive_id", "2")
			}
			for range 2 {
				require.NoError(t, w.send(bad(), person(1, `,"listIds":[60]`)))
			}
			assert.Equal(t, []string{"2", "2"}, w.letters.ids())
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_unchanged"))
		})
	}
}

// What was emptied in Pipedrive is emptied in Brevo once it had been delivered, and left alone before.
func TestLedger_NullEmptiesWhatWasDeliveredWithAValue(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.PutContact(sandbox.Contact{Email: "ann@example.com", ExtID: "7", Attributes: map[string]any{"NOTE": "ours from elsewhere"}})
			w.start(withLedger("mode", mode))
			ann := func(attributes string) *service.Message {
				return message(`{"email":"ann@example.com","ext_id":"7","listIds":[60],"attributes":{` + attributes + `}}`)
			}
			require.NoError(t, w.send(ann(`"FIRSTNAME":"Ann","LTV":5,"SMS":"33612345678","NOTE":null`)))
			w.restart(withLedger("mode", mode))
			require.NoError(t, w.send(ann(`"FIRSTNAME":null,"LTV":null,"SMS":null,"NOTE":null`)))
			assert.Equal(t, map[string]any{"NOTE": "ours from elsewhere"}, w.contact("ann@example.com").Attributes)
			assert.Equal(t, []string{"POST /v3/contacts"}, w.writes())
			for range 2 {
				w.restart(withLedger("mode", mode))
				require.NoError(t, w.send(ann(`"FIRSTNAME":null,"LTV":null,"SMS":null,"NOTE":null`)))
				assert.Empty(t, w.writes(), "once")
			}
			require.NoError(t, w.send(ann(`"FIRSTNAME":"Ann","NOTE":null`)))
			assert.Equal(t, "Ann", w.contact("ann@example.com").Attributes["FIRSTNAME"])
			assert.Empty(t, w.letters.all())
		})
	}
}

// A delete or a contact without ext_id on the same address leaves nothing that is taken for unchanged.
func TestLedger_ContactThatSomebodyElseWroteIsWrittenAgain(t *testing.T) {
	t.Parallel()
	ann := func() *service.Message {
		return message(`{"email":"ann@example.com","ext_id":"7","attributes":{"FIRSTNAME":"Ann"}}`)
	}
	for name, between := range map[string]*service.Message{
		"delete by ext_id":        message(`{"ext_id":"7"}`, "action", "delete"),
		"delete by address":       message(`{"email":"ann@example.com"}`, "action", "delete"),
		"by its address":          message(`{"email":"ann@example.com","attributes":{"FIRSTNAME":"Bob"}}`),
		"update":                  message(`{"ext_id":"7","attributes":{"FIRSTNAME":"Bob"}}`, "action", "update"),
		"another's ext_id":        message(`{"email":"ann@example.com","ext_id":"crm-1","attributes":{"FIRSTNAME":"Bob"}}`),
		"a lower ext_id takes it": message(`{"email":"ann@example.com","ext_id":"3","attributes":{"FIRSTNAME":"Bob"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(withLedger())
			require.NoError(t, w.send(ann()))
			require.NoError(t, w.send(between))
			if strings.HasPrefix(name, "a lower") {
				require.NoError(t, w.send(message(`{"email":"bob@example.com","ext_id":"3","attributes":{"FIRSTNAME":"Bob"}}`)))
			}
			w.restart(withLedger())
			require.NoError(t, w.send(ann()))
			found := w.contact("ann@example.com")
			assert.Equal(t, "Ann", found.Attributes["FIRSTNAME"])
			assert.Equal(t, "7", found.ExtID)
			assert.Empty(t, w.letters.all())
		})
	}
}

func TestLedger_ContactsOfTextExtIDsOnOneAddressAreNeverTakenForUnchanged(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	for _, id := range []string{"a", "crm-9", "a", "b", "b", "a", "9", "a", "9"} {
		require.NoError(t, w.send(sharer(id)))
		assert.Equal(t, id, w.contact("shared@example.com").ExtID)
	}
	assert.EqualValues(t, 1, w.counts.of("brevo_contacts_unchanged"))
}

func TestLedger_HoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", "import"))
	require.NoError(t, w.send(message(`{"email":"ann@example.com","ext_id":"7","listIds":[60],"attributes":{"FIRSTNAME":"Annabel","SMS":"33612345678"}}`)))
	w.stop()
	for _, key := range w.kept.keys("") {
		for _, secret := range []string{"ann@", "Annabel", "3361234"} {
			assert.NotContains(t, string(w.kept.values[key]), secret, key)
		}
	}
	assert.ElementsMatch(t, []string{"brevo_contacts/0", "brevo_contacts/ledger", "brevo_contacts/imports", "brevo_contacts/calls"}, w.kept.keys("brevo_contacts/"))
}

// A page of consecutive persons is few values of the cache.
func TestLedger_PageOfPersonsIsAFewWritesOfTheCache(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", "import"))
	require.NoError(t, w.send(persons(1000, 500)...))
	sets := 0
	for key, n := range w.kept.sets {
		if !strings.Contains(key, "import") && !strings.Contains(key, "ledger") && !strings.Contains(key, "calls") {
			sets += n
		}
	}
	assert.LessOrEqual(t, sets, 3)
	before := len(w.kept.sets)
	require.NoError(t, w.send(persons(1000, 500)...))
	assert.Len(t, w.kept.sets, before, "what is unchanged costs nothing")
}
