package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"

	"connector/plugins/internal/rest"
)

// Field is the definition of one field of an object.
type Field struct {
	Name    string         // as people see it; it can be renamed and need not be unique
	Key     string         // 40 hex digits for a custom field
	Type    string         // "varchar", "enum", "set", "monetary", …
	Custom  bool           // made by the company, not by Pipedrive
	Options map[string]any // id → label, of enum and set
	Choices []Choice       // the same in Pipedrive's order
}

// Choice is one option of an enum or set.
type Choice struct{ ID, Label string }

// Fields are an object's field definitions.
type Fields struct {
	All []*Field

	keys     map[string]*Field
	names    map[string]string // key → snake_case name, of custom fields whose name is theirs alone
	missing  map[string]bool   // keys and options that a fresh read did not explain
	readAt   time.Time
	readable bool
}

func (f *Fields) byKey(key string) *Field {
	if f == nil {
		return nil
	}
	return f.keys[key]
}

// SnakeCase is the name under which custom_fields_by_name holds a field: "Lead Source" → lead_source.
func SnakeCase(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(name) {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(c)
	}
	return b.String()
}

// HasFields reports whether the object has field definitions.
func (o *Object) HasFields() bool { return o.fields != "" }

// FieldsOf reads an object's field definitions anew. Leads have those of deals. Its error is also that of
// a token that may not read them.
//
// GET /api/v2/{entity}Fields, 10 tokens a page.
// Source: developers.pipedrive.com/docs/api/v1/PersonFields
func (c *Client) FieldsOf(ctx context.Context, o *Object) (*Fields, error) {
	if !o.HasFields() {
		return nil, fmt.Errorf("%s have no field definitions", o.Plural)
	}
	fields := &Fields{readAt: time.Now(), missing: map[string]bool{}}
	err := c.readAllFields(ctx, o.fields, "v2", fields)
	fields.index()
	return fields, err
}

// NameOf is the name of a custom field in custom_fields_by_name; empty where others share it, so that it
// goes by its key only.
func (f *Fields) NameOf(field *Field) string { return f.names[field.Key] }

// refreshEvery bounds how often definitions are read again for something they do not explain.
const refreshEvery = 5 * time.Second

// fieldsFor returns an object's definitions, read once. They are read again when a record has shown
// something that they do not know.
func (c *Client) fieldsFor(ctx context.Context, o *Object, version string, unknown []string) (*Fields, error) {
	if o.fields == "" {
		return nil, nil
	}
	c.fieldsMu.Lock()
	defer c.fieldsMu.Unlock()
	fields := c.fields[o.fields]
	if fields != nil && (len(unknown) == 0 || !fields.readable || time.Since(fields.readAt) < refreshEvery) {
		return fields, nil
	}
	known := fields
	fields, err := c.readFields(ctx, o.fields, version)
	if err != nil {
		return nil, err
	}
	if known != nil {
		unknown = slices.AppendSeq(unknown, maps.Keys(known.missing))
	}
	for _, what := range unknown {
		if !fields.knows(what) {
			fields.missing[what] = true
		}
	}
	c.fields[o.fields] = fields
	return fields, nil
}

// readFields reads an entity's definitions. A token that may not read them gives none: it may lack the
// scope for definitions alone, and records still have their keys.
func (c *Client) readFields(ctx context.Context, entity, version string) (*Fields, error) {
	fields := &Fields{readAt: time.Now(), readable: true, missing: map[string]bool{}}
	err := c.readAllFields(ctx, entity, version, fields)
	if rest.Is(err, rest.Unauthorized) && !isUnauthorized(err) {
		c.warn(fmt.Sprintf("%v; custom fields of %s are known by key only", err, entity))
		fields.readable, err = false, nil
	}
	if err != nil {
		return nil, err
	}
	for _, names := range fields.index() {
		c.warn(fmt.Sprintf("the %s fields %s share the name %q: custom_fields_by_name leaves them out, use their keys",
			entity, strings.Join(names.keys, " and "), names.name))
	}
	return fields, nil
}

// readAllFields reads all pages of an entity's definitions.
//
// GET /api/v2/{entity}Fields, 10 tokens a page; GET /v1/{entity}Fields, 20.
// Source: developers.pipedrive.com/docs/api/v1/PersonFields
func (c *Client) readAllFields(ctx context.Context, entity, version string, into *Fields) error {
	path, cost := "/api/v2/"+entity+"Fields", 10
	if version == "v1" {
		path, cost = "/v1/"+entity+"Fields", 20
	}
	for position, first := "", true; first || position != ""; first = false {
		q := url.Values{"limit": {"500"}}
		switch {
		case version == "v1" && entity == "activity":
			q = nil // the one list of definitions that is not paged
		case version == "v1":
			q.Set("start", cmp.Or(position, "0"))
		case position != "":
			q.Set("cursor", position)
		}
		var page []Record
		_, err := c.rest.Do(ctx, &rest.Request{
			Op: "GET " + path, Doing: "reading the field definitions of " + entity, Method: http.MethodGet,
			Path: path, Query: q, Bucket: bucketCalls, Cost: cost,
			Decode: func(body []byte) (err error) {
				page, position, err = decodePage(body, position)
				return err
			},
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			into.All = append(into.All, fieldOf(r))
		}
	}
	return nil
}

func isUnauthorized(err error) bool {
	e, ok := err.(*rest.Error)
	return ok && e.Status == http.StatusUnauthorized
}

func (c *Client) warn(text string) {
	if _, told := c.warned.LoadOrStore(text, true); !told && c.cfg.Warn != nil {
		c.cfg.Warn(text)
	}
}

// fieldOf reads a definition of either version.
func fieldOf(r Record) *Field {
	f := &Field{Options: map[string]any{}}
	text := func(keys ...string) string {
		for _, key := range keys {
			if s, ok := r[key].(string); ok {
				return s
			}
		}
		return ""
	}
	f.Name, f.Key, f.Type = text("field_name", "name"), text("field_code", "key"), text("field_type")
	custom, known := r["is_custom_field"].(bool)
	f.Custom = custom || !known && isHash(f.Key)
	options, _ := r["options"].([]any)
	for _, option := range options {
		if o, ok := option.(map[string]any); ok {
			label, _ := o["label"].(string)
			f.Options[idText(o["id"])] = label
			f.Choices = append(f.Choices, Choice{idText(o["id"]), label})
		}
	}
	return f
}

func idText(id any) string {
	switch id := id.(type) {
	case json.Number:
		return string(id)
	case string:
		return id
	case bool:
		return strconv.FormatBool(id)
	}
	return ""
}

type sharedName struct {
	name string
	keys []string
}

// index makes the look-ups and returns the names that several custom fields share.
func (f *Fields) index() []sharedName {
	f.keys, f.names = map[string]*Field{}, map[string]string{}
	owners := map[string][]string{}
	for _, field := range f.All {
		f.keys[field.Key] = field
		if name := SnakeCase(field.Name); field.Custom && name != "" {
			owners[name] = append(owners[name], field.Key)
		}
	}
	var shared []sharedName
	for name, keys := range owners {
		if len(keys) == 1 {
			f.names[keys[0]] = name
			continue
		}
		shared = append(shared, sharedName{name, keys})
	}
	sort.Slice(shared, func(i, j int) bool { return shared[i].name < shared[j].name })
	return shared
}

// knows reports whether a key, or an option as key/id, is defined.
func (f *Fields) knows(what string) bool {
	key, option, isOption := strings.Cut(what, "/")
	field := f.keys[key]
	if field == nil || !isOption {
		return field != nil
	}
	_, known := field.Options[option]
	return known
}
