package api_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

// samples are the deliveries that were recorded, by file name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	bodies := map[string][]byte{}
	for _, version := range []string{"webhook-v1", "webhook-v2"} {
		files, err := filepath.Glob(filepath.Join("../../../../shared/payloads/pipedrive", version, "*.json"))
		require.NoError(t, err)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			bodies[version+"/"+filepath.Base(file)] = body
		}
	}
	return bodies
}

func TestReadDelivery_MakesAValidRecordOfEveryRecordedPayload(t *testing.T) {
	bodies := samples(t)
	if len(bodies) == 0 {
		t.Skip("../shared is not here")
	}
	c := newAccount(t).client()
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			d, err := c.ReadDelivery(t.Context(), body)
			require.NoError(t, err)
			assertShape(t, d.Object, d.Record)
			assert.Contains(t, []string{"create", "change", "delete", "merge"}, d.Action)
			assert.Equal(t, d.Record.ID(), d.ID)
			assert.Regexp(t, `^\d{4}-\d\d-\d\dT[\d:.]+Z$`, d.Time)
			assert.NotEmpty(t, d.EventID)
			assert.Equal(t, d.Action == "delete", d.Record["is_deleted"] == true && d.Object != "user")
			assert.Equal(t, d.Action == "change", d.Previous != nil)
			again, err := c.ReadDelivery(t.Context(), []byte(strings.Replace(string(body), `"retry": 0`, `"retry": 1`, 1)))
			require.NoError(t, err)
			assert.Equal(t, d.Key(), again.Key(), "a retry is the same delivery")
		})
	}
}

func TestReadDelivery_TellsWhatIsNoDeliveryFromWhatIsNotKnown(t *testing.T) {
	c := newAccount(t).client()
	for _, body := range []string{``, `{`, `null`, `[]`, `"text"`, `7`, `{}`, `{"meta":{}}`, `{"meta":null}`, `{"name":"Ada"}`, `<html>`,
		`{"meta":{"action":"change","entity":"person","version":"2.0"},"data":{}}`, `{"meta":{"action":1,"entity":"person"}}`,
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "\xff\xfe", `{"meta":{"entity":"person"}} trailing`} {
		_, err := c.ReadDelivery(t.Context(), []byte(body))
		assert.ErrorIs(t, err, api.ErrNoDelivery, "%.40s", body)
	}
	for reason, body := range map[string]string{
		"entity":  `{"meta":{"action":"change","entity":"project","entity_id":"1","version":"2.0"},"data":{"id":1}}`,
		"version": `{"meta":{"action":"change","entity":"person","entity_id":"1","version":"3.0"},"data":{"id":1}}`,
		"action":  `{"meta":{"action":"restore","entity":"person","entity_id":"1","version":"2.0"},"data":{"id":1}}`,
		"data":    `{"meta":{"action":"change","entity":"person","entity_id":"1","version":"2.0"},"data":null}`,
	} {
		_, err := c.ReadDelivery(t.Context(), []byte(body))
		var unhandled *api.Unhandled
		require.ErrorAs(t, err, &unhandled, reason)
		assert.Equal(t, reason, unhandled.Reason)
	}
}

// delivery2 is a payload 2.0 of deal 8.
func delivery2(action string, data, previous any, meta ...object) []byte {
	m := object{"action": action, "entity": "deal", "entity_id": "8", "id": "df47d877-b58c-4886-91cd-1aa83e1d7366",
		"timestamp": "2026-11-02T10:11:12.345Z", "version": "2.0", "user_id": "7", "change_source": "app", "attempt": 1}
	for _, more := range meta {
		for key, v := range more {
			m[key] = v
		}
	}
	body, err := json.Marshal(object{"meta": m, "data": data, "previous": previous})
	if err != nil {
		panic(err)
	}
	return body
}

func TestReadDelivery_ReadsTheDefinitionsAgainForAnUnknownKey(t *testing.T) {
	a := newAccount(t)
	c := a.client()
	_, err := c.ReadDelivery(t.Context(), delivery2("create", object{"id": 8}, nil))
	require.NoError(t, err)
	a.with("/api/v2/dealFields", both(hash('b'), "New One", "enum"))
	c.AgeFields(time10)
	d, err := c.ReadDelivery(t.Context(), delivery2("create", object{"id": 8, "custom_fields": object{hash('b'): object{"type": "enum", "id": 11}}}, nil))
	require.NoError(t, err)
	assert.Equal(t, object{"new_one": "Web form"}, d.Record["custom_fields_by_name"])
	assert.Equal(t, 2, a.calls("dealFields"))
}

