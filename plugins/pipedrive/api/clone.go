package api

import (
	"encoding/json"
	"strings"
)

// Clone is a copy that shares nothing with the page that the record came from, so that keeping it does
// not keep the page in memory.
func (r Record) Clone() map[string]any {
	copied, _ := clone(map[string]any(r)).(map[string]any)
	return copied
}

func clone(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Clone(v)
	case json.Number:
		return json.Number(strings.Clone(string(v)))
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[strings.Clone(key)] = clone(item)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = clone(item)
		}
		return list
	}
	return v
}
