package pipedrive

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// idOf is an id as text; empty for null, and for 0, which is nobody's.
func idOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		if v == "0" {
			return "", nil
		}
		return v.String(), nil
	case int64:
		if v == 0 {
			return "", nil
		}
		return strconv.FormatInt(v, 10), nil
	case float64:
		if v == math.Trunc(v) {
			return idOf(int64(v))
		}
	}
	if _, ok := v.(map[string]any); ok {
		return "", errors.New("it is an object (an if without an else gives the whole message: write else { null })")
	}
	return "", errors.New("it is neither a number nor text, nor a list of these")
}
