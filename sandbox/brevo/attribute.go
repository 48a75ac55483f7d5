package brevo

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Attribute is a contact attribute of the account.
type Attribute struct {
	Category    string   // normal (default), transactional, category, calculated, global
	Name        string   // upper case
	Type        string   // text (default of normal), float, boolean, date, id, user, multiple-choice
	Enumeration []Option // category attributes
	Options     []string // multiple-choice attributes
	Value       string   // calculated and global attributes: the formula
}

// Option is one value of a category attribute.
type Option struct {
	Value int
	Label string
}

// The attributes that every account has. They identify contacts, as EMAIL does.
const (
	attrSMS = iota
	attrWhatsApp
	attrLandline
	builtinPhones
)

// registry numbers the attributes; numbers are never used twice.
type registry struct {
	byNumber []*Attribute // nil once deleted
	byName   map[string]int
}

func newRegistry() registry {
	r := registry{byName: map[string]int{}}
	for _, name := range []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"} {
		r.put(Attribute{Name: name})
	}
	return r
}

func (r *registry) put(a Attribute) {
	if a.Category == "" {
		a.Category = "normal"
	}
	if a.Type == "" && a.Category == "normal" {
		a.Type = "text"
	}
	if number, found := r.byName[a.Name]; found {
		r.byNumber[number] = &a
		return
	}
	r.byName[a.Name] = len(r.byNumber)
	r.byNumber = append(r.byNumber, &a)
}

func (r *registry) find(category, name string) *Attribute {
	number, found := r.byName[name]
	if !found || r.byNumber[number].Category != category {
		return nil
	}
	return r.byNumber[number]
}

func (r *registry) remove(name string) {
	r.byNumber[r.byName[name]] = nil
	delete(r.byName, name)
}

// PutAttribute adds an attribute to the account, or replaces it. EXT_ID is there already.
func (s *Server) PutAttribute(a Attribute) {
	if a.Name == "EXT_ID" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attributes.put(a)
}

// scan returns the text in which a JSON value of the attribute is kept. It is not ok when the value
// has the wrong type. An empty text clears the attribute.
func (a *Attribute) scan(raw json.RawMessage, loose bool) (text string, ok bool) {
	text, isString := stringOf(raw)
	if isString && text == "" {
		return "", a.Category != "calculated" && a.Category != "global"
	}
	isNumber := raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	isBool := raw[0] == 't' || raw[0] == 'f'
	switch {
	case a.Category == "calculated" || a.Category == "global":
		return "", false
	case a.Category == "category":
		if isNumber {
			text = string(raw)
		}
		return a.option(text)
	case a.Type == "multiple-choice":
		return a.choices(raw)
	case a.Type == "boolean":
		if isBool || loose && isString {
			return scanBool(strings.Trim(string(raw), `"`))
		}
		return "", false
	case a.Type == "float":
		if isNumber || loose && isString {
			return scanFloat(strings.Trim(string(raw), `"`))
		}
		return "", false
	case a.Type == "date":
		return scanDate(text, "2006-01-02", time.RFC3339)
	case !isString && !(loose && (isNumber || isBool)):
		return "", false
	case !isString:
		return string(raw), true
	}
	return text, true
}

// scanCSV is scan for a cell of a file, where everything is text and dates may be those of the
// account's own format.
func (a *Attribute) scanCSV(cell string) (text string, ok bool) {
	switch {
	case a.Category == "calculated" || a.Category == "global":
		return "", false
	case a.Category == "category":
		return a.option(cell)
	case a.Type == "float":
		return scanFloat(cell)
	case a.Type == "boolean":
		return scanBool(strings.ToLower(cell))
	case a.Type == "date":
		return scanDate(cell, "2006-01-02", time.RFC3339, "02/01/2006", "02-01-2006")
	case a.Type == "multiple-choice":
		raw, _ := json.Marshal(strings.Split(cell, ","))
		return a.choices(raw)
	}
	return cell, true
}

func scanFloat(s string) (string, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	number, err := json.Marshal(f)
	return string(number), err == nil
}

func scanBool(s string) (string, bool) {
	switch s {
	case "true", "1", "yes":
		return "true", true
	case "false", "0", "no":
		return "false", true
	}
	return "", false
}

func scanDate(s string, layouts ...string) (string, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly), true
		}
	}
	return "", false
}

// option finds a category option by its number or its label.
func (a *Attribute) option(text string) (string, bool) {
	for _, o := range a.Enumeration {
		if number := strconv.Itoa(o.Value); text == number || text == o.Label {
			return number, true
		}
	}
	return "", false
}

// choices keeps those of the given options that the attribute has.
func (a *Attribute) choices(raw json.RawMessage) (string, bool) {
	var given []string
	if json.Unmarshal(raw, &given) != nil {
		return "", false
	}
	given = slices.DeleteFunc(given, func(o string) bool { return !slices.Contains(a.Options, o) })
	if len(given) == 0 {
		return "", false
	}
	kept, err := json.Marshal(given)
	return string(kept), err == nil
}

// appendJSON appends a stored text as the JSON value that answers carry.
func (a *Attribute) appendJSON(buf []byte, text string) []byte {
	switch {
	case a.Type == "float", a.Type == "boolean", a.Type == "multiple-choice":
		return append(buf, text...)
	}
	return appendString(buf, text)
}

// value is a stored text as a Go value: string, float64, bool or []string.
func (a *Attribute) value(text string) any {
	switch a.Type {
	case "float":
		f, _ := strconv.ParseFloat(text, 64)
		return f
	case "boolean":
		return text == "true"
	case "multiple-choice":
		var options []string
		_ = json.Unmarshal([]byte(text), &options)
		return options
	}
	return text
}

// mustJSON is a Go value as JSON, for contacts that come from Go rather than over HTTP.
func mustJSON(value any) json.RawMessage {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("brevo: attribute value %v: %v", value, err))
	}
	return encoded
}
