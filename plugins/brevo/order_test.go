package brevo

import (
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// version is person 7 as it was at a time, to the second of 10:00.
func version(second int, rest string) *service.Message {
	return at(message(fmt.Sprintf(`{"email":"p7@example.com","ext_id":"7","attributes":{"FIRSTNAME":"at %d"}%s}`, second, rest),
		"pipedrive_object", "person", "pipedrive_id", "7"), fmt.Sprintf("2026-01-01T10:00:%02dZ", second))
}

var bothLedgers = map[string]map[string]any{"ledger": withLedger(), "none": nil}

func TestOrder_WithinABatchTheLatestWinsWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	for name, fields := range bothLedgers {
		for _, mode := range []string{modeSingle, modeImport} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				more := withLedger("mode", mode)
				if fields == nil {
					more = map[string]any{"mode": mode}
				}
				w := sandboxed(t, sandbox.Config{}).start(more)
				const list = `,"listIds":[60]`
				require.NoError(t, w.send(version(3, list), person(1, list), version(5, list), version(1, list), version(4, list)))
				assert.Equal(t, "at 5", w.contact("p7@example.com").Attributes["FIRSTNAME"])
				assert.EqualValues(t, 5, w.counts.of("brevo_contacts_delivered upsert"))
			})
		}
	}
}

func TestOrder_OlderThanWhatWasDeliveredIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	for name, fields := range bothLedgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(fields)
			require.NoError(t, w.send(version(5, "")))
			w.tap.forget()
			require.NoError(t, w.send(version(4, `,"listIds":[61]`)))
			assert.Empty(t, w.writes())
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_skipped "+skipOlder))
			require.NoError(t, w.send(version(5, `,"listIds":[62]`)))
			assert.Equal(t, []int64{62}, w.contact("p7@example.com").ListIDs, "what is as old is written")
			if fields != nil {
				w.restart(fields)
				require.NoError(t, w.send(version(4, `,"listIds":[61]`)))
				assert.Empty(t, w.writes(), "also after a restart")
			}
			assert.Empty(t, w.letters.all())
		})
	}
}

// A list read gives whole seconds; a webhook's fractions are of the same second.
func TestOrder_WholeSecondsAreNotOlderThanTheirOwnFractions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		t, delivered string
		deleted      bool
		older        bool
	}{
		{"10:00:05Z", "10:00:05.700Z", false, false},
		{"10:00:05Z", "10:00:05.700Z", true, true},
		{"10:00:05.500Z", "10:00:05.700Z", false, true},
		{"10:00:04Z", "10:00:05Z", false, true},
		{"10:00:05Z", "10:00:05Z", false, false},
		{"12:00:05+02:00", "10:00:05Z", false, false},
		{"nonsense", "10:00:05Z", false, false},
	} {
		ms := func(text string) int64 { return timeOf(at(message(`{}`), "2026-01-01T"+text)) }
		assert.Equal(t, c.older, older(ms(c.t), ms(c.delivered), c.deleted), c)
	}
}

// polled is person 7 as a poll read it at a second of 10:00, updated five seconds before.
func polled(second int, m *service.Message) *service.Message {
	m.MetaSetMut("pipedrive_read", fmt.Sprintf("2026-01-01T10:00:%02dZ", second))
	return at(m, fmt.Sprintf("2026-01-01T10:00:%02dZ", second-5))
}

// Pipedrive tries a webhook again for minutes, and a queue may keep one while the connector is down: by then a poll
// has told what came after it in the same second.
func TestOrder_APollIsNewerThanALateWebhookOfItsSecond(t *testing.T) {
	t.Parallel()
	late := func(fraction string) *service.Message { return at(version(59, ""), "2026-01-01T10:00:05"+fraction+"Z") }
	for name, fields := range bothLedgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(fields)
			require.NoError(t, w.send(polled(10, version(5, ""))))
			if fields != nil {
				w.restart(fields)
			}
			require.NoError(t, w.send(late(".382")))
			assert.Equal(t, "at 5", w.contact("p7@example.com").Attributes["FIRSTNAME"])
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_skipped "+skipOlder))
			require.NoError(t, w.send(polled(10, version(6, ""))))
			assert.Equal(t, "at 6", w.contact("p7@example.com").Attributes["FIRSTNAME"], "a list may show the latest of a second late")
			deletion := late(".100")
			deletion.MetaSetMut("pipedrive_action", "delete")
			deletion.MetaSetMut("action", "delete")
			require.NoError(t, w.send(deletion))
			assert.Zero(t, w.Count(), "a poll does not tell who is deleted")
			require.NoError(t, w.send(polled(10, version(7, "")), late(".900")))
			assert.Zero(t, w.Count(), "and nobody comes back within the second")
		})
	}
}

