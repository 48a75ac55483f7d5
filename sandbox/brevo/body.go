package brevo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// fields is a JSON object whose values are decoded one by one, because Brevo names the field that
// has the wrong type, ignores unknown keys and tells upper from lower case, which structs do not.
type fields map[string]json.RawMessage

// refusal is an error that carries its answer.
type refusal struct{ reply }

func (r refusal) Error() string { return string(r.body) }

// answer is the reply for an error of this package: a refusal's own, else 400.
func answer(err error) reply {
	if r, isRefusal := err.(refusal); isRefusal {
		return r.reply
	}
	return invalid(err.Error())
}

func wrongType(name, kind string) error {
	return fmt.Errorf("%s should be type %s", name, kind)
}

// object decodes the body of a call.
func (r *request) object() (fields, error) {
	var f fields
	if err := json.Unmarshal(r.body, &f); err != nil || f == nil {
		return nil, refusal{fail(http.StatusBadRequest, "bad_request", "Input must be a valid JSON object")}
	}
	return f, nil
}

func (f fields) has(name string) bool { _, found := f[name]; return found }

// text returns a string field, "" when it is absent.
func (f fields) text(name string) (string, error) {
	raw, found := f[name]
	if !found {
		return "", nil
	}
	s, isString := stringOf(raw)
	if !isString {
		return "", wrongType(name, "string")
	}
	return s, nil
}

// flag returns a boolean field, nil when it is absent.
func (f fields) flag(name string) (*bool, error) {
	raw, found := f[name]
	if !found {
		return nil, nil
	}
	switch string(raw) {
	case "true", "false":
		b := raw[0] == 't'
		return &b, nil
	}
	return nil, wrongType(name, "boolean")
}

// isSet reports whether a boolean field is there and true.
func (f fields) isSet(name string) (bool, error) {
	b, err := f.flag(name)
	return b != nil && *b, err
}

// number returns an integer field, 0 when it is absent.
func (f fields) number(name string) (int64, error) {
	raw, found := f[name]
	if !found {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, wrongType(name, "number")
	}
	return n, nil
}

func (f fields) array(name string) ([]json.RawMessage, error) {
	raw, found := f[name]
	if !found {
		return nil, nil
	}
	var items []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
		return nil, wrongType(name, "array")
	}
	return items, nil
}

func (f fields) numbers(name string) ([]int64, error) {
	items, err := f.array(name)
	if err != nil || items == nil {
		return nil, err
	}
	numbers := make([]int64, len(items))
	for i, raw := range items {
		if numbers[i], err = strconv.ParseInt(string(raw), 10, 64); err != nil {
			return nil, wrongType(fmt.Sprintf("%s/%d", name, i), "number")
		}
	}
	return numbers, nil
}

func (f fields) texts(name string) ([]string, error) {
	items, err := f.array(name)
	if err != nil || items == nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, raw := range items {
		s, isString := stringOf(raw)
		if !isString {
			return nil, wrongType(fmt.Sprintf("%s/%d", name, i), "string")
		}
		texts[i] = s
	}
	return texts, nil
}

// child returns an object field, nil when it is absent.
func (f fields) child(name string) (fields, error) {
	raw, found := f[name]
	if !found {
		return nil, nil
	}
	var c fields
	if raw[0] != '{' || json.Unmarshal(raw, &c) != nil {
		return nil, wrongType(name, "object")
	}
	return c, nil
}

func stringOf(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 && isASCII(plain) {
		return string(plain), true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

func isASCII[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
