package brevo

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	attributes := changed.json["attributes"].(map[string]any)
	assert.NotEmpty(t, attributes["created_at"])
	assert.NotEmpty(t, attributes["last_updated_at"])
	assert.Equal(t, map[string]any{"name": "Acme", "domain": "acme.example"}, c.Companies()[0].Attributes)
	require.Equal(t, http.StatusNoContent, c.call(http.MethodPatch, "/companies/link-unlink/"+id, `{"linkContactIds":[4],"unlinkContactIds":[3]}`).status)
	assert.Equal(t, []any{4.0}, c.get("/companies/" + id).json["linkedContactsIds"])
	require.Equal(t, http.StatusNoContent, c.delete("/companies/"+id).status)
	assert.Equal(t, http.StatusNotFound, c.get("/companies/"+id).status)
}

func TestCompanies_ImportUpdatesByCompanyIDAndCreatesTheRest(t *testing.T) {
	c := start(t, Config{})
	c.PutCompanyAttribute("vip", "boolean")
	attribute := c.post("/crm/attributes", `{"label":"Pipedrive ID","attributeType":"text","objectType":"companies"}`)
	require.Equal(t, "pipedrive_id", attribute.json["id"])
	id := c.post("/companies", `{"name":"Acme"}`).json["id"].(string)

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, _ := w.CreateFormFile("file", "companies.csv")
	_, _ = file.Write([]byte("company_id,name,pipedrive_id,associated_contact,revenue,vip,created_at\n" + id + ",Acme Ltd,7,\"5,6\",12.5,true,2020-01-01\n,New,8,,,,\n"))
	_ = w.WriteField("mapping", `{"link_entities":true,"update_existing_records":true}`)
	require.NoError(t, w.Close())
	a, err := c.try(http.MethodPost, "/companies/import", form.String(), "Content-Type", w.FormDataContentType())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status, a.text)
	c.finishProcess(a.json["processId"])

	companies := c.Companies()
	require.Len(t, companies, 2)
	assert.Equal(t, Company{ID: id, Attributes: map[string]any{"name": "Acme Ltd", "pipedrive_id": "7", "revenue": 12.5, "vip": true}, ContactIDs: []int64{5, 6}}, companies[0])
	assert.Equal(t, "New", companies[1].Attributes["name"])

	var attributes []map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.get("/crm/attributes/companies").text), &attributes))
	assert.Equal(t, "Pipedrive ID", attributes[len(attributes)-1]["label"])
	assert.Contains(t, c.post("/companies/import", "x").json, "message")
}

func TestCompanies_PagesAreCountedInEachOfTheWaysThatTheDocumentsAllow(t *testing.T) {
	for name, cfg := range map[string]struct {
		quirks Quirks
		pages  map[string]int // how many of 5 companies each page of 2 has
	}{
		"from 1":   {Quirks{}, map[string]int{"": 2, "1": 2, "2": 2, "3": 1, "4": 0}},
		"from 0":   {Quirks{CompanyPagesFromZero: true}, map[string]int{"": 2, "0": 2, "1": 2, "2": 1, "3": 0}},
		"by index": {Quirks{CompanyPagesByIndex: true}, map[string]int{"": 2, "0": 2, "1": 2, "4": 1, "5": 0}},
	} {
		c := start(t, Config{Quirks: cfg.quirks})
		for range 5 {
			c.post("/companies", `{"name":"Acme"}`)
		}
		for page, n := range cfg.pages {
			query := "/companies?limit=2"
			if page != "" {
				query += "&page=" + page
			}
			assert.Len(t, c.get(query).json["items"], n, "%s, page %s", name, page)
		}
	}
	assert.Equal(t, http.StatusBadRequest, start(t, Config{Quirks: Quirks{MostCompanies: 50}}).get("/companies?limit=51").status)
	assert.Equal(t, http.StatusOK, start(t, Config{Quirks: Quirks{MostCompanies: 50, CutCompanyPages: true}}).get("/companies?limit=51").status)
}
