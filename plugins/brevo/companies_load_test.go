package brevo

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestCompanies_AFirstLoadOf1000With5000ContactsTakes12CallsOfTheHourAtMost(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(5000)
	w.SetLimits(sandbox.PublishedLimits())
	var links []*service.Message
	for i := range 5000 {
		links = append(links, member(i+1, i/5+1))
	}
	w.tap.forget()
	s := w.run(map[string]any{"requests_per_second": nil}, orgs(1, 500, `,"attributes":{"revenue":12.5,"domain":"example.com"}`), orgs(501, 500, ``), links)

	t.Log(w.spent())
	assert.LessOrEqual(t, len(w.spent()), 12, w.spent())
	all := w.byOrg()
	require.Len(t, all, 1000)
	assert.Equal(t, 12.5, all["1"].Attributes["revenue"])
	assert.Equal(t, "Org 1000", all["1000"].Attributes["name"])
	for id, c := range all {
		assert.Len(t, c.ContactIDs, 5, id)
	}
	assert.EqualValues(t, 1000, s.counts.of("brevo_companies_delivered upsert"))
	assert.EqualValues(t, 5000, s.counts.of("brevo_companies_delivered link"))
	assert.NotEmpty(t, w.logs.with("companies: 1000 delivered, 5000 links, 0 unchanged, 0 skipped, 0 refused"), w.logs)

	w.tap.forget()
	s = w.run(nil, orgs(1, 500, `,"attributes":{"revenue":12.5,"domain":"example.com"}`), orgs(501, 500, ``), links)
	assert.Empty(t, w.spent(), "what is unchanged costs no call")
	assert.EqualValues(t, 6000, s.counts.of("brevo_companies_unchanged"))
}
