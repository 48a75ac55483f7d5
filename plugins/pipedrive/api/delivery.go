package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Delivery is one webhook delivery: what happened to which record. Retries of it give an equal one.
type Delivery struct {
	Object string // "person"
	ID     string // the record's
	Action string // "create", "change", "delete", or "merge" for the record that survives one
	Time   string // when it happened, RFC 3339

	Attempt      int    // at sending it; 1 is the first
	EventID      string // the same for all attempts at one event, whichever webhook they belong to
	UserID       string // who did it
	ChangeSource string // "app" or "api"
	MergedTo     string // of a delete: the record that this one was merged into
	MergedFrom   string // of a merge: the record that vanished in this one

	Record   Record         // as it is now; of a delete: as it was last, with is_deleted
	Previous map[string]any // of a change or merge: the former values of what changed, in the record's shape and with plain numbers
}

// Key tells deliveries apart. Pipedrive's meta.id alone does not: those of a user are the user's id.
func (d *Delivery) Key() string {
	return d.Object + "/" + d.ID + "/" + d.Action + "/" + d.EventID
}

// Content is the same for deliveries of the same content at the same time.
func (d *Delivery) Content() string {
	return d.Object + "/" + d.ID + "/" + d.Action + "/" + d.Time + "/" + strconv.FormatUint(d.Record.Hash(), 16)
}

// ErrNoDelivery is a body that no version of Pipedrive's webhooks has.
var ErrNoDelivery = errors.New("this is no webhook delivery of Pipedrive")

// Unhandled is a delivery of Pipedrive that no record can be made of.
type Unhandled struct {
	Reason string // "entity", "version", "action" or "data"
	What   string // which
}

func (u *Unhandled) Error() string {
	switch u.Reason {
	case "data":
		return "a webhook delivery of Pipedrive comes without a record (" + u.What + ")"
	}
	return fmt.Sprintf("a webhook delivery of Pipedrive has the %s %q, which is not known here", u.Reason, u.What)
}

// ReadDelivery reads the body of a delivery, payload 2.0 or 1.0. Its error is that of OpenEnvelope or of
// Deliver.
func (c *Client) ReadDelivery(ctx context.Context, body []byte) (*Delivery, error) {
	e, err := OpenEnvelope(body)
	if err != nil {
		return nil, err
	}
	return c.Deliver(ctx, e)
}

// Deliver makes a delivery of an opened envelope, once. Its error is that of reading the field
// definitions, which passes.
//
// It costs nothing but the definitions, 10 tokens for each kind of object and again for unknown keys.
// Source: pipedrive.readme.io/docs/guide-for-webhooks-v2 and …/webhooks-v2-migration-guide
func (c *Client) Deliver(ctx context.Context, e *Envelope) (*Delivery, error) {
	fields, err := c.fieldsFor(ctx, e.object, "v2", nil)
	if err != nil {
		return nil, err
	}
	d, unknown := e.delivery(fields)
	if len(unknown) > 0 {
		fresh, err := c.fieldsFor(ctx, e.object, "v2", unknown)
		if err != nil {
			return nil, err
		}
		if fresh != fields { // anew, since payloads 1.0 cannot be read without the definitions
			if e, err = OpenEnvelope(e.body); err != nil {
				return nil, err
			}
			d, _ = e.delivery(fresh)
		}
	}
	if d.Time == "" {
		d.Time = c.Now().UTC().Format(time.RFC3339)
	}
	return d, nil
}

// Envelope is a delivery of which no more is known than the record that it is about.
type Envelope struct {
	body    []byte
	version int // 1 or 2
	meta    map[string]any
	object  *Object
	action  string
	is, was Record // data or current, and previous; nil where there is none
}

// Record names the record that the delivery is about: "person/42".
func (e *Envelope) Record() string { return e.object.Name + "/" + e.id() }

