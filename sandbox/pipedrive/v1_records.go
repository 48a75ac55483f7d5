package pipedrive

import "strings"

// personV1 is a person as v1 has it.
func (s *Server) personV1(rec *record, linked bool) map[string]any {
	t := s.tables["person"]
	m := s.counted(t, rec)
	m["phone"], m["email"] = v1Contacts(m["phones"]), v1Contacts(m["emails"])
	m["primary_email"] = primaryOf(m["emails"])
	delete(m, "phones")
	delete(m, "emails")
	labels, _ := m["label_ids"].([]any)
	m["label"] = nil
	if len(labels) > 0 {
		m["label"] = labels[0]
	}
	if s.cfg.ContactSync {
		m["im"] = v1Contacts(m["im"])
		flatAddress(m, "postal_address")
	} else {
		for _, key := range contactSyncKeys {
			delete(m, key)
		}
	}
	s.addNextActivity(m)
	m["company_id"], m["first_char"], m["cc_email"] = companyID, firstChar(text(m["name"])), s.mailbox("")
	m["org_name"], m["owner_name"] = orNil(s.nameOf("organization", int64(rec.org))), orNil(s.nameOf("user", int64(rec.owner)))
	delete(m, "smart_bcc_email")
	if !s.cfg.Campaigns {
		delete(m, "marketing_status")
		delete(m, "doi_status")
	}
	if linked {
		m["owner_id"], m["org_id"] = s.userRef(rec.owner), s.orgRef(rec.org)
	}
	return m
}

func primaryOf(v any) any {
	list, _ := v.([]any)
	for _, entry := range list {
		if m, _ := entry.(map[string]any); m["primary"] == true {
			return m["value"]
		}
	}
	return nil
}

// organizationV1 is an organization as v1 has it: a flat address.
func (s *Server) organizationV1(rec *record, linked bool) map[string]any {
	m := s.counted(s.tables["organization"], rec)
	flatAddress(m, "address")
	s.addNextActivity(m)
	labels, _ := m["label_ids"].([]any)
	m["label"] = nil
	if len(labels) > 0 {
		m["label"] = labels[0]
	}
	m["company_id"], m["first_char"], m["cc_email"] = companyID, firstChar(text(m["name"])), s.mailbox("")
	m["owner_name"], m["picture_id"], m["country_code"] = orNil(s.nameOf("user", int64(rec.owner))), nil, nil
	delete(m, "smart_bcc_email")
	if linked {
		m["owner_id"] = s.userRef(rec.owner)
	}
	return m
}

// dealV1 is a deal as v1 has it: user_id for owner_id, label as text.
func (s *Server) dealV1(rec *record, linked bool) map[string]any {
	t := s.tables["deal"]
	m := s.counted(t, rec)
	rename(m, "owner_id", "user_id")
	m["active"], m["deleted"] = !rec.deleted && m["status"] == "open", rec.deleted
	delete(m, "active_flag")
	labels, _ := m["label_ids"].([]any)
	m["label"] = nil
	if len(labels) > 0 {
		joined := make([]string, len(labels))
		for i, id := range labels {
			joined[i] = optionKey(id)
		}
		m["label"] = strings.Join(joined, ",")
	}
	delete(m, "label_ids")
	s.addNextActivity(m)
	m["person_name"], m["org_name"] = orNil(s.nameOf("person", int64(rec.person))), orNil(s.nameOf("organization", int64(rec.org)))
	m["owner_name"] = orNil(s.nameOf("user", int64(rec.owner)))
	m["stage_order_nr"] = 0
	if stage := s.tables["stage"].find(int64(rec.stage)); stage != nil {
		m["stage_order_nr"] = decodeJSON(s.tables["stage"].raw(stage, "order_nr"))
	}
	for _, key := range []string{"next_activity_subject", "next_activity_type", "next_activity_duration", "next_activity_note", "rotten_time"} {
		m[key] = nil
	}
	amount := string(appendJSON(nil, m["value"])) + " " + text(m["currency"])
	m["formatted_value"], m["formatted_weighted_value"] = amount, amount
	m["weighted_value"], m["weighted_value_currency"] = m["value"], m["currency"]
	m["cc_email"] = s.mailbox("+deal" + optionKey(rec.id))
	m["org_hidden"], m["person_hidden"] = false, false
	delete(m, "smart_bcc_email")
	if linked {
		m["user_id"], m["creator_user_id"] = s.userRef(rec.owner), s.userRef(int32(toInt(m["creator_user_id"])))
		for _, key := range []string{"user_id", "creator_user_id"} {
			if ref, ok := m[key].(map[string]any); ok {
				ref["has_pic"] = ref["has_pic"] == 1 // a number with persons and organizations
			}
		}
		m["person_id"], m["org_id"] = s.personRef(rec.person), s.orgRef(rec.org)
	}
	return m
}

// activityV1 is an activity as v1 has it; its links are plain ids in lists too.
func (s *Server) activityV1(rec *record) map[string]any {
	m := s.counted(s.tables["activity"], rec)
	delete(m, "visible_to")
	rename(m, "owner_id", "user_id")
	rename(m, "creator_user_id", "created_by_user_id")
	rename(m, "busy", "busy_flag")
	flatAddress(m, "location")
	m["assigned_to_user_id"], m["company_id"] = m["user_id"], companyID
	m["due_time"], m["duration"] = minutes(m["due_time"]), minutes(m["duration"])
	participants := []any{}
	list, _ := m["participants"].([]any)
	for _, entry := range list {
		p, _ := entry.(map[string]any)
		participants = append(participants, map[string]any{"person_id": p["person_id"], "primary_flag": p["primary"] == true})
	}
	m["participants"] = participants
	attendees := []any{}
	list, _ = m["attendees"].([]any)
	for _, entry := range list {
		a, _ := entry.(map[string]any)
		rename(a, "email", "email_address")
		attendees = append(attendees, a)
	}
	m["attendees"] = attendees
	m["deal_title"], m["person_name"] = orNil(s.nameOf("deal", int64(rec.deal))), orNil(s.nameOf("person", int64(rec.person)))
	m["org_name"], m["owner_name"] = orNil(s.nameOf("organization", int64(rec.org))), orNil(s.nameOf("user", int64(rec.owner)))
	return m
}

// minutes is v1's HH:MM, empty when there is none.
func minutes(v any) string {
	s := text(v)
	return s[:min(len(s), len("00:00"))]
}
