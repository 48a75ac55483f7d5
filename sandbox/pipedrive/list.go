package pipedrive

import (
	"slices"
	"sort"
	"strconv"
	"time"
)

// condition tells whether a record belongs into a list.
type condition func(*record) bool

// list is GET /api/v2/{collection}: cursor-paged, at most 500 a page, deleted records left out.
func (s *Server) list(r *request, res *resource, archived bool) reply {
	q := newQuery(r.URL)
	q.allow(res.listParameters(archived)...)
	field := q.choice("sort_by", res.sorts, "id")
	direction := q.choice("sort_direction", []string{"asc", "desc"}, "asc")
	limit := q.limit(maxLimit, s.cfg.ClampLimit)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[res.object]
	v := s.view(q, res)
	rows, wanted := s.candidates(q, res, field)
	wanted = append(wanted, func(rec *record) bool { return rec.archived == archived || t.object != "deal" })
	if s.unknownFilter(q) {
		return notFound("Filter")
	}

	key := t.keyOf(field)
	var after *sortKey
	if q.has("cursor") {
		at, ok := decodeCursor(q.text("cursor"), field, direction)
		if !ok {
			q.wrong.add("cursor", "Value is not a valid cursor")
		}
		after = &at
	}
	if len(q.wrong) > 0 {
		return q.wrong.reply()
	}
	start := sortKey{num: q.instant("updated_since")}
	if field == "update_time" && direction == "asc" && after == nil && start.num > 0 {
		start.id = -1
		after = &start
	}
	page, more := walk(rows, key, after, direction == "desc", limit, wanted)

	buf := append((*r.buf)[:0], `{"success":true,"data":[`...)
	for i, rec := range page {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = v.append(buf, rec)
	}
	buf = append(buf, `],"additional_data":{"next_cursor":`...)
	if more {
		buf = appendString(buf, newCursor(field, direction, key(page[len(page)-1])).encode())
	} else {
		buf = append(buf, "null"...)
	}
	*r.buf = append(buf, "}}"...)
	return reply{status: 200, body: *r.buf}
}

func (res *resource) listParameters(archived bool) []string {
	names := append([]string{"sort_by", "sort_direction", "limit", "cursor"}, res.filters...)
	if res.ranged {
		names = append(names, "updated_since")
	}
	if res.ranged && res.object != "product" {
		names = append(names, "updated_until")
	}
	if res.selectable {
		names = append(names, "ids", "filter_id")
	}
	if len(includeOf[res.object]) > 0 {
		names = append(names, "include_fields")
	}
	if res.custom {
		names = append(names, "custom_fields")
	}
	if res.labelled && !archived {
		names = append(names, "include_option_labels", "include_labels")
	}
	return names
}

// view reads the parameters that shape the records.
func (s *Server) view(q *query, res *resource) *view {
	v := &view{s: s, t: s.tables[res.object]}
	v.include = q.choices("include_fields", includeOf[res.object])
	if !s.cfg.Campaigns {
		v.include = slices.DeleteFunc(v.include, func(name string) bool {
			return name == "marketing_status" || name == "doi_status"
		})
	}
	if v.only = q.list("custom_fields"); len(v.only) > maxCustom {
		q.wrong.add("custom_fields", "A maximum of "+strconv.Itoa(maxCustom)+" keys is allowed")
	}
	v.options = q.boolean("include_option_labels")
	v.labels = q.boolean("include_labels")
	return v
}

// walk returns the page behind a position of rows, which are sorted by key, and whether more follows.
func walk(rows []*record, key func(*record) sortKey, after *sortKey, backwards bool, limit int, wanted []condition) ([]*record, bool) {
	from, step := 0, 1
	if backwards {
		from, step = len(rows)-1, -1
	}
	if after != nil {
		behind := sort.Search(len(rows), func(i int) bool { return key(rows[i]).compare(*after) > 0 })
		from = behind
		if backwards {
			from = sort.Search(len(rows), func(i int) bool { return key(rows[i]).compare(*after) >= 0 }) - 1
		}
	}
	page := make([]*record, 0, min(limit, len(rows)))
	for i := from; i >= 0 && i < len(rows); i += step {
		if !all(wanted, rows[i]) {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, rows[i])
	}
	return page, false
}

func all(wanted []condition, rec *record) bool {
	for _, ok := range wanted {
		if !ok(rec) {
			return false
		}
	}
	return true
}

const deletedFor = 30 * 24 * time.Hour

