package brevo

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// ann is person 7, with an address and more of a body.
func ann(email, rest string) *service.Message {
	return message(fmt.Sprintf(`{"email":%q,"ext_id":"7","attributes":{"FIRSTNAME":"Ann"}%s}`, email, rest), "pipedrive_object", "person", "pipedrive_id", "7")
}

// Brevo re-subscribes whoever gets another address. The opt-out is kept, in each mode, whether the ledger
// knows the former address, is new, or is not used, and whatever Brevo makes of a block in that call.
func TestLedger_AnAddressChangeKeepsTheOptOut(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]sandbox.Quirks{"as documented": {}, "the call's block is lost": {MoveLosesBlock: true}} {
		for _, mode := range []string{modeSingle, modeImport} {
			for ledger, fields := range map[string]map[string]any{
				"known": withLedger("mode", mode), "lost": withLedger("mode", mode), "none": {"mode": mode},
			} {
				t.Run(strings.Join([]string{name, mode, ledger}, " "), func(t *testing.T) {
					t.Parallel()
					w := sandboxed(t, sandbox.Config{Quirks: quirks}).start(fields)
					require.NoError(t, w.send(ann("old@example.com", `,"listIds":[60]`)))
					before := w.contact("old@example.com")
					before.EmailBlacklisted, before.SMSBlacklisted = true, true
					w.PutContact(before)
					if ledger == "lost" {
						w.stop()
						w.kept.lose()
					}
					w.restart(fields)

					require.NoError(t, w.send(ann("new@example.com", `,"listIds":[60,61]`)))
					after := w.contact("new@example.com")
					assert.Equal(t, before.ID, after.ID, "it is the same contact")
					assert.True(t, after.EmailBlacklisted)
					assert.True(t, after.SMSBlacklisted)
					assert.Equal(t, []int64{60, 61}, after.ListIDs)
					assert.Equal(t, "7", after.ExtID)
					assert.Equal(t, 1, w.Count())
					assert.Empty(t, w.letters.all())
					if !quirks.MoveLosesBlock {
						assert.Zero(t, w.Stats().Resubscribed)
					}
					w.restart(fields)
					require.NoError(t, w.send(ann("new@example.com", `,"listIds":[60,61]`)))
					if ledger != "none" {
						assert.Empty(t, w.writes())
					}
					assert.True(t, w.contact("new@example.com").EmailBlacklisted)
				})
			}
		}
	}
}

func TestLedger_AnAddressChangeBlocksNobodyWhoDidNotOptOut(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	require.NoError(t, w.send(ann("old@example.com", ``)))
	require.NoError(t, w.send(ann("new@example.com", `,"unlinkListIds":[61]`)))
	assert.False(t, w.contact("new@example.com").EmailBlacklisted)
	puts := w.tap.of(http.MethodPut, "/contacts/7")
	require.Len(t, puts, 1)
	assert.JSONEq(t, `{"attributes":{"FIRSTNAME":"Ann","EMAIL":"new@example.com"},"unlinkListIds":[61]}`, string(puts[0].body))
	assert.Empty(t, w.letters.all())
}

func TestLedger_AMessageThatLiterallySubscribesWins(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	w.PutContact(sandbox.Contact{Email: "old@example.com", ExtID: "7", EmailBlacklisted: true})
	require.NoError(t, w.send(ann("new@example.com", `,"emailBlacklisted":false`)))
	assert.False(t, w.contact("new@example.com").EmailBlacklisted)
}

