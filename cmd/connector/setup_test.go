package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
	"connector/sandbox"
	"connector/sandbox/brevo"
)

// runSetup runs setup brevo against the sandbox, and says whether it ended well.
func runSetup(t *testing.T, sb *sandbox.Sandbox, folder string, args ...string) (out string, ok bool) {
	t.Helper()
	cmd, buffer := command(t, settingsFor(t, sb), append([]string{"setup", "brevo", "--pipelines", folder}, args...)...)
	err := cmd.Run()
	assert.NotContains(t, buffer.String(), "api-key")
	return buffer.String(), err == nil
}

func accountOf(t *testing.T, sb *sandbox.Sandbox) *api.Client {
	t.Helper()
	client, err := api.New(api.Config{APIKey: sandbox.Token, BaseURL: sb.BrevoURL(), Tier: "general", Timeout: 1e10})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestSetup_PreparesAFreshAccountAndThenHasNothingToDo(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{})
	folder := mappingsIn(t, map[string]string{"organization.blobl": companyMapping})
	path := filepath.Join(folder, "mappings", listsFile)
	shipped, err := os.ReadFile(path)
	require.NoError(t, err)

	out, ok := runSetup(t, sb, folder)
	assert.False(t, ok, "something is missing")
	assert.Regexp(t, `COMPANY_REVENUE +float +will be created\n`, out)
	assert.Regexp(t, `pipedrive_id +text +will be created\n`, out)
	assert.Regexp(t, `tier +text +will be created, its type is a guess\n`, out)
	assert.Contains(t, out, `missing → new list "Pipedrive: all contacts"; lists.blobl is changed`)
	assert.Contains(t, out, `new list "Pipedrive: stages 1, 2"`)
	assert.Empty(t, sb.Brevo.Lists())
	assert.Zero(t, sb.Brevo.Stats().Routes["POST /v3/contacts/attributes/{category}/{name}"], "it only shows")

	out, ok = runSetup(t, sb, folder, "--yes", "--type", "tier=float")
	assert.False(t, ok, "the lists are missing still")
	assert.Contains(t, out, "--yes --lists")
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(shipped), string(now))

	out, ok = runSetup(t, sb, folder, "--yes", "--lists")
	assert.True(t, ok, out)
	now, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, commentsOf(shipped), commentsOf(now))
	for _, want := range []string{"root = [ 1 ]", `this.status == "won"             => 2,`, "[ 1, 2 ].contains(this.stage_id) => 4,", "root = [ 4, 5, 2, 3 ]"} {
		assert.Contains(t, string(now), want)
	}
	kept, err := os.ReadFile(path + ".bak")
	require.NoError(t, err)
	assert.Equal(t, string(shipped), string(kept))

	before := sb.Brevo.Stats().Routes
	out, ok = runSetup(t, sb, folder, "--yes", "--lists")
	assert.True(t, ok, out)
	assert.Contains(t, out, "Brevo has all that the mappings need.")
	for route, n := range sb.Brevo.Stats().Routes {
		assert.True(t, n == before[route] || strings.HasPrefix(route, "GET "), route)
	}
	have, err := accountOf(t, sb).CompanyAttributes(t.Context())
	require.NoError(t, err)
	assert.Contains(t, have, api.CompanyAttribute{Name: "tier", Label: "tier", Type: "number", Options: []api.CompanyOption{}})
	assert.Contains(t, have, api.CompanyAttribute{Name: "pipedrive_id", Label: "pipedrive_id", Type: "text", Options: []api.CompanyOption{}})
}

func commentsOf(content []byte) (comments []string) {
	for line := range strings.Lines(string(content)) {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			comments = append(comments, comment)
		}
	}
	return comments
}

func TestSetup_SaysWhatAnotherTypeMeans(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{})
	for _, at := range []brevo.Attribute{
		{Name: "COMPANY", Type: "float"}, {Name: "COMPANY_REVENUE", Type: "text"}, {Name: "COMPANY_REGION", Category: "category"},
		{Name: "COMPANY_TIER", Type: "date"}, {Name: "COMPANY_SINCE", Category: "calculated"},
	} {
		sb.Brevo.PutAttribute(at)
	}
	folder := mappingsIn(t, map[string]string{"organization.blobl": strings.Replace(companyMapping, `"COMPANY": this.name,`,
		`"COMPANY": this.name, "COMPANY_TIER": $custom.tier, "COMPANY_SINCE": this.add_time, "Company_Site": this.website, "COMPANY_KEYS": this.label_ids,`, 1) +
		"root.attributes.created_at = this.add_time\nroot.attributes.owner = this.owner.name\n"})
	out, ok := runSetup(t, sb, folder, "--yes", "--lists")
	assert.False(t, ok)
	assert.Regexp(t, `COMPANY +text +exists as float: Brevo drops a text`, out)
	assert.Regexp(t, `COMPANY_REVENUE +float +exists as text: numbers are kept as text`, out)
	assert.Regexp(t, `COMPANY_REGION +text +exists as category: only values that are its options are kept`, out)
	assert.Regexp(t, `COMPANY_TIER +date +exists\n`, out, "a guess gives way to what is there")
	assert.Regexp(t, `COMPANY_SINCE +date +exists as calculated: Brevo drops a date`, out)
	assert.Regexp(t, `Company_Site +text +Brevo takes capitals`, out)
	assert.Regexp(t, `COMPANY_KEYS +list +has options`, out)
	assert.Regexp(t, `created_at +date +exists, but Brevo sets it itself`, out)
	assert.Regexp(t, `owner +text +exists as user: Brevo drops a text`, out)
	assert.Contains(t, out, "6 of the above cannot be mended from here")
}

