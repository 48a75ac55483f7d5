package api

import (
	"encoding/json"
	"strings"
)

// v1Names are the fields that v1 calls otherwise.
var v1Names = map[string]map[string]string{
	"person":   {"email": "emails", "phone": "phones"},
	"deal":     {"user_id": "owner_id"},
	"activity": {"user_id": "owner_id", "created_by_user_id": "creator_user_id", "busy_flag": "busy"},
	"pipeline": {"active": "active_flag", "deal_probability": "is_deal_probability_enabled"},
	"stage":    {"rotten_flag": "is_deal_rot_enabled", "rotten_days": "days_to_rotten"},
}

// v1Booleans come as 0 and 1 from some v1 endpoints.
var v1Booleans = []string{"busy", "done", "is_admin", "is_archived", "is_deal_probability_enabled", "is_deal_rot_enabled"}

// fromV1 gives a record of v1 the names and shapes of v2. Fields that v2 does not have stay.
//
// Source: pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
func (r Record) fromV1(o *Object, fields *Fields) {
	for old, name := range v1Names[o.Name] {
		if v, ok := r[old]; ok {
			if _, taken := r[name]; !taken {
				r[name] = v
			}
			delete(r, old)
		}
	}
	r.liftCustomFields(o, fields)
	for key, v := range r {
		switch v := v.(type) {
		case string:
			if isTime(key) {
				r[key] = utc(v)
			}
		case map[string]any:
			if id, ok := linkedID(key, v); ok {
				r[key] = id
			}
		}
	}
	r.deletedFromV1()
	r.labelsFromV1()
	for _, key := range v1Booleans {
		if n, ok := r[key].(json.Number); ok {
			r[key] = n != "0"
		}
	}
	switch o.Name {
	case "organization":
		r.foldAddress("address")
	case "person":
		r.foldAddress("postal_address")
	case "activity":
		r.foldAddress("location")
		rename(r["participants"], "primary_flag", "primary")
		rename(r["attendees"], "email_address", "email")
		for _, key := range []string{"due_time", "duration", "marked_as_done_time"} {
			if v, _ := r[key].(string); len(v) == len("15:04") {
				r[key] = v + ":00"
			}
			if r[key] == "" {
				r[key] = nil
			}
		}
	}
}

func isTime(key string) bool {
	return strings.HasSuffix(key, "_time") || key == "created" || key == "modified" || key == "last_login"
}

// linkedID is the id of a record that v1 shows as an object.
func linkedID(key string, v map[string]any) (any, bool) {
	if !strings.HasSuffix(key, "_id") {
		return nil, false
	}
	for _, name := range []string{"value", "id"} {
		if id, ok := v[name].(json.Number); ok {
			return id, true
		}
	}
	return nil, false
}

func (r Record) deletedFromV1() {
	if _, ok := r["is_deleted"].(bool); ok {
		return
	}
	if active, ok := r["active_flag"].(bool); ok {
		r["is_deleted"] = !active
	}
	if deleted, ok := r["deleted"].(bool); ok {
		r["is_deleted"] = deleted
	}
}

// labelsFromV1 reads label, which is a number, a text of comma-separated numbers, or null.
func (r Record) labelsFromV1() {
	label, ok := r["label"]
	if !ok {
		return
	}
	delete(r, "label")
	if ids, ok := r["label_ids"].([]any); ok && len(ids) > 0 {
		return
	}
	ids := []any{}
	switch v := label.(type) {
	case json.Number:
		ids = append(ids, v)
	case string:
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				ids = append(ids, number(part))
			}
		}
	}
	r["label_ids"] = ids
}

var addressParts = []string{
	"country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality", "route",
	"street_number", "subpremise", "postal_code", "formatted_address",
}

// foldAddress gathers address, address_country, … into one object.
func (r Record) foldAddress(key string) {
	if _, folded := r[key].(map[string]any); folded {
		return
	}
	address := map[string]any{"value": r[key]}
	for _, part := range addressParts {
		if v, ok := r[key+"_"+part]; ok {
			address[part] = v
			delete(r, key+"_"+part)
		}
	}
	if r[key] == nil || r[key] == "" {
		r[key] = nil
		return
	}
	r[key] = address
}

func rename(list any, old, name string) {
	entries, _ := list.([]any)
	for _, entry := range entries {
		if e, ok := entry.(map[string]any); ok {
			if v, ok := e[old]; ok {
				e[name] = v
				delete(e, old)
			}
		}
	}
}

// liftCustomFields moves the 40-hex keys, and their companions such as <key>_currency, from the root
// into custom_fields.
func (r Record) liftCustomFields(o *Object, fields *Fields) {
	if o.fields == "" {
		return
	}
	custom, ok := r["custom_fields"].(map[string]any)
	if !ok {
		custom = map[string]any{}
		r["custom_fields"] = custom
	}
	for key, v := range r {
		if !isHash(key) {
			continue
		}
		custom[key] = r.customFromV1(key, v, fields.byKey(key))
		delete(r, key)
	}
	for key := range r {
		if len(key) > 41 && key[40] == '_' && isHash(key[:40]) {
			delete(r, key)
		}
	}
}

// customFromV1 gives one value v2's form.
// Source: pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide#custom-fields
func (r Record) customFromV1(key string, v any, f *Field) any {
	if v == nil || v == "" {
		return nil
	}
	kind := ""
	if f != nil {
		kind = f.Type
	}
	if m, ok := v.(map[string]any); ok && (kind == "user" || kind == "org" || kind == "people" || f == nil) {
		if id, ok := linkedID("_id", m); ok {
			return id
		}
	}
	if s, ok := v.(string); ok {
		switch kind {
		case "enum":
			return number(s)
		case "set":
			ids := []any{}
			for part := range strings.SplitSeq(s, ",") {
				ids = append(ids, number(strings.TrimSpace(part)))
			}
			return ids
		}
	}
	whole := map[string]any{"value": v}
	companions := map[string]string{"currency": "currency", "until": "until", "timezone_id": "timezone_id", "timezone_name": "timezone_name"}
	for _, part := range addressParts {
		companions[part] = part
	}
	found := false
	for suffix, name := range companions {
		if c, ok := r[key+"_"+suffix]; ok {
			whole[name], found = c, true
		}
	}
	if found {
		return whole
	}
	return v
}

// isHash tells Pipedrive's key of a custom field.
func isHash(key string) bool {
	if len(key) != 40 {
		return false
	}
	for i := range len(key) {
		if c := key[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
