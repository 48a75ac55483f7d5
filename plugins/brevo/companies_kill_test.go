package brevo

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestCompanies_ACacheThatIsLostIsLearnedAgainAndDoublesNobody(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, orgs(1, 120, ""))
	before := w.byOrg()
	require.Len(t, before, 120)
	w.kept.lose()
	w.run(nil, orgs(1, 121, `,"attributes":{"domain":"example.com"}`))
	after := w.byOrg()
	assert.Len(t, after, 121)
	for id, c := range before {
		assert.Equal(t, c.ID, after[id].ID, id)
		assert.Equal(t, "example.com", after[id].Attributes["domain"], id)
	}
}

// killed runs an output that dies at a change of its cache: that one is lost, and so are all calls after it. It
// reports whether the messages were acknowledged.
func (w *world) killed(moment int, messages []*service.Message) (acknowledged bool) {
	w.t.Helper()
	dead, count := make(chan struct{}), 0
	var cut atomic.Bool
	w.kept.changed = func() {
		if count++; count == moment {
			cut.Store(true)
			w.kept.frozen.Store(true)
			close(dead)
		}
	}
	w.tap.instead = func(rw http.ResponseWriter, _ call) bool {
		return cut.Load() && answer(rw, http.StatusServiceUnavailable, "")
	}
	conf, err := companiesSpec().ParseYAML(encode(w.t, map[string]any{
		"api_key": "sandbox", "base_url": w.url + "/v3", "requests_per_second": 5000, "id_cache": "state",
	}), nil)
	require.NoError(w.t, err)
	out, err := newCompaniesOutput(conf, resourcesWith(w.kept))
	require.NoError(w.t, err)
	require.NoError(w.t, out.Connect(w.t.Context()))
	acknowledged = out.WriteBatch(w.t.Context(), messages) == nil && !w.kept.frozen.Load()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		out.book.finish(ctx)
		cancel()
	}()
	select {
	case <-dead:
	case <-ctx.Done():
	}
	cancel()
	out.book.leave(out)
	w.kept.changed = nil
	w.kept.frozen.Store(false)
	w.elsewhere() // a call that is still on its way comes to nothing
	return acknowledged
}

func TestCompanies_AProcessThatIsKilledAnywhereDoublesAndLosesNobody(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 5} { // one by one, and by import
		messages := func() (all []*service.Message) {
			for i := range n {
				all = append(all, org(i+1, fmt.Sprintf(`,"linkContacts":["p%d@example.com"]`, i+1)))
			}
			return all
		}
		whole := sandboxed(t, sandbox.Config{})
		whole.putPersons(n)
		whole.run(nil, messages())
		for moment := range whole.kept.changes() {
			t.Run(fmt.Sprintf("%d companies, change %d of the cache", n, moment+1), func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{})
				w.putPersons(n)
				if w.killed(moment+1, messages()) {
					w.run(nil)
				} else {
					w.run(nil, messages())
				}
				assert.Len(t, w.Companies(), n)
				for id, c := range w.byOrg() {
					assert.Len(t, c.ContactIDs, 1, "organization %s", id)
				}
			})
		}
	}
}

func TestCompanies_AnAnswerThatIsLostDoublesNobody(t *testing.T) {
	t.Parallel()
	for path, n := range map[string]int{"/companies": 1, "/companies/import": 4} {
		w := sandboxed(t, sandbox.Config{})
		var lost atomic.Bool
		w.tap.instead = func(rw http.ResponseWriter, c call) bool {
			if !c.is(http.MethodPost, path) || lost.Swap(true) {
				return false
			}
			w.Server.ServeHTTP(discard{}, request(c)) // Brevo does it, and nobody hears of it
			return answer(rw, http.StatusBadGateway, "")
		}
		w.run(nil, orgs(1, n, ""))
		assert.True(t, lost.Load())
		assert.Len(t, w.byOrg(), n, path)
	}
}

func TestCompanies_WhatIsLeftOfTheHourIsDoneByTheNextRunNewestFirst(t *testing.T) {
	t.Parallel()
	w := limited(t, 100)
	// A list in an attribute has no place in an import, so that each company takes a call.
	w.PutCompanyAttribute("tags", "multi-choice", "a", "b")
	tagged := orgs(1, 120, `,"attributes":{"tags":["a"]}`)
	for i, m := range tagged {
		at(m, time.Date(2026, 11, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339))
	}
	w.run(nil, tagged)
	first := len(w.Companies())
	assert.Less(t, first, 80, "calls are left to imports of contacts")
	assert.Greater(t, first, 60)
	assert.NotContains(t, w.byOrg(), "1", "the oldest waits")
	assert.Contains(t, w.byOrg(), "120")
	assert.NotEmpty(t, w.logs.with("companies and 0 links wait", "it goes on at"), w.logs)
	assert.NotEmpty(t, w.logs.with("companies and 0 links are not written", "the next run goes on"))

	w.anHourLater()
	w.run(nil)
	assert.Len(t, w.byOrg(), 120)
	for _, key := range w.kept.keys("") {
		assert.False(t, strings.HasPrefix(key, "brevo_companies/backlog/"), key)
	}
}

func TestCompanies_SeveralChangesOfOneThatWaitsTakeOneCall(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	s := companiesIn(w, nil)
	s.send(org(1, `,"attributes":{"domain":"a.example"}`))
	s.send(org(1, `,"attributes":{"revenue":"12"}`))
	s.end()
	assert.Len(t, w.tap.of(http.MethodPost, "/companies"), 1)
	company := w.byOrg()["1"]
	assert.Equal(t, "a.example", company.Attributes["domain"])
	assert.EqualValues(t, 12, company.Attributes["revenue"])
}

func TestCompanies_WithoutACacheAMessageIsHeldUntilItIsWritten(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	s := companiesIn(w, map[string]any{"id_cache": nil})
	s.send(org(1, ""))
	assert.Len(t, w.byOrg(), 1)
	s.send(orgs(1, 5, "")...)
	assert.Len(t, w.byOrg(), 5)
	s.end()
	w.run(map[string]any{"id_cache": nil}, orgs(1, 6, ""))
	assert.Len(t, w.byOrg(), 6, "a run begins by reading what is there")
}
