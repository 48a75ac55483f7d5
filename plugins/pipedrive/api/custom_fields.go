package api

import (
	"encoding/json"
	"strings"
)

// mended is a value as v2 has it, where a dialect says it otherwise: an empty value is null, and numbers,
// ids and booleans are no text. It reports whether it had to be changed.
func (f *Field) mended(v any) (right any, changed bool) {
	kind := ""
	if f != nil {
		kind = f.Type
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil, true
		}
		switch kind {
		case "double", "int":
			return decimal(v), true
		case "user", "org", "people":
			return number(v), true
		case "boolean":
			if v == "0" || v == "1" {
				return v == "1", true
			}
		}
	case json.Number:
		if kind == "boolean" {
			return v != "0", true
		}
	case []any:
		if len(v) == 0 {
			return nil, true
		}
	case map[string]any:
		value, has := v["value"]
		if has && (value == nil || value == "") && v["until"] == nil {
			return nil, true
		}
		if s, ok := value.(string); ok && kind == "monetary" {
			v["value"] = decimal(s)
		}
	}
	return v, false
}

// decimal keeps text that is no number as it is.
func decimal(s string) any {
	if !json.Valid([]byte(s)) || strings.Trim(s, "+-.eE0123456789") != "" {
		return s
	}
	return json.Number(s)
}

// nameCustomFields adds custom_fields_by_name. It returns the keys and options that the definitions do
// not know, and should be read again for.
func (r Record) nameCustomFields(fields *Fields) (unknown []string) {
	custom, ok := r["custom_fields"].(map[string]any)
	if !ok {
		return nil
	}
	named := make(map[string]any, min(len(custom), len(fields.names)))
	note := func(what string) {
		if !fields.missing[what] {
			unknown = append(unknown, strings.Clone(what))
		}
	}
	for key, v := range custom {
		field := fields.keys[key]
		if right, mended := field.mended(v); mended {
			custom[key], v = right, right
		}
		if field == nil {
			note(key)
			continue
		}
		if v != nil && (field.Type == "enum" || field.Type == "set") {
			v = field.labelled(v, func(id string) { note(key + "/" + id) })
		}
		if name, ok := fields.names[key]; ok {
			named[name] = v
		}
	}
	r["custom_fields_by_name"] = named
	return unknown
}

// labelled is the value of an enum or set with its options' labels. An option that has no definition
// stays an id.
func (f *Field) labelled(v any, unknown func(id string)) any {
	ids, ok := v.([]any)
	if !ok {
		return f.label(v, unknown)
	}
	labels := make([]any, len(ids))
	for i, id := range ids {
		labels[i] = f.label(id, unknown)
	}
	return labels
}

func (f *Field) label(v any, unknown func(id string)) any {
	if o, ok := v.(map[string]any); ok { // include_option_labels
		if label, ok := o["label"].(string); ok {
			return label
		}
	}
	id := idText(v)
	label, ok := f.Options[id]
	if !ok {
		unknown(id)
		return v
	}
	return label
}
