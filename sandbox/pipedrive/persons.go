package pipedrive

import "strings"

// persons is /api/v2/persons. Source: developers.pipedrive.com/docs/api/v1/Persons
func persons() *resource {
	return &resource{
		object: "person", path: "persons", noun: "Person", listCost: 10, created: 200,
		filters: []string{"owner_id", "org_id", "deal_id"}, sorts: timeSorts,
		ranged: true, selectable: true, custom: true, labelled: true,
		createOnly: []string{"add_time"},
		body: map[string]kind{
			"name": isString, "first_name": orNull(isString), "last_name": orNull(isString),
			"owner_id": isID, "org_id": orNull(isID), "add_time": isTime,
			"emails": isContacts, "phones": isContacts, "visible_to": isVisibility, "label_ids": isIDs,
			"marketing_status": oneOf("no_consent", "unsubscribed", "subscribed", "archived"),
			"im":               isContacts, "postal_address": orNull(isAddress), "notes": orNull(isString),
			"birthday": orNull(isDate), "job_title": orNull(isString),
		},
		complete: completePerson,
	}
}

var contactSyncKeys = []string{"im", "postal_address", "notes", "birthday", "job_title"}

// completePerson keeps the three names in step and the addresses in their full form.
//
// Either name, or both first_name and last_name, is needed on create and whenever the name changes.
// Source: pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
func completePerson(s *Server, rec, was, body map[string]any) problems {
	var p problems
	_, named := body["name"]
	first, hasFirst := body["first_name"]
	last, hasLast := body["last_name"]
	switch {
	case named:
		name := text(body["name"])
		head, rest, _ := strings.Cut(name, " ")
		rec["first_name"], rec["last_name"] = head, any(rest)
		if rest == "" {
			rec["last_name"] = nil
		}
		if strings.TrimSpace(name) == "" {
			p.add("name", "Value must not be empty")
		}
	case hasFirst && hasLast:
		rec["name"] = strings.TrimSpace(text(first) + " " + text(last))
		if rec["name"] == "" {
			p.add("first_name", "first_name and last_name must not both be empty")
		}
	case was == nil || hasFirst || hasLast:
		p.add("name", "Either name or both first_name and last_name are required")
	}
	for _, key := range []string{"emails", "phones", "im"} {
		if list, ok := body[key].([]any); ok {
			rec[key] = fullContacts(list)
		}
	}
	if want, ok := body["marketing_status"].(string); ok {
		s.changeMarketing(rec, was, want)
	}
	s.checkLinks(&p, body, "org_id")
	return p
}

// changeMarketing applies a change of marketing_status, or drops it silently: it needs the
// Campaigns app and an address, and only one change from one status to another is ever allowed.
func (s *Server) changeMarketing(rec, was map[string]any, want string) {
	current := "no_consent"
	if was != nil {
		current = text(was["marketing_status"])
	}
	rec["marketing_status"] = current
	emails, _ := rec["emails"].([]any)
	id := toInt(rec["id"])
	if !s.cfg.Campaigns || len(emails) == 0 || want == current || s.marketed[id] {
		return
	}
	rec["marketing_status"] = want
	if was != nil {
		s.marketed[id] = true
	}
}

// fullContacts adds the defaults: label "work", and the first entry is primary if none is.
func fullContacts(list []any) []any {
	out := make([]any, len(list))
	primary := false
	for i, entry := range list {
		given := entry.(map[string]any)
		full := map[string]any{"value": given["value"], "primary": false, "label": "work"}
		if label, ok := given["label"].(string); ok && label != "" {
			full["label"] = label
		}
		if is, _ := given["primary"].(bool); is {
			full["primary"], primary = true, true
		}
		out[i] = full
	}
	if !primary && len(out) > 0 {
		out[0].(map[string]any)["primary"] = true
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
