package api

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"connector/plugins/internal/rest"
)

// Call is any call of the API.
type Call struct {
	Query url.Values
	Body  any // JSON; nil for none

	// Doing says what the call is for, as a gerund; if empty, its method and path pattern do.
	Doing string

	endpoint
}

// NewCall checks a method and a path: one of either version (/api/v2/persons/7, /v1/leads), or one that
// names none (/persons/7). That goes to v2 where v2 has it, PUT becoming PATCH there, else to v1.
func NewCall(method, path string) (*Call, error) {
	e, err := endpointOf(method, path)
	if err != nil {
		return nil, err
	}
	return &Call{endpoint: e}, nil
}

// Object is what the call's records are, with the id that its path names; nil where it is about none.
func (call *Call) Object() (o *Object, id string) { return call.object, call.id }

// Merges reports whether the call makes the record in its path vanish.
func (call *Call) Merges() bool { return call.merges }

// Op is the method and the pattern of the path as they are sent: "PATCH /api/v2/persons/{id}".
func (call *Call) Op() string { return call.op }

// Cost is what the call costs, in tokens; with a list each page of it.
func (call *Call) Cost() int { return call.cost }

// Answer is what a call came back with.
type Answer struct {
	Status int
	Data   any    // records in the one shape of Record; search results and others as they came
	ID     string // of the record, where Data is one
	Next   string // the position of the next page; empty after the last
}

// Uncertain is a call that may have been carried out although no answer says so, and that would be done
// twice if it were made again.
type Uncertain struct{ Reason error }

func (e *Uncertain) Error() string {
	return e.Reason.Error() + "; it may have been carried out: look in Pipedrive before it is sent again"
}

// Do makes a call, at the page of a list that position says; "" is the first. A POST or a merge whose answer
// was lost is not made again: its error is Uncertain.
//
// Costs are those of the vendor's files; searches draw on the search bucket too.
func (c *Client) Do(ctx context.Context, call *Call, position string) (*Answer, error) {
	req := &rest.Request{
		Op: call.op, Doing: call.Doing, Method: call.method, Path: call.path, Query: call.at(position),
		Bucket: call.bucket, Cost: call.cost, Repeatable: call.method == http.MethodPatch, Unrepeatable: call.merges,
		BodyOptional: call.method == http.MethodDelete || call.method == http.MethodPatch,
	}
	if req.Doing == "" {
		req.Doing = "calling " + call.op
	}
	if call.Body != nil {
		body, err := json.Marshal(call.Body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body: %w", err)
		}
		req.Body = [][]byte{body}
	}
	if call.object != nil && call.method != http.MethodGet {
		// The answer needs them, and once it is there nothing may fail that would make the call again.
		if _, err := c.fieldsFor(ctx, call.object, call.version, nil); err != nil {
			return nil, err
		}
	}
	var raw []byte
	answer := &Answer{}
	req.Decode = func(body []byte) (err error) {
		raw = body
		answer.Data, answer.Next, err = decodeAnswer(body, position)
		return err
	}
	got, err := c.rest.Do(ctx, req)
	if err != nil {
		return nil, call.judged(err)
	}
	answer.Status = got.Status
	if call.method == http.MethodGet && call.object == nil && !call.search && call.op != "GET /v1/recents" {
		return answer, nil
	}
	if call.method != http.MethodDelete && answer.Data != nil {
		shaped, err := c.inShape(ctx, call, raw, answer.Data)
		if err != nil && call.method == http.MethodGet {
			return nil, err
		}
		if err == nil {
			answer.Data = shaped
		}
	}
	if data, ok := answer.Data.(map[string]any); ok {
		answer.ID = Record(data).ID()
	}
	return answer, nil
}

// at is the query with a position in a list.
func (call *Call) at(position string) url.Values {
	q := url.Values{}
	for name, values := range call.Query {
		q[name] = slices.Clone(values)
	}
	if position != "" {
		q.Set(map[string]string{"v1": "start", "v2": "cursor"}[call.version], position)
	}
	return q
}

// LargestPages asks for as many records a page as there may be, where the query does not say how many.
func (call *Call) LargestPages() {
	paged := call.version == "v2" && call.id == "" || call.op == "GET /v1/recents" || call.object != nil && call.object.paged && call.id == ""
	if !paged || call.Query.Has("limit") {
		return
	}
	if call.Query == nil {
		call.Query = url.Values{}
	}
	call.Query.Set("limit", map[bool]string{true: "100", false: "500"}[strings.HasPrefix(call.op, "GET /api/v2/itemSearch")])
}

