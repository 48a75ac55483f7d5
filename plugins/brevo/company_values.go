package brevo

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"connector/plugins/brevo/api"
)

// fitCompanyValue converts a value to the type of a company attribute where it has to and can.
func fitCompanyValue(at api.CompanyAttribute, v any) (any, fit) {
	if t, ok := v.(time.Time); ok { // as Bloblang's ts_parse gives it
		v = t.Format(time.RFC3339)
	}
	text, isText := v.(string)
	number, isNumber := numberText(v)
	if at.ReadOnly {
		return nil, misfit // Brevo works it out
	}
	switch at.Type {
	case "text", "user":
		if isNumber {
			return number, converted
		}
		return v, fitIf(isText)
	case "number":
		if isNumber {
			return json.Number(number), fits
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || f-f != 0 { // not what JSON cannot say
			return nil, misfit
		}
		return f, converted
	case "boolean":
		if isText && (text == "true" || text == "false") {
			return text == "true", converted
		}
		_, isBool := v.(bool)
		return v, fitIf(isBool)
	case "date":
		_, err := time.Parse(time.RFC3339, text)
		if err != nil {
			_, err = time.Parse(time.DateOnly, text)
		}
		return v, fitIf(err == nil)
	case "single-select":
		return optionOf(at, v)
	case "multi-choice":
		items, isList := v.([]any)
		if !isList {
			items = []any{v}
		}
		keys := make([]any, 0, len(items))
		for _, item := range items {
			key, verdict := optionOf(at, item)
			if verdict == misfit {
				return nil, misfit
			}
			keys = append(keys, key)
		}
		return keys, converted
	}
	return v, fits
}

// optionOf is the key of an option, which is what is sent, of its key or its label.
func optionOf(at api.CompanyAttribute, v any) (any, fit) {
	text, isText := v.(string)
	if number, isNumber := numberText(v); isNumber {
		text, isText = number, true
	}
	if len(at.Options) == 0 {
		return text, fitIf(isText)
	}
	for _, o := range at.Options {
		if o.Label == text {
			return o.Key, converted
		}
	}
	for _, o := range at.Options {
		if o.Key == text || strings.EqualFold(o.Label, text) {
			return o.Key, converted
		}
	}
	return nil, misfit
}

// cellOf is a value as a cell of an import has it, and whether a cell can.
func cellOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	}
	return numberText(v) // Brevo does not say how a cell holds several
}
