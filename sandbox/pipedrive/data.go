package pipedrive

import (
	"slices"
	"sort"
)

// Put inserts or replaces a record, given as the API would show it: v2 form for persons,
// organizations, deals, activities, products, pipelines and stages; v1 form for leads, notes,
// users, filters. Keys left out are empty. Without an id the next free one is given.
//
// object is the singular: person, organization, deal, activity, lead, product, pipeline, stage,
// note, user, filter, webhook, activityType. An unknown one panics.
func (s *Server) Put(object string, record map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(s.mustTable(object), record)
}

func (s *Server) mustTable(object string) *table {
	t, ok := s.tables[object]
	if !ok {
		panic("pipedrive sandbox: no object " + object)
	}
	return t
}

// store packs a record and puts it into its table. Leads and lead labels have uuids; their number
// inside is the order in which they came.
func (s *Server) store(t *table, m map[string]any) *record {
	if t.object == "lead" || t.object == "leadLabel" {
		key, _ := m["id"].(string)
		if key == "" {
			key = newUUID()
			m["id"] = key
		}
		rec := t.pack(m)
		rec.id, rec.key = t.lastID+1, key
		if old := t.byKey[key]; old != nil {
			rec.id = old.id
		}
		t.put(rec)
		return rec
	}
	if toInt(m["id"]) == 0 {
		m["id"] = t.lastID + 1
	}
	rec := t.pack(m)
	t.put(rec)
	return rec
}

// Remove purges a record without trace, as Pipedrive does 30 days after a deletion.
func (s *Server) Remove(object, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTable(object)
	if rec := t.lookup(id); rec != nil {
		t.remove(rec)
	}
}

// lookup finds a record by its id as it stands in a path.
func (t *table) lookup(id string) *record {
	if rec := t.byKey[id]; rec != nil {
		return rec
	}
	if n := toInt(id); n > 0 && len(t.byKey) == 0 {
		return t.find(n)
	}
	return nil
}

// Records returns records with an id above after, by ascending id, deleted ones included. They are
// complete: counts such as won_deals_count are in them, custom fields that are not set are not.
// Leads have uuids and are numbered by the order in which they came. Numbers are float64.
func (s *Server) Records(object string, after int64, limit int) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTable(object)
	first := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].id > after })
	rows := t.rows[first:min(first+limit, len(t.rows))]
	out := make([]map[string]any, len(rows))
	for i, rec := range rows {
		out[i] = s.full(t, rec)
	}
	return out
}

// full returns a record with its counts.
func (s *Server) full(t *table, rec *record) map[string]any {
	m := t.unpack(rec)
	if include := includeOf[t.object]; len(include) > 0 {
		y := s.tally(t, rec)
		for _, name := range include {
			if _, stored := t.byName[name]; !stored {
				m[name] = decodeJSON(string(y.append(nil, name)))
			}
		}
	}
	return m
}

// Count returns the number of records of an object, deleted ones included.
func (s *Server) Count(object string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mustTable(object).rows)
}

// DefineField adds a field definition, or replaces the one with the same code. A custom field
// without a code gets one. Custom fields of deals are those of leads too.
func (s *Server) DefineField(object string, def Field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.define(object, &def)
}

func (s *Server) define(object string, def *Field) {
	list := s.fields[object]
	if def.Code == "" {
		def.Code = newFieldCode(object, def.Name, len(list))
	}
	if i := slices.IndexFunc(list, func(f *Field) bool { return f.Code == def.Code }); i >= 0 {
		list[i] = def
	} else {
		s.fields[object] = append(list, def)
	}
	if !def.Custom {
		return
	}
	if t := s.tables[object]; t != nil {
		t.columns[t.addColumn(column{name: def.Code, custom: true})].defined = true
	}
	if object == "deal" {
		s.tables["lead"].addColumn(column{name: def.Code, custom: true})
	}
}

// field returns a definition, or nil.
func (s *Server) field(object, code string) *Field {
	if object == "lead" && isHash(code) {
		object = "deal"
	}
	for _, f := range s.fields[object] {
		if f.Code == code {
			return f
		}
	}
	return nil
}

// CustomFields returns the definitions of an object's custom fields.
func (s *Server) CustomFields(object string) []Field {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Field{}
	for _, f := range s.fields[object] {
		if f.Custom {
			out = append(out, *f)
		}
	}
	return out
}