// The process ends between the change of address, which lost the block, and the call that blocks again.
func TestLedger_AnOptOutSurvivesTheEndOfTheProcessInTheMiddleOfAnAddressChange(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"known to the ledger": false, "new ledger": true} {
		for next, body := range map[string]string{"the same": ``, "more has changed": `,"listIds":[61]`} {
			t.Run(name+" "+next, func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{Quirks: sandbox.Quirks{MoveLosesBlock: true}})
				var moved atomic.Bool
				w.tap.instead = func(rw http.ResponseWriter, c call) bool {
					if c.is(http.MethodPut, "/contacts/7") && !moved.Swap(true) {
						w.Server.ServeHTTP(discard{}, request(c))
						panic(http.ErrAbortHandler) // and nothing works any more
					}
					return moved.Load() && w.kept.fail.Load() && answer(rw, http.StatusServiceUnavailable, `{}`)
				}
				w.start(withLedger())
				if !lost {
					require.NoError(t, w.send(ann("old@example.com", ``)))
				}
				w.PutContact(sandbox.Contact{Email: "old@example.com", ExtID: "7", EmailBlacklisted: true})
				sent := make(chan error, 1)
				ctx, end := context.WithCancel(t.Context())
				go func() { sent <- w.produce(ctx, service.MessageBatch{ann("new@example.com", ``)}) }()
				eventually(t, func() bool {
					if moved.Load() {
						w.kept.fail.Store(true)
					}
					return moved.Load()
				}, "the address is changed")
				w.stop()
				end()
				<-sent
				w.kept.fail.Store(false)
				w.PutContact(sandbox.Contact{Email: "new@example.com", ExtID: "7"}) // as that left it

				w.start(withLedger())
				require.NoError(t, w.send(ann("new@example.com", body)))
				assert.True(t, w.contact("new@example.com").EmailBlacklisted)
				w.restart(withLedger())
				w.PutContact(sandbox.Contact{Email: "new@example.com", ExtID: "7"})
				require.NoError(t, w.send(ann("new@example.com", `,"listIds":[60]`)))
				assert.False(t, w.contact("new@example.com").EmailBlacklisted, "who subscribes later stays subscribed")
			})
		}
	}
}

// Two contacts of Brevo are never made one.
func TestLedger_AnAddressOfAnotherContactIsRefusedWithBothIDs(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(withLedger("mode", mode))
			require.NoError(t, w.send(ann("old@example.com", `,"listIds":[60]`)))
			w.PutContact(sandbox.Contact{Email: "taken@example.com", ExtID: "9", EmailBlacklisted: true})
			ours, other := w.contact("old@example.com"), w.contact("taken@example.com")
			ours.EmailBlacklisted = true
			w.PutContact(ours)
			require.NoError(t, w.send(ann("taken@example.com", `,"listIds":[60]`)))

			require.Equal(t, []string{"7"}, w.letters.ids())
			reason := w.letters.all()[0].reason
			assert.Contains(t, reason, fmt.Sprintf("ext_id 7 (contact %d in Brevo)", ours.ID))
			assert.Contains(t, reason, fmt.Sprintf("contact %d, whose ext_id is 9", other.ID))
			assert.NotContains(t, reason, "@")
			assert.Len(t, w.logs.with("WARN person 7 is refused", "whose ext_id is 9"), 1)
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_refused address"))
			assert.Equal(t, ours, withoutTimes(w.contact("old@example.com"), ours))
			assert.Equal(t, 2, w.Count())
			for _, c := range w.tap.all() {
				assert.NotContains(t, string(c.body), "forceMerge")
			}
			// Its owner is written as ever: the claim of who was refused does not stand.
			require.NoError(t, w.send(message(`{"email":"taken@example.com","ext_id":"9","listIds":[62]}`)))
			assert.Equal(t, []int64{62}, w.contact("taken@example.com").ListIDs)
			// And the block is not kept for later.
			ours.EmailBlacklisted = false
			w.PutContact(ours)
			require.NoError(t, w.send(ann("old@example.com", `,"listIds":[61]`)))
			assert.False(t, w.contact("old@example.com").EmailBlacklisted)
		})
	}
}

func withoutTimes(c, like sandbox.Contact) sandbox.Contact {
	c.CreatedAt, c.ModifiedAt = like.CreatedAt, like.ModifiedAt
	return c
}

