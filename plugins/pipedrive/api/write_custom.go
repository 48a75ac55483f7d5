package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	customFields       = "custom_fields"
	customFieldsByName = "custom_fields_by_name"
)

// NameToKeys puts the custom fields of a body where the API wants them: what stands in custom_fields and
// custom_fields_by_name, by key or by name, goes under its key into custom_fields, and with v1 to the root.
// Labels of options become their ids. Where both hold the same field, custom_fields_by_name counts. Bodies of
// calls that are not about records stay as they are.
func (c *Client) NameToKeys(ctx context.Context, call *Call) error {
	body, ok := call.Body.(map[string]any)
	if !ok || call.object == nil || call.merges {
		return nil
	}
	custom, err := c.keyed(ctx, call.object, body)
	if err != nil || custom == nil {
		return err
	}
	body = maps.Clone(body)
	delete(body, customFields)
	delete(body, customFieldsByName)
	call.Body = withCustom(body, custom, call.version == "v1")
	return nil
}

// withCustom puts keyed custom fields into a body. An empty custom_fields is left out: it may clear them all.
func withCustom(body, custom map[string]any, atRoot bool) map[string]any {
	if atRoot {
		maps.Copy(body, custom)
	} else if len(custom) > 0 {
		body[customFields] = custom
	}
	return body
}

// keyed are the custom fields of a body by their keys, in v2's form; nil where it has none.
func (c *Client) keyed(ctx context.Context, o *Object, body map[string]any) (map[string]any, error) {
	var custom map[string]any
	for _, place := range []string{customFields, customFieldsByName} {
		given, ok := body[place]
		if !ok || given == nil {
			continue
		}
		values, ok := given.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s is not an object", place)
		}
		if custom == nil {
			custom = map[string]any{}
		}
		if len(values) == 0 {
			continue
		}
		if o.fields == "" {
			return nil, fmt.Errorf("%s have no custom fields: take %s out of the body", o.Plural, place)
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			key, v, err := c.keyedField(ctx, o, name, values[name])
			if err != nil {
				return nil, err
			}
			custom[key] = v
		}
	}
	return custom, nil
}

// keyedField finds one field, and gives its value v2's form. Definitions are read again where they do not
// know the name or an option.
func (c *Client) keyedField(ctx context.Context, o *Object, name string, v any) (key string, value any, err error) {
	fields, err := c.fieldsFor(ctx, o, "v2", nil)
	for again := false; ; again = true {
		if err != nil {
			return "", nil, err
		}
		field, unknown := fields.named(o, name)
		if unknown == nil {
			value, unknown = field.written(v)
		}
		if unknown == nil {
			return field.Key, value, nil
		}
		if again || fields.missing[name] && time.Since(fields.readAt) < newNamesAfter {
			return "", nil, unknown
		}
		before := fields
		if fields, err = c.fieldsFor(ctx, o, "v2", []string{name}); fields == before {
			return "", nil, unknown
		}
	}
}

// newNamesAfter bounds how often definitions are read again for a name that they did not have.
const newNamesAfter = 10 * time.Minute

