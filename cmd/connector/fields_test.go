package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/pipedrive"
)

func TestFields_AreListedWithWhatAMappingCallsThem(t *testing.T) {
	sb := startSandbox(t, sandbox.Config{Persons: 1})
	sb.Pipedrive.DefineField("person", pipedrive.Field{Name: "Größe\tin cm", Code: strings.Repeat("a", 40), Type: "double", Custom: true})
	settings := settingsFor(t, sb)
	run := func(fails bool, args ...string) string {
		t.Helper()
		cmd, out := command(t, settings, append([]string{"fields"}, args...)...)
		assert.Equal(t, fails, cmd.Run() != nil, out)
		return out.String()
	}
	line := func(table, name string) []string {
		t.Helper()
		for l := range strings.Lines(table) {
			if strings.HasPrefix(l, name+"  ") {
				return strings.Fields(strings.TrimPrefix(l, name))
			}
		}
		require.Fail(t, "no field "+name, table)
		return nil
	}

	persons := run(false, "persons")
	source := line(persons, "Lead Source")
	assert.Equal(t, []string{"lead_source", "enum"}, source[:2])
	assert.Regexp(t, `^[0-9a-f]{40}$`, source[2])
	assert.Contains(t, persons, "11=Web form, 12=Trade fair")
	assert.Equal(t, []string{"by", "key", "only"}, line(persons, "Region")[:3], "two fields have this name")
	assert.Equal(t, `"größe_in_cm"`, line(persons, "Größe in cm")[0], "as a path of Bloblang has it")
	assert.NotContains(t, persons, "won_deals_count")
	assert.Contains(t, persons, "this.custom_fields_by_name.")

	all := run(false, "persons", "--all")
	assert.Equal(t, "-", line(all, "Name")[0])
	assert.Less(t, strings.Index(all, "Lead Source"), strings.Index(all, "won_deals_count"), "custom fields come first")

	assert.Equal(t, strings.Fields(run(false, "deals")), strings.Fields(run(false, "leads")), "leads have the fields of deals")
	assert.Contains(t, run(false, "organizations"), "fleet_size")
	assert.Contains(t, run(false, "activities"), "no custom fields")
	assert.Contains(t, run(false, "products", "--all"), "unit")

	var listed []listedField
	require.NoError(t, json.Unmarshal([]byte(run(false, "persons", "--json", "--all")), &listed))
	byName := map[string]listedField{}
	for _, f := range listed {
		byName[f.Name] = f
	}
	assert.Equal(t, "company_size", byName["Company Size"].ByName)
	assert.Equal(t, listedOption{"31", "1-10"}, byName["Company Size"].Options[0])
	assert.True(t, byName["Region"].ByKeyOnly)
	assert.False(t, byName["Name"].Custom)
	assert.Equal(t, "[]\n", run(false, "activities", "--json"))

	assert.Contains(t, run(true), "persons|deals")
	assert.Contains(t, run(true, "people"), "persons|deals")
	assert.Contains(t, run(true, "persons", "deals"), "one too many")
	settings = append(settings, "PIPEDRIVE_API_TOKEN=wrong")
	assert.Contains(t, run(true, "persons"), "PIPEDRIVE_API_TOKEN")
}
