package contract

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/brevo"
	"connector/sandbox/seed"
)

func seededBrevo(cfg brevo.Config) *brevo.Server {
	s := brevo.New(cfg)
	seed.Account(s, seed.OptedOut(400))
	return s
}

func TestBrevoSandbox_EveryRouteAnswersAsTheFilesSay(t *testing.T) {
	j := watch(t, "brevo", seededBrevo(brevo.Config{ImportDelay: 1}))
	j.run(t, []plainCall{
		{"GET", "/v3/account", "", 200},

		{"GET", "/v3/contacts", "", 200}, {"GET", "/v3/contacts?limit=2&offset=1&sort=asc&modifiedSince=2020-01-01T00:00:00.000Z", "", 200},
		{"GET", "/v3/contacts?listIds=2&createdSince=2020-01-01T00:00:00.000Z", "", 200}, {"GET", "/v3/contacts?ids=1&ids=2", "", 200},
		{"GET", `/v3/contacts?filter=equals(FIRSTNAME,"Amina")`, "", 200}, {"GET", "/v3/contacts?limit=1001", "", 400},
		{"GET", "/v3/contacts?modifiedSince=yesterday", "", 400},
		{"POST", "/v3/contacts", `{"email":"ada+1@example.org","ext_id":"42","attributes":{"FIRSTNAME":"Ada","WON_DEALS":2,"SMS":"+447400000001"},"listIds":[60]}`, 201},
		{"POST", "/v3/contacts", `{"email":"ada+1@example.org","updateEnabled":true,"emailBlacklisted":true,"smsBlacklisted":true}`, 204},
		{"POST", "/v3/contacts", `{"email":"ada+1@example.org"}`, 400},
		{"POST", "/v3/contacts", `{"email":"bob@example.org","attributes":{"SMS":"+447400000001"}}`, 400},
		{"POST", "/v3/contacts", `{"attributes":{}}`, 400}, {"POST", "/v3/contacts", `{"email":"bob@example.org","listIds":["60"]}`, 400},
		{"POST", "/v3/contacts", `{"email":"bob@example.org","listIds":[9999]}`, 400},
		{"GET", "/v3/contacts/ada%2B1%40example.org", "", 200}, {"GET", "/v3/contacts/ada%2B1%40example.org?identifierType=email_id", "", 200},
		{"GET", "/v3/contacts/42?identifierType=ext_id", "", 200}, {"GET", "/v3/contacts/{id}", "", 200},
		{"GET", "/v3/contacts/447400000001?identifierType=phone_id", "", 200}, {"GET", "/v3/contacts/nobody%40example.org", "", 404},
		{"PUT", "/v3/contacts/42?identifierType=ext_id", `{"attributes":{"LASTNAME":"Sample"},"unlinkListIds":[60],"listIds":[61]}`, 204},
		{"PUT", "/v3/contacts/nobody%40example.org", `{"attributes":{}}`, 404}, {"PUT", "/v3/contacts/42?identifierType=ext_id", `{"attributes":{"EMAIL":"amina.osei@newsletter.example"}}`, 400},
		{"GET", "/v3/contacts/42?identifierType=ext_id", "", 200},

		{"GET", "/v3/contacts/lists", "", 200}, {"GET", "/v3/contacts/lists?limit=2&offset=1&sort=asc", "", 200}, {"GET", "/v3/contacts/lists?limit=51", "", 400},
		{"GET", "/v3/contacts/lists/2", "", 200}, {"GET", "/v3/contacts/lists/9999", "", 404}, {"GET", "/v3/contacts/lists/2/contacts?limit=2", "", 200},
		{"GET", "/v3/contacts/lists/9999/contacts", "", 404},
		{"POST", "/v3/contacts/lists", `{"name":"A list","folderId":1}`, 201}, {"POST", "/v3/contacts/lists", `{"folderId":1}`, 400},
		{"PUT", "/v3/contacts/lists/{id}", `{"name":"Another list"}`, 204}, {"PUT", "/v3/contacts/lists/9999", `{"name":"Another list"}`, 404},
		{"POST", "/v3/contacts/lists/{id}/contacts/add", `{"emails":["ada+1@example.org","nobody@example.org"]}`, 201},
		{"POST", "/v3/contacts/lists/60/contacts/add", `{"extIds":["42"]}`, 201}, {"POST", "/v3/contacts/lists/60/contacts/add", `{"emails":["nobody@example.org"]}`, 400},
		{"POST", "/v3/contacts/lists/9999/contacts/add", `{"emails":["ada+1@example.org"]}`, 404},
		{"POST", "/v3/contacts/lists/60/contacts/remove", `{"emails":["ada+1@example.org"]}`, 201},
		{"POST", "/v3/contacts/lists/2/contacts/remove", `{"all":true}`, 201},
		{"POST", "/v3/contacts/lists", `{"name":"A list","folderId":1}`, 201},
		{"DELETE", "/v3/contacts/lists/{id}", "", 204}, {"DELETE", "/v3/contacts/lists/{id}", "", 404},

		{"GET", "/v3/contacts/folders", "", 200}, {"GET", "/v3/contacts/folders?limit=1&offset=0&sort=asc", "", 200}, {"GET", "/v3/contacts/folders/1", "", 200},
		{"GET", "/v3/contacts/folders/1/lists", "", 200}, {"POST", "/v3/contacts/folders", `{"name":"A folder"}`, 201}, {"POST", "/v3/contacts/folders", `{}`, 400},
		{"PUT", "/v3/contacts/folders/{id}", `{"name":"Another folder"}`, 204}, {"DELETE", "/v3/contacts/folders/{id}", "", 204},
		{"GET", "/v3/contacts/folders/{id}", "", 404}, {"GET", "/v3/contacts/folders/{id}/lists", "", 404}, {"GET", "/v3/contacts/segments", "", 200},

		{"GET", "/v3/contacts/attributes", "", 200},
		{"POST", "/v3/contacts/attributes/normal/SINCE", `{"type":"date"}`, 201}, {"POST", "/v3/contacts/attributes/normal/SINCE", `{"type":"date"}`, 400},
		{"POST", "/v3/contacts/attributes/category/SIZE", `{"type":"category","enumeration":[{"value":1,"label":"Small"}]}`, 201},
		{"POST", "/v3/contacts/attributes/normal/TOPICS", `{"type":"multiple-choice","multiCategoryOptions":["News","Offers"]}`, 201},
		{"PUT", "/v3/contacts/attributes/category/SIZE", `{"enumeration":[{"value":1,"label":"Small"},{"value":2,"label":"Large"}]}`, 204},
		{"PUT", "/v3/contacts/attributes/normal/NOTHING", `{"multiCategoryOptions":["One"]}`, 404}, {"GET", "/v3/contacts/attributes", "", 200},
		{"DELETE", "/v3/contacts/attributes/multiple-choice/TOPICS/News", "", 204},
		{"DELETE", "/v3/contacts/attributes/normal/SINCE", "", 204}, {"DELETE", "/v3/contacts/attributes/normal/SINCE", "", 404},

		{"POST", "/v3/contacts/import", `{"jsonBody":[{"email":"eve@example.org","attributes":{"FIRSTNAME":"Eve"}},{"email":"not..an@address","attributes":{}}],"listIds":[60],"updateExistingContacts":true}`, 202},
		{"GET", "/v3/processes", "", 200}, {"GET", "/v3/processes?limit=1&offset=0&sort=asc", "", 200}, {"GET", "/v3/processes/{id}", "", 200},
		{"POST", "/v3/contacts/import", `{"fileBody":"EMAIL;FIRSTNAME\nfay@example.org;Fay","newList":{"listName":"Imported","folderId":1}}`, 202},
		{"GET", "/v3/processes/{id}", "", 200}, {"GET", "/v3/processes/9999", "", 404}, {"GET", "/v3/processes?limit=51", "", 400},
		{"POST", "/v3/contacts/import", `{"listIds":[60]}`, 400}, {"POST", "/v3/contacts/import", `{"jsonBody":[{"email":"eve@example.org"}]}`, 400},

		{"POST", "/v3/events", `{"event_name":"deal_created","identifiers":{"email_id":"ada+1@example.org"},"event_properties":{"value":1,"tags":["a"],"deal":{"id":1}},"contact_properties":{"FIRSTNAME":"Ada"},"event_date":"2026-11-01T10:00:00.000Z"}`, 204},
		{"POST", "/v3/events", `{"identifiers":{"email_id":"ada+1@example.org"}}`, 400}, {"GET", "/v3/events", "", 200},
		{"GET", "/v3/events?event_name=deal_created&limit=1&offset=0", "", 200}, {"GET", "/v3/events?startDate=2026-01-01", "", 400},
		{"POST", "/v3/events/batch", `{"events":[{"event_name":"deal_updated","identifiers":{"ext_id":"42"},"event_properties":{"value":1}}]}`, 202},
		{"POST", "/v3/events/batch", `{"events":[{"event_name":"deal_updated","identifiers":{"ext_id":"42"}},{"event_name":"deal_updated","identifiers":{}}]}`, 207},
		{"POST", "/v3/events/batch", `{"events":[{"event_name":"deal_updated","identifiers":{}}]}`, 400}, {"POST", "/v3/events/batch", `[]`, 400},

		{"GET", "/v3/companies", "", 200}, {"POST", "/v3/companies", `{"name":"Example Ltd","attributes":{"domain":"example.org"},"linkedContactsIds":[1]}`, 200},
		{"GET", "/v3/companies?filters%5Battributes.name%5D=Example+Ltd&limit=5&page=1&sort=asc", "", 200}, {"GET", "/v3/companies/{id}", "", 200},
		{"PATCH", "/v3/companies/{id}", `{"name":"Sample Ltd","linkedContactsIds":[1,2]}`, 200}, {"PATCH", "/v3/companies/link-unlink/{id}", `{"linkContactIds":[3],"unlinkContactIds":[1]}`, 204},
		{"DELETE", "/v3/companies/{id}", "", 204}, {"GET", "/v3/companies/{id}", "", 404}, {"PATCH", "/v3/companies/{id}", `{"name":"Sample Ltd"}`, 404},
		{"DELETE", "/v3/companies/{id}", "", 404}, {"POST", "/v3/companies", `{}`, 400},
		{"GET", "/v3/crm/attributes/companies", "", 200}, {"POST", "/v3/crm/attributes", `{"label":"Pipedrive id","attributeType":"text","objectType":"companies"}`, 200},
		{"POST", "/v3/crm/attributes", `{"label":"Tier","attributeType":"single-select","objectType":"companies","optionsLabels":["A","B"]}`, 200},
		{"POST", "/v3/crm/attributes", `{"label":"Pipedrive id"}`, 400}, {"GET", "/v3/crm/attributes/companies", "", 200},

		{"POST", "/v3/webhooks", `{"url":"https://hooks.example.org/brevo","type":"marketing","events":["contactUpdated","unsubscribed"],"description":"Ours","batched":true,"auth":{"type":"bearer","token":"t"},"headers":[{"key":"k","value":"v"}]}`, 201},
		{"GET", "/v3/webhooks?type=marketing&sort=asc", "", 200}, {"GET", "/v3/webhooks", "", 200}, {"GET", "/v3/webhooks/{id}", "", 200},
		{"PUT", "/v3/webhooks/{id}", `{"events":["contactDeleted"]}`, 204}, {"DELETE", "/v3/webhooks/{id}", "", 204},
		{"GET", "/v3/webhooks/{id}", "", 404}, {"DELETE", "/v3/webhooks/{id}", "", 404}, {"PUT", "/v3/webhooks/{id}", `{"events":["contactDeleted"]}`, 404},
		{"POST", "/v3/webhooks", `{"type":"marketing"}`, 400}, {"POST", "/v3/webhooks", `{"url":"https://hooks.example.org","events":["nonsense"]}`, 400},

		{"DELETE", "/v3/contacts/42?identifierType=ext_id", "", 204}, {"DELETE", "/v3/contacts/42?identifierType=ext_id", "", 404},
		{"PATCH", "/v3/contacts/42", `{}`, 405},
	})
	j.run(t, []plainCall{{"GET", "/v3/processes/1", "", 200}, {"GET", "/v3/processes/2", "", 200}})
}

