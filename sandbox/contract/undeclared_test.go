package contract

import (
	"encoding/json"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// undeclared finds fields of a body that its schema does not name. The validator lets them pass, but a
// field that the vendor does not have is a misreading, and Pipedrive's v2 refuses it.
func (op *operation) undeclared(side string, media *openapi3.MediaType, body []byte) (all []fault) {
	var v any
	if media == nil || media.Schema == nil || json.Unmarshal(body, &v) != nil {
		return nil
	}
	walk([]*openapi3.Schema{media.Schema.Value}, v, nil, func(path []string, v any) {
		example, _ := json.Marshal(v)
		all = append(all, fault{violation{op.name, side, pointer(path), "undeclared"}, string(example)})
	})
	return all
}

// walk goes through a value beside all schemas that speak of it.
func walk(schemas []*openapi3.Schema, v any, path []string, found func([]string, any)) {
	schemas = parts(schemas)
	deeper := func(key string) []string { return append(path[:len(path):len(path)], key) }
	switch v := v.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		for i, item := range v {
			walk(items, item, deeper(strconv.Itoa(i)), found)
		}
	case map[string]any:
		for key, field := range v {
			of, ok := propertyOf(schemas, key)
			if !ok {
				found(deeper(key), field)
				continue
			}
			walk(of, field, deeper(key), found)
		}
	}
}

// parts are the schemas with those that they are put together of.
func parts(schemas []*openapi3.Schema) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, s := range schemas {
		all = append(all, s)
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, ref := range refs {
				all = append(all, parts([]*openapi3.Schema{ref.Value})...)
			}
		}
	}
	return all
}

// propertyOf returns what speaks of a field. A schema that names no field at all allows any.
func propertyOf(schemas []*openapi3.Schema, key string) (of []*openapi3.Schema, ok bool) {
	named := false
	for _, s := range schemas {
		named = named || len(s.Properties) > 0
		if p := s.Properties[key]; p != nil {
			of, ok = append(of, p.Value), true
		} else if extra := s.AdditionalProperties; extra.Schema != nil {
			of, ok = append(of, extra.Schema.Value), true
		} else if extra.Has != nil && *extra.Has {
			ok = true
		}
	}
	return of, ok || !named
}
