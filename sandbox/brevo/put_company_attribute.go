package brevo

import "slices"

// PutCompanyAttribute adds an attribute of companies, or replaces the one with its name. kind is one of
// text, user, number, single-select, date, boolean and multi-choice.
func (s *Server) PutCompanyAttribute(name, label, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crm = slices.DeleteFunc(slices.Clone(s.crm), func(a crmAttribute) bool { return a.InternalName == name })
	s.crm = append(s.crm, crmAttribute{
		InternalName: name, Label: label, AttributeTypeName: kind, AttributeOptions: []map[string]string{},
	})
}
