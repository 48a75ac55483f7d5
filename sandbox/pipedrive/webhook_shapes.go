package pipedrive

import "strings"

// hookKeys are the keys of data in payloads 2.0, which are neither those of v1 nor those of v2.
//
// Sources: the samples of pipedrive.readme.io/docs/webhooks-v2-migration-guide; the guide's list of
// May 2026 for website to employee_count; recordings of 2025 and 2026 for is_archived and archive_time.
var hookKeys = map[string][]string{
	"person": strings.Fields(`id name first_name last_name emails phones org_id owner_id label visible_to add_time update_time`),
	"organization": strings.Fields(`id name address country_code label owner_id picture_id visible_to add_time update_time
		website linkedin industry annual_revenue employee_count`),
	"deal": strings.Fields(`id title value currency status stage_id pipeline_id person_id org_id owner_id creator_user_id
		label_ids probability expected_close_date close_time won_time lost_time first_won_time stage_change_time lost_reason
		origin origin_id channel channel_id visible_to is_archived archive_time add_time update_time`),
	"activity": strings.Fields(`id subject type done active_flag busy_flag due_date due_time duration deal_id lead_id
		person_id org_id owner_id location public_description update_user_id add_time update_time`),
	"lead": strings.Fields(`id title value label_ids person_id organization_id owner_id creator_id is_archived was_seen
		next_activity_id expected_close_date source_name origin origin_id channel channel_id add_time update_time`),
	"note": strings.Fields(`id content user_id deal_id person_id org_id lead_id project_id active_flag pinned_to_deal_flag
		pinned_to_person_flag pinned_to_organization_flag add_time update_time`),
	"pipeline": strings.Fields(`id name url_title order_nr active_flag deal_probability add_time update_time`),
	"stage":    strings.Fields(`id name active_flag rotten_days rotten_flag order_nr deal_probability pipeline_id add_time update_time`),
	"product": strings.Fields(`id name code category description unit tax selectable owner_id visible_to prices
		add_time update_time`),
	"user": strings.Fields(`id name email phone locale lang default_currency timezone_name icon_url active_flag access
		created modified last_login`),
}

// hookCustom are the objects with custom_fields in payloads 2.0.
var hookCustom = map[string]bool{
	"person": true, "organization": true, "deal": true, "activity": true, "lead": true, "product": true,
}

// hookedV2 is a record in a payload 2.0.
func (s *Server) hookedV2(object string, rec *record) map[string]any {
	t := s.tables[object]
	m := t.unpack(rec)
	custom, _ := m["custom_fields"].(map[string]any)
	if t.rootCustom {
		custom = m
	}
	if _, has := m["visible_to"]; has {
		m["visible_to"] = optionKey(m["visible_to"])
	}
	keys := hookKeys[object]
	switch object {
	case "person", "organization":
		labels, _ := m["label_ids"].([]any)
		m["label"] = nil
		if len(labels) > 0 {
			m["label"] = labels[0]
		}
		if s.cfg.Webhooks.LabelIDs {
			keys = append([]string{"label_ids"}, keys...)
		}
		s.hookAddress(m, "address")
	case "activity":
		m["active_flag"], m["busy_flag"] = !rec.deleted, m["busy"]
		m["due_time"], m["duration"] = hookTime(m["due_time"]), hookTime(m["duration"])
		if !same(m["add_time"], m["update_time"]) {
			m["update_user_id"] = s.me()
		}
		s.hookAddress(m, "location")
	case "note":
		m["add_time"], m["update_time"] = zulu(m["add_time"]), zulu(m["update_time"])
	case "pipeline":
		m["active_flag"], m["deal_probability"] = !rec.deleted, m["is_deal_probability_enabled"]
		m["url_title"] = strings.ReplaceAll(text(m["name"]), " ", "-")
	case "stage":
		m["active_flag"], m["rotten_days"], m["rotten_flag"] = !rec.deleted, m["days_to_rotten"], m["is_deal_rot_enabled"]
	case "product":
		m["selectable"] = m["is_linkable"]
		if m["category"] != nil {
			m["category"] = optionKey(m["category"])
		}
	case "user":
		m["id"], m["lang"] = optionKey(m["id"]), "en-US"
	}
	out := make(map[string]any, len(keys)+1)
	for _, key := range keys {
		out[key] = m[key]
	}
	if hookCustom[object] {
		out["custom_fields"] = s.hookedCustom(t, custom)
	}
	return out
}

// zulu turns v1's YYYY-MM-DD HH:MM:SS, in which notes are kept, into RFC 3339.
func zulu(v any) any {
	if at := text(v); len(at) == len(v1Time) {
		return at[:10] + "T" + at[11:] + "Z"
	}
	return v
}

// hookTime is a time or a duration of an activity: null, or with the zone of the account, UTC.
func hookTime(v any) any {
	if text(v) == "" {
		return nil
	}
	return map[string]any{"value": v, "timezone_id": 1}
}

func (s *Server) hookAddress(m map[string]any, key string) {
	if address, isObject := m[key].(map[string]any); isObject && s.cfg.Webhooks.PlainAddress {
		m[key] = address["value"]
	}
}

// hookedCustom is custom_fields of a payload 2.0: typed objects, and null for the defined ones that
// are not set. Leads have those that are set only.
func (s *Server) hookedCustom(t *table, values map[string]any) map[string]any {
	out := map[string]any{}
	for _, c := range t.columns {
		if !c.custom {
			continue
		}
		value := values[c.name]
		if value == nil && (t.rootCustom || s.cfg.OmitUnsetCustomFields || !c.defined) {
			continue
		}
		out[c.name] = s.field(t.object, c.name).hooked(value)
	}
	return out
}

// hooked is a custom value as payloads 2.0 have it. Source: pipedrive.readme.io/docs/webhooks-v2-migration-guide
func (f *Field) hooked(v any) any {
	if v == nil {
		return nil
	}
	kind := "varchar"
	if f != nil {
		kind = f.Type
	}
	parts, _ := v.(map[string]any)
	out := map[string]any{"type": kind}
	switch kind {
	case "enum", "user", "org", "people":
		out["id"] = v
	case "set":
		list, _ := v.([]any)
		values := make([]any, len(list))
		for i, id := range list {
			values[i] = map[string]any{"id": id}
		}
		out["values"] = values
	case "monetary":
		out["value"], out["currency"] = parts["value"], parts["currency"]
	case "time":
		out["value"], out["timezone_id"] = parts["value"], parts["timezone_id"]
	case "daterange":
		out["from"], out["until"] = parts["value"], parts["until"]
	case "timerange":
		out["from"], out["until"], out["timezone_id"] = parts["value"], parts["until"], parts["timezone_id"]
	case "address":
		for _, key := range append([]string{"value", "formatted_address"}, addressKeys...) {
			out[key] = parts[key]
		}
	default:
		out["value"] = v
	}
	return out
}