func TestReadDelivery_PreviousHasTheFormerValuesOfWhatChangedAndNoOthers(t *testing.T) {
	c := newAccount(t).client()
	d, err := c.ReadDelivery(t.Context(), delivery2("change", object{"id": 8, "stage_id": 3, "visible_to": "3", "value": 100.5},
		object{"stage_id": 2, "visible_to": "1", "value": 99.5, "label": 4}))
	require.NoError(t, err)
	assert.Equal(t, object{"stage_id": int64(2), "visible_to": int64(1), "value": 99.5, "label_ids": list{int64(4)}}, d.Previous)

	full := func(name, key string) object {
		return object{"id": 3, "name": name, "owner_id": 5, "active_flag": true, "update_time": "2026-11-02 10:11:12",
			"email": list{object{"value": "ada@example.org", "primary": true}}, "label": 4, hash('c'): key, hash('d'): nil}
	}
	body, err := json.Marshal(object{"v": 1, "meta": object{"v": 1, "action": "updated", "object": "person", "id": 3, "user_id": 5,
		"timestamp": 1571751598, "timestamp_micro": 1571751598776014, "change_source": "api"},
		"current": full("Ada", "x"), "previous": full("Adah", "y")})
	require.NoError(t, err)
	d, err = c.ReadDelivery(t.Context(), body)
	require.NoError(t, err)
	assert.Equal(t, object{"name": "Adah", "custom_fields": object{hash('c'): "y"}}, without(d.Previous, "custom_fields_by_name"))
	assert.Equal(t, "change 3 2019-10-22T13:39:58.776014Z 5 api", strings.Join([]string{d.Action, d.ID, d.Time, d.UserID, d.ChangeSource}, " "))
	assert.Equal(t, list{n(4)}, d.Record["label_ids"])
	assert.Equal(t, "2026-11-02T10:11:12Z", d.Record["update_time"])
}

func TestReadDelivery_AMergeIsAMergeAndADeleteThatSaysWhereTheRecordWent(t *testing.T) {
	c := newAccount(t).client()
	survivor, err := c.ReadDelivery(t.Context(), delivery2("change", object{"id": 8}, object{}, object{"merged_from_id": "9"}))
	require.NoError(t, err)
	assert.Equal(t, "merge 8 from 9", survivor.Action+" "+survivor.ID+" from "+survivor.MergedFrom)
	gone, err := c.ReadDelivery(t.Context(), delivery2("delete", nil, object{"id": 9, "title": "Twin"}, object{"merged_to_id": "8", "entity_id": "9"}))
	require.NoError(t, err)
	assert.Equal(t, "delete 9 to 8", gone.Action+" "+gone.ID+" to "+gone.MergedTo)
	assert.Equal(t, true, gone.Record["is_deleted"])
	assert.Equal(t, "Twin", gone.Record["title"])
	assert.NotEqual(t, survivor.Key(), gone.Key())
}

func TestReadDelivery_ShapesWhatDiffersByObject(t *testing.T) {
	c := newAccount(t).client()
	for entity, tc := range map[string]struct{ data, want object }{
		"activity": {object{"id": 1, "due_time": object{"value": "10:30", "timezone_id": 1}, "duration": object{"value": "01:00:00"}, "busy_flag": true, "active_flag": false},
			object{"due_time": "10:30:00", "duration": "01:00:00", "busy": true, "is_deleted": true}},
		"lead":    {object{"id": "b1810230-6c0d-11ed-9826-a53d0eb706a5", "organization_id": 2}, object{"org_id": n(2)}},
		"user":    {object{"id": "15702024", "active_flag": false, "created": "2022-06-29 07:53:01"}, object{"id": n(15702024), "is_deleted": true, "created": "2022-06-29T07:53:01Z"}},
		"stage":   {object{"id": 1, "rotten_flag": true, "rotten_days": 3, "active_flag": true}, object{"is_deal_rot_enabled": true, "days_to_rotten": n(3), "is_deleted": false}},
		"product": {object{"id": 1, "category": "12", "selectable": true}, object{"category": n(12), "is_linkable": true}},
		"person":  {object{"id": 1, "emails": nil, "visible_to": "3", "label": nil, "owner_id": "7"}, object{"emails": list{}, "visible_to": n(3), "label_ids": list{}, "owner_id": n(7)}},
	} {
		d, err := c.ReadDelivery(t.Context(), delivery2("change", tc.data, nil, object{"entity": entity, "timestamp": 1669304802}))
		require.NoError(t, err, entity)
		assert.Equal(t, "2022-11-24T15:46:42Z", d.Time, entity)
		for key, want := range tc.want {
			assert.Equal(t, want, d.Record[key], "%s %s", entity, key)
		}
		assert.NotContains(t, d.Record, "address")
		assert.NotContains(t, d.Record, "location")
	}
}

func FuzzReadDelivery(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(body)
	}
	for _, body := range []string{`{"meta":{"action":"delete","entity":"user","id":null},"data":[],"previous":{"custom_fields":[]}}`,
		`{"v":1,"meta":{"action":"merged","object":"person","id":1e400,"timestamp":-1},"current":{"id":{},"label":[]},"previous":{}}`,
		`{"meta":{"action":"change","entity":"activity","entity_id":1,"timestamp":9e99},"data":{"due_time":{},"participants":[1]},"previous":{"due_time":{}}}`} {
		f.Add([]byte(body))
	}
	c, err := api.New(api.Config{APIToken: "sandbox", BaseURL: "http://127.0.0.1:1", BurstLimit: 100, Timeout: 1})
	require.NoError(f, err)
	c.KnowNoFields()
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := c.ReadDelivery(t.Context(), body)
		var unhandled *api.Unhandled
		if err != nil {
			assert.True(t, errors.Is(err, api.ErrNoDelivery) || errors.As(err, &unhandled), "%v", err)
			return
		}
		assert.NotEmpty(t, d.ID)
		assert.NotEmpty(t, d.Time)
		_, err = json.Marshal(d)
		assert.NoError(t, err)
	})
}

const time10 = 10 * time.Second

func keysOf(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func without(m map[string]any, key string) map[string]any {
	m = maps.Clone(m)
	delete(m, key)
	return m
}
