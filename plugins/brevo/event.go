package brevo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// event is one message on its way to a verdict.
type event struct {
	index    int
	action   string
	body     map[string]any // as it is sent; the message's own is never changed
	encoded  []byte
	contacts []key // its contact, by each of its identifiers
	time     int64 // pipedrive_time in milliseconds, else event_date; 0 if not known

	// id is the same when the same event comes again; zero where nobody can tell that it is the same.
	id eventID

	// The verdict.
	delivered bool
	before    bool   // it was delivered before
	twin      *event // it is the same as an earlier one of its batch, and has its verdict
	skip      string // why it is not sent
	refusal   error  // why it never will be
	kind      string // the refusal's class, for metrics
}

func (e *event) refuse(kind string, why error) { e.kind, e.refusal = kind, why }

// open reports whether the event still has to be sent.
func (e *event) open() bool {
	return e.refusal == nil && e.action != actionSkip && !e.before && e.twin == nil && !e.delivered
}

func (e *event) name() string {
	name, _ := e.body["event_name"].(string)
	return name
}

// compose reads a message as Brevo's event body, and refuses the event that cannot be sent.
func (out *eventsOutput) compose(ctx context.Context, e *event, m *service.Message) {
	content, err := m.AsStructured()
	if err != nil {
		e.refuse("message", fmt.Errorf("the message is not JSON: %w", err))
		return
	}
	body, ok := content.(map[string]any)
	if !ok {
		e.refuse("message", fmt.Errorf("the message is %s, not an event's object", kindOf(content)))
		return
	}
	e.body = maps.Clone(body)
	maps.DeleteFunc(e.body, func(_ string, v any) bool { return v == nil }) // null says nothing
	for _, step := range []func() error{
		func() error { return out.readName(e) },
		func() error { return e.readIdentifiers() },
		func() error { return e.readDate(m) },
		func() error { return e.readObject() },
		func() error { return out.readProperties(ctx, e) },
		func() error { return e.encode() },
	} {
		if err := step(); err != nil {
			e.refuse("message", err)
			return
		}
	}
	e.identify(out.tenant, m)
}

func (out *eventsOutput) readName(e *event) error {
	v, given := e.body["event_name"]
	name, isText := v.(string)
	switch name = strings.TrimSpace(name); {
	case given && !isText:
		return fmt.Errorf("event_name must be text, not %s", kindOf(v))
	case name == "":
		return errors.New("the event has no event_name")
	}
	e.body["event_name"] = name
	if fit := fitName(name); fit != name {
		e.body["event_name"] = fit
		out.warnOnce("the event %s is sent as %s, since a name may have letters, digits, - and _ only, and 255 of them: mend it in the mapping", name, fit)
	}
	return nil
}

// readIdentifiers takes ids as text or number, whichever Brevo wants of each.
func (e *event) readIdentifiers() error {
	given, err := e.object("identifiers")
	if err != nil {
		return err
	}
	identifiers := make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v := given[name]
		if text, isText := v.(string); isText {
			v = strings.TrimSpace(text)
		}
		number, isNumber := wholeNumber(v)
		switch {
		case v == nil || v == "":
			continue
		case name == "contact_id":
			if text, isText := v.(string); isText {
				number, isNumber = wholeNumber(json.Number(text))
			}
			if !isNumber || number < 1 {
				return fmt.Errorf("the identifier contact_id must be a number, not %s", kindOf(v))
			}
			v = number
		case isNumber:
			v = fmt.Sprint(number)
		default:
			if _, isText := v.(string); !isText {
				return fmt.Errorf("the identifier %s must be text, not %s", name, kindOf(v))
			}
		}
		identifiers[name] = v
		e.contacts = append(e.contacts, identifierKey(name, fmt.Sprint(v)))
	}
	if len(identifiers) == 0 {
		return errors.New("the event names no contact: set identifiers.email_id, or ext_id, contact_id, phone_id, whatsapp_id or landline_number_id")
	}
	e.body["identifiers"] = identifiers
	return nil
}

