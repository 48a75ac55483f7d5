package pipedrive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestWrite_UpsertChangesWhatItFindsAndCreatesWhatItDoesNot(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 3)
	out := a.output(newResources(t), "object: persons\nmatch: email")
	batch := messages(t,
		`{"email":"P2@example.com","name":"Renamed","custom_fields_by_name":{"lead_source":"Web"}}`,
		`{"email":"new@example.com","name":"New Person","custom_fields_by_name":{"Interests":["Boats","cars"],"credit_limit":{"value":5,"currency":"EUR"}}}`,
	)
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	assert.ElementsMatch(t, []string{
		`PATCH /api/v2/persons/2 {"custom_fields":{"` + sourceKey + `":11},"name":"Renamed"}`,
		`POST /api/v2/persons {"custom_fields":{"` + interestKey + `":[21,22],"` + creditKey + `":{"currency":"EUR","value":5}},"emails":[{"primary":true,"value":"new@example.com"}],"name":"New Person"}`,
	}, a.writes())
	assert.Equal(t, []string{"2", "4", "200"}, []string{meta(batch[0], "pipedrive_id"), meta(batch[1], "pipedrive_id"), meta(batch[1], "pipedrive_status")})
	assert.Equal(t, "New Person", a.record("person", "4")["name"])
}

func TestWrite_TheAddressThatFindsAPersonLeavesItsOthersAlone(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 0)
	a.Put("person", map[string]any{"id": 1, "name": "Ada", "emails": []any{
		map[string]any{"value": "home@example.com", "primary": false, "label": "home"}, map[string]any{"value": "work@example.com", "primary": true, "label": "work"},
	}})
	require.NoError(t, a.output(newResources(t), "object: persons\nmatch: email").WriteBatch(t.Context(), messages(t, `{"email":"home@example.com","name":"Renamed"}`)))
	assert.Equal(t, []string{`PATCH /api/v2/persons/1 {"name":"Renamed"}`}, a.writes())
}

func TestWrite_WhatDoesNotDifferIsNotWritten(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 3)
	out := a.output(newResources(t), "object: persons\naction: update")
	batch := messages(t, `{"id":2,"name":"Person 2","emails":[{"value":"p2@example.com"}],"custom_fields_by_name":{"lead_source":null}}`)
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	assert.Empty(t, a.writes())
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"id":2,"name":"Person 2","visible_to":1,"custom_fields":{"`+sourceKey+`":12,"`+interestKey+`":[]}}`)))
	assert.Equal(t, []string{`PATCH /api/v2/persons/2 {"custom_fields":{"` + sourceKey + `":12},"visible_to":1}`}, a.writes())
}

func TestWrite_ARecordThatWasReadCanBeWrittenBack(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 1)
	a.Put("deal", map[string]any{"id": 1, "title": "Deal", "person_id": 1, "org_id": 1, "stage_id": 1, "pipeline_id": 1, "status": "won", "value": 10,
		"won_time": "2026-02-03T04:05:06Z", "close_time": "2026-02-03T04:05:06Z", "custom_fields": map[string]any{seatsKey: 3}})
	a.Put("activity", map[string]any{"id": 1, "subject": "Call", "type": "call", "person_id": 1, "participants": []any{map[string]any{"person_id": 1, "primary": true}}})
	a.Put("product", map[string]any{"id": 1, "name": "Product", "prices": []any{}})
	a.Put("lead", map[string]any{"id": "35b0d604-eb0d-42d0-be11-eac8832051f0", "title": "Lead", "person_id": 1, seatsKey: 4})
	a.Put("note", map[string]any{"id": 1, "content": "Note", "person_id": 1})
	res := newResources(t)
	for i, plural := range []string{"persons", "organizations", "deals", "activities", "products", "pipelines", "stages", "leads", "notes"} {
		in := a.start(res, "objects: [ "+plural+" ]")
		batch, ack, err := in.ReadBatch(t.Context())
		require.NoError(t, err, plural)
		require.NoError(t, ack(t.Context(), nil))
		// As a whole it is what it was: nothing is to be written.
		require.NoError(t, a.output(res, "object: "+plural+"\naction: update").WriteBatch(t.Context(), batch), plural)
		require.Len(t, a.writes(), i, plural)
		// A copy of it is made without what is Pipedrive's own.
		require.NoError(t, a.output(res, "object: "+plural+"\naction: create").WriteBatch(t.Context(), batch), plural)
	}
	assert.Len(t, a.writes(), 9)
	for _, call := range a.writes() {
		assert.NotContains(t, call, "update_time", call)
	}
}

func TestWrite_UnknownFieldsAreNamedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 1)
	out := a.output(newResources(t), "object: persons\naction: ${! @action.or(\"update\") }")
	a.sent = nil
	batch := messages(t,
		`{"id":1,"nmae":"x","phone":"1"}`,
		`{"id":1,"`+sourceKey+`":11}`,
		`{"id":1,"custom_fields_by_name":{"lead_sauce":"Web"}}`,
		`{"id":1,"custom_fields_by_name":{"lead_source":"Telephone"}}`,
		`{"action":"create","emails":[]}`,
		`{"id":1,"owner_id":"seven"}`,
		`{"id":1,"first_name":"Ada"}`,
		`{"action":"frobnicate"}`,
		`{"name":"No id"}`,
	)
	reasons := refused(t, out, batch)
	for i, parts := range [][]string{
		{"nmae (near: name)", "phone (v2 calls it phones)"}, {"custom_fields"}, {`"lead_sauce" (near: lead_source)`}, {"Fair, Web"}, {"needs the field name"},
		{"owner_id: it takes a number"}, {"both first_name and last_name"}, {"create, update, upsert or delete"}, {"has no id"},
	} {
		for _, part := range parts {
			assert.Contains(t, reasons[i], part)
		}
	}
	assert.Empty(t, a.those(func(call string) bool { return !strings.Contains(call, "personFields") }))
}

func TestWrite_SeveralThatMatchAreRefusedWithTheirIDs(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	a.Put("person", map[string]any{"id": 3, "name": "Twin", "emails": []any{map[string]any{"value": "P1@EXAMPLE.com", "primary": true}}})
	a.Put("organization", map[string]any{"id": 2, "name": "Example Ltd", "custom_fields": map[string]any{taxKey: "GB 2"}})
	res := newResources(t)
	batch := messages(t, `{"email":"p1@example.com","name":"Whoever"}`)
	assert.Contains(t, refused(t, a.output(res, "object: persons\nmatch: email"), batch)[0], "(1, 3)")
	batch = messages(t, `{"name":"example ltd","website":"https://example.com"}`)
	assert.Contains(t, refused(t, a.output(res, "object: organizations\nmatch: name"), batch)[0], "(1, 2)")
	assert.Empty(t, a.writes())

	batch = messages(t, `{"custom_fields_by_name":{"tax_number":"gb 2"},"website":"https://example.com"}`)
	require.NoError(t, a.output(res, "object: organizations\nmatch: tax_number\naction: update").WriteBatch(t.Context(), batch))
	assert.Equal(t, "https://example.com", a.record("organization", "2")["website"])
}

func TestWrite_MessagesWithOneValueAreOneRecord(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 0)
	res := newResources(t)
	out, other := a.output(res, "object: persons\nmatch: email"), a.output(res, "object: persons\nmatch: email")
	done := make(chan error, 2)
	for i, out := range []*writeOutput{out, other} {
		batch := messages(t, `{"email":"one@example.com","name":"First"}`, `{"email":"ONE@example.com","name":"Second"}`, `{"email":"two@example.com","name":"`+string(rune('A'+i))+`"}`)
		go func() { done <- out.WriteBatch(t.Context(), batch) }()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	assert.Equal(t, 2, a.Count("person"))
	assert.Equal(t, "Second", a.record("person", a.idOf("one@example.com"))["name"])
}

func TestWrite_WhatWasJustCreatedIsFoundBeforeTheIndexKnowsIt(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 0)
	a.onCall(a.withoutIndex)
	out := a.output(newResources(t), "object: persons\nmatch: email")
	for _, name := range []string{"First", "Second"} {
		require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"email":"one@example.com","name":"`+name+`"}`)))
	}
	assert.Equal(t, 1, a.Count("person"))
	assert.Equal(t, "Second", a.record("person", "1")["name"])
}

