package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Record is one record in the one shape that every reader of Pipedrive hands on, whatever dialect it
// came in: the v2 REST shape. Linked records are plain ids; emails and phones are arrays of
// {value, primary, label} without blank entries; times are RFC 3339 in UTC; visible_to is a number;
// is_deleted is always there; lists are never null. custom_fields holds values by Pipedrive's 40-hex
// key, custom_fields_by_name the same by the field's name, with options as labels. Fields that this
// package does not know pass through untouched.
type Record map[string]any

// ID is the record's id as text: a number, or a lead's uuid.
func (r Record) ID() string {
	switch id := r["id"].(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

// Time is when the record was last updated, else when it was added. Empty when neither is known.
func (r Record) Time() string {
	for _, key := range []string{"update_time", "add_time"} {
		if t, ok := r[key].(string); ok && t != "" {
			return t
		}
	}
	return ""
}

// listFields are the fields of each object that hold lists.
var listFields = map[string][]string{
	"person":       {"emails", "phones", "label_ids"},
	"organization": {"label_ids"},
	"deal":         {"label_ids"},
	"lead":         {"label_ids"},
	"activity":     {"participants"},
}

// normalize brings a record of v2, or one already brought from v1 to v2's names, into shape.
func (r Record) normalize(o *Object) {
	for _, key := range listFields[o.Name] {
		if r[key] == nil {
			r[key] = []any{}
		}
	}
	if attendees, ok := r["attendees"]; ok && attendees == nil && o.Name == "activity" { // sent on request only
		r["attendees"] = []any{}
	}
	if o.Name == "person" {
		for _, key := range []string{"emails", "phones", "im"} {
			if list, ok := r[key].([]any); ok {
				r[key] = withoutBlanks(list)
			}
		}
	}
	if _, ok := r["is_deleted"].(bool); !ok {
		r["is_deleted"] = false
	}
	if s, ok := r["visible_to"].(string); ok {
		r["visible_to"] = number(s)
	}
	if o.Name == "lead" {
		if org, ok := r["organization_id"]; ok {
			r["org_id"] = org
			delete(r, "organization_id")
		}
	}
	if o.fields == "" {
		return
	}
	if _, ok := r["custom_fields"].(map[string]any); !ok {
		r["custom_fields"] = map[string]any{}
	}
}

func withoutBlanks(list []any) []any {
	kept := list[:0]
	for _, entry := range list {
		if e, ok := entry.(map[string]any); ok {
			if v, _ := e["value"].(string); strings.TrimSpace(v) == "" {
				continue
			}
		}
		kept = append(kept, entry)
	}
	return kept
}

// number keeps text that is no number as it is, so that nothing is lost.
func number(s string) any {
	if _, err := strconv.ParseInt(s, 10, 64); err != nil {
		return s
	}
	return json.Number(s)
}

// utc turns v1's "2006-01-02 15:04:05", which is in UTC, into RFC 3339. Anything else stays.
func utc(s string) any {
	if len(s) != len(time.DateTime) || s[10] != ' ' {
		return s
	}
	if strings.HasPrefix(s, "0000-00-00") {
		return nil
	}
	t, err := time.Parse(time.DateTime, s)
	if err != nil {
		return s
	}
	return t.Format(time.RFC3339)
}
