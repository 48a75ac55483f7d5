package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// fromDelivery brings a record of a webhook delivery into shape, and returns what the definitions do not
// know. Payloads 1.0 hold records as v1 has them. Those of payloads 2.0 are neither v1's nor v2's: custom
// fields are typed objects, labels and flags are v1's, and ids can be text.
//
// Source: pipedrive.readme.io/docs/webhooks-v2-migration-guide
func (r Record) fromDelivery(e *Envelope, fields *Fields) (unknown []string) {
	o := e.object
	if e.version == 2 {
		if custom, ok := r["custom_fields"].(map[string]any); ok {
			for key, v := range custom {
				custom[key] = untyped(v)
			}
		}
		for _, key := range []string{"address", "postal_address", "location"} {
			if _, ok := r[key]; !ok {
				defer delete(r, key) // v1 would have it, so fromV1 makes it
			}
		}
	}
	switch o.Name {
	case "activity":
		for _, key := range []string{"due_time", "duration"} {
			if v, ok := r[key].(map[string]any); ok { // {value, timezone_id}
				r[key] = v["value"]
			}
		}
	case "product":
		if category, ok := r["category"].(string); ok {
			r["category"] = number(category)
		}
		if v, ok := r["selectable"]; ok {
			r["is_linkable"] = v
			delete(r, "selectable")
		}
	}
	for _, key := range []string{"access", "prices"} {
		if v, ok := r[key]; ok && v == nil {
			r[key] = []any{}
		}
	}
	for key, v := range r {
		if s, ok := v.(string); ok && (key == "id" && o.Name == "user" || strings.HasSuffix(key, "user_id") || key == "owner_id") {
			r[key] = number(s)
		}
	}
	r.fromV1(o, fields)
	r.normalize(o)
	if fields != nil {
		unknown = r.nameCustomFields(fields)
	}
	return unknown
}

// untyped is the value of a custom field as v2's REST API has it, of a typed object such as
// {"type":"enum","id":11}.
func untyped(v any) any {
	typed, ok := v.(map[string]any)
	kind, hasType := typed["type"].(string)
	if !ok || !hasType {
		return v
	}
	rest := maps.Clone(typed)
	delete(rest, "type")
	switch kind {
	case "enum", "user", "org", "people":
		return asNumber(rest["id"])
	case "set":
		values, _ := rest["values"].([]any)
		if values == nil {
			return nil
		}
		ids := make([]any, len(values))
		for i, value := range values {
			if option, ok := value.(map[string]any); ok {
				value = option["id"]
			}
			ids[i] = asNumber(value)
		}
		return ids
	case "daterange", "timerange":
		if from, ok := rest["from"]; ok {
			rest["value"] = from
			delete(rest, "from")
		}
		if rest["value"] == nil && rest["until"] == nil {
			return nil
		}
		return rest
	case "monetary", "time", "address":
		if rest["value"] == nil {
			return nil
		}
		return rest
	}
	if value, ok := rest["value"]; ok && len(rest) == 1 {
		return value
	}
	return rest // a type that there was not when this was written
}

func asNumber(v any) any {
	if s, ok := v.(string); ok {
		return number(s)
	}
	return v
}

// only is what a record in shape has from the given keys of its delivery.
func (r Record) only(o *Object, keys []string) map[string]any {
	kept := map[string]any{}
	for _, key := range keys {
		for _, name := range []string{key, shapedNames[key], v1Names[o.Name][key]} {
			if v, ok := r[name]; ok {
				kept[name] = v
			}
		}
	}
	return kept
}

// shapedNames are what becomes of fields besides those of v1Names.
var shapedNames = map[string]string{
	"custom_fields": "custom_fields_by_name", "label": "label_ids", "active_flag": "is_deleted",
	"organization_id": "org_id", "selectable": "is_linkable",
}

// changedIn is what a record has otherwise than the record that it became. Both are in shape.
func (r Record) changedIn(now Record) map[string]any {
	changed := map[string]any{}
	for key, v := range r {
		if reflect.DeepEqual(v, now[key]) {
			continue
		}
		if key == "custom_fields" || key == "custom_fields_by_name" {
			was, _ := v.(map[string]any)
			is, _ := now[key].(map[string]any)
			v = Record(was).changedIn(is)
			for name, value := range is {
				if _, had := was[name]; !had && value != nil {
					v.(map[string]any)[name] = nil
				}
			}
		}
		changed[key] = v
	}
	return changed
}

// plain is a value with plain numbers in the place of json.Number, which not every encoding knows.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case map[string]any:
		copied := make(map[string]any, len(v))
		for key, item := range v {
			copied[key] = plain(item)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, item := range v {
			copied[i] = plain(item)
		}
		return copied
	}
	return v
}
