package brevo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is an event that was accepted.
type Event struct {
	Name              string
	Date              time.Time
	ContactID         int64             // 0 while its identifiers belong to nobody
	Identifiers       map[string]string // as sent: email_id, ext_id, contact_id …
	Properties        json.RawMessage   // nil when absent
	ContactProperties json.RawMessage
	ObjectType        string
}

// Limits of events: 50 KB of properties each; 200 events and 512 KB a batch (transcribed by third
// parties, not in the specification).
const (
	eventPropertiesLimit = 50 << 10
	eventsPerBatch       = 200
	eventBatchLimit      = 512 << 10
)

var eventName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

var eventIdentifiers = []string{
	"contact_id", "email_id", "ext_id", "phone_id", "whatsapp_id", "landline_number_id",
}

// Events returns all events in the order of their arrival.
func (s *Server) Events() []Event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.events)
}

// createEvent: POST /events, 204.
//
// Source: developers.brevo.com/reference/createevent
func (s *Server) createEvent(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	e, properties, err := parseEvent(f)
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putEvent(e, properties)
	return noContent()
}

// createEvents: POST /events/batch. 202 when all are queued, 207 when some are, 400 when none is.
//
// Source: developers.brevo.com/reference/create-batch-events
func (s *Server) createEvents(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	items, err := f.array("events")
	switch {
	case err != nil:
		return answer(err)
	case len(items) == 0:
		return missing("events is missing")
	case len(items) > eventsPerBatch || len(r.body) > eventBatchLimit:
		return invalid(fmt.Sprintf("A batch takes at most %d events and %d KB", eventsPerBatch, eventBatchLimit>>10))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type failure struct {
		EventIndex []int  `json:"eventIndex"`
		Message    string `json:"message"`
	}
	var failures []failure
	failed := 0
	for i, item := range items {
		var f fields
		err := json.Unmarshal(item, &f)
		var e Event
		var properties fields
		if err == nil {
			e, properties, err = parseEvent(f)
		}
		if err == nil {
			s.putEvent(e, properties)
			continue
		}
		failed++
		message := messageOf(err)
		at := slices.IndexFunc(failures, func(f failure) bool { return f.Message == message })
		if at < 0 {
			at, failures = len(failures), append(failures, failure{Message: message})
		}
		failures[at].EventIndex = append(failures[at].EventIndex, i)
	}
	if failed == 0 {
		return ok(http.StatusAccepted, map[string]any{"message": "Events queued", "count": len(items)})
	}
	status, word := http.StatusMultiStatus, "partiallyQueued"
	if failed == len(items) {
		status, word = http.StatusBadRequest, "failed"
	}
	return ok(status, map[string]any{
		"status": word, "total_events": len(items), "successful_events": len(items) - failed,
		"failed_events": failed, "errors": failures,
	})
}

func messageOf(err error) string {
	var body errorBody
	_ = json.Unmarshal(answer(err).body, &body)
	return body.Message
}

// parseEvent checks an event; it returns its contact_properties beside it.
func parseEvent(f fields) (Event, fields, error) {
	e := Event{Date: time.Now().UTC(), Identifiers: map[string]string{}}
	var err error
	if e.Name, err = f.text("event_name"); err != nil {
		return e, nil, err
	}
	if e.Name == "" {
		return e, nil, refusal{missing("undefined event_name")}
	}
	if !eventName.MatchString(e.Name) {
		return e, nil, refusal{invalid("event_name may have letters, digits, - and _, at most 255")}
	}
	identifiers, err := f.child("identifiers")
	if err != nil {
		return e, nil, err
	}
	for _, name := range eventIdentifiers {
		if value := strings.Trim(string(identifiers[name]), `"`); value != "" && value != "null" {
			e.Identifiers[name] = value
		}
	}
	if len(e.Identifiers) == 0 {
		return e, nil, refusal{missing("Please pass at least one identifier or contact id")}
	}
	if _, err := identifiers.number("contact_id"); err != nil {
		return e, nil, err
	}
	date, err := f.text("event_date")
	if err != nil {
		return e, nil, err
	}
	if date != "" {
		if e.Date, err = parseTime("event_date", date); err != nil {
			return e, nil, err
		}
	}
	if _, err := f.child("event_properties"); err != nil {
		return e, nil, err
	}
	e.Properties, e.ContactProperties = f["event_properties"], f["contact_properties"]
	if len(e.Properties) > eventPropertiesLimit {
		return e, nil, refusal{invalid("event_properties exceed 50KB")}
	}
	object, err := f.child("object")
	if err != nil {
		return e, nil, err
	}
	if e.ObjectType, err = object.text("type"); err != nil {
		return e, nil, err
	}
	properties, err := f.child("contact_properties")
	return e, properties, err
}

// putEvent keeps an event and updates its contact. The caller holds the lock.
func (s *Server) putEvent(e Event, properties fields) {
	c := s.eventContact(e.Identifiers)
	if c != nil {
		e.ContactID = c.id
		if w := (&write{}); len(properties) > 0 && s.parseAttributes(w, properties) == nil && len(s.conflicts(w, c)) == 0 {
			s.apply(c, w, time.Now())
		}
	}
	s.events = append(s.events, e)
}

// eventContact finds the contact of an event; contact_id wins over all others.
func (s *store) eventContact(identifiers map[string]string) *contact {
	if id, err := strconv.ParseInt(identifiers["contact_id"], 10, 64); err == nil {
		return s.byID(id)
	}
	if c := s.byEmail[strings.ToLower(identifiers["email_id"])]; c != nil {
		return c
	}
	if c := s.byExtID[identifiers["ext_id"]]; c != nil {
		return c
	}
	for kind, attribute := range phoneKinds {
		if digits, isPhone := phoneDigits(identifiers[kind]); isPhone && s.byPhone[attribute][digits] != nil {
			return s.byPhone[attribute][digits]
		}
	}
	return nil
}

// getEvents: GET /events, newest first, 100 a page unless told, at most 10,000; those of the last six
// months unless dates are given.
func (s *Server) getEvents(r *request) reply {
	p, err := r.page(100, 10_000)
	if err != nil {
		return answer(err)
	}
	contactIDs, err := r.numbers("contact_id")
	if err != nil {
		return answer(err)
	}
	if r.query.Has("startDate") != r.query.Has("endDate") {
		return missing("startDate and endDate are required together")
	}
	from, err := r.time("startDate")
	if err != nil {
		return answer(err)
	}
	to, err := r.time("endDate")
	if err != nil {
		return answer(err)
	}
	if from.IsZero() {
		to = time.Now()
		from = to.AddDate(0, -6, 0)
	}
	names, types := r.query["event_name"], r.query["object_type"]
	s.mu.RLock()
	defer s.mu.RUnlock()
	views := []map[string]any{}
	count := 0
	for _, e := range slices.Backward(s.events) {
		if len(contactIDs) > 0 && !slices.Contains(contactIDs, e.ContactID) ||
			len(names) > 0 && !slices.Contains(names, e.Name) ||
			len(types) > 0 && !slices.Contains(types, e.ObjectType) ||
			e.Date.Before(from) || e.Date.After(to) {
			continue
		}
		if count >= p.offset && count < p.offset+p.limit {
			views = append(views, s.showEvent(e))
		}
		count++
	}
	return ok(http.StatusOK, map[string]any{"events": views, "count": count})
}

func (s *Server) showEvent(e Event) map[string]any {
	v := map[string]any{
		"event_name": e.Name, "event_date": s.showTime(e.Date.UnixMilli()),
		"event_properties": fields{}, "contact_properties": fields{},
	}
	if e.ContactID != 0 {
		v["contact_id"] = e.ContactID
	}
	if e.ObjectType != "" {
		v["object_type"] = e.ObjectType
	}
	if e.Properties != nil {
		v["event_properties"] = e.Properties
	}
	if e.ContactProperties != nil {
		v["contact_properties"] = e.ContactProperties
	}
	return v
}
