package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"
)

// kindOfValue is the type of an attribute that holds the value; empty where it tells none.
func kindOfValue(value any) string {
	switch value := value.(type) {
	case nil, map[string]any:
		return ""
	case bool:
		return "boolean"
	case []any:
		return "list"
	case time.Time:
		return "date"
	case string:
		if value == "" {
			return "" // it empties an attribute of any type
		}
		for _, layout := range []string{time.DateOnly, time.RFC3339} { // of a time Brevo keeps the date
			if _, err := time.Parse(layout, value); err == nil {
				return "date"
			}
		}
		return "text"
	}
	return "float"
}

// settle decides on the type: the one that the mapping makes, or the only one that came out whatever went
// in, where all went in.
func (at *wantedAttribute) settle(name string, unsuited bool) {
	slices.Sort(at.files)
	var made []string
	for kind, own := range at.kinds {
		if own || len(at.kinds) == 1 && !unsuited {
			made = append(made, kind)
		}
	}
	if len(made) == 1 {
		at.kind = made[0]
		return
	}
	at.kind, at.guessed = guessKind(name), true
}

var (
	numberName  = regexp.MustCompile(`(?i)(^|_)(count|value|amount|revenue|total|sum|ltv|deals|score|price|probability|employees)$`)
	dateName    = regexp.MustCompile(`(?i)(^|_)(date|birthday|since|until|at|on|time)$`)
	booleanName = regexp.MustCompile(`(?i)^(is|has|was)_`)
)

// guessKind goes by the name, where the user's own fields decide what an attribute holds.
func guessKind(name string) string {
	switch {
	case numberName.MatchString(name):
		return "float"
	case dateName.MatchString(name):
		return "date"
	case booleanName.MatchString(name):
		return "boolean"
	}
	return "text"
}

// holds reports whether a filling is the value, or has it in it.
func holds(filling, value any) bool {
	if reflect.DeepEqual(plain(filling), plain(value)) {
		return true
	}
	switch filling := filling.(type) {
	case []any:
		return slices.ContainsFunc(filling, func(item any) bool { return holds(item, value) })
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(filling)), func(item any) bool { return holds(item, value) })
	}
	return false
}

// plain is a value as JSON would give it.
func plain(value any) (decoded any) {
	if encoded, err := json.Marshal(value); err == nil {
		_ = json.Unmarshal(encoded, &decoded) // it was JSON before
	}
	return decoded
}

func wholeNumber(value any) (int64, bool) {
	switch value := value.(type) {
	case json.Number:
		n, err := value.Int64()
		return n, err == nil
	case int64:
		return value, true
	case int:
		return int64(value), true
	case float64:
		return int64(value), value == float64(int64(value))
	}
	return 0, false
}
