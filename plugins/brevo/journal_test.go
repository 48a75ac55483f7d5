package brevo

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

var ledgerImports = withLedger("mode", "import")

// interrupted sends a batch by import and ends the stream while Brevo works on it.
func (w *world) interrupted(batch ...*service.Message) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	sent := make(chan error, 1)
	go func() { sent <- w.produce(ctx, batch) }()
	eventually(w.t, func() bool {
		value := w.kept.value("brevo_contacts/imports")
		return len(w.imports()) > 0 && len(value) > 0 && value[2] > 0 && value[len(value)-5] != 0
	}, "the import is sent, and in the journal")
	_ = w.stream.StopWithin(10 * time.Millisecond)
	w.stop()
	cancel()
	require.Error(w.t, <-sent)
}

func (k *kept) value(key string) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.values[key]
}

func TestImport_IsFollowedAcrossARestart(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{ImportDelay: 700 * time.Millisecond}).start(ledgerImports)
	page := func() []*service.Message {
		return append(persons(1, 50), message(`{"email":"bad@","ext_id":"99","listIds":[60]}`, "pipedrive_object", "person", "pipedrive_id", "99"))
	}
	w.interrupted(page()...)
	assert.Zero(t, w.Count(), "Brevo still works on it")
	w.tap.forget()

	w.start(ledgerImports)
	require.NoError(t, w.send(page()...))
	assert.Equal(t, 50, w.Count())
	assert.EqualValues(t, 50, w.counts.of("brevo_contacts_unchanged"))
	assert.Equal(t, []string{"99"}, w.letters.ids(), "who was refused has a verdict all the same")
	require.Len(t, w.imports(), 1)
	assert.Equal(t, 1, rowsOf(w.imports()[0]))
	assert.Len(t, w.logs.with("imports of the run before", "(1)", "nothing is written until"), 1)
	assert.Len(t, w.logs.with("import 1 of the run before is done: 50 of its 51 contacts are delivered"), 1)

	w.restart(ledgerImports)
	require.NoError(t, w.send(persons(1, 50)...))
	assert.Empty(t, w.writes(), "the journal is empty again")
	assert.Empty(t, w.kept.keys("brevo_contacts/imports/"))
}

// What is newer waits for what an older run still has on its way, or that would overwrite it.
func TestImport_OfTheRunBeforeNeverOverwritesWhatIsNewer(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"process known": true, "only the intention": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{ImportDelay: 700 * time.Millisecond}).start(ledgerImports)
			if !known {
				w.tap.instead = func(rw http.ResponseWriter, c call) bool { // taken, and the answer is lost
					if c.is(http.MethodPost, "/contacts/import") {
						w.kept.fail.Store(true)
					}
					return false
				}
			}
			if known {
				w.interrupted(version(1, `,"listIds":[60]`))
			} else {
				ctx, cancel := context.WithCancel(t.Context())
				sent := make(chan error, 1)
				go func() { sent <- w.produce(ctx, service.MessageBatch{version(1, `,"listIds":[60]`)}) }()
				eventually(t, func() bool { return len(w.imports()) > 0 && w.kept.fail.Load() }, "the import is sent")
				_ = w.stream.StopWithin(10 * time.Millisecond)
				w.stop()
				cancel()
				require.Error(t, <-sent)
				w.kept.fail.Store(false)
				w.tap.instead = nil
			}
			w.start(withLedger())
			require.NoError(t, w.send(version(2, ``)))
			assert.Equal(t, "at 2", w.contact("p7@example.com").Attributes["FIRSTNAME"])
			time.Sleep(800 * time.Millisecond)
			assert.Equal(t, "at 2", w.contact("p7@example.com").Attributes["FIRSTNAME"])
		})
	}
}

func TestImport_OfTheRunBeforeThatCannotBeFollowedIsForgottenAndSentAgain(t *testing.T) {
	t.Parallel()
	for name, instead := range map[string]func(http.ResponseWriter, call) bool{
		"unknown to Brevo": func(rw http.ResponseWriter, c call) bool {
			return c.is(http.MethodGet, "/processes/1") && answer(rw, http.StatusNotFound, `{"code":"invalid_parameter","message":"processId is invalid"}`)
		},
		"failed": func(rw http.ResponseWriter, c call) bool {
			return c.is(http.MethodGet, "/processes/1") && answer(rw, http.StatusOK, `{"id":1,"status":"failed"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{ImportDelay: 300 * time.Millisecond}).start(ledgerImports)
			w.interrupted(persons(1, 5)...)
			w.tap.instead = instead
			w.tap.forget()
			w.start(ledgerImports)
			require.NoError(t, w.send(persons(1, 5)...))
			assert.Len(t, w.imports(), 1)
			assert.Equal(t, 5, w.Count())
			assert.NotEmpty(t, w.logs.with("WARN", "of the run before", "are sent again"))
			assert.Empty(t, w.kept.keys("brevo_contacts/imports/"))
			assert.Zero(t, w.counts.of("brevo_contacts_unchanged"))
		})
	}
}

// What an import may have changed is not taken for unchanged.
func TestImport_ThatMayHaveBeenDoneLeavesNothingUnchanged(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{ImportDelay: 300 * time.Millisecond}).start(ledgerImports)
	const list = `,"listIds":[60]`
	require.NoError(t, w.send(version(1, list)))
	w.tap.forget()
	w.interrupted(version(2, list))
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return strings.HasPrefix(c.uri, "/v3/processes/2") && answer(rw, http.StatusNotFound, `{"code":"invalid_parameter"}`)
	}
	eventually(t, func() bool { return w.contact("p7@example.com").Attributes["FIRSTNAME"] == "at 2" }, "Brevo did it")
	w.start(withLedger())
	require.NoError(t, w.send(at(version(1, list), "2026-01-01T10:00:03Z")), "back to what it was")
	assert.Equal(t, "at 1", w.contact("p7@example.com").Attributes["FIRSTNAME"])
}

func TestImport_OfTheRunBeforeThatTakesLongDoesNotKeepTheProcessFromEnding(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{ImportDelay: time.Hour}).start(ledgerImports)
	w.interrupted(persons(1, 3)...)
	w.start(ledgerImports)
	eventually(t, func() bool { return len(w.logs.with("imports of the run before")) > 0 }, "it is told what is waited for")
	start := time.Now()
	_ = w.stream.StopWithin(time.Second)
	w.stop()
	assert.Less(t, time.Since(start), 4*time.Second)
	assert.NotEmpty(t, w.kept.keys("brevo_contacts/imports/"), "the next run follows it")
}
