package bloblang_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "connector/plugins/pipedrive"
	"connector/sandbox/pipedrive"
)

// customTypes are a value of each type of custom field, as v2 has it, and what becomes of it by name
// and, where that is another thing, by key. Numbers are as JSON has them.
var customTypes = []struct {
	kind         string
	value        any
	named, keyed any
	part         string // an argument
	partHas      any    // what it gives by name
}{
	{kind: "varchar", value: "Hello", named: "Hello"},
	{kind: "varchar_auto", value: "Hello", named: "Hello"},
	{kind: "text", value: "Long\ntext", named: "Long\ntext"},
	{kind: "phone", value: "+41 44 668 18 00", named: "+41 44 668 18 00"},
	{kind: "double", value: 1.5, named: 1.5},
	{kind: "int", value: 3, named: 3.0},
	{kind: "boolean", value: true, named: true},
	{kind: "monetary", value: object{"value": 1200, "currency": "EUR"}, named: 1200.0, part: "currency", partHas: "EUR"},
	{kind: "enum", value: 12, named: "Trade fair", keyed: 12.0},
	{kind: "set", value: list{11, 12}, named: "Web form, Trade fair", keyed: "11, 12", part: "list", partHas: list{"Web form", "Trade fair"}},
	{kind: "date", value: "2026-11-02", named: "2026-11-02"},
	{kind: "daterange", value: object{"value": "2026-11-02", "until": "2026-11-09"}, named: "2026-11-02 – 2026-11-09", part: "until", partHas: "2026-11-09"},
	{kind: "time", value: object{"value": "10:30:00", "timezone_id": 1, "timezone_name": "UTC"}, named: "10:30:00"},
	{
		kind: "timerange", value: object{"value": "10:30:00", "until": "11:00:00", "timezone_id": 1, "timezone_name": "UTC"},
		named: "10:30:00 – 11:00:00", part: "from", partHas: "10:30:00",
	},
	{
		kind: "address", value: object{"value": "main st 1", "locality": "Bern", "formatted_address": "Main St 1, Bern"},
		named: "Main St 1, Bern", part: "locality", partHas: "Bern",
	},
	{kind: "user", value: 5, named: 5.0},
	{kind: "org", value: 7, named: 7.0},
	{kind: "people", value: 9, named: 9.0},
}

var customObjects = map[string]object{
	"person":       {"id": 1, "name": "Ada"},
	"deal":         {"id": 1, "title": "Pumps"},
	"organization": {"id": 1, "name": "Acme"},
	"activity":     {"id": 1, "subject": "Call"},
	"lead":         {"id": "35b0d604-eb0d-42d0-be11-eac8832051f0", "title": "Valves", "person_id": 1},
}

// customKey is the same for all objects, which Pipedrive's are not.
func customKey(kind string) string {
	sum := sha1.Sum([]byte(kind))
	return hex.EncodeToString(sum[:])
}

// account is a Pipedrive whose five objects have a custom field of every type.
func account(t *testing.T, filled bool) string {
	s := pipedrive.New(pipedrive.Config{})
	for kind, given := range customObjects {
		record := maps.Clone(given)
		custom := object{}
		for _, c := range customTypes {
			if kind != "lead" { // they have the fields of deals
				s.DefineField(kind, pipedrive.Field{Name: "My " + c.kind, Code: customKey(c.kind), Type: c.kind, Custom: true, Options: choices})
			}
			if filled {
				custom[customKey(c.kind)] = c.value
			}
		}
		if kind == "lead" {
			maps.Copy(record, custom)
		} else {
			record["custom_fields"] = custom
		}
		s.Put(kind, record)
	}
	// Pipedrive shows no custom fields of activities outside webhooks. If it does one day, they will be as
	// those of deals: here these stand in for them.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, "/activities", "/deals", 1)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var choices = []pipedrive.Option{{ID: 11, Label: "Web form"}, {ID: 12, Label: "Trade fair"}}

// mapped reads the five records through the input, and maps each type with one line as a mapping does.
func mapped(t *testing.T, url, version string) map[string]object {
	t.Helper()
	var mapping strings.Builder
	for _, c := range customTypes {
		fmt.Fprintf(&mapping, "  root.named.%[1]s = this.custom_fields_by_name.my_%[1]s.attribute()\n", c.kind)
		fmt.Fprintf(&mapping, "  root.keyed.%s = this.custom_fields.%q.attribute()\n", c.kind, customKey(c.kind))
		if c.part != "" {
			fmt.Fprintf(&mapping, "  root.parts.%[1]s = this.custom_fields_by_name.my_%[1]s.attribute(%[2]q)\n", c.kind, c.part)
		}
	}
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: OFF"))
	require.NoError(t, b.AddInputYAML(fmt.Sprintf("pipedrive_paginated: { base_url: %q, api_token: sandbox, api_version: %s, "+
		"objects: [persons, deals, organizations, activities, leads] }", url, version)))
	require.NoError(t, b.AddProcessorYAML("mapping: |\n"+mapping.String()))
	var mu sync.Mutex
	of := map[string]object{}
	require.NoError(t, b.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		mu.Lock()
		defer mu.Unlock()
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		kind, _ := m.MetaGet("pipedrive_object")
		var got object
		err = json.Unmarshal(body, &got)
		of[kind] = got
		return err
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := b.Build()
	require.NoError(t, err)
	require.NoError(t, stream.Run(ctx))
	require.Len(t, of, len(customObjects))
	return of
}

func TestAttribute_OfEveryTypeByNameAndByKeyInRecordsOfAllFiveMappings(t *testing.T) {
	url := account(t, true)
	for _, version := range []string{"v2", "v1"} {
		for kind, got := range mapped(t, url, version) {
			for _, c := range customTypes {
				what := fmt.Sprintf("%s of a %s read by %s", c.kind, kind, version)
				keyed := c.keyed
				if keyed == nil {
					keyed = c.named
				}
				assert.Equal(t, c.named, got["named"].(object)[c.kind], what)
				assert.Equal(t, keyed, got["keyed"].(object)[c.kind], what)
				if c.part != "" {
					assert.Equal(t, c.partHas, got["parts"].(object)[c.kind], what)
				}
			}
		}
	}
}

func TestAttribute_OfAFieldThatIsNotSetIsNullInRecordsOfAllFiveMappings(t *testing.T) {
	url := account(t, false)
	for _, version := range []string{"v2", "v1"} {
		for kind, got := range mapped(t, url, version) {
			for _, c := range customTypes {
				what := fmt.Sprintf("%s of a %s read by %s", c.kind, kind, version)
				for _, by := range []string{"named", "keyed"} {
					v, there := got[by].(object)[c.kind]
					assert.True(t, there && v == nil, what)
				}
			}
		}
	}
}
