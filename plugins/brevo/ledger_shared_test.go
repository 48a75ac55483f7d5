package brevo

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
	sandbox "connector/sandbox/brevo"
)

func TestLedger_SharedAddressStaysWithTheLowestIdAcrossARestart(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", mode))
			require.NoError(t, w.send(sharer("9"), sharer("3")))
			w.restart(withLedger("mode", mode))
			require.NoError(t, w.send(sharer("9"), sharer("10")))
			assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
			assert.EqualValues(t, 2, w.counts.of("brevo_contacts_skipped "+skipShared))
			assert.Empty(t, w.writes())
			require.NoError(t, w.send(sharer("3")))
			assert.Empty(t, w.writes(), "and it is unchanged")
		})
	}
}

// A ledger that is new or lost asks Brevo before it gives an address away.
func TestLedger_LostLedgerLearnsFromBrevoWhoseAnAddressIs(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport, modeAuto} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.PutContact(sandbox.Contact{Email: "shared@example.com", ExtID: "3", Attributes: map[string]any{"FIRSTNAME": "P3"}})
			w.start(withLedger("mode", mode))
			change := func(id string) *service.Message {
				m := sharer(id)
				m.MetaSetMut("pipedrive_action", "change")
				return m
			}
			batch := service.MessageBatch{change("9")}
			for id := range 120 {
				m := person(1000+id, `,"listIds":[60]`)
				m.MetaSetMut("pipedrive_action", "change")
				batch = append(batch, m)
			}
			require.NoError(t, w.send(batch...))
			assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_skipped "+skipShared))
			assert.Len(t, w.logs.with("person 9 is skipped: its address belongs to the contact with ext_id 3"), 1)
			assert.Equal(t, 121, w.Count())
			asked := len(w.tap.all())
			require.NoError(t, w.send(change("9"), change("10")))
			assert.Len(t, w.tap.all(), asked, "it asks once")
			require.NoError(t, w.send(change("2")))
			assert.Equal(t, "2", w.contact("shared@example.com").ExtID, "a lower id takes it over")
		})
	}
}

func TestLedger_FirstFullReadIsImportedWithoutAsking(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", "auto"))
	batch := persons(1, 200)
	for _, m := range batch {
		m.MetaSetMut("pipedrive_action", "snapshot")
	}
	require.NoError(t, w.send(batch...))
	assert.Len(t, w.imports(), 1)
	assert.Equal(t, []string{"POST /v3/contacts/import"}, w.writes())
	assert.Equal(t, 200, w.Count())
}

func TestLedger_NewerVersionIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	require.NoError(t, w.send(person(1, "")))
	w.stop()
	for _, key := range []string{"brevo_contacts/ledger", "brevo_contacts/0"} {
		value := w.kept.values[key]
		w.kept.values[key] = append([]byte{ledgerVersion + 1}, value[1:]...)
		w.start(withLedger())
		eventually(t, func() bool {
			return len(w.logs.with("ERROR", "written by a newer version", "ledger_cache_key")) > 0
		}, "it is told")
		w.stop()
		w.logs.lines = nil
		w.kept.values[key] = append([]byte{'x'}, value[1:]...)
		w.start(withLedger())
		eventually(t, func() bool {
			return len(w.logs.with("ERROR", key)) > 0
		}, "what is damaged is named")
		w.stop()
		w.logs.lines = nil
		w.kept.values[key] = value
	}
}

func TestLedger_FailingCacheLosesNothing(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	require.NoError(t, w.send(person(1, "")))
	w.kept.fail.Store(true)
	sent := make(chan error, 1)
	go func() { sent <- w.send(person(1, `,"listIds":[60]`)) }()
	eventually(t, func() bool { return len(w.logs.with("ERROR", "the disk is full", "nothing is lost")) > 0 }, "it is told")
	assert.Empty(t, sent, "neither acknowledged nor nacked")
	w.kept.fail.Store(false)
	require.NoError(t, <-sent)
	assert.Equal(t, []int64{60}, w.contact("p1@example.com").ListIDs)
	w.restart(withLedger())
	require.NoError(t, w.send(person(1, `,"listIds":[60]`)))
	assert.Empty(t, w.writes())
}

func TestLedger_OutputsWithOneCacheShareIt(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	a, b := w.outputWith(w.kept, withLedger()), w.outputWith(w.kept, withLedger("mode", "import"))
	require.NoError(t, a.WriteBatch(t.Context(), persons(1, 3)))
	require.NoError(t, b.WriteBatch(t.Context(), persons(1, 3)))
	assert.Len(t, w.writes(), 3)
	assert.Same(t, a.ledger, b.ledger)
	other := w.outputWith(newKept(), withLedger())
	assert.NotSame(t, a.ledger, other.ledger, "another cache under the same label")
	another := w.outputWith(w.kept, withLedger("ledger_cache_key", "two"))
	assert.NotSame(t, a.ledger, another.ledger)
}

func TestLedger_OfAnotherAccountIsRefused(t *testing.T) {
	t.Parallel()
	w, foreign := sandboxed(t, sandbox.Config{}), sandboxed(t, sandbox.Config{})
	w.outputWith(w.kept, withLedger())
	conf, err := contactsSpec().ParseYAML(encode(t, foreign.fields(withLedger("dead_letter", nil))), nil)
	require.NoError(t, err)
	out, err := newContactsOutput(conf, resourcesWith(w.kept))
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.Close(context.Background()) })
	assert.ErrorContains(t, out.Connect(t.Context()), "in use for another Brevo account: set another ledger_cache_key")
}