// A poll within the second has not seen all of it.
func TestOrder_APollWithinItsSecondIsNotNewerThanAWebhook(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(withLedger())
	early := version(5, "")
	early.MetaSetMut("pipedrive_read", "2026-01-01T10:00:05Z")
	require.NoError(t, w.send(early))
	require.NoError(t, w.send(at(version(59, ""), "2026-01-01T10:00:05.900Z")))
	assert.Equal(t, "at 59", w.contact("p7@example.com").Attributes["FIRSTNAME"])
}

// The older message is under way when the newer one arrives, or the other way round.
func TestOrder_BatchesInFlightEndWithTheLatest(t *testing.T) {
	t.Parallel()
	for name, fields := range bothLedgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{Latency: 2 * time.Millisecond}).start(fields)
			var batches [][]*service.Message
			for i := range 40 {
				batches = append(batches, []*service.Message{version((i*17)%40, "")})
			}
			w.sendAll(batches...)
			assert.Equal(t, "at 39", w.contact("p7@example.com").Attributes["FIRSTNAME"])
			assert.EqualValues(t, 40, w.counts.of("brevo_contacts_delivered upsert")+w.counts.of("brevo_contacts_skipped "+skipOlder))
		})
	}
}

func TestOrder_OlderUpsertDoesNotBringBackWhoWasDeleted(t *testing.T) {
	t.Parallel()
	remove := func(second int) *service.Message {
		m := version(second, "")
		m.MetaSetMut("action", "delete")
		return m
	}
	for name, fields := range bothLedgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(fields)
			require.NoError(t, w.send(version(1, "")))
			require.NoError(t, w.send(remove(5)))
			if fields != nil {
				w.restart(fields)
			}
			require.NoError(t, w.send(version(4, "")))
			assert.Zero(t, w.Count())
			require.NoError(t, w.send(version(6, "")))
			assert.Equal(t, "at 6", w.contact("p7@example.com").Attributes["FIRSTNAME"])
			require.NoError(t, w.send(remove(5)))
			assert.Equal(t, 1, w.Count(), "an older delete deletes nobody")
			require.NoError(t, w.send(remove(8), version(7, "")))
			assert.Zero(t, w.Count())
			assert.EqualValues(t, 0, w.counts.of("brevo_contacts_refused brevo"))
		})
	}
}

func TestOrder_EachRecordHasItsOwnTime(t *testing.T) {
	t.Parallel()
	deal := func(second, list int) *service.Message {
		return at(message(fmt.Sprintf(`{"ext_id":"7","listIds":[%d]}`, list), "pipedrive_object", "deal", "pipedrive_id", "3", "action", "update"),
			fmt.Sprintf("2026-01-01T10:00:%02dZ", second))
	}
	for name, fields := range bothLedgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(fields)
			require.NoError(t, w.send(version(9, "")))
			require.NoError(t, w.send(deal(5, 60)), "the deal is older than the person, and never was written")
			if fields != nil {
				w.restart(fields)
			}
			require.NoError(t, w.send(deal(4, 61)))
			require.NoError(t, w.send(deal(6, 62)))
			assert.Equal(t, []int64{60, 62}, w.contact("p7@example.com").ListIDs)
		})
	}
}

func TestOrder_HoldsBetweenTwoOutputsOfOneAccount(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	job, webhooks := w.output(nil), w.output(map[string]any{"mode": "import"})
	require.NoError(t, webhooks.WriteBatch(t.Context(), service.MessageBatch{version(5, `,"listIds":[60]`)}))
	require.NoError(t, job.WriteBatch(t.Context(), service.MessageBatch{version(4, ``)}))
	assert.Equal(t, "at 5", w.contact("p7@example.com").Attributes["FIRSTNAME"])
	require.NoError(t, job.WriteBatch(t.Context(), service.MessageBatch{sharer("3")}))
	require.NoError(t, webhooks.WriteBatch(t.Context(), service.MessageBatch{sharer("9")}))
	assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
}

func TestTimes_RememberTheLastOnesAndStaySmall(t *testing.T) {
	t.Parallel()
	times := newTimes()
	for i := range 5 * generation {
		times.note(key(i), moment{time: int64(i + 1)})
	}
	assert.LessOrEqual(t, len(times.young)+len(times.old), 2*generation)
	for i := 4 * generation; i < 5*generation; i++ {
		require.EqualValues(t, i+1, times.last(key(i)).time)
	}
	times.note(5*generation-1, moment{time: 1})
	assert.EqualValues(t, 5*generation, times.last(5*generation-1).time, "never backwards")
}
