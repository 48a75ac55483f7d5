package api_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	"connector/sandbox"
)

var (
	hashKey  = regexp.MustCompile(`^[0-9a-f]{40}(_|$)`)
	dateTime = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[ T]\d`)
)

// haveCustomFields are the objects that have custom fields.
var haveCustomFields = map[string]bool{"person": true, "organization": true, "deal": true, "lead": true, "product": true, "activity": true}

// lists are the fields that hold lists; those marked true are always there.
var lists = map[string]map[string]bool{
	"person":       {"emails": true, "phones": true, "label_ids": true, "im": false},
	"organization": {"label_ids": true},
	"deal":         {"label_ids": true},
	"lead":         {"label_ids": true},
	"activity":     {"participants": true, "attendees": false},
	"product":      {"prices": false},
	"user":         {"access": false},
}

// assertShape holds a record against the rules of the one shape.
func assertShape(t *testing.T, kind string, r api.Record) {
	t.Helper()
	what := kind + " " + r.ID()
	assert.NotEmpty(t, r.ID(), what)
	assert.IsType(t, true, r["is_deleted"], "%s: is_deleted is set", what)
	if v := r["visible_to"]; v != nil {
		assert.IsType(t, json.Number(""), v, "%s: visible_to is a number", what)
	}
	for key, v := range r {
		assert.NotRegexp(t, hashKey, key, "%s: custom fields are in custom_fields", what)
		if strings.HasSuffix(key, "_id") {
			assert.NotContains(t, []string{"map", "list"}, shapeOf(v), "%s: %s is a plain id", what, key)
		}
		if s, ok := v.(string); ok && key != "name" && dateTime.MatchString(s) {
			at, err := time.Parse(time.RFC3339, s)
			if assert.NoError(t, err, "%s: %s", what, key) {
				assert.Equal(t, time.UTC, at.Location(), "%s: %s is in UTC", what, key)
			}
		}
		if strings.HasPrefix(key, "is_") || key == "done" || key == "busy" {
			assert.Contains(t, []string{"bool", "null"}, shapeOf(v), "%s: %s", what, key)
		}
	}
	for key, always := range lists[kind] {
		if v, there := r[key]; there || always {
			assert.Equal(t, "list", shapeOf(v), "%s: %s is never null", what, key)
		}
	}
	for _, key := range []string{"emails", "phones"} {
		entries, _ := r[key].([]any)
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			value, _ := entry["value"].(string)
			assert.NotEmpty(t, strings.TrimSpace(value), "%s: %s has no blank entries", what, key)
			assert.IsType(t, true, entry["primary"], "%s: %s", what, key)
			assert.IsType(t, "", entry["label"], "%s: %s", what, key)
		}
	}
	for _, old := range map[string][]string{
		"person": {"email", "phone", "label"}, "organization": {"label"}, "deal": {"user_id", "label"},
		"activity": {"user_id", "busy_flag", "created_by_user_id"}, "lead": {"organization_id"},
	}[kind] {
		assert.NotContains(t, r, old, "%s: v2 has another name for it", what)
	}
	if haveCustomFields[kind] {
		assert.Equal(t, "map", shapeOf(r["custom_fields"]), what)
		assert.Equal(t, "map", shapeOf(r["custom_fields_by_name"]), what)
	}
}

func shapeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case map[string]any:
		return "map"
	case []any:
		return "list"
	case string:
		return "text"
	}
	return "number"
}

// TestRecord_EveryPublishedPayloadTakesTheOneShape reads what real accounts and the vendor's examples
// hold, with the definitions beside them.
func TestRecord_EveryPublishedPayloadTakesTheOneShape(t *testing.T) {
	needShared(t)
	read := 0
	for _, name := range append(sharedFiles(t, "v[12]-*-list"), append(sharedFiles(t, "v1-records-*"), sharedFiles(t, "v1-*-collection")...)...) {
		folder := filepath.Base(filepath.Dir(name))
		version, rest, _ := strings.Cut(folder, "-")
		plural := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(rest, "records-"), "-list"), "-collection")
		o, err := api.ObjectOf(plural)
		if err != nil {
			assert.Contains(t, plural, "fields", "a payload that no object reads")
			continue
		}
		t.Run(folder+"/"+filepath.Base(name), func(t *testing.T) {
			a := newAccount(t)
			base := map[string]string{"v2": "/api/v2/", "v1": "/v1/"}[version]
			a.on(base+plural, func(url.Values) any { return payload(t, name) })
			a.on(base+o.Name+"Fields", func(q url.Values) any { return definitions(t, version, o.Name, q) })
			if o.Name == "lead" {
				a.on(base+"dealFields", func(q url.Values) any { return definitions(t, version, "deal", q) })
			}
			c := a.client()
			page, err := c.List(t.Context(), o, "", api.ListOptions{Version: version, Limit: 500})
			require.NoError(t, err)
			records, err := page.Records(t.Context(), c)
			require.NoError(t, err)
			for _, r := range records {
				assertShape(t, o.Name, r)
			}
			var sent struct{ Data []any }
			require.NoError(t, json.Unmarshal(payload(t, name), &sent))
			assert.Len(t, records, len(sent.Data))
			read += len(records)
		})
	}
	assert.Greater(t, read, 40)
}

// payload is the body of an answer; recordings of records alone get the frame.
func payload(t *testing.T, name string) []byte {
	body, err := os.ReadFile(name)
	require.NoError(t, err)
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		return append(append([]byte(`{"success":true,"data":`), body...), '}')
	}
	return body
}

func definitions(t *testing.T, version, entity string, q url.Values) any {
	folder := "v1-records-" + entity + "-fields"
	if version == "v2" {
		folder = "v2-" + entity + "-fields-list"
	}
	names := sharedFiles(t, folder)
	if len(names) == 0 || q.Get("cursor") != "" {
		return object{"success": true, "data": nil}
	}
	return payload(t, names[0])
}

// TestRecord_IsTheSameFromBothVersions reads a seeded company twice.
func TestRecord_IsTheSameFromBothVersions(t *testing.T) {
	box, err := sandbox.Start(sandbox.Config{Persons: 250})
	require.NoError(t, err)
	t.Cleanup(func() { _ = box.Close() })
	for _, plural := range []string{"persons", "deals", "organizations", "activities", "products", "pipelines", "stages", "leads", "notes", "users"} {
		t.Run(plural, func(t *testing.T) {
			of2 := readAll(t, newClient(t, box.PipedriveURL()), plural, v2)
			of1 := readAll(t, newClient(t, box.PipedriveURL()), plural, v1)
			require.Len(t, of1, len(of2))
			name := kind(t, plural).Name
			for i, two := range of2 {
				one := of1[i]
				for key, v := range two {
					if other, both := one[key]; both {
						if address, ok := other.(object); ok && (key == "address" || key == "location") {
							delete(address, "formatted_address") // v1 has it, v2 not
						}
						if custom, ok := v.(object); ok && strings.HasPrefix(key, "custom_fields") {
							for _, value := range custom {
								if zoned, ok := value.(object); ok {
									delete(zoned, "timezone_name") // v2 has it, v1 not
								}
							}
						}
						assert.Equal(t, v, other, "%s %s: %s", name, two.ID(), key)
					}
				}
				for _, key := range []string{"owner_id", "is_deleted", "label_ids", "visible_to", "custom_fields"} {
					if _, ok := two[key]; ok {
						assert.Contains(t, one, key, "%s %s", name, two.ID())
					}
				}
				assertShape(t, name, one)
				assertShape(t, name, two)
				if t.Failed() {
					return
				}
			}
		})
	}
}
