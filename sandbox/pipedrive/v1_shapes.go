package pipedrive

import (
	"maps"
	"strings"
	"time"
)

// v1Record is a record in v1 form. linked turns linked records into objects, as the v1 lists do;
// recents and merges have plain ids.
func (s *Server) v1Record(object string, rec *record, linked bool) any {
	t := s.tables[object]
	switch object {
	case "person":
		return s.personV1(rec, linked)
	case "organization":
		return s.organizationV1(rec, linked)
	case "deal":
		return s.dealV1(rec, linked)
	case "activity":
		return s.activityV1(rec)
	case "product":
		return s.productV1(rec, linked)
	case "pipeline":
		return s.pipelineV1(rec)
	case "stage":
		return s.stageV1(rec)
	case "note":
		return s.noteV1(rec)
	case "user":
		return s.userV1(rec)
	}
	return t.unpack(rec)
}

// spaced turns an RFC 3339 time into v1's YYYY-MM-DD HH:MM:SS.
func spaced(v any) any {
	at, err := time.Parse(time.RFC3339, text(v))
	if err != nil {
		return v
	}
	return at.UTC().Format(v1Time)
}

// counted returns the v2 record with every count, times in v1 form, custom fields spread over the root.
func (s *Server) counted(t *table, rec *record) map[string]any {
	m := s.full(t, rec)
	for key, v := range m {
		if strings.HasSuffix(key, "_time") {
			m[key] = spaced(v)
		}
	}
	custom, _ := m["custom_fields"].(map[string]any)
	delete(m, "custom_fields")
	for _, f := range s.fields[t.object] {
		if f.Custom {
			f.v1Custom(m, custom[f.Code])
		}
	}
	m["visible_to"] = optionKey(m["visible_to"])
	m["active_flag"] = !rec.deleted
	delete(m, "is_deleted")
	return m
}

// v1Contacts gives a record without entries the one blank entry that v1 has in their place.
func v1Contacts(v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list
	}
	return []any{map[string]any{"value": "", "primary": true}}
}

func (s *Server) orgRef(id int32) any {
	t := s.tables["organization"]
	rec := t.find(int64(id))
	if rec == nil {
		return nil
	}
	m := t.unpack(rec)
	address, _ := m["address"].(map[string]any)
	people := 0
	for _, p := range s.tables["person"].links["organization"][id] {
		if !p.deleted {
			people++
		}
	}
	return map[string]any{
		"name": m["name"], "people_count": people, "owner_id": m["owner_id"], "address": address["value"],
		"active_flag": !rec.deleted, "cc_email": s.mailbox(""), "value": id,
	}
}

func (s *Server) personRef(id int32) any {
	t := s.tables["person"]
	rec := t.find(int64(id))
	if rec == nil {
		return nil
	}
	m := t.unpack(rec)
	return map[string]any{
		"active_flag": !rec.deleted, "name": m["name"], "email": v1Contacts(m["emails"]),
		"phone": v1Contacts(m["phones"]), "owner_id": m["owner_id"], "value": id,
	}
}

// mailbox is the address that collects mail for the account or one deal.
func (s *Server) mailbox(suffix string) string {
	return s.cfg.CompanyDomain + suffix + "@pipedrivemail.example.com"
}

func orNil(name string) any {
	if name == "" {
		return nil
	}
	return name
}

func firstChar(name string) any {
	for _, r := range strings.ToLower(name) {
		return string(r)
	}
	return nil
}

func rename(m map[string]any, from, to string) {
	m[to] = m[from]
	delete(m, from)
}

// flatAddress spreads an address object over the root, as v1 has it.
func flatAddress(m map[string]any, key string) {
	address, _ := m[key].(map[string]any)
	m[key] = address["value"]
	for _, part := range addressKeys {
		m[key+"_"+part] = address[part]
	}
	m[key+"_formatted_address"] = address["value"]
}

// addNextActivity adds the dates of the next and the last activity.
func (s *Server) addNextActivity(m map[string]any) {
	t := s.tables["activity"]
	for _, key := range []string{"next_activity_date", "next_activity_time", "last_activity_date"} {
		m[key] = nil
	}
	if next := t.find(toInt(m["next_activity_id"])); next != nil {
		m["next_activity_date"], m["next_activity_time"] = orNil(t.text(next, "due_date")), orNil(t.text(next, "due_time"))
	}
	if last := t.find(toInt(m["last_activity_id"])); last != nil {
		m["last_activity_date"] = orNil(t.text(last, "due_date"))
	}
}

func (s *Server) pipelineV1(rec *record) map[string]any {
	m := s.tables["pipeline"].unpack(rec)
	m["add_time"], m["update_time"] = spaced(m["add_time"]), spaced(m["update_time"])
	m["url_title"] = strings.ReplaceAll(text(m["name"]), " ", "-")
	m["active"], m["selected"] = !rec.deleted, rec.id == s.first("pipeline", func(*record) bool { return true })
	rename(m, "is_deal_probability_enabled", "deal_probability")
	delete(m, "is_deleted")
	return m
}

func (s *Server) stageV1(rec *record) map[string]any {
	m := s.tables["stage"].unpack(rec)
	m["add_time"], m["update_time"] = spaced(m["add_time"]), spaced(m["update_time"])
	rename(m, "is_deal_rot_enabled", "rotten_flag")
	rename(m, "days_to_rotten", "rotten_days")
	m["active_flag"], m["pipeline_name"] = !rec.deleted, s.nameOf("pipeline", int64(rec.pipeline))
	m["pipeline_deal_probability"] = true
	delete(m, "is_deleted")
	return m
}

func (s *Server) productV1(rec *record, linked bool) map[string]any {
	m := maps.Clone(s.counted(s.tables["product"], rec))
	rename(m, "is_linkable", "selectable")
	m["first_char"] = firstChar(text(m["name"]))
	if linked {
		m["owner_id"] = s.userRef(rec.owner)
	}
	return m
}