func TestLedger_AnAddressThatItsOwnerGaveUpIsFree(t *testing.T) {
	t.Parallel()
	bob := func(email string) *service.Message {
		return message(fmt.Sprintf(`{"email":%q,"ext_id":"9","listIds":[60]}`, email))
	}
	for name, giveUp := range map[string]*service.Message{
		"changed": ann("new@example.com", ``), "deleted": message(`{"ext_id":"7"}`, "action", "delete"),
	} {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " in one batch ", together), func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{}).start(withLedger())
				require.NoError(t, w.send(ann("old@example.com", ``)))
				require.NoError(t, w.send(bob("old@example.com")))
				require.EqualValues(t, 1, w.counts.of("brevo_contacts_skipped "+skipShared))
				w.restart(withLedger())
				if together && name == "changed" {
					require.NoError(t, w.send(bob("old@example.com"), giveUp), "whatever their order")
				} else if together {
					require.NoError(t, w.send(giveUp, bob("old@example.com")))
				} else {
					require.NoError(t, w.send(giveUp))
					w.restart(withLedger())
					require.NoError(t, w.send(bob("old@example.com")))
				}
				assert.Equal(t, "9", w.contact("old@example.com").ExtID)
				assert.Empty(t, w.letters.all())
				assert.Zero(t, w.counts.of("brevo_contacts_skipped "+skipShared))
			})
		}
	}
}

func TestLedger_AnotherRecordsIdeaOfTheAddressChangesNothing(t *testing.T) {
	t.Parallel()
	for _, fields := range []map[string]any{withLedger(), nil} {
		w := sandboxed(t, sandbox.Config{}).start(fields)
		require.NoError(t, w.send(ann("new@example.com", ``)))
		require.NoError(t, w.send(message(`{"email":"old@example.com","ext_id":"7","listIds":[61]}`, "pipedrive_object", "deal", "pipedrive_id", "3")))
		assert.Equal(t, []int64{61}, w.contact("new@example.com").ListIDs)
		assert.Equal(t, 1, w.Count())
		assert.Empty(t, w.letters.all())
	}
}

func TestLedger_AContactThatIsGoneFromBrevoIsMadeAgainWithItsNewAddress(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	require.NoError(t, w.send(ann("old@example.com", ``)))
	require.NoError(t, w.send(message(`{"email":"old@example.com","ext_id":"3"}`)), "which takes Brevo's contact")
	require.NoError(t, w.send(ann("new@example.com", ``)))
	assert.Equal(t, "7", w.contact("new@example.com").ExtID)
	assert.Equal(t, "3", w.contact("old@example.com").ExtID)
	assert.Empty(t, w.letters.all())
}

func TestContacts_LeavingListsIsNothingToDoForWhoIsNotThere(t *testing.T) {
	t.Parallel()
	for _, fields := range []map[string]any{withLedger(), nil} {
		w := sandboxed(t, sandbox.Config{}).start(fields)
		require.NoError(t, w.send(message(`{"ext_id":"7","unlinkListIds":[61]}`, "action", "update")))
		assert.Empty(t, w.letters.all())
		assert.EqualValues(t, 1, w.counts.of("brevo_contacts_delivered update"))
		require.NoError(t, w.send(message(`{"ext_id":"7","unlinkListIds":[61],"listIds":[60]}`, "action", "update", "pipedrive_id", "7")))
		assert.Equal(t, []string{"7"}, w.letters.ids())
	}
}

// Each person takes over the address of the next, in one page.
func TestLedger_AddressesThatAreHandedOnInOneBatchAllArrive(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	one := func(id, address int) *service.Message {
		return message(fmt.Sprintf(`{"email":"a%d@example.com","ext_id":"%d"}`, address, id), "pipedrive_object", "person", "pipedrive_id", fmt.Sprint(id))
	}
	var before, after []*service.Message
	for id := range 10 {
		before, after = append(before, one(id, id)), append(after, one(id, id+1))
	}
	require.NoError(t, w.send(before...))
	require.NoError(t, w.send(after...))
	for id := range 10 {
		assert.Equal(t, fmt.Sprint(id), w.contact(fmt.Sprintf("a%d@example.com", id+1)).ExtID)
	}
	assert.Equal(t, 10, w.Count())
	assert.Empty(t, w.letters.all())
}
