package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	"connector/sandbox"
)

func TestWebhooks_AreListedWithoutPasswordsAndDeletedByIDOrWhereOurs(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 1})
	settings := settingsFor(t, sb)
	client, err := api.New(api.Config{APIToken: sandbox.Token, BaseURL: sb.PipedriveURL(), BurstLimit: 100, Timeout: 1e10})
	require.NoError(t, err)
	for _, name := range []string{"Zapier", api.OwnWebhookName("person.*"), api.OwnWebhookName("deal.*"), "Another"} {
		require.NoError(t, client.CreateWebhook(t.Context(), api.Webhook{
			Name: name, Object: "person", Action: "*", URL: sb.BrevoURL() + "/hook?key=hunter2", Version: "2.0", User: "u", Password: "hunter2",
		}))
	}
	run := func(fails bool, args ...string) string {
		t.Helper()
		cmd, out := command(t, settings, append([]string{"webhooks"}, args...)...)
		assert.Equal(t, fails, cmd.Run() != nil, out)
		return out.String()
	}
	all := run(false, "list")
	assert.Equal(t, 5, strings.Count(all, "\n"), all)
	assert.NotContains(t, all, "hunter2")
	hooks, err := client.Webhooks(t.Context())
	require.NoError(t, err)

	run(true, "delete")
	run(true, "delete", "--ours", hooks[0].ID)
	assert.Contains(t, run(true, "delete", "999999"), "no webhook 999999")
	assert.Contains(t, run(false, "delete", "--ours"), "connector deal.*")
	run(false, "delete", hooks[0].ID)
	left := run(false, "list")
	assert.Contains(t, left, "Another")
	assert.NotContains(t, left, "Zapier")
	run(false, "delete", hooks[3].ID)
	assert.Contains(t, run(false, "list"), "there are no webhooks")

	settings = append(settings, "PIPEDRIVE_API_TOKEN=wrong")
	assert.Contains(t, run(true, "list"), "PIPEDRIVE_API_TOKEN")
}
