package pipedrive

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// AsUser carries out an operation of the API as a user in Pipedrive's own web app would: it is told
// of as change_source "app", and neither limits, faults and latency nor the books know of it. The
// answer is the API's, in Go values as a JSON decoder gives them.
//
//	AsUser("PUT", "/v1/persons/5/merge", map[string]any{"merge_with_id": 6})
func (s *Server) AsUser(method, path string, body map[string]any) (map[string]any, error) {
	hr, err := http.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(appendJSON(nil, body)))
	if err != nil {
		return nil, err
	}
	rt, vars, _ := s.router.find(method, hr.URL.Path)
	if rt == nil {
		return nil, fmt.Errorf("the sandbox's Pipedrive has no %s %s", method, path)
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	out := rt.handle(&request{Request: hr, vars: vars, buf: buf, app: true})
	if out.status >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s as a user: %d %s", method, path, out.status, out.body)
	}
	answer, _ := decodeJSON(string(out.body)).(map[string]any)
	return answer, nil
}

// editedAt is where a record of an object is changed.
var editedAt = map[string]struct{ method, collection string }{
	"person": {"PATCH", "/api/v2/persons/"}, "organization": {"PATCH", "/api/v2/organizations/"},
	"deal": {"PATCH", "/api/v2/deals/"}, "activity": {"PATCH", "/api/v2/activities/"},
	"product": {"PATCH", "/api/v2/products/"}, "pipeline": {"PATCH", "/api/v2/pipelines/"},
	"stage": {"PATCH", "/api/v2/stages/"}, "lead": {"PATCH", "/v1/leads/"}, "note": {"PUT", "/v1/notes/"},
}

// Change changes a record as a user in the web app would: update_time is now, what Pipedrive derives
// follows, and the change is delivered to the webhooks. changes has the keys that the API takes in an
// update; those of users, whom the API cannot change, are taken as they are. id is a number or, of
// leads, a uuid.
func (s *Server) Change(object string, id any, changes map[string]any) error {
	key := optionKey(id)
	if object == "user" {
		return s.changeUser(key, changes)
	}
	at, known := editedAt[object]
	if !known {
		return fmt.Errorf("the sandbox's Pipedrive cannot change a %s", object)
	}
	_, err := s.AsUser(at.method, at.collection+key, changes)
	return err
}

func (s *Server) changeUser(id string, changes map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["user"]
	old := t.lookup(id)
	if old == nil {
		return fmt.Errorf("the sandbox's Pipedrive has no user %s", id)
	}
	m := t.unpack(old)
	for key, value := range changes {
		m[key] = value
	}
	s.announce(change{object: "user", was: old, is: s.store(t, m), source: fromApp})
	return nil
}
