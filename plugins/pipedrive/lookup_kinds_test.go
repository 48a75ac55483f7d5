package pipedrive

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func (a *account) won(id int, currency string, value any) {
	a.Put("user", map[string]any{"id": 1, "name": "Sandbox User", "default_currency": "EUR"})
	a.Put("deal", map[string]any{"id": id, "title": "Deal", "status": "won", "value": value, "currency": currency, "person_id": 1, "stage_id": 1, "pipeline_id": 1,
		"add_time": "2026-01-01T00:00:00Z", "update_time": "2026-01-01T00:00:00Z"})
}

const rates = "object: currencies\nid: 'this.currencies'\nresult_map: 'root = this.map_each(c -> c.rate.or(\"none\"))'\n"

func TestLookup_OnlyADefaultCurrencyCostsNoCall(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 1)
	a.won(1, "EUR", 100)
	p := a.lookup(newResources(t), rates)
	got, _ := process(t, p, `{"currencies":["EUR","EUR",null]}`, `{"currencies":[]}`)
	assert.Equal(t, "[1 1 none]", fmt.Sprint(got[0]))
	assert.Zero(t, a.calls("/v1/deals/summary"))
}

func TestLookup_AllRatesCostOneCall(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 1)
	for i, currency := range []string{"EUR", "USD", "GBP", "JPY"} {
		a.won(1+i, currency, 1000)
	}
	p := a.lookup(newResources(t), rates)
	got, _ := process(t, p, `{"currencies":["EUR"]}`, `{"currencies":["USD","EUR"]}`)
	assert.Equal(t, "[0.9 1]", fmt.Sprint(got[1]))
	got, _ = process(t, p, `{"currencies":["GBP", null, "JPY"]}`)
	assert.Equal(t, "[1.15 none 0.006]", fmt.Sprint(got[0]), "each in its place")
	calls, tokens := a.asked("/v1/deals/summary")
	assert.Equal(t, []int{1, 40}, []int{calls, tokens})
}

func TestLookup_RatesAreThoseIntoTheCompanysCurrencyAndNotTheUsers(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 1)
	a.won(1, "EUR", 1000)
	a.won(2, "USD", 1000)
	a.Put("user", map[string]any{"id": 1, "name": "Sandbox User", "default_currency": "USD"})
	got, _ := process(t, a.lookup(newResources(t), rates), `{"currencies":["USD","EUR"]}`)
	assert.Equal(t, "[0.9 1]", fmt.Sprint(got[0]))
}

func TestLookup_ACurrencyWithoutARateIsNullAndToldOnce(t *testing.T) {
	t.Parallel()
	for name, shown := range map[string]string{"there is none": sandbox.ConversionsShown, "they are not shown": sandbox.ConversionsAbsent, "they are zero": sandbox.ConversionsZero} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, sandbox.Config{Conversions: shown}, 1)
			a.won(1, "XAF", 100)
			a.won(2, "EUR", 100)
			res := newResources(t)
			p := a.lookup(res, rates)
			for range 3 {
				got, _ := process(t, p, `{"currencies":["XAF","EUR"]}`)
				assert.Equal(t, "[none 1]", fmt.Sprint(got[0]))
			}
			assert.Equal(t, 1, res.logs.count("no rate from XAF to EUR"))
			assert.Equal(t, 1, a.calls("/v1/deals/summary"))
		})
	}
}

func TestLookup_LeadLabelsAreReadAsAWholeList(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	labels := a.Records("leadLabel", 0, 10)
	require.NotEmpty(t, labels)
	p := a.lookup(newResources(t), "object: lead_labels\nid: this.label_ids\nresult_map: 'root = this.map_each(l -> l.name.or(\"gone\"))'")
	for range 2 {
		got, _ := process(t, p, fmt.Sprintf(`{"label_ids":[%q,"f08b42a0-4e75-11ea-9643-000000000000",%q]}`, labels[1]["id"], labels[0]["id"]))
		assert.Equal(t, fmt.Sprintf("[%v gone %v]", labels[1]["name"], labels[0]["name"]), fmt.Sprint(got[0]))
	}
	calls, tokens := a.asked("/v1/leadLabels")
	assert.Equal(t, []int{1, 10}, []int{calls, tokens}, "and what is gone is not asked for again")
}

