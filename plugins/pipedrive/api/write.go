package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Create is the call that makes a record, of a body as Body makes it.
//
// POST /api/v2/{objects}, 5 tokens; POST /v1/{objects}, 10 tokens, where v2 has none.
func (o *Object) Create(body map[string]any) (*Call, error) {
	return o.call(http.MethodPost, "", "creating one of the "+o.Plural, body)
}

// Change is the call that writes parts of a record.
//
// PATCH /api/v2/{objects}/{id}, 5 tokens; PATCH /v1/leads/{id} and PUT /v1/notes/{id}, 10 tokens.
func (o *Object) Change(id string, body map[string]any) (*Call, error) {
	method := http.MethodPatch
	if o.Name == "note" {
		method = http.MethodPut
	}
	return o.call(method, id, fmt.Sprintf("updating %s %s", o.Name, id), body)
}

// Delete is the call that deletes a record.
//
// DELETE /api/v2/{objects}/{id}, 3 tokens; DELETE /v1/{objects}/{id}, 6 tokens.
func (o *Object) Delete(id string) (*Call, error) {
	return o.call(http.MethodDelete, id, fmt.Sprintf("deleting %s %s", o.Name, id), nil)
}

func (o *Object) call(method, id, doing string, body map[string]any) (*Call, error) {
	path := "/api/v2/" + o.Plural
	if o.OnlyV1() {
		path = "/v1/" + o.Plural
	}
	if id != "" {
		path += "/" + id
	}
	call, err := NewCall(method, path)
	if err != nil {
		return nil, err
	}
	call.Doing = doing
	if body != nil {
		call.Body = body
	}
	return call, nil
}

// Differing is the part of a change's body in which it differs from the record as it is.
func (o *Object) Differing(body map[string]any, current Record) map[string]any {
	differing := map[string]any{}
	custom, _ := current[customFields].(map[string]any)
	for name, want := range body {
		have := current[name]
		switch {
		case name == customFields:
			wanted, _ := want.(map[string]any)
			wanted = maps.Clone(wanted)
			maps.DeleteFunc(wanted, func(key string, v any) bool { return covers(v, custom[key]) })
			if len(wanted) > 0 {
				differing[name] = wanted
			}
			continue
		case isHash(name): // at the root of a lead
			have = custom[name]
		case name == "organization_id":
			have = current["org_id"]
		}
		if !covers(want, have) {
			differing[name] = want
		}
	}
	return differing
}

// covers reports whether a record has what is wanted. What a wanted object leaves open it has.
func covers(want, have any) bool {
	switch want := want.(type) {
	case nil:
		list, isList := have.([]any)
		return have == nil || have == "" || isList && len(list) == 0
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for name, part := range want {
			if !covers(part, h[name]) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		return ok && slices.EqualFunc(want, h, covers)
	case bool:
		return want == have
	}
	return same(want, have)
}

// same compares numbers by their value, and texts as they are. A number in a text is the same number: leads
// have visible_to as a text.
func same(a, b any) bool {
	x, y := idOrNumber(a), idOrNumber(b)
	if x == y {
		return b != nil
	}
	n, err := strconv.ParseFloat(x, 64)
	m, err2 := strconv.ParseFloat(y, 64)
	return err == nil && err2 == nil && n == m && isJSONNumber(b)
}

func isJSONNumber(v any) bool {
	_, ok := v.(json.Number)
	return ok
}

// Matches reports whether a record has a value in a field by which Find finds it.
func (c *Client) Matches(ctx context.Context, o *Object, r Record, field, value string) (bool, error) {
	switch field {
	case "email":
		emails, _ := r["emails"].([]any)
		return slices.ContainsFunc(emails, func(e any) bool {
			entry, _ := e.(map[string]any)
			return sameText(entry["value"], value)
		}), nil
	case searchable[o.Name]:
		return sameText(r[field], value), nil
	}
	custom, err := c.customField(ctx, o, field)
	return err == nil && r.HasCustom(custom.Key, value), err
}
