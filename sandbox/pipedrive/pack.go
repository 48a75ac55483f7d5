package pipedrive

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// pack turns a record in API form into its stored form. Custom fields may sit under custom_fields
// or, as on leads, at the root.
func (t *table) pack(m map[string]any) *record {
	rec := &record{
		id: toInt(m["id"]), added: millis(m["add_time"]), updated: millis(m["update_time"]),
		owner: int32(toInt(m["owner_id"])), org: int32(toInt(m["org_id"])), person: int32(toInt(m["person_id"])),
		deal: int32(toInt(m["deal_id"])), pipeline: int32(toInt(m["pipeline_id"])), stage: int32(toInt(m["stage_id"])),
	}
	if t.object == "lead" {
		rec.org = int32(toInt(m["organization_id"]))
	}
	if t.object == "note" {
		rec.owner = int32(toInt(m["user_id"]))
	}
	status, _ := m["status"].(string)
	rec.status = statusOf(status)
	rec.deleted, _ = m["is_deleted"].(bool)
	if active, ok := m["active_flag"].(bool); ok && t.object != "user" {
		rec.deleted = !active
	}
	rec.archived, _ = m["is_archived"].(bool)
	rec.done, _ = m["done"].(bool)
	if due, _ := m["due_date"].(string); due != "" {
		rec.due = int32(toInt(strings.ReplaceAll(due, "-", "")))
	}
	rec.data = t.packValues(m)
	return rec
}

// packed is one encoded value on its way into a record.
type packed struct {
	column int
	json   []byte
}

// packValues encodes the values that differ from their column's fallback.
func (t *table) packValues(m map[string]any) string {
	values, text := t.scratch.values[:0], t.scratch.text[:0]
	add := func(name string, v any, custom bool) {
		i, ok := t.byName[name]
		if !ok {
			i = t.addColumn(column{name: name, custom: custom})
		}
		start := len(text)
		text = appendJSON(text, v)
		if string(text[start:]) != t.columns[i].fallback {
			values = append(values, packed{i, text[start:]})
		}
	}
	for name, v := range m {
		if name == "custom_fields" {
			custom, _ := v.(map[string]any)
			for code, cv := range custom {
				add(code, cv, true)
			}
			continue
		}
		add(name, v, t.rootCustom && isHash(name))
	}
	slices.SortFunc(values, func(a, b packed) int { return a.column - b.column })
	data := t.scratch.data[:0]
	for _, v := range values {
		data = binary.AppendUvarint(data, uint64(v.column))
		data = binary.AppendUvarint(data, uint64(len(v.json)))
		data = append(data, v.json...)
	}
	t.scratch.values, t.scratch.text, t.scratch.data = values, text, data
	return string(data)
}

// values spreads a record's data over its columns; a column without a value is "".
func (t *table) values(rec *record, into []string) []string {
	into = into[:0]
	data := rec.data
	for len(data) > 0 {
		col, n := uvarint(data)
		size, k := uvarint(data[n:])
		data = data[n+k:]
		for len(into) < col {
			into = append(into, "")
		}
		into = append(into, data[:size])
		data = data[size:]
	}
	for len(into) < len(t.columns) {
		into = append(into, "")
	}
	return into
}

// raw returns the JSON of one value.
func (t *table) raw(rec *record, name string) string {
	want, ok := t.byName[name]
	if !ok {
		return "null"
	}
	data := rec.data
	for len(data) > 0 {
		col, n := uvarint(data)
		size, k := uvarint(data[n:])
		data = data[n+k:]
		if col == want {
			return data[:size]
		}
		data = data[size:]
	}
	return t.columns[want].fallback
}

func uvarint(s string) (int, int) {
	value, shift := 0, 0
	for i := 0; i < len(s); i++ {
		value |= int(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return value, i + 1
		}
		shift += 7
	}
	return 0, len(s)
}

// text returns a string value, "" when null.
func (t *table) text(rec *record, name string) string {
	raw := t.raw(rec, name)
	if len(raw) >= 2 && raw[0] == '"' && strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	s, _ := decodeJSON(raw).(string)
	return s
}

// unpack returns the record as a map, custom fields that are set under custom_fields (at the root on leads).
func (t *table) unpack(rec *record) map[string]any {
	m := make(map[string]any, len(t.columns))
	custom := map[string]any{}
	for i, raw := range t.values(rec, nil) {
		c := t.columns[i]
		switch {
		case c.custom && raw == "":
		case c.custom && t.rootCustom:
			m[c.name] = decodeJSON(raw)
		case c.custom:
			custom[c.name] = decodeJSON(raw)
		case raw == "":
			m[c.name] = decodeJSON(c.fallback)
		default:
			m[c.name] = decodeJSON(raw)
		}
	}
	if !t.rootCustom && customObjects[t.object] {
		m["custom_fields"] = custom
	}
	return m
}

func isHash(s string) bool {
	if len(s) != 40 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// millis reads a time in the form of either version.
func millis(v any) int64 {
	s, _ := v.(string)
	if s == "" {
		return 0
	}
	for _, layout := range []string{time.RFC3339, v1Time} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UnixMilli()
		}
	}
	return 0
}
