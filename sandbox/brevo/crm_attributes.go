package brevo

import (
	"net/http"
	"slices"
	"strconv"
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
	}
	all[0].IsRequired = true
	return all
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
	a := crmAttribute{InternalName: snake(label), Label: label, AttributeTypeName: kind, AttributeOptions: []map[string]string{}}
	for i, option := range options {
		a.AttributeOptions = append(a.AttributeOptions, map[string]string{"key": strconv.Itoa(i + 1), "value": option})
	}
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
