package pipedrive

import (
	"slices"
	"strconv"
	"time"
)

// checkCustom checks a custom field value in its v2 write form and returns it as it is stored.
//
// Source: pipedrive.readme.io/docs/core-api-concepts-custom-fields and the v2 migration guide.
func (f *Field) checkCustom(v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	switch f.Type {
	case "varchar", "varchar_auto":
		if reason := isString(v); reason != "" || len(v.(string)) > 255 {
			return nil, "Value must be a string of at most 255 characters"
		}
		return v, ""
	case "double":
		return v, isNumber(v)
	case "user", "org", "people":
		return v, isID(v)
	case "date":
		return v, isDate(v)
	case "enum":
		if isID(v) != "" || f.label(v) == "" {
			return nil, "Value must be the id of an option"
		}
		return v, ""
	case "set":
		list, ok := v.([]any)
		if !ok || len(list) == 0 || slices.ContainsFunc(list, func(id any) bool { return isID(id) != "" || f.label(id) == "" }) {
			return nil, "Value must be a non-empty array of option ids"
		}
		return v, ""
	case "monetary":
		return v, checkParts(v, map[string]kind{"value": isNumber, "currency": isCurrency}, "value", "currency")
	case "daterange":
		return v, checkParts(v, map[string]kind{"value": isDate, "until": isDate}, "value", "until")
	case "time":
		reason := checkParts(v, map[string]kind{"value": isString, "timezone_name": isString, "timezone_id": isID}, "value")
		return withZone(v, reason), reason
	case "timerange":
		reason := checkParts(v, map[string]kind{"value": isString, "until": isString, "timezone_name": isString, "timezone_id": isID}, "value", "until")
		return withZone(v, reason), reason
	case "address":
		if reason := isAddress(v); reason != "" {
			return nil, reason
		}
		return fullAddress(v.(map[string]any), true), ""
	}
	return v, isString(v)
}

func checkParts(v any, parts map[string]kind, required ...string) string {
	m, ok := v.(map[string]any)
	if !ok {
		return "Value must be an object"
	}
	for _, key := range required {
		if m[key] == nil {
			return key + ": Value is required"
		}
	}
	for key, given := range m {
		check, known := parts[key]
		if !known {
			return "Parameter '" + key + "' is not allowed for this request"
		}
		if reason := check(given); reason != "" {
			return key + ": " + reason
		}
	}
	return ""
}

// withZone completes a time with the zone that the account would have put there.
func withZone(v any, reason string) any {
	m, _ := v.(map[string]any)
	if reason == "" && m["timezone_name"] == nil {
		m["timezone_id"], m["timezone_name"] = 1, time.UTC.String()
	}
	return v
}

// v1Custom spreads a custom value over the root of a v1 record: numbers of options become strings,
// parts become companion keys such as <key>_currency.
func (f *Field) v1Custom(into map[string]any, v any) {
	if v == nil {
		into[f.Code] = nil
		for _, part := range companions[f.Type] {
			into[f.Code+"_"+part] = nil
		}
		return
	}
	switch f.Type {
	case "enum":
		into[f.Code] = optionKey(v)
	case "set":
		list, _ := v.([]any)
		joined := ""
		for i, id := range list {
			if i > 0 {
				joined += ","
			}
			joined += optionKey(id)
		}
		into[f.Code] = joined
	case "monetary", "daterange", "time", "timerange", "address":
		m, _ := v.(map[string]any)
		into[f.Code] = m["value"]
		for _, part := range companions[f.Type] {
			into[f.Code+"_"+part] = m[part]
		}
	default:
		into[f.Code] = v
	}
}

var companions = map[string][]string{
	"monetary":  {"currency"},
	"daterange": {"until"},
	"time":      {"timezone_id"},
	"timerange": {"until", "timezone_id"},
	"address":   append([]string{"formatted_address"}, addressKeys...),
}

// v2Custom reads the v1 form of a value, as leads take it at their root.
func (f *Field) v2Custom(v any) any {
	s, isText := v.(string)
	switch {
	case f.Type == "enum" && isText:
		if n, err := strconv.Atoi(s); err == nil {
			return float64(n)
		}
	case f.Type == "double" && isText:
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return n
		}
	}
	return v
}