func TestLookup_AMissingRecordIsFoundOnceAnInputHasReadIt(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 1), newResources(t)
	p := a.lookup(res, "object: persons\nid: this.person_id\ncache_ttl: 1h")
	for range 3 {
		got, _ := process(t, p, `{"person_id":77}`)
		require.Nil(t, at(got[0], "person"))
	}
	assert.Equal(t, 1, a.calls("/api/v2/persons"), "it is not asked for again")

	in := a.startRecents(res, "start_from: 2026-10-01T00:00:00Z\nfollow: false")
	a.put("person", 77, "New", time.Now())
	in.readToEnd()
	got, _ := process(t, p, `{"person_id":77}`)
	assert.Equal(t, "New", at(got[0], "person", "name"))
}

func TestLookup_LeadsOfAPersonAndOfAnOrganization(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 2)
	a.Put("organization", map[string]any{"id": 7, "name": "Example Ltd"})
	for i := 1; i <= 3; i++ {
		a.Put("lead", map[string]any{"id": leadID(i), "title": fmt.Sprint("Lead ", i), "person_id": 1 + i/3, "organization_id": 7})
	}
	for by, want := range map[string]string{"person_id": "[Lead 1 Lead 2]", "org_id": "[]"} {
		p := a.lookup(newResources(t), "object: leads\nby: "+by+"\nid: this.id\nresult_map: 'root = this.map_each(l -> l.title)'")
		got, _ := process(t, p, `{"id":1}`)
		assert.Equal(t, want, fmt.Sprint(got[0]), by)
	}
	p := a.lookup(newResources(t), "object: leads\nby: org_id\nid: this.id\nresult_map: 'root = this.map_each(l -> l.title)'")
	got, _ := process(t, p, `{"id":7}`)
	assert.Equal(t, "[Lead 1 Lead 2 Lead 3]", fmt.Sprint(got[0]))
}

// A delivery is a change that an input of the process reads, as a poll is.
func TestLookup_AChangeThatAWebhookTellsIsSeenByTheNextLookup(t *testing.T) {
	t.Parallel()
	a, in := subscribedTo(t, sandbox.Config{Webhooks: sandbox.Webhooks{TimeScale: 0.001}}, 3)
	p := a.lookup(in.res, "object: persons\nid: this.person_id\ncache_ttl: 1h")
	got, _ := process(t, p, `{"person_id":2}`)
	require.Equal(t, "Person 2", at(got[0], "person", "name"))
	a.do("PATCH", "/api/v2/persons/2", `{"name":"Renamed"}`)
	_, ack := in.batch()
	got, _ = process(t, p, `{"person_id":2}`)
	assert.Equal(t, "Renamed", at(got[0], "person", "name"))
	require.NoError(t, ack(t.Context(), nil))
}

// Streams of a process share what they know: a webhook's deal is in the sum of the next message.
func TestBook_ADealThatAWebhookTellsIsKnownBeforeThePollThatSeesIt(t *testing.T) {
	t.Parallel()
	a, hook := subscribedTo(t, sandbox.Config{Webhooks: sandbox.Webhooks{TimeScale: 0.001}}, 3)
	for i := 1; i <= 3; i++ {
		a.deal(i, 1, "open")
	}
	s := newStore(t)
	in := a.startRecents(s.resources, readsDeals+"poll_interval: 1h\n")
	in.mustRead().delivered(t)
	require.Eventually(t, func() bool { _, known := bookOf(in.client(), "deal").dealsOf("1"); return known }, 10*time.Second, time.Millisecond)
	a.do("PATCH", "/api/v2/deals/2", `{"status":"won","person_id":2}`)
	_, ack := hook.batch()
	a.knows(s)
	require.NoError(t, ack(t.Context(), nil))
}
