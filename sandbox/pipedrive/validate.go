package pipedrive

import (
	"slices"
	"strings"
	"time"
)

// kind says what is wrong with a value of a v2 body; "" if nothing is. v2 is strict: no number is
// taken for a string and no string for a number.
type kind func(v any) string

func isString(v any) string {
	if _, ok := v.(string); !ok {
		return "Value must be a string"
	}
	return ""
}

func isText(v any) string {
	if s, ok := v.(string); !ok || strings.TrimSpace(s) == "" {
		return "Value must be a non-empty string"
	}
	return ""
}

func isNumber(v any) string {
	if _, ok := v.(float64); !ok {
		return "Value must be a number"
	}
	return ""
}

func isID(v any) string {
	if n, ok := v.(float64); !ok || n != float64(int64(n)) {
		return "Value must be an integer"
	}
	return ""
}

func isBool(v any) string {
	if _, ok := v.(bool); !ok {
		return "Value must be a boolean"
	}
	return ""
}

func isCurrency(v any) string {
	if s, ok := v.(string); !ok || len(s) != 3 || strings.ToUpper(s) != s {
		return "Value must be a currency code"
	}
	return ""
}

func isVisibility(v any) string {
	if n, ok := v.(float64); !ok || !slices.Contains([]float64{1, 3, 5, 7}, n) {
		return "Value must be one of 1, 3, 5, 7"
	}
	return ""
}

func isDate(v any) string       { return parses(v, time.DateOnly, "Value is not a valid date") }
func isTime(v any) string       { return parses(v, time.RFC3339, "Value is not a valid datetime") }
func isSpacedTime(v any) string { return parses(v, v1Time, "Value is not a valid datetime") }

func parses(v any, layout, reason string) string {
	s, _ := v.(string)
	if _, err := time.Parse(layout, s); err != nil {
		return reason
	}
	return ""
}

func orNull(k kind) kind {
	return func(v any) string {
		if v == nil {
			return ""
		}
		return k(v)
	}
}

func oneOf(allowed ...string) kind {
	return func(v any) string {
		if s, ok := v.(string); !ok || !slices.Contains(allowed, s) {
			return "Value must be one of " + strings.Join(allowed, ", ")
		}
		return ""
	}
}

func isIDs(v any) string {
	list, ok := v.([]any)
	if !ok || slices.ContainsFunc(list, func(e any) bool { return isID(e) != "" }) {
		return "Value must be an array of integers"
	}
	return ""
}

func isObjects(v any) string {
	list, ok := v.([]any)
	if !ok {
		return "Value must be an array of objects"
	}
	for _, e := range list {
		if _, ok := e.(map[string]any); !ok {
			return "Value must be an array of objects"
		}
	}
	return ""
}

// isContacts checks emails, phones and im: objects of value, primary and label, at most one primary.
func isContacts(v any) string {
	if reason := isObjects(v); reason != "" {
		return reason
	}
	primaries := 0
	for _, e := range v.([]any) {
		entry := e.(map[string]any)
		if isString(entry["value"]) != "" {
			return "Each entry needs a value that is a string"
		}
		for key, given := range entry {
			switch key {
			case "value":
			case "label":
				if reason := isString(given); reason != "" {
					return "label: " + reason
				}
			case "primary":
				if reason := isBool(given); reason != "" {
					return "primary: " + reason
				}
				if given == true {
					primaries++
				}
			default:
				return "Parameter '" + key + "' is not allowed for this request"
			}
		}
	}
	if primaries > 1 {
		return "Only one entry can be primary"
	}
	return ""
}

func isParticipants(v any) string {
	if reason := isObjects(v); reason != "" {
		return reason
	}
	for _, e := range v.([]any) {
		if isID(e.(map[string]any)["person_id"]) != "" {
			return "Each participant needs a person_id"
		}
	}
	return ""
}

func isAddress(v any) string {
	address, ok := v.(map[string]any)
	if !ok {
		return "Value must be an object"
	}
	if isString(address["value"]) != "" {
		return "value: Value must be a string"
	}
	for key, given := range address {
		if key != "value" && key != "formatted_address" && !slices.Contains(addressKeys, key) {
			return "Parameter '" + key + "' is not allowed for this request"
		}
		if orNull(isString)(given) != "" {
			return key + ": Value must be a string"
		}
	}
	return ""
}

// checkLinks adds a problem for each key of body that names a record that is not there.
func (s *Server) checkLinks(p *problems, body map[string]any, keys ...string) {
	objects := map[string]string{
		"person_id": "person", "org_id": "organization", "deal_id": "deal",
		"stage_id": "stage", "pipeline_id": "pipeline", "organization_id": "organization",
	}
	for _, key := range keys {
		if id := toInt(body[key]); body[key] != nil {
			if rec := s.tables[objects[key]].find(id); rec == nil || rec.deleted {
				p.add(key, "Referenced "+objects[key]+" was not found")
			}
		}
	}
}
