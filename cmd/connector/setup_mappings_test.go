package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ownLists = `# Which lists of Brevo a contact is on. 60, all contacts.
map person_lists {
  root = [ 60 ] # 60
}

# The list of a deal's person: 61 to 64.
map stage_list {
  root = match {
    this.status == "won"             => 63,
    this.status == "lost"            => 64,
    [ 1, 2 ].contains(this.stage_id) => 61,
    [ 3, 4 ].contains(this.stage_id) => 62,
    _                                => null
  }
}

map stage_lists {
  root = [ 61, 62, 63, 64 ]
}
`

// mappingsIn makes a folder of pipelines with mappings, and ownLists unless they have lists of their own.
func mappingsIn(t *testing.T, mappings map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "mappings"), 0o700))
	for name, content := range mappings {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "mappings", name), []byte(content), 0o600))
	}
	if _, own := mappings[listsFile]; !own {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "mappings", listsFile), []byte(ownLists), 0o600))
	}
	return folder
}

// kindsOf are the types by name; a guess has a question mark.
func kindsOf(attributes map[string]*wantedAttribute) map[string]string {
	kinds := map[string]string{}
	for name, at := range attributes {
		kinds[name] = at.kind
		if at.guessed {
			kinds[name] += "?"
		}
	}
	return kinds
}

const companyMapping = `
let custom = this.custom_fields_by_name
root = {
  "ext_id": this.id.string(),
  "name": this.name,
  "attributes": { "domain": this.website, "employees": this.employee_count, "since": this.add_time.ts_format("2006-01-02"), "tier": $custom.tier }
}
meta contacts = this.persons.map_each(p -> {
  "email": p.emails.primary_email(),
  "attributes": { "COMPANY": this.name, "COMPANY_REVENUE": this.annual_revenue, "COMPANY_REGION": { "GB": "Home" }.get($custom.country).catch("Abroad") }
})
`

const leadMapping = `
import "./lists.blobl"
map no_attributes { root = {} }
let labels = this.labels.map_each(l -> l.name)
root = {
  "email": this.person.emails.primary_email(),
  "attributes": {
    "LEAD_TITLE": this.title,   # a comment, with "A_KEY": in it
    "LEAD_VALUE": this.value.amount,
    "LEAD_LABELS": $labels.join(", "),
    "LEAD_HOT": this.custom_fields_by_name.temperature == "hot",
    "LEAD_SEATS": this.custom_fields_by_name.seats.number(),
    "LEAD_NOTE": this.custom_fields_by_name.note.uppercase(),
    "LEAD_RENEWAL": this.custom_fields_by_name.renewal.ts_parse("2006-01-02").ts_format("2006-01-02"),
    "LEAD_TAGS": this.custom_fields_by_name.tags.map_each(t -> t.uppercase()),
    "LEAD_EXTRA": this.custom_fields_by_name.extra,
    "LEAD_START_DATE": this.custom_fields_by_name.start,
    "LEAD_PLAN": this.custom_fields_by_name.plan.or("")
  }.merge(if this.value.amount > 1000000 { { "LEAD_WHALE": this.nothing.merge({ "labels": 1 }) } } else { {} }).merge(this.merge({ "labels": 2 }).apply("no_attributes")),
  "listIds": [ 70 ]
}
`