func TestBrevoSandbox_CompaniesAreImportedFromAForm(t *testing.T) {
	j := watch(t, "brevo", brevo.New(brevo.Config{ImportDelay: 1}))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("file", "companies.csv")
	require.NoError(t, err)
	_, err = file.Write([]byte("name,domain\nExample Ltd,example.org\n"))
	require.NoError(t, err)
	mapping, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="mapping"`}, "Content-Type": {"application/json"}})
	require.NoError(t, err)
	_, err = mapping.Write([]byte(`{"update_existing_records":true}`))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r := httptest.NewRequest("POST", "/v3/companies/import", &form)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("api-key", "sandbox")
	assert.Equal(t, http.StatusOK, j.answer(r).Code)
	broken := httptest.NewRequest("POST", "/v3/companies/import", strings.NewReader("nothing"))
	broken.Header.Set("api-key", "sandbox")
	assert.Equal(t, http.StatusBadRequest, j.answer(wrong(broken)).Code)
}

func TestBrevoSandbox_RefusalsHaveBrevosShape(t *testing.T) {
	j := watch(t, "brevo", brevo.New(brevo.Config{Limits: brevo.Limits{ContactsPerSecond: 1, OtherPerHour: 1}}))
	for _, path := range []string{"/v3/contacts", "/v3/account", "/v3/events"} {
		assert.Equal(t, http.StatusUnauthorized, j.answer(wrong(httptest.NewRequest("GET", path, nil))).Code)
	}
	j.run(t, []plainCall{
		{"GET", "/v3/contacts", "", 200}, {"GET", "/v3/contacts", "", 429},
		{"GET", "/v3/companies", "", 200}, {"GET", "/v3/processes", "", 429},
	})
}
