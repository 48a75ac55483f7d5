package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// searchable are the objects that have a search, with the field of their name.
var searchable = map[string]string{"person": "name", "organization": "name", "product": "name", "deal": "title", "lead": "title"}

// searchedTypes are the types of custom fields that searches look at.
// Source: developers.pipedrive.com/docs/api/v1/ItemSearch
var searchedTypes = []string{"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"}

// CheckMatch says why records cannot be found by a field, as far as that is known without a call.
func (o *Object) CheckMatch(field string) error {
	name, has := searchable[o.Name]
	switch {
	case !has:
		return fmt.Errorf("%s cannot be searched: they can be matched by id only", o.Plural)
	case field == "email" && o.Name != "person":
		return fmt.Errorf("%s have no email: match by %s or by a custom field", o.Plural, name)
	case field != "email" && field != name && o.body()[field].kind != "":
		return fmt.Errorf("%s cannot be searched by %s: match by id, %s or a custom field", o.Plural, field, name)
	}
	return nil
}

// Find returns the ids of the records whose field has a value, whatever its case: "email" (of persons), the
// name or title, or a custom field by its key or name. What the search gives is held against the value, since
// it looks at several fields at once.
//
// GET /api/v2/{objects}/search, 20 tokens; for a custom field also GET /api/v2/{objects}?ids=, 10 tokens, since
// searches give the values of custom fields without their keys. The index can lag behind writes.
// Source: developers.pipedrive.com/docs/api/v1/ItemSearch
func (c *Client) Find(ctx context.Context, o *Object, field, value string) (ids []string, err error) {
	if err := o.CheckMatch(field); err != nil {
		return nil, err
	}
	var custom *Field
	in := field
	if field != "email" && field != searchable[o.Name] {
		if custom, err = c.customField(ctx, o, field); err != nil {
			return nil, err
		}
		if !slices.Contains(searchedTypes, custom.Type) {
			return nil, fmt.Errorf("the custom field %q is of the type %s, which Pipedrive does not search: match by id, %s or a custom field that is a text",
				custom.Name, custom.Type, searchable[o.Name])
		}
		in = customFields
	}
	call, err := NewCall(http.MethodGet, "/api/v2/"+o.Plural+"/search")
	if err != nil {
		return nil, err
	}
	call.Doing = "searching " + o.Plural
	call.Query = url.Values{"term": {value}, "fields": {in}, "exact_match": {"true"}, "limit": {"100"}}
	answer, err := c.Do(ctx, call, "")
	if err != nil {
		return nil, err
	}
	data, _ := answer.Data.(map[string]any)
	items, ok := data["items"].([]any)
	if !ok && data["items"] != nil {
		return nil, errors.New("searching: the answer has no list of items")
	}
	for _, found := range items {
		entry, _ := found.(map[string]any)
		item, _ := entry["item"].(map[string]any)
		same := custom != nil
		switch field {
		case "email":
			emails, _ := item["emails"].([]any)
			same = slices.ContainsFunc(emails, func(e any) bool { return sameText(e, value) })
		case searchable[o.Name]:
			same = sameText(item[field], value)
		}
		if id := Record(item).ID(); same && id != "" {
			ids = append(ids, strings.Clone(id))
		}
	}
	if custom == nil || len(ids) == 0 {
		return ids, nil
	}
	return c.withCustomValue(ctx, o, ids, custom, value)
}

func sameText(v any, want string) bool {
	return strings.EqualFold(strings.TrimSpace(idText(v)), strings.TrimSpace(want))
}

// customField finds the definition of a custom field by its key or name.
func (c *Client) customField(ctx context.Context, o *Object, name string) (*Field, error) {
	fields, err := c.fieldsFor(ctx, o, "v2", nil)
	if err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, fmt.Errorf("%s have no custom fields", o.Plural)
	}
	return fields.named(o, name)
}

// withCustomValue reads records and keeps the ids of those that have a value.
func (c *Client) withCustomValue(ctx context.Context, o *Object, ids []string, custom *Field, value string) (same []string, err error) {
	keep := func(page *Page) error {
		records, err := page.Records(ctx, c)
		for _, r := range records {
			if r.HasCustom(custom.Key, value) {
				same = append(same, strings.Clone(r.ID()))
			}
		}
		return err
	}
	if !o.OnlyV1() {
		page, err := c.List(ctx, o, "", ListOptions{Limit: 100, IDs: ids[:min(100, len(ids))]})
		if err != nil {
			return nil, err
		}
		return same, keep(page)
	}
	for _, id := range ids {
		page, err := c.Get(ctx, o, id)
		if err == nil && page != nil {
			err = keep(page)
		}
		if err != nil {
			return nil, err
		}
	}
	return same, nil
}

// HasCustom reports whether a custom field of the record has a value, whatever its case.
func (r Record) HasCustom(key, value string) bool {
	custom, _ := r[customFields].(map[string]any)
	v := custom[key]
	if m, ok := v.(map[string]any); ok {
		v = m["value"]
	}
	return v != nil && sameText(v, value)
}