func TestSetup_LearnsNamesAndTypesFromTheMappings(t *testing.T) {
	for name, tc := range map[string]struct {
		mappings            map[string]string
		contacts, companies map[string]string
	}{
		"companies and their persons": {
			mappings:  map[string]string{"organization.blobl": companyMapping},
			contacts:  map[string]string{"COMPANY": "text", "COMPANY_REVENUE": "float", "COMPANY_REGION": "text"},
			companies: map[string]string{"domain": "text", "employees": "float", "since": "date", "tier": "text?", "pipedrive_id": "text"},
		},
		"fields of the user's own, of which none fits all samples": {
			mappings: map[string]string{"lead.blobl": leadMapping},
			contacts: map[string]string{
				"LEAD_TITLE": "text", "LEAD_VALUE": "float", "LEAD_LABELS": "text", "LEAD_HOT": "boolean", "LEAD_SEATS": "float", "LEAD_NOTE": "text",
				"LEAD_RENEWAL": "date", "LEAD_TAGS": "list", "LEAD_EXTRA": "text?", "LEAD_START_DATE": "date?", "LEAD_PLAN": "text?", "LEAD_WHALE": "text?",
			},
		},
		"attributes that are put together": {
			mappings: map[string]string{"mine.blobl": "let counts = { \"A_COUNT\": this.nope.a.b.index(3) }\nroot.attributes = { \"PLAIN\": this.name }.\n" +
				"  merge($counts)\nroot.attributes.OTHER = this.is_deleted\nlet table = { \"DE\": \"Germany\" }\nroot.events = [ { \"contact_properties\": { \"LAST_EVENT\": \"x\" } } ]\n"},
			contacts: map[string]string{"A_COUNT": "float?", "PLAIN": "text", "OTHER": "boolean", "LAST_EVENT": "text"},
		},
		"attributes in maps of another file": {
			mappings: map[string]string{
				"attributes.blobl": "map lead_attributes {\n  root = {\n    \"LEAD_SEATS\": this.custom_fields_by_name.seats.number(),\n" +
					"    \"LEAD_TITLE\": this.title.uppercase()\n  }\n}\nmap rare_attributes { root = { \"RARE\": 1, \"rare\": 2 } }\n",
				"lead.blobl": "import \"./attributes.blobl\"\nroot.attributes = if this.title == \"never\" { this.apply(\"rare_attributes\") } else { this.apply(\"lead_attributes\") }\n",
			},
			contacts: map[string]string{"LEAD_SEATS": "float", "LEAD_TITLE": "text", "RARE": "text?"},
		},
		"a value that no sample suits": {
			mappings: map[string]string{"mine.blobl": "let gone = this.nope.number() + this.nope.join(\"\").length()\nroot = { \"attributes\": { \"NEVER\": $gone, \"SUM_TOTAL\": 1 } }\n"},
			contacts: map[string]string{"NEVER": "text?", "SUM_TOTAL": "float"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			need, err := readWanted(mappingsIn(t, tc.mappings))
			require.NoError(t, err)
			assert.Equal(t, tc.contacts, kindsOf(need.contacts))
			if tc.companies == nil {
				tc.companies = map[string]string{}
			}
			assert.Equal(t, tc.companies, kindsOf(need.companies))
		})
	}
}

func TestSetup_LearnsTheShippedMappings(t *testing.T) {
	need, err := readWanted(repoFile(t, "pipelines"))
	require.NoError(t, err)
	kinds := kindsOf(need.contacts)
	for name, want := range map[string]string{
		"FULLNAME": "text", "FIRSTNAME": "text", "LASTNAME": "text", "SMS": "text", "LEAD_SOURCE": "text?", "INDUSTRY": "text?", "COMPANY_SIZE": "text?",
		"WON_DEALS": "float", "LOST_DEALS": "float", "OPEN_DEALS": "float", "CLOSED_DEALS": "float",
	} {
		assert.Equal(t, want, kinds[name], name)
	}
	for name := range kinds {
		assert.Equal(t, strings.ToUpper(name), name)
	}
	assert.Contains(t, need.listIDs, int64(60))
}

func TestSetup_AMistakeInAMappingIsToldWithFileAndLine(t *testing.T) {
	_, err := readWanted(mappingsIn(t, map[string]string{"mine.blobl": "root.a = 1\nroot.b = = 2\n"}))
	assert.ErrorContains(t, err, "mine.blobl: line 2")
	_, err = readWanted(t.TempDir())
	assert.ErrorContains(t, err, "--pipelines")
}

func TestSetup_TheShippedMappingsCanBeReadValueByValue(t *testing.T) {
	files, err := filepath.Glob(repoFile(t, "pipelines/mappings/*.blobl"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = parseMapping(file, scanKeys(string(content)).catching(), func(content string) string { return scanKeys(content).catching() })
		assert.NoError(t, err, file)
	}
}
