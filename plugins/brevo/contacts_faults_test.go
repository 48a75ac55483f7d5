package brevo

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// faulty runs an account that fails in many ways, with two contacts that opted out.
func faulty(t *testing.T, rate float64) *world {
	faults := sandbox.DefaultFaults()
	faults.Rate = rate
	w := sandboxed(t, sandbox.Config{Faults: faults, Quirks: sandbox.Quirks{HideRateHeaders: true}})
	for _, email := range []string{"p1003@example.com", "p1017@example.com"} {
		w.PutContact(sandbox.Contact{Email: email, EmailBlacklisted: true})
	}
	return w
}

func (w *world) assertAllArrived(n int) {
	w.t.Helper()
	assert.Equal(w.t, n, w.Count())
	for id := 1000; id < 1000+n; id++ {
		p := w.contact(fmt.Sprintf("p%d@example.com", id))
		assert.Equal(w.t, fmt.Sprint(id), p.ExtID)
		assert.Equal(w.t, []int64{60}, p.ListIDs)
	}
	assert.EqualValues(w.t, n, w.counts.of("brevo_contacts_delivered upsert"))
	assert.Zero(w.t, w.Stats().Resubscribed)
	assert.Empty(w.t, w.letters.all())
}

func TestContacts_EverythingArrivesThroughFaultsSingly(t *testing.T) {
	t.Parallel()
	w := faulty(t, 0.05).start(nil)
	w.sendAll(persons(1000, 100), persons(1100, 100), persons(1200, 100))
	w.assertAllArrived(300)
}

func TestContacts_EverythingArrivesThroughFaultsByImport(t *testing.T) {
	t.Parallel()
	w := faulty(t, 0.2).start(importMode)
	w.sendAll(persons(1000, 500), persons(1500, 500), persons(2000, 500), persons(2500, 500))
	w.assertAllArrived(2000)
}

// With a ledger too, and what arrived is known.
func TestContacts_EverythingArrivesThroughFaultsWithALedger(t *testing.T) {
	t.Parallel()
	for mode, n := range map[string]int{modeSingle: 100, modeImport: 500} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := faulty(t, 0.05).start(withLedger("mode", mode))
			w.sendAll(persons(1000, n), persons(1000+n, n))
			w.assertAllArrived(2 * n)
			w.restart(withLedger("mode", mode))
			w.sendAll(persons(1000, n), persons(1000+n, n))
			assert.Empty(t, w.writes())
		})
	}
}

// Each answer that is not a verdict is followed by another attempt, and then the contact is there.
func TestContacts_WhatIsNoVerdictIsTriedAgain(t *testing.T) {
	t.Parallel()
	status := func(n int, body string) func(http.ResponseWriter) {
		return func(rw http.ResponseWriter) { answer(rw, n, body) }
	}
	for name, fail := range map[string]func(http.ResponseWriter){
		"408":           status(http.StatusRequestTimeout, ``),
		"425":           status(http.StatusTooEarly, `{"code":"account_in_process","message":"wait"}`),
		"429":           status(http.StatusTooManyRequests, `{"message":"slow down"}`),
		"500":           status(http.StatusInternalServerError, ``),
		"502 with HTML": status(http.StatusBadGateway, `<html></html>`),
		"503":           status(http.StatusServiceUnavailable, `{"message":"down"}`),
		"504":           status(http.StatusGatewayTimeout, ``),
		"reset":         func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"cut in the middle": func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Length", "100")
			rw.WriteHeader(http.StatusCreated)
			_, _ = rw.Write([]byte(`{"id":`))
		},
	} {
		for _, mode := range []string{modeSingle, modeImport} {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{})
				var attempts atomic.Int32
				w.tap.instead = func(rw http.ResponseWriter, c call) bool {
					if c.method != http.MethodPost || attempts.Add(1) > 1 {
						return false
					}
					fail(rw)
					return true
				}
				w.start(map[string]any{"mode": mode})
				require.NoError(t, w.send(person(1, `,"listIds":[60]`)))
				assert.EqualValues(t, 2, attempts.Load())
				assert.Equal(t, 1, w.Count())
				assert.Empty(t, w.letters.all())
			})
		}
	}
}

func TestContacts_ImportWithoutAProcessIDIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{}`, `{"processId":`, `[]`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			var attempts atomic.Int32
			w.tap.instead = func(rw http.ResponseWriter, c call) bool {
				return c.is(http.MethodPost, "/contacts/import") && attempts.Add(1) == 1 && answer(rw, http.StatusAccepted, body)
			}
			w.start(importMode)
			require.NoError(t, w.send(person(1, `,"listIds":[60]`)))
			assert.EqualValues(t, 2, attempts.Load())
			assert.Equal(t, 1, w.Count())
		})
	}
}

func TestContacts_RequestThatTakesTooLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	var attempts atomic.Int32
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	w.tap.instead = func(_ http.ResponseWriter, c call) bool {
		if !c.is(http.MethodPost, "/contacts") || attempts.Add(1) > 1 {
			return false
		}
		<-release
		return true
	}
	w.start(map[string]any{"timeout": "200ms"})
	require.NoError(t, w.send(person(1, "")))
	assert.EqualValues(t, 2, attempts.Load())
	assert.Equal(t, 1, w.Count())
}

func TestContacts_MissingReportIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	var attempts atomic.Int32
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return len(c.uri) > 9 && c.uri[:9] == "/reports/" && attempts.Add(1) == 1 && answer(rw, http.StatusNotFound, ``)
	}
	w.start(importMode)
	require.NoError(t, w.send(person(1, `,"listIds":[60]`), message(`{"email":"BAD@","listIds":[60]}`, "pipedrive_id", "2")))
	assert.EqualValues(t, 2, attempts.Load())
	assert.Equal(t, []string{"2"}, w.letters.ids())
	for _, c := range w.tap.all() {
		if c.uri[:9] == "/reports/" {
			assert.Empty(t, c.header.Get("api-key"))
		}
	}
}