// judged says what can be done about a refusal, and whether the call may have been carried out.
func (call *Call) judged(err error) error {
	var e *rest.Error
	if !errors.As(err, &e) {
		return err
	}
	if (call.method == http.MethodPost || call.merges) && !notDone(e) {
		return &Uncertain{e}
	}
	switch {
	case e.Remedy != "":
	case e.Kind == rest.NotFound && call.id != "":
		e.Remedy = "is there such a record, and may the token's user see it?"
	case e.Kind == rest.Refused && e.Status == http.StatusBadRequest:
		e.Remedy = "mend the query or the body"
	}
	return e
}

// notDone reports whether an error means that nothing was done.
func notDone(e *rest.Error) bool {
	switch e.Kind {
	case rest.Malformed:
		return false
	case rest.Unavailable:
		return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooEarly
	case rest.Unreachable:
		var op *net.OpError
		return errors.As(e.Err, &op) && op.Op == "dial" || errors.As(e.Err, new(*net.DNSError)) ||
			errors.As(e.Err, new(*tls.CertificateVerificationError))
	}
	return true
}

// decodeAnswer reads the frame of any answer.
func decodeAnswer(body []byte, position string) (data any, next string, err error) {
	decoded, err := decodeJSON(body)
	if err != nil {
		return nil, "", err
	}
	frame, ok := decoded.(map[string]any)
	if !ok {
		return nil, "", errors.New("the answer is not an object")
	}
	if success, ok := frame["success"].(bool); ok && !success {
		return nil, "", errUnsuccessful
	}
	list, _ := frame["data"].([]any)
	next, err = nextPosition(frame, position, len(list))
	return frame["data"], next, err
}

// inShape gives the records of an answer the one shape of Record. What is none stays as it is.
func (c *Client) inShape(ctx context.Context, call *Call, raw []byte, data any) (any, error) {
	if call.op == "GET /v1/recents" {
		return data, c.recentsInShape(ctx, raw, data)
	}
	if call.object == nil || call.search {
		return data, nil
	}
	records, err := c.shapedAs(ctx, call.object, call.version, func() ([]Record, error) {
		data, _, err := decodeAnswer(raw, "")
		if list, ok := data.([]any); ok {
			return recordsIn(list), err
		}
		return recordsIn([]any{data}), err
	})
	if _, isList := data.([]any); isList || err != nil {
		list := make([]any, len(records))
		for i, r := range records {
			list[i] = map[string]any(r)
		}
		return list, err
	}
	if len(records) == 1 {
		return map[string]any(records[0]), nil
	}
	return data, nil
}

// recentsInShape shapes the records within the entries of /v1/recents, which are of several kinds.
func (c *Client) recentsInShape(ctx context.Context, raw []byte, data any) error {
	entries, _ := data.([]any)
	for _, o := range Objects {
		of := func(entries []any) (of []map[string]any, records []Record) {
			for _, entry := range entries {
				e, _ := entry.(map[string]any)
				if r, ok := e["data"].(map[string]any); ok && e["item"] == o.Name {
					of, records = append(of, e), append(records, r)
				}
			}
			return of, records
		}
		places, _ := of(entries)
		if len(places) == 0 {
			continue
		}
		records, err := c.shapedAs(ctx, o, "v1", func() ([]Record, error) {
			data, _, err := decodeAnswer(raw, "")
			list, _ := data.([]any)
			_, records := of(list)
			return records, err
		})
		if err != nil {
			return err
		}
		for i, r := range records {
			places[i]["data"] = map[string]any(r)
		}
	}
	return nil
}

// shapedAs shapes the records that decode gives, anew where the definitions of their fields had to be read
// again.
func (c *Client) shapedAs(ctx context.Context, o *Object, version string, decode func() ([]Record, error)) ([]Record, error) {
	page := &Page{Object: o, version: version, decode: func(*Page, []byte, string) ([]Record, string, error) {
		records, err := decode()
		return records, "", err
	}}
	return page.Records(ctx, c)
}

func recordsIn(list []any) (records []Record) {
	for _, item := range list {
		if r, ok := item.(map[string]any); ok {
			records = append(records, r)
		}
	}
	return records
}
