package brevo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestEvents_BatchIsOneCallAndArrivesInItsOrder(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	s.PutContact(sandbox.Contact{Email: "p1@example.com", ExtID: "1"})
	require.NoError(t, s.send(deals(3)...))
	assert.Equal(t, []string{"e0", "e1", "e2"}, s.names())
	assert.Equal(t, []string{"batch"}, s.posts())
	e := s.Events()[0]
	assert.NotZero(t, e.ContactID)
	assert.Equal(t, "2026-11-01T10:00:00Z", e.Date.Format(time.RFC3339))
	assert.JSONEq(t, `{"deal":1}`, string(e.Properties))
	assert.EqualValues(t, 3, s.counts.of("brevo_events_delivered"))
	s.stop()
	assert.Len(t, s.logs.with("INFO events: 3 delivered, 0 not sent again, 0 skipped, 0 refused"), 1)
}

func TestEvents_SingleOneIsSentAsSuch(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	require.NoError(t, s.send(dealt(1, "deal_created")))
	assert.Equal(t, []string{"single"}, s.posts())
	assert.Equal(t, []string{"deal_created"}, s.names())
}

func TestEvents_DefaultBatchingGathersWhatComesTogether(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, map[string]any{"batching": nil})
	done := make(chan error, 50)
	for _, m := range deals(50) {
		go func() { done <- s.send(m) }()
	}
	for range 50 {
		require.NoError(t, <-done)
	}
	assert.Len(t, s.Events(), 50)
	assert.LessOrEqual(t, len(s.posts()), 5)
}

func TestEvents_CallHoldsAtMost200And512KB(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	require.NoError(t, s.send(deals(450)...))
	assert.Equal(t, []string{"batch", "batch", "batch"}, s.posts())

	large := deals(30)
	for i, m := range large {
		m.SetStructuredMut(map[string]any{
			"event_name": fmt.Sprint("large", i), "identifiers": map[string]any{"ext_id": "1"},
			"event_properties": map[string]any{"note": strings.Repeat("x", 40_000)},
		})
	}
	require.NoError(t, s.send(large...))
	assert.Len(t, s.Events(), 480)
	assert.Empty(t, s.letters.all())
	for _, c := range s.tap.of(http.MethodPost, "/events/batch") {
		assert.LessOrEqual(t, len(c.body), 512_000)
	}
}

func TestEvents_OnlyThoseThatABatchRefusesAreRefused(t *testing.T) {
	t.Parallel()
	for name, errors := range map[string]string{
		"positions in a list": `[{"eventIndex":[1,3],"message":"undefined event_name"}]`,
		"one position each":   `[{"eventIndex":1,"message":"undefined event_name"},{"eventIndex":3,"message":"undefined event_name"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = func(rw http.ResponseWriter, c call) bool {
				return c.is(http.MethodPost, "/events/batch") && answer(rw, http.StatusMultiStatus,
					`{"status":"partiallyQueued","total_events":4,"successful_events":2,"failed_events":2,"errors":`+errors+`}`)
			}
			s := streamEvents(w, nil)
			require.NoError(t, s.send(deals(4)...))
			assert.Equal(t, []string{"2", "4"}, s.letters.ids())
			assert.Contains(t, s.letters.all()[0].reason, "undefined event_name")
			assert.EqualValues(t, 2, s.counts.of("brevo_events_delivered"))
			assert.EqualValues(t, 2, s.counts.of("brevo_events_refused brevo"))
			assert.Len(t, s.logs.with("WARN the event e1 of deal 2 is refused", "207"), 1)
		})
	}
}

func TestEvents_SandboxNamesTheRefusedAsBrevoDoes(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	bad := message(`{"event_name":"bad","identifiers":{"ext_id":"9"},"object":{"type":7}}`, "pipedrive_id", "9")
	require.NoError(t, s.send(dealt(1, "a"), bad, dealt(2, "b")))
	assert.Equal(t, []string{"a", "b"}, s.names())
	assert.Equal(t, []string{"9"}, s.letters.ids())
}

// Neither lost nor sent twice: a person decides.
func TestEvents_PartWithoutSayingWhichRefusesAllInDoubt(t *testing.T) {
	t.Parallel()
	for body, refused := range map[string][]string{
		``: {"1", "2", "3"}, `{"status":"partiallyQueued"}`: {"1", "2", "3"}, `nonsense`: {"1", "2", "3"},
		`{"failed_events":2,"errors":[{"eventIndex":[7],"message":"x"}]}`: {"1", "2", "3"},
		`{"failed_events":1,"errors":[{"eventIndex":[2],"message":"x"}]}`: {"3"},
		`{"errors":[{"eventIndex":[2],"message":"x"}]}`:                   {"3"},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = func(rw http.ResponseWriter, c call) bool {
				return c.is(http.MethodPost, "/events/batch") && answer(rw, http.StatusMultiStatus, body)
			}
			s := streamEvents(w, nil)
			require.NoError(t, s.send(deals(3)...))
			assert.Equal(t, refused, s.letters.ids())
			assert.Len(t, s.posts(), 1)
		})
	}
}

func TestEvents_AcceptedIsAcceptedWhateverTheBodySays(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{`, `{"message":"ok","count":3}`, `null`} {
		w := sandboxed(t, sandbox.Config{})
		w.tap.instead = func(rw http.ResponseWriter, c call) bool {
			return c.is(http.MethodPost, "/events/batch") && answer(rw, http.StatusAccepted, body)
		}
		s := streamEvents(w, nil)
		require.NoError(t, s.send(deals(3)...))
		assert.EqualValues(t, 3, s.counts.of("brevo_events_delivered"), body)
		assert.Len(t, s.posts(), 1)
	}
}