// candidates returns records sorted by field that include everything wanted, and the conditions
// that are left to check. filter_id overrides ids, owner and status.
func (s *Server) candidates(q *query, res *resource, field string) ([]*record, []condition) {
	t := s.tables[res.object]
	wanted := []condition{}
	if since := q.instant("updated_since"); since > 0 {
		wanted = append(wanted, func(r *record) bool { return r.updated >= since })
	}
	if until := q.instant("updated_until"); until > 0 {
		wanted = append(wanted, func(r *record) bool { return r.updated != 0 && r.updated < until })
	}
	filtered := q.has("filter_id")
	statuses := statusCondition(q)
	if filtered || statuses == nil {
		statuses = func(r *record) bool { return !r.deleted }
	}
	wanted = append(wanted, statuses)
	if filtered {
		return t.sorted(field), append(wanted, s.filterCondition(q, t))
	}
	for _, name := range res.filters {
		if q.has(name) && name != "status" {
			wanted = append(wanted, s.linkCondition(q, t, name))
		}
	}
	if ids := q.list("ids"); len(ids) > 0 {
		if len(ids) > maxIDs {
			q.wrong.add("ids", "A maximum of "+strconv.Itoa(maxIDs)+" ids is allowed")
		}
		return sortedBy(t.byIDs(q, ids), t.keyOf(field)), wanted
	}
	for param, target := range map[string]string{"person_id": "person", "org_id": "organization", "deal_id": "deal"} {
		if by, linked := t.links[target]; linked && q.has(param) && slices.Contains(res.filters, param) {
			return sortedBy(by[int32(q.integer(param, 0))], t.keyOf(field)), wanted
		}
	}
	return t.sorted(field), wanted
}

func (t *table) byIDs(q *query, ids []string) []*record {
	var rows []*record
	for _, id := range ids {
		if _, err := strconv.Atoi(id); err != nil {
			q.wrong.add("ids", "Value must be a list of integers")
			return nil
		}
		if rec := t.lookup(id); rec != nil && !slices.Contains(rows, rec) {
			rows = append(rows, rec)
		}
	}
	return rows
}

// statusCondition reads status, a comma list that alone can bring deleted deals: those of the last 30 days.
func statusCondition(q *query) condition {
	if !q.has("status") {
		return nil
	}
	list := q.choices("status", []string{"open", "won", "lost", "deleted"})
	recent := time.Now().Add(-deletedFor).UnixMilli()
	return func(r *record) bool {
		if r.deleted {
			return slices.Contains(list, "deleted") && r.updated >= recent
		}
		return slices.ContainsFunc(list, func(name string) bool { return name != "deleted" && statusOf(name) == r.status })
	}
}

func (s *Server) linkCondition(q *query, t *table, name string) condition {
	switch name {
	case "lead_id":
		lead := q.text(name)
		return func(r *record) bool { return t.text(r, "lead_id") == lead }
	case "done":
		done := q.boolean(name)
		return func(r *record) bool { return r.done == done }
	}
	id := int32(q.integer(name, 0))
	switch {
	case name == "owner_id":
		return func(r *record) bool { return r.owner == id }
	case name == "org_id":
		return func(r *record) bool { return r.org == id }
	case name == "person_id":
		return func(r *record) bool { return r.person == id }
	case name == "pipeline_id":
		return func(r *record) bool { return r.pipeline == id }
	case name == "stage_id":
		return func(r *record) bool { return r.stage == id }
	case t.object == "person":
		deal := s.tables["deal"].find(int64(id))
		return func(r *record) bool { return deal != nil && int64(deal.person) == r.id }
	}
	return func(r *record) bool { return r.deal == id }
}

// get is GET /api/v2/{collection}/{id}.
func (s *Server) get(r *request, res *resource) reply {
	q := newQuery(r.URL)
	var names []string
	if len(includeOf[res.object]) > 0 {
		names = append(names, "include_fields")
	}
	if res.labelled {
		names = append(names, "custom_fields", "include_option_labels", "include_labels")
	}
	q.allow(names...)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.view(q, res)
	if len(q.wrong) > 0 {
		return q.wrong.reply()
	}
	rec := v.t.lookup(r.vars["id"])
	if rec == nil || rec.deleted && s.cfg.HideDeleted {
		return notFound(res.noun)
	}
	return reply{status: 200, body: append(v.append([]byte(`{"success":true,"data":`), rec), '}')}
}
