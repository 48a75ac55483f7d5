package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// withDeals adds a second pipeline, and deals 1..n of person 1 in stage 1 of the first one.
func (d *demo) withDeals(n int) *demo {
	d.Pipedrive.Put("pipeline", map[string]any{"id": 1, "name": "Sales", "order_nr": 2})
	d.Pipedrive.Put("pipeline", map[string]any{"id": 2, "name": "Renewals", "order_nr": 3})
	for id, pipeline := range map[int]int{1: 1, 2: 1, 3: 2} {
		d.Pipedrive.Put("stage", map[string]any{"id": id, "name": fmt.Sprintf("Stage %d", id), "pipeline_id": pipeline, "order_nr": id})
	}
	d.Pipedrive.Put("person", map[string]any{
		"id": 1, "name": "First Person", "emails": []any{map[string]any{"value": "first@mail.example.org", "primary": true}},
	})
	for i := range n {
		d.Pipedrive.Put("deal", map[string]any{
			"id": i + 1, "title": fmt.Sprintf("Deal %d", i+1), "value": 10, "person_id": 1, "stage_id": 1, "pipeline_id": 1,
			"update_time": "2026-01-02T00:00:00Z",
		})
	}
	return d
}

func (d *demo) board(query string) boardView {
	d.t.Helper()
	resp, body := d.request(http.MethodGet, "/board.json"+query)
	require.Equal(d.t, http.StatusOK, resp.StatusCode, body)
	var view boardView
	require.NoError(d.t, json.Unmarshal([]byte(body), &view))
	return view
}

func (d *demo) move(body string, header ...string) *http.Response {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+"/move.json", strings.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	resp.Body.Close()
	return resp
}

func TestBoard_ShowsTheNewestOpenDealsOfTheFirstPipelineByStage(t *testing.T) {
	d := start(t, 0).withDeals(70)
	d.Pipedrive.Put("deal", map[string]any{"id": 71, "title": "Won", "status": "won", "stage_id": 1, "pipeline_id": 1})
	d.Pipedrive.Put("deal", map[string]any{"id": 72, "title": "Gone", "is_deleted": true, "stage_id": 1, "pipeline_id": 1})
	d.Pipedrive.Put("deal", map[string]any{"id": 73, "title": "Elsewhere", "stage_id": 3, "pipeline_id": 2})
	view := d.board("")
	assert.Equal(t, "Sales", view.Pipeline)
	require.Len(t, view.Stages, 2)
	assert.Equal(t, []string{"Stage 1", "Stage 2"}, []string{view.Stages[0].Name, view.Stages[1].Name})
	require.Len(t, view.Stages[0].Deals, 60)
	assert.Equal(t, dealView{ID: 70, Title: "Deal 70", Value: 10.0, Currency: "EUR", Person: "First Person"}, view.Stages[0].Deals[0])
	assert.Nil(t, view.Picked)
}

func TestBoard_TellsWhatTheAccountOfASeededCompanyHas(t *testing.T) {
	d := start(t, 300)
	view, n := d.board(""), 0
	for _, s := range view.Stages {
		n += len(s.Deals)
	}
	assert.NotEmpty(t, view.Pipeline)
	assert.Positive(t, n)
}

func TestMove_ChangesTheDealAsAUserWould(t *testing.T) {
	d := start(t, 0).withDeals(2)
	require.Equal(t, http.StatusOK, d.move(`{"deal":2,"stage":2}`).StatusCode)
	deal := d.Pipedrive.Records("deal", 1, 1)[0]
	assert.InDelta(t, 2, deal["stage_id"], 0)
	assert.NotEqual(t, "2026-01-02T00:00:00Z", deal["update_time"])
	view := d.board("")
	assert.Len(t, view.Stages[0].Deals, 1)
	assert.Len(t, view.Stages[1].Deals, 1)
	assert.Zero(t, d.Pipedrive.Stats().Calls, "no call of the API's")
}

func TestMove_RefusesWhatIsNotAMove(t *testing.T) {
	d := start(t, 0).withDeals(1)
	assert.Equal(t, http.StatusBadRequest, d.move(`{"deal":0,"stage":2}`).StatusCode)
	assert.Equal(t, http.StatusBadRequest, d.move(`nonsense`).StatusCode)
	assert.Equal(t, http.StatusConflict, d.move(`{"deal":9,"stage":2}`).StatusCode)
	assert.Equal(t, http.StatusConflict, d.move(`{"deal":1,"stage":9}`).StatusCode)
	assert.Equal(t, http.StatusUnsupportedMediaType, d.move(`{"deal":1,"stage":2}`, "Content-Type", "text/plain").StatusCode)
	assert.Equal(t, http.StatusForbidden, d.move(`{"deal":1,"stage":2}`, "Sec-Fetch-Site", "cross-site").StatusCode)
	assert.InDelta(t, 1, d.Pipedrive.Records("deal", 0, 1)[0]["stage_id"], 0)
}

func TestBoard_ShowsTheListsAndTheEventsThatArrive(t *testing.T) {
	d := start(t, 0).withDeals(1)
	d.progress = Progress{State: "done"}
	assert.Equal(t, "refused by Brevo", d.board("?deal=1").Picked.Why)
	d.Brevo.PutList(62, "Late stages")
	d.Brevo.PutContact(brevo.Contact{Email: "first@mail.example.org", ExtID: "1", ListIDs: []int64{62}})
	for i := range 15 {
		d.event(fmt.Sprintf(`{"event_name":"event_%d","identifiers":{"ext_id":"nobody"}}`, i))
	}
	d.event(`{"event_name":"deal_stage_changed","identifiers":{"ext_id":"1"},"event_properties":{"stage":"Stage 2"}}`)

	view := d.board("?deal=1")
	require.NotNil(t, view.Picked)
	assert.Equal(t, "First Person", view.Picked.Person)
	assert.Equal(t, []string{"Late stages"}, view.Picked.Contact.Lists)
	require.Len(t, view.Events, newsLength)
	assert.Equal(t, 16, view.Total)
	newest := view.Events[0]
	assert.Equal(t, []any{16, "deal_stage_changed", "first@mail.example.org", `{"stage":"Stage 2"}`, true},
		[]any{newest.Number, newest.Name, newest.Whose, newest.Properties, newest.Picked})
	assert.Equal(t, []any{"event_14", "nobody", false}, []any{view.Events[1].Name, view.Events[1].Whose, view.Events[1].Picked})
	assert.Nil(t, d.board("?deal=99").Picked)
}

// event sends an event to Brevo as a sync would.
func (d *demo) event(body string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.BrevoURL()+"/events", strings.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("api-key", sandbox.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	resp.Body.Close()
	require.Equal(d.t, http.StatusNoContent, resp.StatusCode)
}
