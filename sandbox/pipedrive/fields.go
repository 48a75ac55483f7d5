package pipedrive

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Field is one field definition.
type Field struct {
	Name        string
	Code        string // system name, or 40 hex characters for a custom field
	Type        string // field_type of v2: varchar, enum, set, monetary, …
	Description string
	Options     []Option
	Subfields   []Subfield
	Custom      bool
	Optional    bool // its value comes only by include_fields
}

// Option is one choice of an enum or set field. System fields may have text ids.
type Option struct {
	ID    any // int or string
	Label string
	Color string
}

// Subfield is one part of a composite field.
type Subfield struct{ Code, Name, Type string }

func newFieldCode(object, name string, n int) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s/%s/%d", object, name, n))
	return hex.EncodeToString(sum[:])
}

// fieldObjects maps the collections of definitions to their objects. Lead fields exist in v1 only.
var fieldObjects = map[string]string{
	"personFields": "person", "organizationFields": "organization", "dealFields": "deal",
	"productFields": "product", "activityFields": "activity",
}

// fieldRoutes are /api/v2/{object}Fields and /v1/{object}Fields.
// Source: developers.pipedrive.com/docs/api/v1/PersonFields and its siblings.
func (s *Server) fieldRoutes() []route {
	var out []route
	for name, object := range fieldObjects {
		base := "/api/v2/" + name
		out = append(out,
			route{method: "GET", pattern: base, cost: 10, handle: func(r *request) reply { return s.listFields(r, object) }},
			route{method: "GET", pattern: base + "/{code}", cost: 1, handle: func(r *request) reply { return s.getField(r, object) }},
			route{method: "GET", pattern: "/v1/" + name, cost: 20, handle: func(r *request) reply { return s.listFieldsV1(r, object) }},
		)
		if object == "activity" {
			continue
		}
		out = append(out,
			route{method: "POST", pattern: base, cost: 5, handle: func(r *request) reply { return s.createField(r, object) }},
			route{method: "PATCH", pattern: base + "/{code}", cost: 5, handle: func(r *request) reply { return s.updateField(r, object) }},
			route{method: "DELETE", pattern: base + "/{code}", cost: 3, handle: func(r *request) reply { return s.deleteField(r, object) }},
			route{method: "POST", pattern: base + "/{code}/options", cost: 5, handle: func(r *request) reply { return s.addOptions(r, object) }},
			route{method: "PATCH", pattern: base + "/{code}/options", cost: 5, handle: func(r *request) reply { return s.renameOptions(r, object) }},
			route{method: "DELETE", pattern: base + "/{code}/options", cost: 3, handle: func(r *request) reply { return s.deleteOptions(r, object) }},
		)
	}
	return append(out,
		route{method: "GET", pattern: "/v1/leadFields", cost: 20, handle: func(r *request) reply { return s.listFieldsV1(r, "lead") }},
		route{method: "GET", pattern: "/v1/noteFields", cost: 20, handle: func(r *request) reply { return s.listFieldsV1(r, "note") }},
	)
}

// fieldExtras are the values of include_fields, of which activities and products know the first only.
var fieldExtras = []string{"ui_visibility", "important_fields", "required_fields"}

func fieldExtrasOf(object string) []string {
	if object == "activity" || object == "product" {
		return fieldExtras[:1]
	}
	return fieldExtras
}

// listFields is GET /api/v2/{object}Fields: cursor-paged in the order of definition.
func (s *Server) listFields(r *request, object string) reply {
	q := newQuery(r.URL)
	q.allow("limit", "cursor", "include_fields")
	limit := q.limit(maxLimit, s.cfg.ClampLimit)
	extras := q.choices("include_fields", fieldExtrasOf(object))
	start := sortKey{}
	if q.has("cursor") {
		at, ok := decodeCursor(q.text("cursor"), "id", "asc")
		if start = at; !ok {
			q.wrong.add("cursor", "Value is not a valid cursor")
		}
	}
	if len(q.wrong) > 0 {
		return q.wrong.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.fields[object]
	from := min(max(int(start.id), 0), len(list))
	to := min(from+limit, len(list))
	data := []any{}
	for _, f := range list[from:to] {
		data = append(data, f.v2(extras))
	}
	var next any
	if to < len(list) {
		next = newCursor("id", "asc", sortKey{id: int64(to)}).encode()
	}
	return jsonReply(200, map[string]any{"success": true, "data": data, "additional_data": map[string]any{"next_cursor": next}})
}

func (s *Server) getField(r *request, object string) reply {
	q := newQuery(r.URL)
	q.allow("include_fields")
	extras := q.choices("include_fields", fieldExtrasOf(object))
	if len(q.wrong) > 0 {
		return q.wrong.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.field(object, r.vars["code"])
	if f == nil {
		return notFound("Field")
	}
	return dataReply(200, f.v2(extras))
}

// v2 is the definition as v2 shows it.
func (f *Field) v2(extras []string) map[string]any {
	out := map[string]any{
		"field_name": f.Name, "field_code": f.Code, "field_type": f.Type,
		"options": nil, "subfields": nil,
		"is_custom_field": f.Custom, "is_optional_response_field": f.Optional,
	}
	if f.Description != "" {
		out["description"] = f.Description
	}
	if len(f.Options) > 0 || f.Custom && (f.Type == "enum" || f.Type == "set") {
		out["options"] = f.options()
	}
	subfields := f.Subfields
	if f.Custom && len(subfields) == 0 {
		subfields = derivedSubfields(f)
	}
	if len(subfields) > 0 {
		list := []any{}
		for _, sub := range subfields {
			list = append(list, map[string]any{"field_code": sub.Code, "field_name": sub.Name, "field_type": sub.Type})
		}
		out["subfields"] = list
	}
	if slices.Contains(extras, "ui_visibility") {
		out["ui_visibility"] = map[string]any{"add_visible_flag": true, "details_visible_flag": true}
	}
	if slices.Contains(extras, "important_fields") {
		out["important_fields"] = map[string]any{"enabled": false, "stage_ids": []any{}}
	}
	if slices.Contains(extras, "required_fields") {
		out["required_fields"] = map[string]any{"enabled": false}
	}
	return out
}

func (f *Field) options() []any {
	list := []any{}
	for _, o := range f.Options {
		item := map[string]any{"id": o.ID, "label": o.Label}
		if o.Color != "" {
			item["color"] = o.Color
		}
		list = append(list, item)
	}
	return list
}

// derivedSubfields are the companions that a composite custom field has in v1.
func derivedSubfields(f *Field) []Subfield {
	var out []Subfield
	for _, part := range companions[f.Type] {
		label := strings.ReplaceAll(part, "_", " ")
		out = append(out, Subfield{Code: f.Code + "_" + part, Name: f.Name + " " + label, Type: "varchar"})
	}
	return out
}
