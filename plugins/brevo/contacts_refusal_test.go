package brevo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestContacts_MessageThatAProcessorFailedOnIsDeadLetteredAndNeverWritten(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode},
				`{mapping: 'root = if this.ext_id == "2" { throw("no such stage") }'}`)
			require.NoError(t, w.send(person(1, `,"listIds":[60]`), person(2, `,"listIds":[60]`), person(3, `,"listIds":[60]`)))
			assert.Equal(t, 2, w.Count())
			require.Equal(t, []string{"2"}, w.letters.ids())
			assert.Contains(t, w.letters.all()[0].reason, "no such stage")
			assert.Contains(t, w.letters.all()[0].body, `"ext_id":"2"`)
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_refused processing"))
			assert.EqualValues(t, 2, w.counts.of("brevo_contacts_delivered upsert"))
			assert.Len(t, w.logs.with("WARN person 2 is refused", "a processor failed on the message"), 1)
		})
	}
}

func TestContacts_WithoutDeadLettersExactlyTheRefusedAreABatchError(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			out := w.output(map[string]any{"mode": mode})
			batch := service.MessageBatch{
				person(1, `,"listIds":[60]`), message(`{"email":"BAD@","listIds":[60]}`), person(3, `,"listIds":[60]`),
				message(`nonsense`), person(5, `,"listIds":[60]`), person(6, `,"listIds":[60]`),
			}
			batch[5].SetError(errors.New("mapped badly"))
			index := batch.Index()
			err := out.WriteBatch(t.Context(), batch)
			var be *service.BatchError
			require.ErrorAs(t, err, &be)
			failed := map[int]string{}
			be.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
				if err != nil {
					failed[i] = err.Error()
				}
				return true
			})
			require.Len(t, failed, 3, failed)
			assert.Contains(t, strings.ToLower(failed[1]), "valid")
			assert.Contains(t, failed[3], "not JSON")
			assert.Contains(t, failed[5], "mapped badly")
			assert.Equal(t, 3, w.Count())
		})
	}
}

func TestContacts_FailingDeadLetterOutputLosesNothing(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	w.letters.fail.Store(true)
	err := w.send(person(1, ""), message(`{"email":"bad@"}`, "pipedrive_id", "2"))
	assert.ErrorContains(t, err, "the disk is full")
	assert.ErrorContains(t, err, "Invalid email address")
	w.letters.fail.Store(false)
	require.NoError(t, w.send(person(1, ""), message(`{"email":"bad@"}`, "pipedrive_id", "2")))
	assert.Equal(t, []string{"2"}, w.letters.ids())
	assert.Equal(t, 1, w.Count())
}

func TestContacts_WrongKeyInTheMiddleIsWaitedOutAndLosesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
			require.NoError(t, w.send(persons(1, 3)...))
			w.SetKey("another")
			sent := make(chan error, 1)
			go func() { sent <- w.send(persons(4, 3)...) }()
			eventually(t, func() bool {
				return len(w.logs.with("ERROR", "401", "check api_key (BREVO_API_KEY", "nothing is lost")) > 0
			}, "it is told")
			calls := len(w.tap.all())
			assert.Empty(t, w.letters.all())
			assert.Empty(t, sent, "neither acknowledged nor nacked")
			w.SetKey("sandbox")
			require.NoError(t, <-sent)
			assert.Equal(t, 6, w.Count())
			assert.Empty(t, w.letters.all())
			assert.Empty(t, w.logs.with(`"sandbox"`), "no key in the log")
			assert.LessOrEqual(t, len(w.tap.all())-calls, 8)
		})
	}
}

func TestContacts_FirewallPageIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		if !c.is(http.MethodPost, "/contacts") {
			return false
		}
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = rw.Write([]byte("<html>Attention Required! | Cloudflare</html>"))
		return true
	}
	w.start(nil)
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- w.produce(ctx, service.MessageBatch{person(1, "")}) }()
	eventually(t, func() bool { return len(w.logs.with("ERROR", "HTML page", "goes on in 15m0s")) == 1 }, "it is told")
	assert.Empty(t, sent)
	assert.Empty(t, w.letters.all())
	assert.Len(t, w.writes(), 1)
	cancel()
}

func TestContacts_WrongKeyAtStartIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{Key: "another"}).start(nil)
	eventually(t, func() bool { return len(w.logs.with("ERROR", "401", "check api_key (BREVO_API_KEY")) == 1 }, "it is told")
	sent := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	go func() { sent <- w.produce(ctx, service.MessageBatch{person(1, "")}) }()
	assert.ErrorIs(t, <-sent, context.DeadlineExceeded, "nothing is read")
	assert.Empty(t, w.writes())
}
