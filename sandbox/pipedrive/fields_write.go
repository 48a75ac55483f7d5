package pipedrive

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

var creatableTypes = []string{
	"varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum",
	"varchar_auto", "address", "monetary", "org", "people", "user",
}

// createField is POST /api/v2/{object}Fields.
func (s *Server) createField(r *request, object string) reply {
	body, ok := r.object()
	if !ok {
		return invalid("body", "Value must be a JSON object")
	}
	f := &Field{Name: text(body["field_name"]), Type: text(body["field_type"]), Description: text(body["description"]), Custom: true}
	var wrong problems
	for key := range body {
		if !slices.Contains([]string{"field_name", "field_type", "options", "description"}, key) && !slices.Contains(fieldExtras, key) {
			wrong.notAllowed(key)
		}
	}
	if f.Name == "" {
		wrong.add("field_name", "Value is required")
	}
	if !slices.Contains(creatableTypes, f.Type) {
		wrong.add("field_type", "Value is not a type that can be created")
	}
	options, _ := body["options"].([]any)
	if (f.Type == "enum" || f.Type == "set") && len(options) == 0 {
		wrong.add("options", "Value is required")
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return wrong.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range options {
		m, _ := o.(map[string]any)
		f.Options = append(f.Options, Option{ID: s.nextOption(f), Label: text(m["label"])})
	}
	s.define(object, f)
	return dataReply(http.StatusOK, f.v2(nil))
}

// nextOption returns an option id that no field of the account uses.
func (s *Server) nextOption(plus *Field) int {
	highest := int64(0)
	for _, list := range s.fields {
		for _, f := range append(list, plus) {
			for _, o := range f.Options {
				highest = max(highest, toInt(o.ID))
			}
		}
	}
	return int(highest) + 1
}

// updateField is PATCH /api/v2/{object}Fields/{field_code}; code and type cannot change.
func (s *Server) updateField(r *request, object string) reply {
	body, ok := r.object()
	if !ok {
		return invalid("body", "Value must be a JSON object")
	}
	var wrong problems
	for key := range body {
		if key != "field_name" && key != "description" && !slices.Contains(fieldExtras, key) {
			wrong.notAllowed(key)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return wrong.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.field(object, r.vars["code"])
	if f == nil {
		return notFound("Field")
	}
	if name := text(body["field_name"]); name != "" {
		f.Name = name
	}
	return dataReply(http.StatusOK, f.v2(nil))
}

// deleteField is DELETE /api/v2/{object}Fields/{field_code}. Values of the field are gone with it.
func (s *Server) deleteField(r *request, object string) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.field(object, r.vars["code"])
	if f == nil {
		return notFound("Field")
	}
	if !f.Custom {
		return generalError(http.StatusForbidden, "System fields cannot be deleted")
	}
	s.fields[object] = slices.DeleteFunc(s.fields[object], func(other *Field) bool { return other == f })
	t := s.tables[object]
	for _, rec := range slices.Clone(t.rows) {
		if t.raw(rec, f.Code) != "null" {
			m := t.unpack(rec)
			delete(m["custom_fields"].(map[string]any), f.Code)
			s.store(t, m)
		}
	}
	t.columns[t.byName[f.Code]].defined = false
	return dataReply(http.StatusOK, f.v2(nil))
}

// addOptions is POST /api/v2/{object}Fields/{field_code}/options with [{label}]: all or nothing,
// and only the new options come back.
func (s *Server) addOptions(r *request, object string) reply {
	return s.changeOptions(r, object, func(f *Field, id any, label string) bool {
		if label == "" || slices.ContainsFunc(f.Options, func(o Option) bool { return o.Label == label }) {
			return false
		}
		f.Options = append(f.Options, Option{ID: s.nextOption(f), Label: label})
		return true
	})
}

// renameOptions is PATCH …/options with [{id,label}].
func (s *Server) renameOptions(r *request, object string) reply {
	return s.changeOptions(r, object, func(f *Field, id any, label string) bool {
		i := f.option(id)
		if i < 0 || label == "" {
			return false
		}
		f.Options[i].Label = label
		return true
	})
}

// deleteOptions is DELETE …/options with [{id}].
func (s *Server) deleteOptions(r *request, object string) reply {
	return s.changeOptions(r, object, func(f *Field, id any, _ string) bool {
		i := f.option(id)
		if i >= 0 {
			f.Options = slices.Delete(f.Options, i, i+1)
		}
		return i >= 0
	})
}

func (f *Field) option(id any) int {
	return slices.IndexFunc(f.Options, func(o Option) bool { return optionKey(o.ID) == optionKey(id) })
}

// changeOptions applies change to every item of the bare array in the body, or to none of them, and
// answers with the options that differ.
func (s *Server) changeOptions(r *request, object string, change func(f *Field, id any, label string) bool) reply {
	data, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	var items []map[string]any
	if json.Unmarshal(data, &items) != nil || len(items) == 0 {
		return invalid("body", "Value must be a non-empty array")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.field(object, r.vars["code"])
	if f == nil {
		return notFound("Field")
	}
	before := slices.Clone(f.Options)
	changed := []any{}
	for _, item := range items {
		was := slices.Clone(f.Options)
		if !change(f, item["id"], text(item["label"])) {
			f.Options = before
			return invalid("options", "An option is missing, empty or already there")
		}
		for _, o := range difference(was, f.Options) {
			changed = append(changed, map[string]any{"id": o.ID, "label": o.Label})
		}
	}
	return jsonReply(http.StatusOK, map[string]any{"success": true, "data": changed, "additional_data": nil})
}

// difference returns what is new or changed in b, or, where b is shorter, what it lost.
func difference(a, b []Option) []Option {
	if len(b) < len(a) {
		a, b = b, a
	}
	var out []Option
	for _, o := range b {
		if !slices.Contains(a, o) {
			out = append(out, o)
		}
	}
	return out
}