// OpenEnvelope reads the body of a delivery as far as that needs no field definitions. Its error wraps
// ErrNoDelivery, or is an *Unhandled. The body must not be changed afterwards.
func OpenEnvelope(body []byte) (*Envelope, error) {
	decoded, err := decodeJSON(bytes.ToValidUTF8(body, []byte("\uFFFD")))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDelivery, err)
	}
	frame, _ := decoded.(map[string]any)
	e := &Envelope{body: body}
	e.meta, _ = frame["meta"].(map[string]any)
	entity, v2 := e.meta["entity"].(string)
	if !v2 {
		entity, _ = e.meta["object"].(string)
	}
	action, _ := e.meta["action"].(string)
	if entity == "" || action == "" {
		return nil, fmt.Errorf("%w: meta names no entity or no action", ErrNoDelivery)
	}
	switch version := firstText(e.meta["version"], e.meta["v"], frame["v"]); {
	case version == "2.0" || version == "2" || version == "" && v2:
		e.version, e.action = 2, actionsV2[action]
		e.is, e.was = recordOf(frame["data"]), recordOf(frame["previous"])
	case version == "1.0" || version == "1" || version == "" && !v2:
		e.version, e.action = 1, actionsV1[action]
		e.is, e.was = recordOf(frame["current"]), recordOf(frame["previous"])
	default:
		return nil, &Unhandled{Reason: "version", What: version}
	}
	for _, o := range Objects {
		if o.Name == entity {
			e.object = o
		}
	}
	switch {
	case e.object == nil:
		return nil, &Unhandled{Reason: "entity", What: entity}
	case e.action == "":
		return nil, &Unhandled{Reason: "action", What: action}
	case e.action != "delete" && e.is == nil:
		return nil, &Unhandled{Reason: "data", What: e.action + " of " + entity}
	case e.id() == "":
		return nil, fmt.Errorf("%w: it names no record", ErrNoDelivery)
	}
	if e.action == "change" && e.text("merged_from_id") != "" {
		e.action = "merge"
	}
	return e, nil
}

var (
	actionsV2 = map[string]string{"create": "create", "change": "change", "delete": "delete"}
	actionsV1 = map[string]string{"added": "create", "updated": "change", "deleted": "delete", "merged": "merge"}
)

func recordOf(v any) Record {
	r, _ := v.(map[string]any)
	return r
}

// text is a value of meta: payloads 2.0 have numbers as text, payloads 1.0 as numbers.
func (e *Envelope) text(key string) string { return idText(e.meta[key]) }

// content is the record that the delivery is about.
func (e *Envelope) content() Record {
	if e.action == "delete" {
		return e.was
	}
	return e.is
}

// id is the record's own, else the one that meta names.
func (e *Envelope) id() string {
	if e.version == 1 {
		return firstText(e.content()["id"], e.meta["id"])
	}
	return firstText(e.content()["id"], e.meta["entity_id"])
}

// delivery brings the records into shape. It takes them: they are not in the envelope's shape any more.
func (e *Envelope) delivery(fields *Fields) (d *Delivery, unknown []string) {
	d = &Delivery{
		Object: e.object.Name, ID: e.id(), Action: e.action, Record: e.content(),
		UserID: e.text("user_id"), ChangeSource: e.text("change_source"),
	}
	if e.action == "delete" {
		d.MergedTo = e.text("merged_to_id")
	} else if e.action == "merge" {
		d.MergedFrom = e.text("merged_from_id")
	}
	if d.Record == nil {
		d.Record = Record{}
	}
	var former []string // the keys of previous
	for key := range e.was {
		former = append(former, key)
	}
	unknown = d.Record.fromDelivery(e, fields)
	d.Record["id"] = number(d.ID)
	switch {
	case e.action == "delete":
		d.Record["is_deleted"] = true
	case e.action != "create" && e.was != nil:
		unknown = append(unknown, e.was.fromDelivery(e, fields)...)
		if e.version == 1 {
			d.Previous = e.was.changedIn(d.Record)
		} else {
			d.Previous = e.was.only(e.object, former)
		}
		d.Previous = plain(d.Previous).(map[string]any)
	}
	if d.Time = moment(e.meta["timestamp_micro"]); d.Time == "" {
		d.Time = moment(e.meta["timestamp"])
	}
	if d.Time == "" {
		d.Time = d.Record.Time()
	}
	d.EventID = e.eventID(d)
	d.Attempt, _ = strconv.Atoi(e.text("attempt"))
	return d, unknown
}

// eventID is meta.id where that is the event's: not in payloads 1.0, and not of users.
func (e *Envelope) eventID(d *Delivery) string {
	if id := e.text("id"); e.version == 2 && id != "" && d.Object != "user" {
		return id
	}
	if micro := e.text("timestamp_micro"); e.version == 1 && micro != "" {
		return "v1-" + micro
	}
	return firstText(e.meta["timestamp"], "0") + "-" + strconv.FormatUint(d.Record.Hash(), 16)
}

func firstText(values ...any) string {
	for _, v := range values {
		if s := idText(v); s != "" {
			return s
		}
	}
	return ""
}

// moment is a time as RFC 3339: payloads 2.0 have it so, or as seconds for users; payloads 1.0 as
// seconds, and as microseconds besides. Empty for what is no time.
func moment(v any) string {
	text := idText(v)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		if text[len(text)-1] == 'Z' {
			return text
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	n, err := json.Number(text).Int64()
	switch {
	case err != nil || n <= 0 || n > 1e17:
		return ""
	case n < 1e11:
		n *= 1e6
	case n < 1e14:
		n *= 1e3
	}
	return time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
}
