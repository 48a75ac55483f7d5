package brevo

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// attributeTypes are the types that a category of attributes may have.
var attributeTypes = map[string][]string{
	"normal":        {"text", "date", "float", "boolean", "user", "multiple-choice"},
	"transactional": {"text", "date", "float", "boolean", "id"},
	"category":      {"category"},
	"calculated":    {},
	"global":        {},
}

type attributeView struct {
	Name        string       `json:"name"`
	Category    string       `json:"category"`
	Type        string       `json:"type,omitempty"`
	Enumeration []optionView `json:"enumeration,omitempty"`
	Options     []string     `json:"multiCategoryOptions,omitempty"`
	Value       string       `json:"calculatedValue,omitempty"`
}

type optionView struct {
	Value    int    `json:"value"`
	Label    string `json:"label"`
	ValueStr string `json:"valueStr"`
}

// getAttributes: GET /contacts/attributes. EXT_ID is listed among them although it is kept apart.
func (s *Server) getAttributes(*request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	views := []attributeView{{Name: "EXT_ID", Category: "normal", Type: "text"}}
	for _, a := range s.attributes.byNumber {
		if a == nil {
			continue
		}
		v := attributeView{Name: a.Name, Category: a.Category, Type: a.Type, Options: a.Options, Value: a.Value}
		for _, o := range a.Enumeration {
			v.Enumeration = append(v.Enumeration, optionView{o.Value, o.Label, string(mustJSON(o.Value))})
		}
		views = append(views, v)
	}
	return ok(http.StatusOK, map[string]any{"attributes": views})
}

// createAttribute: POST /contacts/attributes/{category}/{name}, 201 without body.
func (s *Server) createAttribute(r *request) reply {
	a := Attribute{Category: r.params[0], Name: strings.ToUpper(r.params[1])}
	types, known := attributeTypes[a.Category]
	if !known {
		return invalid("attributeCategory is invalid")
	}
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	kind, err := f.text("type")
	if err != nil {
		return answer(err)
	}
	switch {
	case len(types) > 0 && a.Category != "category" && kind == "":
		return missing("type is missing")
	case kind != "" && !slices.Contains(types, kind):
		return invalid("type is invalid for attributes of the category " + a.Category)
	}
	if a.Category != "category" {
		a.Type = kind
	}
	if err := a.define(f); err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.attributes.byName[a.Name]; taken || a.Name == "EXT_ID" || a.Name == "EMAIL" {
		return fail(http.StatusBadRequest, "duplicate_parameter", "Attribute name must be unique")
	}
	s.attributes.put(a)
	return reply{status: http.StatusCreated}
}

// updateAttribute: PUT /contacts/attributes/{category}/{name}. Its type cannot be changed.
func (s *Server) updateAttribute(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	present := s.attributes.find(r.params[0], r.params[1])
	if present == nil {
		return notFound("Attribute not found")
	}
	changed := *present
	if err := changed.define(f); err != nil {
		return answer(err)
	}
	s.attributes.put(changed)
	return noContent()
}

// define takes the options and the formula from a body; options of multiple choices add up.
func (a *Attribute) define(f fields) error {
	if f.has("enumeration") {
		items, err := f.array("enumeration")
		if err != nil {
			return err
		}
		a.Enumeration = make([]Option, len(items))
		for i, item := range items {
			if json.Unmarshal(item, &a.Enumeration[i]) != nil {
				return wrongType("enumeration", "object")
			}
		}
	}
	added, err := f.texts("multiCategoryOptions")
	if err != nil {
		return err
	}
	a.Options = slices.Clip(a.Options)
	for _, option := range added {
		if !slices.Contains(a.Options, option) {
			a.Options = append(a.Options, option)
		}
	}
	if f.has("value") {
		a.Value, err = f.text("value")
	}
	return err
}

// deleteAttribute: DELETE /contacts/attributes/{category}/{name}. Its values are gone with it.
func (s *Server) deleteAttribute(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attributes.find(r.params[0], r.params[1]) == nil || s.attributes.byName[r.params[1]] < builtinPhones {
		return notFound("Attribute not found")
	}
	s.attributes.remove(r.params[1])
	return noContent()
}

// deleteAttributeOption: DELETE /contacts/attributes/multiple-choice/{name}/{option}.
func (s *Server) deleteAttributeOption(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.attributes.find("normal", r.params[1])
	if r.params[0] != "multiple-choice" || a == nil || !slices.Contains(a.Options, r.params[2]) {
		return notFound("Attribute not found")
	}
	changed := *a
	changed.Options = slices.DeleteFunc(slices.Clone(a.Options), func(o string) bool { return o == r.params[2] })
	s.attributes.put(changed)
	return noContent()
}
