package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// writable are the fields that the bodies of each object take, with their kinds. What ends in "!" has to be
// there to create a record; what ends in "+" is taken only when it is created, what ends in "-" only after
// that. All other fields of a record are Pipedrive's own.
//
// Source: the request schemas of the vendor's OpenAPI files. first_name and last_name: the v2 migration guide.
var writable = map[string]string{
	"person": `name:text! first_name:text last_name:text owner_id:int org_id:int add_time:text+ emails:list phones:list visible_to:int label_ids:list
		marketing_status:text im:list postal_address:address notes:text birthday:text job_title:text`,
	"organization": `name:text! owner_id:int add_time:text+ visible_to:int label_ids:list address:address website:text
		linkedin:text industry:int annual_revenue:int employee_count:int`,
	"deal": `title:text! owner_id:int person_id:int org_id:int pipeline_id:int stage_id:int value:number currency:text
		is_archived:bool archive_time:text status:text probability:number lost_reason:text visible_to:int close_time:text
		won_time:text lost_time:text expected_close_date:text label_ids:list`,
	"activity": `subject:text type:text owner_id:int deal_id:int lead_id:text person_id:int org_id:int project_id:int due_date:text
		due_time:text duration:text busy:bool done:bool location:address participants:list attendees:list
		public_description:text priority:int note:text`,
	"product": `name:text! code:text description:text unit:text tax:number category:number owner_id:int is_linkable:bool
		visible_to:int prices:list billing_frequency:text billing_frequency_cycles:int`,
	"pipeline": `name:text! is_deal_probability_enabled:bool`,
	"stage":    `name:text! pipeline_id:int! deal_probability:int is_deal_rot_enabled:bool days_to_rotten:int`,
	"lead": `title:text! owner_id:int label_ids:list person_id:int org_id:int organization_id:int value:object
		expected_close_date:text visible_to:int was_seen:bool is_archived:bool- origin_id:text+ channel:int channel_id:text`,
	"note": `content:text! lead_id:text deal_id:int person_id:int org_id:int project_id:int task_id:int user_id:int add_time:text
		pinned_to_lead_flag:bool pinned_to_deal_flag:bool pinned_to_organization_flag:bool pinned_to_person_flag:bool
		pinned_to_project_flag:bool pinned_to_task_flag:bool`,
}

// readOnly are fields of records that no body takes, beside those that include_fields asks for: a record that
// was read can be written back, without them.
const readOnly = `id add_time update_time is_deleted creator_user_id creator_id picture_id active_flag company_id
	stage_change_time local_won_date local_lost_date local_close_date origin origin_id channel channel_id arr mrr acv
	is_archived archive_time source_lead_id source_name source_deal_id next_activity_id cc_email order_nr marked_as_done_time
	conference_meeting_client conference_meeting_url conference_meeting_id outcome doi_status last_update_user_id
	deal person organization project task user labels smart_bcc_email`

type writableField struct {
	kind  string
	marks string
}

func (f writableField) required() bool { return strings.Contains(f.marks, "!") }

// takenBy reports whether a create, or a change, takes the field.
func (f writableField) takenBy(create bool) bool {
	return !strings.Contains(f.marks, map[bool]string{true: "-", false: "+"}[create])
}

// Writable are the objects that can be written, by their plurals.
func Writable() (plurals []string) {
	for _, o := range Objects {
		if writable[o.Name] != "" {
			plurals = append(plurals, o.Plural)
		}
	}
	return plurals
}

// WritableFields are the fields that the object's bodies take, without custom fields.
func (o *Object) WritableFields() []string { return slices.Sorted(maps.Keys(o.body())) }

func (o *Object) body() map[string]writableField {
	fields := map[string]writableField{}
	for _, item := range strings.Fields(writable[o.Name]) {
		name, kind, _ := strings.Cut(item, ":")
		plain := strings.TrimRight(kind, "!+-")
		fields[name] = writableField{plain, kind[len(plain):]}
	}
	return fields
}

// Body makes the body of a write from a record, or from a part of one, in the one shape of Record: custom
// fields under their keys, texts that say a number as numbers. What is Pipedrive's own is left out; what no
// record has is an error that names it.
func (c *Client) Body(ctx context.Context, o *Object, record map[string]any, create bool) (map[string]any, error) {
	body, err := o.plainBody(record, create)
	if err != nil {
		return nil, err
	}
	custom, err := c.keyed(ctx, o, record)
	if err != nil {
		return nil, err
	}
	if create {
		maps.DeleteFunc(custom, func(_ string, v any) bool { return v == nil })
	}
	return withCustom(body, custom, o.OnlyV1()), nil
}

func (o *Object) plainBody(record map[string]any, create bool) (map[string]any, error) {
	fields, body := o.body(), map[string]any{}
	ignored := strings.Fields(readOnly)
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(record)) {
		field, known := fields[name]
		switch {
		case name == customFields || name == customFieldsByName:
		case known && !field.takenBy(create):
		case known:
			v, err := field.written(record[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if v != nil || !create {
				body[name] = v
			}
		case slices.Contains(ignored, name) || o.Includes(name) || strings.HasSuffix(name, "_count"):
		default:
			unknown = append(unknown, name+o.hint(name))
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%s have no field %s: mend the mapping, or take it out", o.Plural, strings.Join(unknown, ", "))
	}
	if err := o.settled(body); err != nil {
		return nil, err
	}
	if !create {
		return body, nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, split := body["first_name"]; fields[name].required() && body[name] == nil && !(split && name == "name") {
			return nil, fmt.Errorf("creating one of the %s needs the field %s", o.Plural, name)
		}
	}
	return body, nil
}

// hint says what a field is called that nobody knows.
func (o *Object) hint(name string) string {
	if isHash(name) {
		return " (a custom field: it goes into custom_fields)"
	}
	if now, ok := v1Names[o.Name][name]; ok {
		return fmt.Sprintf(" (v2 calls it %s)", now)
	}
	return near(name, append(o.WritableFields(), customFieldsByName))
}

// settled brings what depends on something else into the form that Pipedrive takes.
func (o *Object) settled(body map[string]any) error {
	switch o.Name {
	case "person":
		_, hasFirst := body["first_name"]
		_, hasLast := body["last_name"]
		if body["name"] != nil { // which the two follow from
			delete(body, "first_name")
			delete(body, "last_name")
		} else if hasFirst != hasLast {
			return errors.New("a person's name changes as a whole: give name, or both first_name and last_name")
		}
	case "deal":
		// They are there once a deal is closed; none of them can be emptied.
		for _, name := range []string{"close_time", "won_time", "lost_time", "lost_reason", "archive_time"} {
			if body[name] == nil {
				delete(body, name)
			}
		}
		if t, err := time.Parse(time.RFC3339, idText(body["archive_time"])); err == nil {
			body["archive_time"] = t.UTC().Format(time.DateTime)
		}
	case "activity":
		// The person is the primary participant, and can be set as such only.
		list, _ := body["participants"].([]any)
		if person := body["person_id"]; person != nil && len(list) == 0 {
			body["participants"] = []any{map[string]any{"person_id": person, "primary": true}}
		}
		delete(body, "person_id")
	case "lead":
		if org, ok := body["org_id"]; ok {
			body["organization_id"] = org
			delete(body, "org_id")
		}
		if visible := numberText(body["visible_to"]); visible != "" {
			body["visible_to"] = visible
		}
	}
	return nil
}
