package brevo

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
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

func TestCompanies_LinksReplaceAndOnlyBracketedFiltersCount(t *testing.T) {
	c := start(t, Config{})
	created := c.post("/companies", `{"name":"Acme","attributes":{"domain":"acme.example","nope":1},"linkedContactsIds":[1,2]}`)
	require.Equal(t, http.StatusOK, created.status)
	id := created.json["id"].(string)
	assert.Len(t, id, 24)
	c.post("/companies", `{"name":"Acme"}`)
	c.post("/companies", `{"name":"Other"}`)
	assert.Len(t, c.get("/companies?filters%5Battributes.name%5D=Acme").json["items"], 2, "names are not unique")
	assert.Len(t, c.get("/companies?filters=Acme").json["items"], 3)
	assert.Len(t, c.get("/companies?limit=2&page=2").json["items"], 1)
	assert.Equal(t, http.StatusBadRequest, c.post("/companies", `{}`).status)

	changed := c.call(http.MethodPatch, "/companies/"+id, `{"linkedContactsIds":[3]}`)
	require.Equal(t, http.StatusOK, changed.status)
	assert.Equal(t, []any{3.0}, changed.json["linkedContactsIds"])
	assert.Equal(t, map[string]any{"name": "Acme", "domain": "acme.example"}, changed.json["attributes"])
	require.Equal(t, http.StatusNoContent, c.call(http.MethodPatch, "/companies/link-unlink/"+id, `{"linkContactIds":[4],"unlinkContactIds":[3]}`).status)
	assert.Equal(t, []any{4.0}, c.get("/companies/" + id).json["linkedContactsIds"])
	require.Equal(t, http.StatusNoContent, c.delete("/companies/"+id).status)
	assert.Equal(t, http.StatusNotFound, c.get("/companies/"+id).status)
}

func TestCompanies_ImportUpdatesByCompanyIDAndCreatesTheRest(t *testing.T) {
	c := start(t, Config{})
	attribute := c.post("/crm/attributes", `{"label":"Pipedrive ID","attributeType":"text","objectType":"companies"}`)
	require.Equal(t, "pipedrive_id", attribute.json["id"])
	id := c.post("/companies", `{"name":"Acme"}`).json["id"].(string)

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, _ := w.CreateFormFile("file", "companies.csv")
	_, _ = file.Write([]byte("company_id,name,pipedrive_id,associated_contact\n" + id + ",Acme Ltd,7,5\n,New,8,\n"))
	_ = w.WriteField("mapping", `{"link_entities":true,"update_existing_records":true}`)
	require.NoError(t, w.Close())
	a, err := c.try(http.MethodPost, "/companies/import", form.String(), "Content-Type", w.FormDataContentType())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status, a.text)
	c.finishProcess(a.json["processId"])

	companies := c.Companies()
	require.Len(t, companies, 2)
	assert.Equal(t, Company{ID: id, Attributes: map[string]any{"name": "Acme Ltd", "pipedrive_id": "7"}, ContactIDs: []int64{5}}, companies[0])
	assert.Equal(t, "New", companies[1].Attributes["name"])

	var attributes []map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.get("/crm/attributes/companies").text), &attributes))
	assert.Equal(t, "Pipedrive ID", attributes[len(attributes)-1]["label"])
	assert.Contains(t, c.post("/companies/import", "x").json, "message")
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