func TestLedger_CacheThatIsNotThereIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	conf, err := contactsSpec().ParseYAML(encode(t, w.fields(map[string]any{"ledger_cache": "nowhere", "dead_letter": nil})), nil)
	require.NoError(t, err)
	_, err = newContactsOutput(conf, service.MockResources())
	assert.ErrorContains(t, err, `ledger_cache: there is no cache resource "nowhere"`)
}

func TestChunk_ReadsWhatItWrote(t *testing.T) {
	t.Parallel()
	c := &chunk{entries: []entry{
		{key: 0, address: 1, print: 2, time: 3},
		{key: 7, time: -5, flags: flagDeleted},
		{key: 8, address: 9, given: attributeSet{1, 0, 1 << 63, 0}, flags: flagBlockEmail | flagBlockSMS},
		{key: hashed | 5, print: 1 << 63, time: time.Now().UnixMilli(), given: attributeSet{0, 0, 0, 1}},
	}}
	encoded := c.encode()
	decoded, err := decodeChunk(encoded)
	require.NoError(t, err)
	assert.Equal(t, c.entries, decoded.entries)
	for i := range encoded {
		broken := append([]byte{}, encoded...)
		broken[i] ^= 0x40
		_, err := decodeChunk(broken)
		assert.Error(t, err, i)
		_, err = decodeChunk(encoded[:i])
		assert.Error(t, err, i)
	}
	assert.LessOrEqual(t, binary.Size(encoded), 120)
}

func TestFingerprint_SaysWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	number := func(string) (int, bool) { return 0, false }
	of := func(c api.Contact) uint64 { p, _, _ := fingerprint(c, number); return p }
	yes, no := true, false
	same := func(a, b api.Contact) { t.Helper(); assert.Equal(t, of(a), of(b)) }
	attr := func(v any) api.Contact { return api.Contact{Email: "a@b.co", Attributes: map[string]any{"A": v}} }
	same(api.Contact{Email: "A@b.co"}, api.Contact{Email: "a@B.co"})
	same(attr(int64(5)), attr(5.0))
	same(attr(int64(5)), attr(uint32(5)))
	same(attr(nil), api.Contact{Email: "a@b.co"})
	same(api.Contact{ListIDs: []int64{1, 2}}, api.Contact{ListIDs: []int64{2, 1}})
	seen := map[uint64]string{}
	for _, c := range []api.Contact{
		{}, {Email: "a@b.co"}, {ExtID: "a@b.co"}, attr("5"), attr(int64(5)), attr(true), attr(""), attr([]any{"a", "b"}), attr([]any{"b", "a"}),
		attr(5.5), {ListIDs: []int64{1}}, {UnlinkListIDs: []int64{1}}, {EmailBlacklisted: &yes}, {EmailBlacklisted: &no}, {SMSBlacklisted: &yes},
		{More: map[string]any{"A": "5"}}, {Attributes: map[string]any{"A": "B", "B": "A"}}, {Attributes: map[string]any{"A": "A", "B": "B"}},
	} {
		assert.Empty(t, seen[of(c)], "%+v", c)
		seen[of(c)] = fmt.Sprintf("%+v", c)
	}
}

func TestLedger_KeysAreApart(t *testing.T) {
	t.Parallel()
	seen := map[key]string{}
	for name, k := range map[string]key{
		"7": extIDKey("7"), "07": extIDKey("07"), "+7": extIDKey("+7"), "x": extIDKey("x"), "address": addressKey(addressHash("x")),
		"deal 7": recordKey("deal", "7"), "lead 7": recordKey("lead", "7"), "lead x": recordKey("lead", "x"), "2^48": extIDKey("281474976710656"),
		"phone": contactKey(api.Contact{Attributes: map[string]any{"SMS": "7"}}),
	} {
		assert.Empty(t, seen[k], name)
		seen[k] = name
	}
	assert.Equal(t, extIDKey("7"), recordKey("person", "7"))
	assert.Equal(t, recordKey("deal", "256").chunk(), recordKey("deal", "511").chunk())
	assert.False(t, strings.Contains(extIDKey("x").chunk().name(), "/"))
}

func TestLedger_APersonThatWasDeletedAndUnlinkedLeavesItsAddressAndComesBackWhole(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	one := func(time string) *service.Message { return at(person(1, `,"listIds":[60]`), time) }
	require.NoError(t, w.send(one("2026-11-01T10:00:00Z")))
	require.NoError(t, w.send(at(message(`{"ext_id":"1","unlinkListIds":[60]}`, "action", "update",
		"pipedrive_object", "person", "pipedrive_id", "1", "pipedrive_action", "delete"), "2026-11-01T11:00:00Z")))
	assert.Empty(t, w.contact("p1@example.com").ListIDs)

	require.NoError(t, w.send(one("2026-11-01T12:00:00Z")))
	assert.Equal(t, []int64{60}, w.contact("p1@example.com").ListIDs, "what was unlinked is not unchanged")

	require.NoError(t, w.send(at(message(`{"ext_id":"1","unlinkListIds":[60]}`, "action", "update",
		"pipedrive_object", "person", "pipedrive_id", "1", "pipedrive_action", "delete"), "2026-11-01T13:00:00Z")))
	require.NoError(t, w.send(at(message(`{"email":"p1@example.com","ext_id":"2","listIds":[60]}`,
		"pipedrive_object", "person", "pipedrive_id", "2"), "2026-11-01T14:00:00Z")))
	assert.Equal(t, "2", w.contact("p1@example.com").ExtID, "the next person has the address")
}