func TestWrite_DeletingWhatIsNotThereIsDone(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	out := a.output(newResources(t), "object: persons\nmatch: email\naction: delete\nid: this.id")
	batch := messages(t, `{"id":1}`, `{"id":1}`, `{"id":99}`, `{"email":"p2@example.com"}`, `{"email":"nobody@example.com"}`)
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	for _, id := range []string{"1", "2"} {
		assert.Equal(t, true, a.record("person", id)["is_deleted"])
	}
	assert.Equal(t, []string{"200", "410", "404"}, []string{meta(batch[0], "pipedrive_status"), meta(batch[1], "pipedrive_status"), meta(batch[2], "pipedrive_status")})
}

func TestWrite_LeadsHaveTheirCustomFieldsAtTheRoot(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 1)
	out := a.output(newResources(t), "object: leads\nmatch: title")
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"title":"A lead","org_id":1,"visible_to":3,"custom_fields_by_name":{"seats":"12"}}`)))
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"title":"A lead","org_id":1,"visible_to":3,"custom_fields_by_name":{"seats":12},"person_id":1}`)))
	require.Len(t, a.writes(), 2)
	assert.Equal(t, `POST /v1/leads {"`+seatsKey+`":12,"organization_id":1,"title":"A lead","visible_to":"3"}`, a.writes()[0])
	assert.Contains(t, a.writes()[1], `{"person_id":1}`)
}

func TestWrite_AnActivitysPersonIsItsParticipant(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 1)
	out := a.output(newResources(t), "object: activities\naction: create")
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"subject":"Clicked","type":"task","done":"true","person_id":1}`)))
	assert.Equal(t, []string{`POST /api/v2/activities {"done":true,"participants":[{"person_id":1,"primary":true}],"subject":"Clicked","type":"task"}`}, a.writes())
	assert.EqualValues(t, 1, a.record("activity", "1")["person_id"])
}

// idOf is the id of the person with an address.
func (a *written) idOf(address string) string {
	ids := []string{}
	for _, r := range a.Records("person", 0, 1000) {
		if primary(r["emails"]) == address || strings.EqualFold(primary(r["emails"]), address) {
			id, _ := idOf(r["id"])
			ids = append(ids, id)
		}
	}
	require.Len(a.t, ids, 1)
	return ids[0]
}
