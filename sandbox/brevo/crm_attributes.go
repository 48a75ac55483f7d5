package brevo

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// crmAttribute is an attribute of companies.
type crmAttribute struct {
	InternalName      string              `json:"internalName"`
	Label             string              `json:"label"`
	AttributeTypeName string              `json:"attributeTypeName"`
	AttributeOptions  []map[string]string `json:"attributeOptions"`
	IsRequired        bool                `json:"isRequired"`
	IsValueReadonly   bool                `json:"isValueReadonly"`
}

func defaultCompanyAttributes() []crmAttribute {
	text := func(name, label, kind string) crmAttribute {
		return crmAttribute{InternalName: name, Label: label, AttributeTypeName: kind, AttributeOptions: []map[string]string{}}
	}
	all := []crmAttribute{
		text("name", "Company name", "text"), text("domain", "Domain", "text"), text("owner", "Owner", "user"),
		text("phone_number", "Phone number", "text"), text("revenue", "Revenue", "number"), text("industry", "Industry", "text"),
		text("number_of_contacts", "Number of contacts", "number"),
	}
	all[0].IsRequired = true
	for _, name := range []string{"created_at", "last_updated_at", "owner_assign_date"} {
		own := text(name, strings.ReplaceAll(name, "_", " "), "date")
		own.IsValueReadonly = true
		all = append(all, own)
	}
	return all
}

// crmAttribute finds a company attribute. The caller holds the lock.
func (s *Server) crmAttribute(name string) (crmAttribute, bool) {
	i := slices.IndexFunc(s.crm, func(a crmAttribute) bool { return a.InternalName == name })
	if i < 0 {
		return crmAttribute{}, false
	}
	return s.crm[i], true
}

// cell is a cell of an import as a value of the attribute's type. What is none stays text.
func (a crmAttribute) cell(text string) json.RawMessage {
	switch a.AttributeTypeName {
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
	case "boolean":
		if text == "true" || text == "false" {
			return json.RawMessage(text)
		}
	}
	return mustJSON(text)
}

// PutCompanyAttribute gives companies an attribute, of a type of POST /crm/attributes, with options where that has
// some.
func (s *Server) PutCompanyAttribute(name, kind string, options ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := crmAttribute{InternalName: name, Label: name, AttributeTypeName: kind, AttributeOptions: crmOptions(options)}
	s.crm = append(slices.Clip(s.crm), a)
}

func crmOptions(labels []string) []map[string]string {
	options := []map[string]string{}
	for i, label := range labels {
		options = append(options, map[string]string{"key": strconv.Itoa(i + 1), "value": label})
	}
	return options
}

// getCompanyAttributes: GET /crm/attributes/companies.
func (s *Server) getCompanyAttributes(*request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return ok(http.StatusOK, s.crm)
}

// crmTypes are the attributeType values of POST /crm/attributes.
var crmTypes = []string{"text", "user", "number", "single-select", "date", "boolean", "multi-choice"}

// createCompanyAttribute: POST /crm/attributes, 200 with the id; here it is the internal name, which
// is the label in snake case. Attributes of deals are accepted and forgotten.
func (s *Server) createCompanyAttribute(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	label, err := f.text("label")
	if err != nil {
		return answer(err)
	}
	kind, err := f.text("attributeType")
	if err != nil {
		return answer(err)
	}
	object, err := f.text("objectType")
	if err != nil {
		return answer(err)
	}
	options, err := f.texts("optionsLabels")
	switch {
	case err != nil:
		return answer(err)
	case label == "" || len(label) > 50:
		return invalid("label should have 1 to 50 characters")
	case !slices.Contains(crmTypes, kind):
		return invalid("attributeType is invalid")
	case object != "companies" && object != "deals":
		return invalid("objectType is invalid")
	}
	a := crmAttribute{InternalName: snake(label), Label: label, AttributeTypeName: kind, AttributeOptions: crmOptions(options)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if object == "companies" {
		if slices.ContainsFunc(s.crm, func(b crmAttribute) bool { return b.InternalName == a.InternalName }) {
			return fail(http.StatusBadRequest, "duplicate_parameter", "Attribute already exists")
		}
		s.crm = append(slices.Clip(s.crm), a)
	}
	return ok(http.StatusOK, map[string]string{"id": a.InternalName})
}

func snake(label string) string {
	name := []byte(label)
	for i, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			name[i] = c + 'a' - 'A'
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			name[i] = '_'
		}
	}
	return string(name)
}
