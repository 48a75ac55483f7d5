package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
	"connector/sandbox/brevo"
)

// answering is a run at a terminal, where somebody types answers.
func answering(t *testing.T, h http.Handler, folder, answers string) (string, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client, err := api.New(api.Config{APIKey: "sandbox", BaseURL: server.URL + "/v3", Tier: "general", Timeout: 1e10})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	need, err := readWanted(folder)
	require.NoError(t, err)
	file, err := readLists(folder)
	require.NoError(t, err)
	var out bytes.Buffer
	s := &setup{client: client, in: bufio.NewReader(strings.NewReader(answers)), out: &out, terminal: true}
	err = s.run(t.Context(), need, file)
	return out.String(), err
}

func TestSetup_AsksAtATerminalForAttributesAndListsApart(t *testing.T) {
	for answers, want := range map[string]struct{ attributes, lists int }{
		"y\ny\n": {3, 5}, "yes\nn\n": {3, 0}, "\nY\n": {0, 5}, "n\nno\n": {0, 0}, "": {0, 0},
	} {
		server := brevo.New(brevo.Config{})
		out, err := answering(t, server, mappingsIn(t, map[string]string{"organization.blobl": strings.Replace(companyMapping, `"tier"`, `"domain"`, 1)}), answers)
		assert.Contains(t, out, "Create 3 contact attributes and 3 company attributes in Brevo? [y/N]", answers)
		assert.Contains(t, out, "lists.blobl? [y/N]")
		assert.Equal(t, want.attributes, server.Stats().Routes["POST /v3/contacts/attributes/{category}/{name}"], "%q", answers)
		assert.Equal(t, want.attributes, server.Stats().Routes["POST /v3/crm/attributes"], "%q", answers)
		assert.Len(t, server.Lists(), want.lists, "%q", answers)
		assert.Equal(t, want.attributes > 0 && want.lists > 0, err == nil, "%q", answers)
	}
}

func TestSetup_SaysWhereBrevoChoseAnotherInternalName(t *testing.T) {
	have := []api.CompanyAttribute{{Name: "domain", Label: "Domain", Type: "text"}}
	server := brevo.New(brevo.Config{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /v3/crm/attributes/companies":
			_ = json.NewEncoder(w).Encode(have)
		case "POST /v3/crm/attributes":
			var body struct{ Label, AttributeType string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			have = append(have, api.CompanyAttribute{Name: "custom_" + body.Label, Label: body.Label, Type: body.AttributeType})
			_, _ = w.Write([]byte(`{"id":"61a5cd07ca1347c82306ad06"}`))
		default:
			server.ServeHTTP(w, r)
		}
	})
	folder := mappingsIn(t, map[string]string{"organization.blobl": companyMapping})
	out, err := answering(t, h, folder, "y\ny\n")
	assert.ErrorContains(t, err, "cannot be mended from here")
	assert.Contains(t, out, "the company attribute employees: Brevo calls it custom_employees: write it so in organization.blobl")

	made := len(have)
	_, err = answering(t, h, folder, "y\ny\n")
	assert.Error(t, err)
	assert.Len(t, have, made, "it is not made a second time")
}

func TestSetup_LeavesTheFileAsItWasWhereListsCannotBeCreated(t *testing.T) {
	server := brevo.New(brevo.Config{})
	lists := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v3/contacts/lists" {
			if lists++; lists == 3 {
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"code":"permission_denied","message":"No permission"}`))
				return
			}
		}
		server.ServeHTTP(w, r)
	})
	folder := mappingsIn(t, map[string]string{"mine.blobl": "root = {}\n"})
	path := filepath.Join(folder, "mappings", listsFile)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = answering(t, h, folder, "y\n")
	assert.ErrorContains(t, err, "lists.blobl is as it was")
	assert.ErrorContains(t, err, "permission")
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(now))

	_, err = answering(t, server, folder, "y\n")
	require.NoError(t, err)
	assert.Len(t, server.Lists(), 5, "those of the first run are taken up")
}

func TestSetup_CreatesNoListWhereTheFileCannotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	server := brevo.New(brevo.Config{})
	folder := mappingsIn(t, nil)
	require.NoError(t, os.Chmod(filepath.Join(folder, "mappings"), 0o500))
	_, err := answering(t, server, folder, "y\n")
	assert.ErrorContains(t, err, "lists.blobl")
	assert.Empty(t, server.Lists())
}

func TestSetup_NamesListsThatAreInAMappingOfTheirOwn(t *testing.T) {
	server := brevo.New(brevo.Config{})
	server.PutList(71, "VIP")
	out, err := answering(t, server, mappingsIn(t, map[string]string{
		listsFile:    "map person_lists { root = [] }\n",
		"lead.blobl": "root = { \"email\": \"a@example.com\", \"listIds\": [ 70, 71, this.custom_fields_by_name.list.number().catch(71) ] }\n",
	}), "")
	assert.Error(t, err)
	assert.Regexp(t, `70 +missing: create it in Brevo, and put its id into lead.blobl\n71 +exists: "VIP"\n\n$`, out)
}