// named finds a custom field by its key, its snake_case name, or the name that people see.
func (f *Fields) named(o *Object, name string) (*Field, error) {
	if field := f.keys[name]; field != nil && field.Custom {
		return field, nil
	}
	if !f.readable && isHash(name) {
		return &Field{Name: name, Key: name, Custom: true}, nil
	}
	if !f.readable {
		return nil, fmt.Errorf("the custom field %q cannot be found by its name, since the token may not read the field definitions of %s: use its key", name, o.Plural)
	}
	snake := SnakeCase(name)
	var found []*Field
	var names []string
	for _, field := range f.All {
		if !field.Custom {
			continue
		}
		names = append(names, SnakeCase(field.Name))
		if SnakeCase(field.Name) == snake {
			found = append(found, field)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("%s have no custom field %q%s", o.Plural, name, near(snake, names))
	}
	var keys []string
	for _, field := range found {
		keys = append(keys, field.Key)
	}
	return nil, fmt.Errorf("%d custom fields of %s have the name %q: use one of their keys, %s", len(found), o.Plural, name, strings.Join(keys, " or "))
}

// written is a value in the form in which v2 takes it. Texts that say the same, as those of a CSV do, become
// it: "12" for a number, a label for an option.
// Source: pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide#custom-fields
func (f *Field) written(v any) (any, error) {
	text, isText := v.(string)
	if v == nil || isText && text == "" && f.Type != "varchar" && f.Type != "text" {
		return nil, nil
	}
	switch f.Type {
	case "enum":
		return f.option(v)
	case "set":
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		if len(list) == 0 {
			return nil, nil // an empty list is refused
		}
		ids := make([]any, len(list))
		for i, item := range list {
			id, err := f.option(item)
			if err != nil {
				return nil, err
			}
			ids[i] = id
		}
		return ids, nil
	case "double":
		return f.number(v)
	case "user", "org", "people":
		n, err := f.number(v)
		if err == nil && strings.ContainsAny(numberText(n), ".eE") {
			err = fmt.Errorf("the custom field %q holds an id, and this number is none", f.Name)
		}
		return n, err
	case "monetary":
		m, ok := v.(map[string]any)
		if amount, currency, two := strings.Cut(strings.TrimSpace(text), " "); two && len(currency) == 3 {
			m, ok = map[string]any{"value": amount, "currency": currency}, true
		}
		if !ok || m["value"] == nil || m["currency"] == nil {
			return nil, fmt.Errorf(`the custom field %q is money: write it as {"value": 10.5, "currency": "EUR"}, or as the text 10.5 EUR`, f.Name)
		}
		n, err := f.number(m["value"])
		return map[string]any{"value": n, "currency": m["currency"]}, err
	case "daterange", "timerange":
		if _, ok := v.(map[string]any); !ok {
			return nil, fmt.Errorf(`the custom field %q is a range: write it as {"value": …, "until": …}`, f.Name)
		}
	case "time", "address":
		if isText {
			return map[string]any{"value": text}, nil
		}
		if m, ok := v.(map[string]any); ok {
			return withoutNulls(m), nil
		}
	case "varchar", "varchar_auto", "text", "phone", "date":
		if n := numberText(v); n != "" {
			return n, nil
		}
		if !isText {
			return nil, fmt.Errorf("the custom field %q takes a text", f.Name)
		}
	}
	return v, nil
}

// option is the id of an option, given by its label or its id.
func (f *Field) option(v any) (any, error) {
	text, isText := v.(string)
	if m, ok := v.(map[string]any); ok { // include_option_labels
		text = idOrNumber(m["id"])
	} else if !isText {
		text = numberText(v)
	}
	if isText {
		for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
			for id, label := range f.Options {
				if label, _ := label.(string); same(label, strings.TrimSpace(text)) {
					return number(id), nil
				}
			}
		}
	}
	if _, known := f.Options[text]; known {
		return number(text), nil
	}
	var labels []string
	for _, label := range f.Options {
		if label, ok := label.(string); ok {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return nil, fmt.Errorf("the custom field %q has no such option: it is one of %s", f.Name, strings.Join(labels[:min(20, len(labels))], ", "))
}

func (f *Field) number(v any) (any, error) {
	if n := numberText(v); n != "" {
		return json.Number(n), nil
	}
	if s, ok := v.(string); ok {
		if s = strings.TrimSpace(s); isNumber(s) {
			return json.Number(s), nil
		}
	}
	return nil, fmt.Errorf("the custom field %q takes a number", f.Name)
}

// isNumber reports whether a text is a number of JSON.
func isNumber(s string) bool {
	var n json.Number
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Unmarshal([]byte(s), &n) == nil
}

// numberText is a number as text, whatever type a mapping gave it; empty for what is no number.
func numberText(v any) string {
	switch n := v.(type) {
	case json.Number:
		return n.String()
	case int:
		return strconv.Itoa(n)
	case int64:
		return strconv.FormatInt(n, 10)
	case uint64:
		return strconv.FormatUint(n, 10)
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return ""
}

// idOrNumber is an id as text.
func idOrNumber(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return numberText(v)
}

// withoutNulls leaves out the parts that are null: what is left out of an address becomes null.
func withoutNulls(m map[string]any) map[string]any {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}
