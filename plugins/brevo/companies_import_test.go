package brevo

import (
	"bytes"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestCompanies_ARowThatAnImportLeavesOutIsWrittenByItself(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		if c.is(http.MethodPost, "/companies/import") {
			c.body = bytes.Replace(c.body, []byte("Org 3,3\n"), nil, 1)
			w.Server.ServeHTTP(rw, request(c))
			return true
		}
		return false
	}
	s := w.run(nil, orgs(1, 5, ""))
	assert.Len(t, w.byOrg(), 5)
	require.Len(t, w.tap.of(http.MethodPost, "/companies"), 1)
	assert.Contains(t, string(w.tap.of(http.MethodPost, "/companies")[0].body), "Org 3")
	assert.EqualValues(t, 5, s.counts.of("brevo_companies_delivered upsert"))
}

func TestCompanies_AnImportThatIsRefusedAsAWholeIsWrittenOneByOne(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/companies/import") && answer(rw, http.StatusBadRequest, `{"message":"Bad request : no"}`)
	}
	w.run(nil, orgs(1, 5, ""))
	assert.Len(t, w.byOrg(), 5)
	assert.Len(t, w.tap.of(http.MethodPost, "/companies/import"), 1)
}

func TestCompanies_AnImportThatFailsIsSentOnceMore(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	var failed atomic.Bool
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/companies/import") && !failed.Swap(true) && answer(rw, http.StatusOK, `{"processId":77}`) ||
			c.is(http.MethodGet, "/processes/77") && answer(rw, http.StatusOK, `{"id":77,"status":"failed"}`)
	}
	w.run(nil, orgs(1, 5, ""))
	assert.Len(t, w.byOrg(), 5)
	assert.Len(t, w.tap.of(http.MethodPost, "/companies/import"), 2)
}

func TestCompanies_OneThatAnImportCreatesAgainIsKeptFromThenOn(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, orgs(1, 5, ""))
	w.Server.ServeHTTP(discard{}, request(call{
		method: http.MethodDelete, uri: "/v3/companies/" + w.byOrg()["2"].ID, header: http.Header{"Api-Key": {"sandbox"}},
	}))
	w.run(nil, orgs(1, 5, `,"attributes":{"domain":"a.example"}`))
	assert.Len(t, w.byOrg(), 5)
	w.run(nil, orgs(1, 5, `,"attributes":{"domain":"b.example"}`))
	assert.Len(t, w.Companies(), 5)
	assert.Equal(t, "b.example", w.byOrg()["2"].Attributes["domain"])
}

func TestCompanies_WhatAnImportCannotSayIsWrittenByItself(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.PutCompanyAttribute("tags", "multi-choice", "a", "b")
	batch := append(orgs(1, 4, `,"attributes":{"phone_number":"+441632960001"},"countryCode":44`),
		org(5, `,"attributes":{"tags":["b"]}`), org(6, `,"attributes":{"phone_number":"1632960001"},"countryCode":44`))
	w.run(nil, batch)
	all := w.byOrg()
	require.Len(t, all, 6)
	assert.Len(t, w.tap.of(http.MethodPost, "/companies"), 2)
	assert.Equal(t, []any{"2"}, all["5"].Attributes["tags"])
	assert.Equal(t, "+441632960001", all["1"].Attributes["phone_number"])
}

func TestCompanies_TwoOutputsWithOneIDMapShareIt(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	one, other := companiesIn(w, nil), companiesIn(w, nil)
	for i := range 3 {
		one.send(org(i+1, ""))
		other.send(org(i+1, `,"attributes":{"domain":"a.example"}`))
	}
	one.end()
	other.send(org(4, ""), message(`{"ext_id":null,"unlinkContacts":["nobody@example.com"]}`, "action", "link"))
	other.end()
	assert.Len(t, w.byOrg(), 4)
	assert.Len(t, w.Companies(), 4)
}

func TestCompanies_AMessageThatSaysNothingIsUnchanged(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	s := w.run(nil, []*service.Message{message(`{"ext_id":1}`, "action", "link")})
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_unchanged"))
	assert.Empty(t, w.Companies())
}
