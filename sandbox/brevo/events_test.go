package brevo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvents_AreKeptAndUpdateTheirContact(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ExtID: "7"})
	a := c.post("/events", `{"event_name":"deal_updated","identifiers":{"ext_id":"7"},"event_date":"2026-11-01T10:00:00.5Z",
		"event_properties":{"stage":{"id":3}},"contact_properties":{"FIRSTNAME":"Ann","NOPE":1}}`)
	require.Equal(t, http.StatusNoContent, a.status, a.text)
	require.Len(t, c.Events(), 1)
	e := c.Events()[0]
	assert.Equal(t, "deal_updated", e.Name)
	assert.EqualValues(t, 1, e.ContactID)
	assert.Equal(t, "2026-11-01T10:00:00.5Z", e.Date.Format("2006-01-02T15:04:05.9Z07:00"))
	assert.JSONEq(t, `{"stage":{"id":3}}`, string(e.Properties))
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann"}, ann.Attributes)

	between := "&startDate=2026-10-31&endDate=2026-11-02"
	assert.EqualValues(t, 1, c.get("/events?event_name=deal_updated&contact_id=1" + between).json["count"])
	assert.EqualValues(t, 0, c.get("/events?event_name=other" + between).json["count"])
	assert.Equal(t, http.StatusBadRequest, c.get("/events?startDate=2026-01-01").status)
}

func TestEvents_AreCheckedOneByOne(t *testing.T) {
	c := start(t, Config{})
	for body, message := range map[string]string{
		`{"identifiers":{"ext_id":"7"}}`:                                       "undefined event_name",
		`{"event_name":"a b","identifiers":{"ext_id":"7"}}`:                    "event_name may have letters, digits, - and _, at most 255",
		`{"event_name":"e"}`:                                                   "Please pass at least one identifier or contact id",
		`{"event_name":"e","identifiers":{}}`:                                  "Please pass at least one identifier or contact id",
		`{"event_name":"e","identifiers":{"contact_id":"7"}}`:                  "contact_id should be type number",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"today"}`: "event_date is not a valid UTC date-time",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"event_properties":{"x":"` + strings.Repeat("x", eventPropertiesLimit) + `"}}`: "event_properties exceed 50KB",
	} {
		a := c.post("/events", body)
		assert.Equal(t, http.StatusBadRequest, a.status)
		assert.Equal(t, message, a.json["message"])
	}
	assert.Empty(t, c.Events())
}

func TestEvents_BatchTellsWhichFailed(t *testing.T) {
	c := start(t, Config{})
	good, bad, nobody := `{"event_name":"e","identifiers":{"ext_id":"7"}}`, `{"identifiers":{"ext_id":"7"}}`, `{"event_name":"e"}`
	all := c.post("/events/batch", `{"events":[`+good+`,`+good+`]}`)
	assert.Equal(t, http.StatusAccepted, all.status)
	assert.EqualValues(t, 2, all.json["count"])

	some := c.post("/events/batch", `{"events":[`+bad+`,`+good+`,`+nobody+`,`+bad+`]}`)
	assert.Equal(t, http.StatusMultiStatus, some.status)
	assert.JSONEq(t, `{"status":"partiallyQueued","total_events":4,"successful_events":1,"failed_events":3,"errors":[
		{"eventIndex":[0,3],"message":"undefined event_name"},
		{"eventIndex":[2],"message":"Please pass at least one identifier or contact id"}]}`, some.text)

	none := c.post("/events/batch", `{"events":[`+bad+`]}`)
	assert.Equal(t, http.StatusBadRequest, none.status)
	assert.Equal(t, "failed", none.json["status"])
	assert.Len(t, c.Events(), 3)

	for _, body := range []string{`{"events":[]}`, `[` + good + `]`, `{"events":[` + strings.Repeat(good+",", 200) + good + `]}`} {
		assert.Equal(t, http.StatusBadRequest, c.post("/events/batch", body).status)
	}
}

func TestWebhooks_AreListedByTypeAndAcceptTheirEventsOnly(t *testing.T) {
	c := start(t, Config{})
	created := c.post("/webhooks", `{"url":"https://hook.example","type":"marketing","events":["contactUpdated","listAddition"]}`)
	require.Equal(t, http.StatusCreated, created.status, created.text)
	assert.Empty(t, c.get("/webhooks").json["webhooks"], "transactional by default")
	listed := c.get("/webhooks?type=marketing").json["webhooks"].([]any)
	require.Len(t, listed, 1)
	assert.Equal(t, "https://hook.example", listed[0].(map[string]any)["url"])
	assert.Equal(t, http.StatusBadRequest, c.post("/webhooks", `{"url":"https://hook.example","type":"marketing","events":["contact_updated"]}`).status)
	assert.Equal(t, http.StatusBadRequest, c.post("/webhooks", `{"events":[]}`).status)
	require.Equal(t, http.StatusNoContent, c.put("/webhooks/1", `{"events":["contactDeleted"]}`).status)
	assert.Equal(t, []any{"contactDeleted"}, c.get("/webhooks/1").json["events"])
	require.Equal(t, http.StatusNoContent, c.delete("/webhooks/1").status)
	assert.Equal(t, http.StatusNotFound, c.get("/webhooks/1").status)
}
