package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// What a rule ends in when the vendor's own example breaks it in the same place, and when the request
// asked for the field.
const (
	asItsExample = ", as in the file's own example"
	asAskedFor   = ", as the request asked for it"
)

func (op *operation) declared(status int) *openapi3.Response {
	responses := op.route.Operation.Responses
	if r := responses.Status(status); r != nil {
		return r.Value
	}
	if r := responses.Default(); r != nil {
		return r.Value
	}
	return nil
}

// fault is one violation, with what was there.
type fault struct {
	violation
	example string
}

// answerFaults holds a body against what is declared for its status.
func answerFaults(op *operation, input *openapi3filter.RequestValidationInput, status int, header http.Header, body []byte) []fault {
	declared := op.declared(status)
	if len(declared.Content) == 0 {
		return nil
	}
	side := fmt.Sprintf("response %d", status)
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
	return append(op.faults(side, err), op.undeclared(side, declared.Content.Get(header.Get("Content-Type")), body)...)
}

var exampleFaults sync.Map // by operation and status

// exampleFaults are the rules of its schema that an answer's example in the file breaks itself: the
// examples are recordings, the schemas are written by hand.
func (op *operation) exampleFaults(status int) map[violation]bool {
	key := fmt.Sprintf("%s %d", op.name, status)
	if known, ok := exampleFaults.Load(key); ok {
		return known.(map[violation]bool)
	}
	found := map[violation]bool{}
	if media := op.declared(status).Content["application/json"]; media != nil {
		examples := []any{media.Example}
		for _, e := range media.Examples {
			examples = append(examples, e.Value.Value)
		}
		input := &openapi3filter.RequestValidationInput{Request: &http.Request{Method: op.route.Method}, Route: op.route, Options: &openapi3filter.Options{MultiError: true}}
		for _, example := range examples {
			body, err := json.Marshal(example)
			if example == nil || err != nil {
				continue
			}
			for _, f := range answerFaults(op, input, status, http.Header{"Content-Type": {"application/json"}}, body) {
				found[f.violation] = true
			}
		}
	}
	exampleFaults.Store(key, found)
	return found
}

// faults takes the validator's errors apart.
func (op *operation) faults(side string, err error) []fault {
	var many openapi3.MultiError
	var schema *openapi3.SchemaError
	var request *openapi3filter.RequestError
	one := func(pointer, rule, example string) []fault {
		return []fault{{violation{op.name, side, pointer, rule}, example}}
	}
	switch {
	case err == nil:
		return nil
	case asMany(err, &many):
		var all []fault
		for _, each := range many {
			all = append(all, op.faults(side, each)...)
		}
		return all
	case errors.As(err, &request) && request.Parameter != nil:
		return one("/"+request.Parameter.In+"/"+request.Parameter.Name, "parameter", err.Error())
	case errors.As(err, &schema):
		if schema.Origin != nil && schema.SchemaField == "allOf" && errors.As(schema.Origin, &many) {
			return op.faults(side, many)
		}
		if only := meant(schema); only != nil {
			at := slices.Clone(schema.JSONPointer())
			all := op.faults(side, only.VisitJSON(schema.Value, openapi3.MultiErrors(), openapi3.VisitAsResponse()))
			for i := range all {
				all[i].pointer = strings.TrimSuffix(pointer(at)+all[i].pointer, "/")
			}
			return all
		}
		value, _ := json.Marshal(schema.Value)
		return one(pointer(schema.JSONPointer()), schema.SchemaField, schema.Reason+": "+string(value))
	}
	return one("/", "body", err.Error())
}

// meant is the one alternative of a schema whose enumerations allow the value, as with the items of
// recents; nil if it is not just one.
func meant(e *openapi3.SchemaError) (only *openapi3.Schema) {
	fields, _ := e.Value.(map[string]any)
	for _, ref := range append(e.Schema.AnyOf, e.Schema.OneOf...) {
		fits, told := true, false
		for name, p := range ref.Value.Properties {
			if len(p.Value.Enum) > 0 {
				told = true
				fits = fits && slices.Contains(p.Value.Enum, fields[name])
			}
		}
		switch {
		case !told || !fits:
		case only != nil:
			return nil
		default:
			only = ref.Value
		}
	}
	return only
}

// asMany finds several errors that stand side by side, wrapped or not.
func asMany(err error, many *openapi3.MultiError) bool {
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		for e := err; e != nil; e = errors.Unwrap(e) {
			if m, ok := e.(openapi3.MultiError); ok {
				*many = m
				return true
			}
			if e == error(schema) {
				return false
			}
		}
	}
	m, ok := err.(openapi3.MultiError)
	*many = m
	return ok
}

var (
	number = regexp.MustCompile(`^\d+$`)
	hash   = regexp.MustCompile(`^[0-9a-f]{40}`)
)

// pointer names a place in a body without the case's own numbers and keys.
func pointer(segments []string) string {
	path := ""
	for _, s := range segments {
		switch {
		case number.MatchString(s):
			s = "*"
		case hash.MatchString(s):
			s = hash.ReplaceAllString(s, "{hash}")
		}
		path += "/" + s
	}
	return path
}
