package brevo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// withoutCompanies is an account whose plan, or key, has none.
func withoutCompanies(t *testing.T, status int) *world {
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return (strings.Contains(c.uri, "/companies") || strings.Contains(c.uri, "/crm/")) &&
			answer(rw, status, `{"code":"permission_denied","message":"Your plan has no CRM"}`)
	}
	return w
}

func TestCompanies_AnAccountWithoutCompaniesHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		w := withoutCompanies(t, status)
		w.putPersons(2)
		out := companiesOut(w, mostLinks)
		require.NoError(t, out.WriteBatch(t.Context(), append(orgs(1, 5, ""), member(1, 1), member(2, 2))))
		eventually(t, out.book.isClosed, "companies wait")
		assert.NoError(t, persist(t.Context(), out.client, out.log, func() error {
			_, _, err := out.client.ContactIDs(t.Context(), 0)
			return err
		}), "contacts go on")
		out.book.mu.Lock()
		now := time.Now()
		out.book.mu.Unlock()
		_, at := out.book.plan(now)
		assert.InDelta(t, askAgainAfter.Seconds(), at.Sub(now).Seconds(), 5)
		out.book.leave(out)
	}
}

func TestCompanies_WhatWaitsForAPlanWithCompaniesIsWrittenOnceThereIsOne(t *testing.T) {
	t.Parallel()
	w := withoutCompanies(t, http.StatusForbidden)
	w.putPersons(1)
	w.tap.forget()
	w.run(nil, orgs(1, 5, ""), []*service.Message{member(1, 1)})
	assert.Len(t, w.spent(), 1, "asked once: %v", w.spent())
	assert.Len(t, w.logs.with("ERROR"), 1)
	assert.Len(t, w.logs.with("ERROR Brevo lets this key have no companies", "403", "action: skip"), 1)
	assert.NotEmpty(t, w.logs.with("5 companies and 1 links are not written, since", "next run goes on"), w.logs)
	w.elsewhere()
	w.run(nil)
	assert.Len(t, w.byOrg(), 5)
	assert.Len(t, w.byOrg()["1"].ContactIDs, 1)
}
