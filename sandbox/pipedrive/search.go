package pipedrive

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// searchFields lists what each kind of item can be searched by. Source: the v2 OpenAPI file.
var searchFields = map[string][]string{
	"person":       {"custom_fields", "email", "name", "notes", "phone"},
	"organization": {"address", "custom_fields", "name", "notes"},
	"deal":         {"custom_fields", "notes", "title"},
	"lead":         {"custom_fields", "notes", "title"},
	"product":      {"code", "custom_fields", "name"},
}

// searchableTypes are the custom field types whose values are searched.
var searchableTypes = map[string]bool{
	"address": true, "varchar": true, "text": true, "varchar_auto": true, "double": true, "monetary": true, "phone": true,
}

const maxItemSearch = 100

// searchRoutes are /api/v2/itemSearch and /api/v2/{collection}/search.
// Source: developers.pipedrive.com/docs/api/v1/ItemSearch
func (s *Server) searchRoutes() []route {
	out := []route{{method: "GET", pattern: "/api/v2/itemSearch", cost: 20, search: true, handle: s.itemSearch}}
	for path, object := range map[string]string{
		"persons": "person", "organizations": "organization", "deals": "deal", "leads": "lead", "products": "product",
	} {
		out = append(out, route{method: "GET", pattern: "/api/v2/" + path + "/search", cost: 20, search: true,
			handle: func(r *request) reply { return s.searchOne(r, object) }})
	}
	return out
}

// hit is one result.
type hit struct {
	score float64
	item  map[string]any
	id    int64
}

// finder is a search in progress.
type finder struct {
	s      *Server
	term   string // lower case
	exact  bool
	fields []string // empty: all of the object
	wanted []condition
}

func (s *Server) finder(q *query) *finder {
	f := &finder{s: s, term: strings.ToLower(q.text("term")), exact: q.boolean("exact_match")}
	shortest := 2
	if f.exact {
		shortest = 1
	}
	if len([]rune(f.term)) < shortest {
		q.wrong.add("term", "Value must have at least "+strconv.Itoa(shortest)+" characters")
	}
	return f
}

func (s *Server) searchOne(r *request, object string) reply {
	q := newQuery(r.URL)
	allowed := []string{"term", "fields", "exact_match", "include_fields", "limit", "cursor"}
	filters := map[string]func(*record) int32{}
	switch object {
	case "person":
		filters["organization_id"] = orgOf
	case "deal", "lead":
		filters["organization_id"], filters["person_id"] = orgOf, personOf
	case "organization":
		allowed = slices.DeleteFunc(allowed, func(name string) bool { return name == "include_fields" })
	}
	for name := range filters {
		allowed = append(allowed, name)
	}
	if object == "deal" {
		allowed = append(allowed, "status")
	}
	q.allow(allowed...)
	f := s.finder(q)
	f.fields = q.choices("fields", searchFields[object])
	f.wanted = append(equalTo(r, filters), present)
	if status := q.choice("status", []string{"open", "won", "lost"}, ""); status != "" {
		f.wanted = append(f.wanted, func(rec *record) bool { return rec.status == statusOf(status) })
	}
	return s.searchReply(q, f, []string{object}, maxLimit, false)
}

func (s *Server) itemSearch(r *request) reply {
	q := newQuery(r.URL)
	q.allow("term", "item_types", "fields", "search_for_related_items", "exact_match", "include_fields", "limit", "cursor")
	f := s.finder(q)
	f.fields = q.choices("fields", []string{"address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description"})
	f.wanted = []condition{present}
	types := q.choices("item_types", []string{"deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project"})
	if len(types) == 0 {
		types = []string{"deal", "person", "organization", "product", "lead"}
	}
	return s.searchReply(q, f, types, maxItemSearch, true)
}

func (s *Server) searchReply(q *query, f *finder, types []string, highest int, related bool) reply {
	limit := q.limit(highest, s.cfg.ClampLimit)
	start := sortKey{}
	if q.has("cursor") {
		at, ok := decodeCursor(q.text("cursor"), "id", "asc")
		if start = at; !ok {
			q.wrong.add("cursor", "Value is not a valid cursor")
		}
	}
	if len(q.wrong) > 0 {
		return q.wrong.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []hit
	for _, object := range types {
		if t := s.tables[object]; t != nil {
			hits = append(hits, f.search(t)...)
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	from := min(max(int(start.id), 0), len(hits))
	to := min(from+limit, len(hits))
	items := []any{}
	for _, h := range hits[from:to] {
		items = append(items, map[string]any{"result_score": h.score, "item": h.item})
	}
	data := map[string]any{"items": items}
	if related {
		data["related_items"] = []any{}
	}
	var next any
	if to < len(hits) {
		next = newCursor("id", "asc", sortKey{id: int64(to)}).encode()
	}
	return jsonReply(200, map[string]any{"success": true, "data": data, "additional_data": map[string]any{"next_cursor": next}})
}

// search looks through one table.
func (f *finder) search(t *table) []hit {
	var hits []hit
	for _, rec := range t.rows {
		if !all(f.wanted, rec) {
			continue
		}
		score := 0.0
		var notes, custom []string
		for _, field := range searchFields[t.object] {
			if len(f.fields) > 0 && !slices.Contains(f.fields, field) {
				continue
			}
			for _, value := range f.s.searched(t, rec, field) {
				points := f.points(value)
				score = max(score, points)
				switch {
				case points == 0:
				case field == "notes":
					notes = append(notes, value)
				case field == "custom_fields":
					custom = append(custom, value)
				}
			}
		}
		if score > 0 {
			item := f.s.searchItem(t, rec)
			item["custom_fields"], item["notes"] = nonNil(custom), nonNil(notes)
			if t.object == "product" {
				delete(item, "notes")
			}
			hits = append(hits, hit{score: score, item: item, id: rec.id})
		}
	}
	return hits
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// points scores a value: the whole of it, its beginning, any part; 0 for no match.
func (f *finder) points(value string) float64 {
	lower := strings.ToLower(value)
	switch {
	case lower == f.term:
		return 1.22
	case f.exact:
		return 0
	case strings.HasPrefix(lower, f.term):
		return 0.51
	case strings.Contains(lower, f.term):
		return 0.31
	}
	return 0
}
