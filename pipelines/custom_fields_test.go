package pipelines_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	benthos "github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"connector/pipelines"
	_ "connector/plugins/bloblang"
)

// customFields is what a record has of each type by name, and what a mapping makes of it.
var customFields = map[string][2]string{
	"text":         {`"Hello"`, `"Hello"`},
	"number":       {`1.5`, `1.5`},
	"money":        {`{"value":1200,"currency":"EUR"}`, `1200`},
	"option":       {`"Trade fair"`, `"Trade fair"`},
	"set":          {`["Web form","Trade fair"]`, `"Web form, Trade fair"`},
	"date":         {`"2026-11-02"`, `"2026-11-02"`},
	"range":        {`{"value":"2026-11-02","until":"2026-11-09"}`, `"2026-11-02 – 2026-11-09"`},
	"time":         {`{"value":"10:30:00","timezone_id":1}`, `"10:30:00"`},
	"address":      {`{"value":"main st 1","formatted_address":"Main St 1, Bern"}`, `"Main St 1, Bern"`},
	"user":         {`5`, `5`},
	"person":       {`{"id":9,"name":"Ada"}`, `"Ada"`},
	"organization": {`7`, `7`},
	"empty":        {`null`, `null`},
}

// customKey is the key of a field.
func customKey(name string) string { return fmt.Sprintf("%040x", name)[:40] }

// A line as a user adds it to a mapping, by the field's name and by its key.
func customLines(root string) (lines string) {
	for name := range customFields {
		lines += fmt.Sprintf("%s.%s = this.custom_fields_by_name.%s.attribute()\n", root, name, name)
		lines += fmt.Sprintf("%s.%s_by_key = this.custom_fields.get(%q).attribute()\n", root, name, customKey(name))
	}
	return lines
}

func TestMappings_ACustomFieldOfAnyTypeIsALineInAllOfThem(t *testing.T) {
	named, keyed := "", ""
	for name, is := range customFields {
		named += fmt.Sprintf(",%q:%s", name, is[0])
		keyed += fmt.Sprintf(",%q:%s", customKey(name), is[0])
	}
	custom := fmt.Sprintf(`"custom_fields_by_name":{%s},"custom_fields":{%s}`, named[1:], keyed[1:])
	const person = `"person":{"id":42,"emails":[{"value":"a@example.com"}]}`
	for object, c := range map[string]struct{ record, root string }{
		"person":       {`{"id":42,"emails":[{"value":"a@example.com"}],` + custom + `}`, "root.attributes"},
		"deal":         {`{"id":5,"status":"open",` + person + `,` + custom + `}`, "root.attributes"},
		"organization": {`{"id":7,"name":"Example Ltd",` + custom + `}`, "root.attributes"},
		"lead":         {`{"id":"5eed","title":"Ten desks",` + person + `,` + custom + `}`, "root.attributes"},
		"activity":     {`{"id":9,"subject":"Call",` + person + `,` + custom + `}`, "root"},
	} {
		t.Run(object, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.CopyFS(folder, must(fs.Sub(pipelines.Files, "mappings"))))
			path := filepath.Join(folder, object+".blobl")
			shipped, err := os.ReadFile(path)
			require.NoError(t, err)
			text := string(shipped) + "\n" + customLines(c.root)
			if object == "activity" { // a map that events.blobl applies
				inMap := strings.NewReplacer("root.", "\"", " = ", "\": ", "()\n", "(),\n").Replace(customLines("root"))
				text = strings.Replace(string(shipped), "root = {\n", "root = {\n"+inMap, 1)
			}
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			mapping, err := benthos.Parse(fmt.Sprintf("from %q", path))
			require.NoError(t, err)

			m := service.NewMessage([]byte(c.record))
			m.MetaSetMut("pipedrive_object", object)
			m.MetaSetMut("pipedrive_action", "change")
			m, err = m.BloblangQuery(mapping)
			require.NoError(t, err)
			raw, err := m.AsBytes()
			require.NoError(t, err)
			var got map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(raw, &got))
			if rest, nested := strings.CutPrefix(c.root, "root."); nested {
				raw = got[rest]
				got = nil
				require.NoError(t, json.Unmarshal(raw, &got))
			}
			for name, is := range customFields {
				assert.JSONEq(t, is[1], string(got[name]), "%s by name", name)
				assert.JSONEq(t, is[1], string(got[name+"_by_key"]), "%s by key", name)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