func TestSetup_ACollisionOfIDsIsSortedOutInOnePassAndAnUnfinishedRunGoesOn(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{})
	sb.Brevo.PutList(59, "Newsletter")
	folder := mappingsIn(t, map[string]string{"mine.blobl": "root = {}\n"})
	// Brevo gives 60 to the first list, which is to be in the place of 64; as after a run that was cut off.
	client := accountOf(t, sb)
	id, err := client.CreateList(t.Context(), "Pipedrive: stage lost", 1)
	require.NoError(t, err)
	require.EqualValues(t, 60, id)

	out, ok := runSetup(t, sb, folder, "--yes", "--lists")
	require.True(t, ok, out)
	assert.Regexp(t, `64 +missing → list 60 "Pipedrive: stage lost", which exists`, out)
	now, err := os.ReadFile(filepath.Join(folder, "mappings", listsFile))
	require.NoError(t, err)
	for _, want := range []string{"root = [ 61 ]", `== "won"             => 62,`, `== "lost"            => 60,`, "root = [ 63, 64, 62, 60 ]"} {
		assert.Contains(t, string(now), want)
	}
	names := map[int64]string{}
	for _, l := range sb.Brevo.Lists() {
		names[l.ID] = l.Name
	}
	assert.Equal(t, map[int64]string{
		59: "Newsletter", 60: "Pipedrive: stage lost", 61: "Pipedrive: all contacts", 62: "Pipedrive: stage won", 63: "Pipedrive: stages 1, 2", 64: "Pipedrive: stages 3, 4",
	}, names)
}

func TestSetup_StopsAtTheHoursLimitAndGoesOnFromThere(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{})
	sb.Brevo.SetLimits(brevo.Limits{OtherPerHour: 3})
	folder := mappingsIn(t, map[string]string{"organization.blobl": companyMapping})
	out, ok := runSetup(t, sb, folder, "--yes", "--lists")
	assert.False(t, ok)
	assert.Contains(t, out, "Company attributes take 5 of the calls that Brevo allows in an hour")
	assert.Regexp(t, `[12] of 4 company attributes created: .* run it again after \d\d:\d\d:\d\d`, out)
	assert.Empty(t, sb.Brevo.Lists(), "one thing after the other")

	sb.Brevo.SetLimits(brevo.Limits{})
	out, ok = runSetup(t, sb, folder, "--yes", "--lists")
	assert.True(t, ok, out)
	assert.Regexp(t, `employees +float +exists\n`, out)
}

func TestSetup_TellsWhatIsWrongBeforeAnythingIsDone(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{})
	folder := mappingsIn(t, map[string]string{"organization.blobl": companyMapping})
	for want, args := range map[string][]string{
		"no mapping sets NONE":          {"--type", "NONE=text"},
		"write NAME=float":              {"--type", "COMPANY=number"},
		"takes no \"more\"":             {"more"},
		"name the folder":               {"--pipelines", t.TempDir()},
		"general, advanced or extended": {"--tier", "free"},
	} {
		out, ok := runSetup(t, sb, folder, args...)
		assert.False(t, ok)
		assert.Contains(t, out, want)
	}
	assert.Empty(t, sb.Brevo.Stats().Routes)

	cmd, out := command(t, settingsFor(t, sb, "BREVO_API_KEY=xkeysib-wrong"), "setup", "brevo", "--pipelines", folder, "--yes")
	assert.Error(t, cmd.Run())
	assert.Contains(t, out.String(), "BREVO_API_KEY")
	assert.NotContains(t, out.String(), "xkeysib-wrong")
	cmd, out = command(t, nil, "setup")
	assert.NoError(t, cmd.Run())
	assert.Contains(t, out.String(), "brevo")
}
