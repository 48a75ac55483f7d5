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

// byHand enters a value in Brevo.
func (w *world) byHand(id, attribute, value string) {
	body := fmt.Sprintf(`{"attributes":{%q:%q}}`, attribute, value)
	w.Server.ServeHTTP(discard{}, request(call{method: http.MethodPatch, uri: "/v3/companies/" + id, body: []byte(body), header: http.Header{"Api-Key": {"sandbox"}}}))
}

func TestCompanies_WhatIsEmptiedIsEmptiedInBrevoAndWhatPeopleEnteredStays(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 6} { // one by one, and by imports
		w := sandboxed(t, sandbox.Config{})
		w.run(nil, orgs(1, n, `,"attributes":{"domain":"a.example","revenue":12,"industry":null}`))
		for id, c := range w.byOrg() {
			w.byHand(c.ID, "industry", "Hand "+id)
		}
		w.tap.forget()
		w.run(nil, orgs(1, n, `,"attributes":{"domain":null,"revenue":13,"industry":null}`))
		all := w.byOrg()
		require.Len(t, all, n)
		for id, c := range all {
			assert.Empty(t, c.Attributes["domain"], id)
			assert.EqualValues(t, 13, c.Attributes["revenue"], id)
			assert.Equal(t, "Hand "+id, c.Attributes["industry"], id)
			w.byHand(c.ID, "domain", "hand.example")
		}
		assert.LessOrEqual(t, len(w.spent()), 6, w.spent())
		w.tap.forget()
		w.run(nil, orgs(1, n, `,"attributes":{"domain":null,"revenue":13,"industry":null}`))
		assert.Empty(t, w.spent(), "it is emptied once")
	}
}

func TestCompanies_ANullThatBrevoRefusesIsSentAsText(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, []*service.Message{org(1, `,"attributes":{"domain":"a.example"}`)})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return strings.Contains(string(c.body), "null") && answer(rw, http.StatusBadRequest, `{"message":"Not valid data."}`)
	}
	s := w.run(nil, []*service.Message{org(1, `,"attributes":{"domain":null}`)})
	assert.Empty(t, w.byOrg()["1"].Attributes["domain"])
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_delivered upsert"))
}

func TestCompanies_AMapOfAnEarlierVersionIsReadAndLearnsWhatWasGiven(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	given := func() []*service.Message { return orgs(1, 1, `,"attributes":{"domain":"a.example"}`) }
	w.run(nil, given())
	w.kept.mu.Lock()
	for key, value := range w.kept.values { // as it was written then: without what was given
		if part, is := strings.CutPrefix(key, "brevo_companies/companies/"); is {
			body, err := unsealed(value)
			require.NoError(t, err)
			body = append([]byte{ledgerVersion}, body[:len(body)-2]...)
			w.kept.values["brevo_companies/map/"+part] = sealed(body)
			delete(w.kept.values, key)
		}
	}
	delete(w.kept.values, "brevo_companies/given")
	w.kept.mu.Unlock()
	w.tap.forget()
	w.run(nil, given())
	assert.Empty(t, w.spent())
	w.run(nil, orgs(1, 1, `,"attributes":{"domain":null}`))
	assert.Empty(t, w.byOrg()["1"].Attributes["domain"])
	assert.Len(t, w.Companies(), 1)
}