func TestEvents_OneThatSpoilsItsBatchHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		most   int // calls
	}{
		"all failed":    {http.StatusBadRequest, `{"status":"failed","total_events":200,"errors":[]}`, 201},
		"400 as such":   {http.StatusBadRequest, `{"code":"invalid_parameter","message":"events/77 is wrong"}`, 20},
		"too large":     {http.StatusRequestEntityTooLarge, `{"message":"too large"}`, 20},
		"too large, 2":  {http.StatusRequestEntityTooLarge, `<html></html>`, 20},
		"unprocessable": {http.StatusUnprocessableEntity, `{"code":"unprocessable_entity"}`, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = refusing(c.status, c.body, `"e77"`)
			s := streamEvents(w, nil)
			require.NoError(t, s.send(deals(200)...))
			assert.Len(t, s.Events(), 199)
			assert.Equal(t, []string{"78"}, s.letters.ids())
			assert.Contains(t, s.letters.all()[0].reason, "no such event", "in Brevo's own words")
			assert.LessOrEqual(t, len(s.posts()), c.most)
		})
	}
}

func TestEvents_WithoutTheBatchCallEachIsSentAloneAndSaidSoOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = func(rw http.ResponseWriter, c call) bool {
				return c.is(http.MethodPost, "/events/batch") && answer(rw, status, `{"code":"document_not_found","message":"Unknown path"}`)
			}
			s := streamEvents(w, nil)
			require.NoError(t, s.send(deals(20)...))
			require.NoError(t, s.send(dealt(1, "later"), dealt(2, "later")))
			assert.Len(t, s.Events(), 22)
			assert.Len(t, s.tap.of(http.MethodPost, "/events/batch"), 1)
			assert.Len(t, s.logs.with("WARN events are sent one by one"), 1)
			assert.Empty(t, s.letters.all())
		})
	}
}

func TestEvents_OfOneContactGoInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{true, false} {
		w := sandboxed(t, sandbox.Config{})
		w.tap.instead = func(rw http.ResponseWriter, c call) bool {
			return !together && c.is(http.MethodPost, "/events/batch") && answer(rw, http.StatusNotFound, ``)
		}
		s := streamEvents(w, nil)
		require.NoError(t, s.send(
			dealt(1, "third", "pipedrive_time", "2026-11-01T10:00:03Z"),
			dealt(1, "first", "pipedrive_time", "2026-11-01T10:00:01Z"),
			message(`{"event_name":"behind-first","identifiers":{"ext_id":"1"}}`),
			dealt(1, "second", "pipedrive_time", "2026-11-01T10:00:02.5Z"),
		))
		assert.Equal(t, []string{"first", "behind-first", "second", "third"}, s.names())
	}
}

