package main

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// The sample records are Pipedrive's own, in the one shape that all inputs give.
//
//go:embed setup_samples.json
var sampleRecords []byte

// linkedAs are the names under which a pipeline puts the records that belong to one.
var linkedAs = map[string][]string{
	"person": {"person", "contact"}, "deal": {"deal"}, "organization": {"organization", "org"}, "activity": {"activity", "next_activity", "last_activity"},
	"lead": {"lead"}, "stage": {"stage", "previous_stage"}, "pipeline": {"pipeline"}, "owner": {"owner", "creator", "user"},
}

// collections are the names of lists of such records.
var collections = map[string][]string{
	"person": {"persons", "people", "contacts"}, "deal": {"deals", "won_deals"}, "organization": {"organizations"}, "activity": {"activities"}, "lead": {"leads"},
}

// A filling is what is put where a mapping asks for a field that only the user's own Pipedrive has. What
// comes out unchanged says nothing of an attribute's type, what comes out otherwise does.
var fillings = []any{
	nil, "sample text", "424242", sampleNumber, "2031-04-05", "2031-04-05T06:07:08Z", true,
	[]any{"sample one", "sample two"}, []any{
		map[string]any{"id": 1, "name": "sample one", "label": "sample one", "value": "sample one"},
		map[string]any{"id": 2, "name": "sample two", "label": "sample two", "value": "sample two"},
	},
	map[string]any{"value": sampleNumber, "amount": sampleNumber, "currency": "EUR", "name": "sample text", "label": "sample text", "until": "2031-04-06"},
}

// sampleNumber is one that no mapping comes to by itself.
const sampleNumber = 424242

// samples are messages with a record of the object, one for each filling and for each way by which it
// comes.
func samples(object string, names []string, filling any) (messages []*service.Message) {
	record := sampleRecord(object, names, filling)
	for _, how := range []map[string]any{
		{"pipedrive_action": "snapshot", "pipedrive_source": "recents"},
		{"pipedrive_action": "change", "pipedrive_source": "recents", "pipedrive_since": "2026-01-01T00:00:00Z"},
		{"pipedrive_action": "create", "pipedrive_source": "webhook"},
		{"pipedrive_action": "change", "pipedrive_source": "webhook", "pipedrive_previous": map[string]any{"stage_id": 2, "done": false}},
	} {
		m := service.NewMessage(nil)
		m.SetStructured(record)
		for key, value := range how {
			m.MetaSetMut(key, value)
		}
		m.MetaSetMut("pipedrive_object", object)
		m.MetaSetMut("pipedrive_id", "1")
		m.MetaSetMut("pipedrive_time", "2026-11-02T10:11:12Z")
		messages = append(messages, m)
	}
	return messages
}

func sampleRecord(object string, names []string, filling any) map[string]any {
	all := map[string]map[string]any{}
	for name, record := range builtInRecords() {
		all[name] = maps.Clone(record)
	}
	custom, byKey := map[string]any{}, map[string]any{}
	for _, name := range names {
		custom[name] = filling
		if len(name) == 40 {
			byKey[name] = filling
		}
	}
	for _, record := range all {
		record["custom_fields_by_name"], record["custom_fields"] = custom, byKey
	}
	// Linked records have linked ones themselves, as a lead's person has its organization.
	inner := linked(all, all)
	outer := linked(inner, all)[object]
	for _, name := range names {
		if _, known := outer[name]; !known && filling != nil {
			outer[name] = filling
		}
	}
	return outer
}

var builtInRecords = sync.OnceValue(func() (all map[string]map[string]any) {
	if err := json.Unmarshal(sampleRecords, &all); err != nil {
		panic(err) // it is built in
	}
	return all
})

// linked returns the records with others in them.
func linked(others, records map[string]map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	for object, record := range records {
		record = maps.Clone(record)
		for other, names := range linkedAs {
			for _, name := range names {
				record[name] = others[other]
			}
			for _, name := range collections[other] {
				record[name] = []any{others[other]}
			}
		}
		all[object] = record
	}
	return all
}

// objectsOf are the objects that a mapping file is for: the one it is named after, else all.
func objectsOf(file string) []string {
	objects := []string{"person", "deal", "organization", "activity", "lead"}
	if name := strings.TrimSuffix(file, ".blobl"); slices.Contains(objects, name) {
		return []string{name}
	}
	return objects
}