func identifierKey(name, value string) key {
	if name == "email_id" {
		value = strings.ToLower(value)
	}
	return key(xxhash.Sum64String(name + " " + value))
}

// readDate makes an RFC 3339 time of the event's date, whose default is the message's.
func (e *event) readDate(m *service.Message) error {
	e.time = timeOf(m)
	v, given := e.body["event_date"]
	if text, isText := v.(string); !given || isText && strings.TrimSpace(text) == "" {
		delete(e.body, "event_date")
		if e.time != 0 {
			e.body["event_date"] = dateText(time.UnixMilli(e.time))
		}
		return nil
	}
	at, err := parseDate(v)
	if err != nil {
		return err
	}
	e.body["event_date"] = dateText(at)
	if e.time == 0 {
		e.time = at.UnixMilli()
	}
	return nil
}

func dateText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// parseDate reads a date as mappings have it: RFC 3339, as ts_parse gives it, or as Pipedrive's old API does,
// which means UTC.
func parseDate(v any) (time.Time, error) {
	if t, isTime := v.(time.Time); isTime {
		return t, nil
	}
	text, isText := v.(string)
	if !isText {
		return time.Time{}, fmt.Errorf("event_date must be text, not %s", kindOf(v))
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("event_date is no time: write it as 2026-11-01T10:00:00Z")
}

// readObject takes the object's ids as numbers too.
func (e *event) readObject() error {
	object, err := e.object("object")
	if err != nil || object == nil {
		return err
	}
	object = maps.Clone(object)
	if ids, isObject := object["identifiers"].(map[string]any); isObject {
		ids = maps.Clone(ids)
		for name, v := range ids {
			if n, isNumber := wholeNumber(v); isNumber {
				ids[name] = fmt.Sprint(n)
			}
		}
		object["identifiers"] = ids
	}
	e.set("object", withoutNulls(object))
	return nil
}

// object is a field that must be an object; nil where it is not given.
func (e *event) object(field string) (map[string]any, error) {
	v, given := e.body[field]
	if !given {
		return nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s must be an object, not %s", field, kindOf(v))
	}
	return object, nil
}

func (e *event) encode() (err error) {
	e.encoded, err = encodeJSON(e.body)
	if err != nil {
		return fmt.Errorf("the event cannot be encoded: %w", err)
	}
	return nil
}

// encodeJSON leaves < and > as they are: notes are HTML, and escaped they would be much larger.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// withoutNulls is a copy of an object without what has no value, at any depth.
func withoutNulls(object map[string]any) map[string]any {
	kept := make(map[string]any, len(object))
	for name, v := range object {
		if child, isObject := v.(map[string]any); isObject {
			v = withoutNulls(child)
		}
		if v != nil {
			kept[name] = v
		}
	}
	return kept
}

// identify gives the event its id: what the mapping says, else all that it says, and the change of Pipedrive that it was made of, since
// two changes within a second can look alike. Without a date or such a change there is none: who sends the
// same twice may well mean it.
func (e *event) identify(tenant [32]byte, m *service.Message) {
	if key, ok := m.MetaGet(metaEventKey); ok && key != "" {
		h := sha256.New()
		h.Write(tenant[:])
		fmt.Fprintf(h, "%q %q", key, e.body["event_name"])
		copy(e.id[:], h.Sum(nil))
		return
	}
	_, hasChange := m.MetaGet("pipedrive_event_id")
	if e.body["event_date"] == nil && !hasChange {
		return
	}
	h := sha256.New()
	h.Write(tenant[:])
	for _, name := range []string{"pipedrive_object", "pipedrive_id", "pipedrive_time", "pipedrive_event_id"} {
		value, _ := m.MetaGet(name)
		fmt.Fprintf(h, "%q ", value)
	}
	h.Write(e.encoded)
	copy(e.id[:], h.Sum(nil))
}