func TestEvents_BatchesInFlightDoNotOvertakeEachOtherForAContact(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	release := make(chan struct{})
	w.tap.instead = func(_ http.ResponseWriter, c call) bool {
		if strings.Contains(string(c.body), `"first"`) {
			<-release
		}
		return false
	}
	s := streamEvents(w, nil)
	done := make(chan error, 3)
	send := func(messages ...*service.Message) { done <- s.send(messages...) }
	go send(dealt(1, "first"), dealt(2, "other"))
	eventually(t, func() bool { return len(s.posts()) == 1 }, "the first is under way")
	go send(message(`{"event_name":"second","identifiers":{"ext_id":"1","email_id":"p1@example.com"}}`))
	go send(dealt(3, "free"))
	eventually(t, func() bool { return len(s.Events()) == 1 }, "another contact does not wait")
	close(release)
	for range 3 {
		require.NoError(t, <-done)
	}
	assert.Equal(t, []string{"free", "first", "other", "second"}, s.names())
}

func TestEvents_OlderContactPropertiesDoNotOverwriteNewerOnes(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	s.PutContact(sandbox.Contact{Email: "p1@example.com", ExtID: "1"})
	named := func(name, time string) *service.Message {
		return message(`{"event_name":"renamed","identifiers":{"ext_id":"1"},"contact_properties":{"FIRSTNAME":"`+name+`","NOPE":1,"LTV":"2.5"}}`, "pipedrive_time", time)
	}
	require.NoError(t, s.send(named("New", "2026-11-01T10:00:05Z")))
	require.NoError(t, s.send(named("Old", "2026-11-01T10:00:01Z")))
	assert.Len(t, s.Events(), 2)
	assert.Equal(t, "New", s.contact("p1@example.com").Attributes["FIRSTNAME"])
	assert.Equal(t, 2.5, s.contact("p1@example.com").Attributes["LTV"])
	assert.Len(t, s.logs.with("Brevo has no contact attribute NOPE"), 1)
	assert.Nil(t, s.Events()[1].ContactProperties)
}

func TestEvents_SkippedAreCountedByTheirReason(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	require.NoError(t, s.send(message(`{}`, "action", "skip", "skip_reason", "no contact"), dealt(1, "a"), message(`x`, "action", "sned")))
	assert.Equal(t, []string{"a"}, s.names())
	assert.EqualValues(t, 1, s.counts.of("brevo_events_skipped no contact"))
	require.Len(t, s.letters.all(), 1)
	assert.Contains(t, s.letters.all()[0].reason, `there is no action "sned"`)
	s.stop()
	assert.Len(t, s.logs.with("events: 1 delivered, 0 not sent again, 1 skipped (no contact 1), 1 refused (message 1)"), 1)
}

func TestEvents_MessageThatAProcessorFailedOnIsDeadLetteredAndNeverSent(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil, `{mapping: 'root = if this.event_name == "e1" { throw("no such stage") }'}`)
	require.NoError(t, s.send(deals(3)...))
	assert.Equal(t, []string{"e0", "e2"}, s.names())
	assert.Equal(t, []string{"2"}, s.letters.ids())
	assert.Contains(t, s.letters.all()[0].reason, "no such stage")
	assert.EqualValues(t, 1, s.counts.of("brevo_events_refused processing"))
}

func TestEvents_WithoutDeadLettersExactlyTheRefusedAreABatchError(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	out := eventsOutputAlone(w, nil)
	batch := service.MessageBatch{dealt(1, "a"), message(`{"event_name":"x"}`), dealt(2, "b"), message(`[]`)}
	batch[2].SetError(errors.New("mapped badly"))
	index := batch.Index()
	var be *service.BatchError
	require.ErrorAs(t, out.WriteBatch(t.Context(), batch), &be)
	failed := map[int]string{}
	be.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			failed[i] = err.Error()
		}
		return true
	})
	require.Len(t, failed, 3, failed)
	assert.Contains(t, failed[1], "names no contact")
	assert.Contains(t, failed[2], "mapped badly")
	assert.Contains(t, failed[3], "not an event's object")
	assert.Len(t, w.Events(), 1)
}
