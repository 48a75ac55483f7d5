package contract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// surfaceOperation is an operation as Brevo's own SDK of August 2026 declares it.
type surfaceOperation struct {
	Method, Path, Operation string
	Query                   []string
	Request, Response       any
}

// batchFaults is the answer when some of a batch of events is refused, or all.
var batchFaults = map[string]any{
	"status": map[string]any{"enum": []any{"partiallyQueued", "failed"}}, "total_events": "number", "successful_events": "number",
	"failed_events": "number", "errors": map[string]any{"array": map[string]any{
		"eventIndex": map[string]any{"array": "number"}, "message": "string",
	}},
}

// newerAnswers are the answers of an operation that brevo.yaml, of July 2025, does not have; nil is what
// the SDK declares, which does not name statuses. Source: brevo-api.md §5
var newerAnswers = map[string]map[string]any{
	"GET /events":        {"200": nil, "400": brevoError},
	"POST /events/batch": {"202": nil, "207": batchFaults, "400": map[string]any{"oneOf": []any{brevoError, batchFaults}}},
}

var brevoError = map[string]any{"code": "string", "message": "string"}

// correctBrevo replaces what the SDK declares otherwise than brevo.yaml: where the two differ, the newer
// one wins (brevo-api.md, "How to read it"). Statuses, errors, path parameters and bounds of parameters
// are the file's: the SDK has none.
func correctBrevo(doc *openapi3.T) error {
	encoded, err := os.ReadFile(filepath.Join(specsDir(), "brevo-sdk-6.0.3-surface.json"))
	if err != nil {
		return err
	}
	var surface struct{ Operations []surfaceOperation }
	if err := json.Unmarshal(encoded, &surface); err != nil {
		return err
	}
	paths := map[string]string{}
	for path := range doc.Paths.Map() {
		paths[anonymous(path)] = path
	}
	for _, s := range surface.Operations {
		path, known := paths[anonymous(s.Path)]
		if !known {
			path = s.Path
			paths[anonymous(path)] = path
			doc.Paths.Set(path, &openapi3.PathItem{})
		}
		item := doc.Paths.Value(path)
		if op := item.GetOperation(s.Method); op != nil {
			s.correctRequest(op)
			s.correctAnswers(op)
			continue
		}
		op := s.newOperation()
		s.correctRequest(op)
		item.SetOperation(s.Method, op)
	}
	return nil
}

func (s surfaceOperation) newOperation() *openapi3.Operation {
	op := openapi3.NewOperation()
	op.Responses = openapi3.NewResponsesWithCapacity(2)
	for status, kind := range newerAnswers[s.Method+" "+s.Path] {
		if kind == nil {
			kind = s.Response
		}
		op.Responses.Set(status, &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("").WithJSONSchema(schemaOf(kind))})
	}
	for _, name := range variable.FindAllString(s.Path, -1) {
		op.AddParameter(openapi3.NewPathParameter(strings.Trim(name, "{}")).WithSchema(openapi3.NewSchema()))
	}
	return op
}

func (s surfaceOperation) correctRequest(op *openapi3.Operation) {
	fields, _ := s.Request.(map[string]any)
	op.Parameters = slices.DeleteFunc(op.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value.In == "query" && !slices.Contains(s.Query, p.Value.Name)
	})
	for _, name := range s.Query {
		if op.Parameters.GetByInAndName("query", name) == nil {
			op.AddParameter(openapi3.NewQueryParameter(name).WithSchema(schemaOf(fields[name+"?"])))
		}
	}
	if body := s.body(fields); body != nil && (op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] != nil) {
		op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchema(schemaOf(body))}
	}
}

func (s surfaceOperation) correctAnswers(op *openapi3.Operation) {
	if s.Response == nil {
		return
	}
	for status, response := range op.Responses.Map() {
		if strings.HasPrefix(status, "2") && status != "204" {
			response.Value.Content = openapi3.NewContentWithJSONSchema(schemaOf(s.Response))
		}
	}
}

// body is what is left of a request without the values of its path and its query; nil for nothing.
func (s surfaceOperation) body(fields map[string]any) any {
	if body, ok := fields["body"]; ok {
		return body
	}
	rest := map[string]any{}
	for name, kind := range fields {
		plain := strings.TrimSuffix(name, "?")
		if !slices.Contains(s.Query, plain) && !strings.Contains(s.Path, "{"+plain+"}") {
			rest[name] = kind
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// schemaOf reads the notation of the surface file: a type's name, or array, map, oneOf, enum or const of
// something, or an object whose optional fields end in "?".
func schemaOf(kind any) *openapi3.Schema {
	switch kind := kind.(type) {
	case string:
		switch kind {
		case "string", "date":
			return openapi3.NewStringSchema()
		case "number":
			return openapi3.NewFloat64Schema()
		case "boolean":
			return openapi3.NewBoolSchema()
		case "null":
			return &openapi3.Schema{Nullable: true, Enum: []any{nil}}
		}
		return openapi3.NewSchema()
	case map[string]any:
		if len(kind) == 1 {
			for word, of := range kind {
				if s := constructed(word, of); s != nil {
					return s
				}
			}
		}
		object := openapi3.NewObjectSchema()
		for name, of := range kind {
			plain := strings.TrimSuffix(name, "?")
			object.WithProperty(plain, schemaOf(of))
			if plain == name {
				object.Required = append(object.Required, plain)
			}
		}
		slices.Sort(object.Required)
		return object
	}
	return openapi3.NewSchema()
}

func constructed(word string, of any) *openapi3.Schema {
	switch word {
	case "array":
		return openapi3.NewArraySchema().WithItems(schemaOf(of))
	case "map":
		return openapi3.NewObjectSchema().WithAdditionalProperties(schemaOf(of))
	case "const":
		return openapi3.NewSchema().WithEnum(of)
	case "enum":
		return openapi3.NewSchema().WithEnum(of.([]any)...)
	case "oneOf":
		// Objects with optional fields only match each other's values, so any of them will do.
		oneOf := openapi3.NewSchema()
		for _, choice := range of.([]any) {
			if choice == "null" {
				oneOf.Nullable = true
				continue
			}
			oneOf.AnyOf = append(oneOf.AnyOf, openapi3.NewSchemaRef("", schemaOf(choice)))
		}
		return oneOf
	}
	return nil
}
