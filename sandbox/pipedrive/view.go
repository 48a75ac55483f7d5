package pipedrive

import (
	"slices"
	"strconv"
)

// view writes records of one table in the shape of their API.
type view struct {
	s       *Server
	t       *table
	include []string // of include_fields
	only    []string // of custom_fields; empty: all
	options bool     // include_option_labels
	labels  bool     // include_labels
	scratch []string
}

// append writes one record.
func (v *view) append(buf []byte, rec *record) []byte {
	v.scratch = v.t.values(rec, v.scratch)
	open := len(buf)
	buf = append(buf, '{')
	for i := range v.t.columns {
		c, raw := &v.t.columns[i], v.scratch[i]
		if c.custom && (!v.t.rootCustom || raw == "") || !c.custom && v.hidden(c) {
			continue
		}
		if raw == "" {
			raw = c.fallback
		}
		buf = appendMember(buf, open, c.head, raw)
	}
	if len(v.include) > 0 {
		tally := v.s.tally(v.t, rec)
		for _, name := range v.include {
			if _, stored := v.t.byName[name]; !stored {
				buf = append(appendString(append(buf, ','), name), ':')
				buf = tally.append(buf, name)
			}
		}
	}
	if customObjects[v.t.object] {
		buf = v.appendCustom(append(buf, `,"custom_fields":`...))
	}
	if v.labels {
		buf = appendJSON(append(buf, `,"labels":`...), v.s.labelsOf(v.t, rec))
	}
	return append(buf, '}')
}

func appendMember(buf []byte, open int, head, raw string) []byte {
	if len(buf) > open+1 {
		buf = append(buf, ',')
	}
	buf = append(buf, head...)
	return append(buf, raw...)
}

func (v *view) hidden(c *column) bool {
	return c.sync && !v.s.cfg.ContactSync || c.optional && !slices.Contains(v.include, c.name)
}

// appendCustom writes custom_fields from the values in scratch.
func (v *view) appendCustom(buf []byte) []byte {
	open, start := len(buf), len(buf)
	buf = append(buf, '{')
	set := false
	for i := range v.t.columns {
		c, raw := &v.t.columns[i], v.scratch[i]
		if !c.custom || len(v.only) > 0 && !slices.Contains(v.only, c.name) {
			continue
		}
		if raw == "" {
			if v.s.cfg.OmitUnsetCustomFields || !c.defined {
				continue
			}
			raw = "null"
		} else {
			set = true
		}
		if v.options && raw != "null" {
			raw = v.s.withLabels(v.s.field(v.t.object, c.name), raw)
		}
		buf = appendMember(buf, open, c.head, raw)
	}
	if !set && v.s.cfg.NullCustomFields {
		return append(buf[:start], "null"...)
	}
	return append(buf, '}')
}

// withLabels turns option ids into {id,label} for include_option_labels.
func (s *Server) withLabels(f *Field, raw string) string {
	if f == nil || f.Type != "enum" && f.Type != "set" {
		return raw
	}
	labelled := func(id any) map[string]any {
		return map[string]any{"id": id, "label": f.label(id)}
	}
	value := decodeJSON(raw)
	list, ok := value.([]any)
	if !ok {
		return string(appendJSON(nil, labelled(value)))
	}
	out := make([]any, len(list))
	for i, id := range list {
		out[i] = labelled(id)
	}
	return string(appendJSON(nil, out))
}

// labelsOf answers include_labels. The name of the key that holds them is not published; "labels" is a guess.
func (s *Server) labelsOf(t *table, rec *record) []any {
	out := []any{}
	f := s.field(t.object, "label_ids")
	ids, _ := decodeJSON(t.raw(rec, "label_ids")).([]any)
	for _, id := range ids {
		out = append(out, map[string]any{"id": id, "label": f.label(id)})
	}
	return out
}

// label returns the label of an option, whose id may be held as a number or a string.
func (f *Field) label(id any) string {
	if f == nil {
		return ""
	}
	for _, o := range f.Options {
		if optionKey(o.ID) == optionKey(id) {
			return o.Label
		}
	}
	return ""
}

func optionKey(id any) string {
	if s, ok := id.(string); ok {
		return s
	}
	return strconv.FormatInt(toInt(id), 10)
}
