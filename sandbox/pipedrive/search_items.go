package pipedrive

import "strings"

// searched returns the texts of a record that one search field stands for.
func (s *Server) searched(t *table, rec *record, field string) []string {
	switch field {
	case "email":
		return contactValues(t.raw(rec, "emails"))
	case "phone":
		return contactValues(t.raw(rec, "phones"))
	case "address":
		address, _ := decodeJSON(t.raw(rec, "address")).(map[string]any)
		return []string{text(address["value"])}
	case "notes":
		notes := s.tables["note"]
		var out []string
		if t.object != "lead" {
			for _, note := range notes.links[t.object][int32(rec.id)] {
				if !note.deleted {
					out = append(out, notes.text(note, "content"))
				}
			}
		}
		return out
	case "custom_fields":
		return s.customTexts(t, rec)
	}
	return []string{t.text(rec, field)}
}

// contactValues reads the values of emails or phones without decoding the whole of it: a search
// looks at every record of the account.
func contactValues(raw string) []string {
	if strings.IndexByte(raw, '\\') >= 0 {
		var out []string
		list, _ := decodeJSON(raw).([]any)
		for _, entry := range list {
			m, _ := entry.(map[string]any)
			out = append(out, text(m["value"]))
		}
		return out
	}
	var out []string
	for {
		_, after, found := strings.Cut(raw, `"value":"`)
		if !found {
			return out
		}
		value, rest, _ := strings.Cut(after, `"`)
		out = append(out, value)
		raw = rest
	}
}

func (s *Server) customTexts(t *table, rec *record) []string {
	object := t.object
	if object == "lead" {
		object = "deal"
	}
	var out []string
	for _, f := range s.fields[object] {
		if !f.Custom || !searchableTypes[f.Type] {
			continue
		}
		raw := t.raw(rec, f.Code)
		if raw == "null" {
			continue
		}
		v := decodeJSON(raw)
		if m, ok := v.(map[string]any); ok {
			v = m["value"]
		}
		if s, ok := v.(string); ok {
			out = append(out, s)
		} else {
			out = append(out, string(appendJSON(nil, v)))
		}
	}
	return out
}

// searchItem is a record as searches show it: addresses and phones are plain texts.
func (s *Server) searchItem(t *table, rec *record) map[string]any {
	m := map[string]any{"id": rec.id, "type": t.object, "visible_to": toInt(decodeJSON(t.raw(rec, "visible_to"))), "owner": nil}
	if rec.owner != 0 {
		m["owner"] = map[string]any{"id": rec.owner}
	}
	switch t.object {
	case "person":
		m["name"] = t.text(rec, "name")
		m["emails"], m["phones"] = nonNil(contactValues(t.raw(rec, "emails"))), nonNil(contactValues(t.raw(rec, "phones")))
		m["organization"] = s.namedOrg(rec.org)
	case "organization":
		address, _ := decodeJSON(t.raw(rec, "address")).(map[string]any)
		m["name"], m["address"] = t.text(rec, "name"), address["value"]
	case "product":
		m["name"], m["code"] = t.text(rec, "name"), decodeJSON(t.raw(rec, "code"))
	case "deal":
		m["title"], m["status"] = t.text(rec, "title"), t.text(rec, "status")
		m["value"], m["currency"] = decodeJSON(t.raw(rec, "value")), t.text(rec, "currency")
		m["stage"] = map[string]any{"id": rec.stage, "name": s.nameOf("stage", int64(rec.stage))}
		m["person"], m["organization"], m["is_archived"] = s.named("person", rec.person), s.named("organization", rec.org), rec.archived
	case "lead":
		value, _ := decodeJSON(t.raw(rec, "value")).(map[string]any)
		m["id"], m["title"] = rec.key, t.text(rec, "title")
		m["value"], m["currency"] = value["amount"], value["currency"]
		m["person"], m["organization"], m["is_archived"] = s.named("person", rec.person), s.named("organization", rec.org), rec.archived
		m["emails"], m["phones"] = []string{}, []string{}
		people := s.tables["person"]
		if p := people.find(int64(rec.person)); p != nil {
			m["emails"], m["phones"] = nonNil(contactValues(people.raw(p, "emails"))), nonNil(contactValues(people.raw(p, "phones")))
		}
	}
	return m
}

func (s *Server) named(object string, id int32) any {
	if name := s.nameOf(object, int64(id)); name != "" {
		return map[string]any{"id": id, "name": name}
	}
	return nil
}

func (s *Server) namedOrg(id int32) any {
	t := s.tables["organization"]
	rec := t.find(int64(id))
	if rec == nil {
		return nil
	}
	address, _ := decodeJSON(t.raw(rec, "address")).(map[string]any)
	return map[string]any{"id": rec.id, "name": t.text(rec, "name"), "address": address["value"]}
}
