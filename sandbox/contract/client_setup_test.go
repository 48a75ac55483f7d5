package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
	"connector/sandbox/brevo"
)

func TestBrevoClient_PreparesAnAccount(t *testing.T) {
	server := brevo.New(brevo.Config{})
	j := watch(t, "brevo", server)
	client, err := api.New(api.Config{APIKey: "sandbox", BaseURL: j.serve(t) + "/v3", Tier: "general", RequestsPerSecond: 1000, Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(client.Close)

	for name, kind := range map[string]string{"SEATS": "float", "PLAN": "text", "SINCE": "date", "HOT": "boolean"} {
		assert.NoError(t, client.CreateAttribute(t.Context(), name, kind))
	}
	for name, kind := range map[string]string{"seats": "number", "pipedrive_id": "text", "since": "date", "hot": "boolean"} {
		assert.NoError(t, client.CreateCompanyAttribute(t.Context(), name, kind, ""))
	}
	attributes, err := client.CompanyAttributes(t.Context())
	require.NoError(t, err)
	assert.Contains(t, attributes, api.CompanyAttribute{Name: "pipedrive_id", Label: "pipedrive_id", Type: "text", Options: []api.CompanyOption{}})

	first, err := client.FirstFolder(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, first)
	folder, err := client.CreateFolder(t.Context(), "Pipedrive")
	require.NoError(t, err)
	id, err := client.CreateList(t.Context(), "Pipedrive: leads", folder)
	require.NoError(t, err)
	lists, err := client.AllLists(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.List{{ID: id, Name: "Pipedrive: leads"}}, lists)

	for _, want := range []string{
		"POST /v3/contacts/attributes/{attributeCategory}/{attributeName} 201", "POST /v3/crm/attributes 200", "GET /v3/crm/attributes/companies 200",
		"GET /v3/contacts/folders 200", "POST /v3/contacts/folders 201", "POST /v3/contacts/lists 201", "GET /v3/contacts/lists 200",
	} {
		assert.Positive(t, j.operations[want], want)
	}
}
