package api

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// written is a value of the field's kind. v2 is strict: a number is no text, and a text no number. Those
// that say the same, as in a CSV, become it.
func (f writableField) written(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	text, isText := v.(string)
	switch f.kind {
	case "text":
		if n := numberText(v); n != "" {
			return n, nil
		}
		if !isText {
			return nil, errors.New("it takes a text")
		}
	case "int", "number":
		if isText {
			if text = strings.TrimSpace(text); text == "" {
				return nil, nil
			}
			if !isNumber(text) {
				return nil, errors.New("it takes a number, and this text is none")
			}
			v = json.Number(text)
		}
		n := numberText(v)
		if n == "" {
			return nil, errors.New("it takes a number")
		}
		if _, err := strconv.ParseInt(n, 10, 64); err != nil && f.kind == "int" {
			return nil, errors.New("it takes a whole number, and this one is none")
		}
		return json.Number(n), nil
	case "bool":
		switch {
		case isText:
			is, err := strconv.ParseBool(strings.TrimSpace(text))
			if err != nil {
				return nil, errors.New("it takes true or false, and this text is neither")
			}
			return is, nil
		case numberText(v) == "0" || numberText(v) == "1": // as notes have it
			return numberText(v) == "1", nil
		}
		if _, ok := v.(bool); !ok {
			return nil, errors.New("it takes true or false")
		}
	case "list":
		if _, ok := v.([]any); !ok {
			return nil, errors.New("it takes a list")
		}
	case "object":
		if _, ok := v.(map[string]any); !ok {
			return nil, errors.New("it takes an object")
		}
	case "address":
		if isText {
			return map[string]any{"value": text}, nil
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, errors.New("it takes an address: a text, or an object with a value")
		}
		return withoutNulls(m), nil
	}
	return v, nil
}
