package pipedrive

import (
	"cmp"
	"slices"
)

// column is one key of a table's records.
type column struct {
	name     string
	head     string // `"name":`, ready to be written
	fallback string // JSON of a record that has no value
	custom   bool   // a custom field: under custom_fields, or at the root of leads
	defined  bool   // a custom field that has a definition
	optional bool   // only in answers that ask for it by include_fields
	sync     bool   // only in accounts with contact sync
}

// record is immutable; a change puts a new one in its place.
type record struct {
	id             int64
	key            string // the uuid of a lead
	added, updated int64  // Unix milliseconds, 0 when null
	owner, org     int32
	person, deal   int32
	pipeline       int32
	stage          int32
	due            int32 // due date of an activity as yyyymmdd
	status         dealStatus
	deleted        bool
	archived       bool
	done           bool
	// data holds the values that differ from their column's fallback: column number, length,
	// JSON, by ascending column number. Keeping keys out of it is what lets half a million persons fit.
	data string
}

type dealStatus uint8

const (
	statusOpen dealStatus = iota
	statusWon
	statusLost
)

func statusOf(name string) dealStatus {
	switch name {
	case "won":
		return statusWon
	case "lost":
		return statusLost
	}
	return statusOpen
}

// table holds the records of one object in the shape of the API that owns it: v2 for what v2 has,
// v1 for leads, notes, users, filters and webhooks.
type table struct {
	object     string
	columns    []column
	byName     map[string]int
	rootCustom bool // custom fields at the root, unset ones left out: leads

	rows   []*record // by id
	byKey  map[string]*record
	links  map[string]map[int32][]*record // target object → its id → records here, by id
	lastID int64
	times  [2]order // by update_time, by add_time

	scratch struct { // of packValues
		values     []packed
		text, data []byte
	}
}

func newTable(object string, columns []column, linkTo ...string) *table {
	t := &table{object: object, byName: map[string]int{}, byKey: map[string]*record{}, links: map[string]map[int32][]*record{}}
	for _, c := range columns {
		t.addColumn(c)
	}
	for _, target := range linkTo {
		t.links[target] = map[int32][]*record{}
	}
	t.times[0].at = func(r *record) int64 { return r.updated }
	t.times[1].at = func(r *record) int64 { return r.added }
	return t
}

func (t *table) addColumn(c column) int {
	if i, ok := t.byName[c.name]; ok {
		return i
	}
	c.head = string(appendString(nil, c.name)) + ":"
	if c.fallback == "" {
		c.fallback = "null"
	}
	t.columns = append(t.columns, c)
	t.byName[c.name] = len(t.columns) - 1
	return len(t.columns) - 1
}

// find returns the record with this id, or nil.
func (t *table) find(id int64) *record {
	i, ok := slices.BinarySearchFunc(t.rows, id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
	if !ok {
		return nil
	}
	return t.rows[i]
}

// put inserts or replaces a record.
func (t *table) put(rec *record) {
	var old *record
	i, found := slices.BinarySearchFunc(t.rows, rec.id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
	if found {
		old = t.rows[i]
		t.rows[i] = rec
	} else {
		t.rows = slices.Insert(t.rows, i, rec)
	}
	t.lastID = max(t.lastID, rec.id)
	t.reindex(old, rec)
}

// remove purges a record.
func (t *table) remove(rec *record) {
	if i := slices.Index(t.rows, rec); i >= 0 {
		t.rows = slices.Delete(t.rows, i, i+1)
		t.reindex(rec, nil)
	}
}

func (t *table) reindex(old, rec *record) {
	for target, by := range t.links {
		var was, is int32
		if old != nil {
			was = old.link(target)
		}
		if rec != nil {
			is = rec.link(target)
		}
		if was != 0 {
			by[was] = without(by[was], old)
		}
		if is != 0 {
			at, _ := slices.BinarySearchFunc(by[is], rec.id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
			by[is] = slices.Insert(by[is], at, rec)
		}
	}
	if old != nil && old.key != "" {
		delete(t.byKey, old.key)
	}
	if rec != nil && rec.key != "" {
		t.byKey[rec.key] = rec
	}
	for i := range t.times {
		t.times[i].replace(old, rec)
	}
}

func without(list []*record, rec *record) []*record {
	if i := slices.Index(list, rec); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// link returns the id of the linked record of that object.
func (r *record) link(target string) int32 {
	switch target {
	case "owner":
		return r.owner
	case "organization":
		return r.org
	case "person":
		return r.person
	case "deal":
		return r.deal
	case "pipeline":
		return r.pipeline
	case "stage":
		return r.stage
	}
	return 0
}
