package pipedrive

import (
	"net/http"
	"slices"
	"strings"
)

// v1Page reads start and limit of v1 offset paging; what is not a number counts as left out.
func v1Page(r *request) (start, limit int) {
	q := newQuery(r.URL)
	start, limit = q.integer("start", 0), q.integer("limit", defaultLimit)
	if limit < 1 {
		limit = defaultLimit
	}
	return max(start, 0), min(limit, maxLimit)
}

func v1Paging(start, limit int, more bool) map[string]any {
	return map[string]any{"pagination": v1Position(start, limit, more)}
}

func v1Position(start, limit int, more bool) map[string]any {
	out := map[string]any{"start": start, "limit": limit, "more_items_in_collection": more}
	if more {
		out["next_start"] = start + limit
	}
	return out
}

// v1Sorted orders rows by the parameter sort, as in "update_time ASC, id DESC".
func v1Sorted(t *table, rows []*record, given string) []*record {
	var levels []func(a, b *record) int
	for part := range strings.SplitSeq(given, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if _, known := t.byName[words[0]]; known {
			levels = append(levels, t.v1Order(words[0], len(words) > 1 && strings.EqualFold(words[1], "DESC")))
		}
	}
	if len(levels) == 0 {
		return rows
	}
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b *record) int {
		for _, compare := range levels {
			if order := compare(a, b); order != 0 {
				return order
			}
		}
		return 0
	})
	return out
}

// v1Order compares by one field alone, so that equals are left to the next one.
func (t *table) v1Order(field string, desc bool) func(a, b *record) int {
	key := t.keyOf(field)
	return func(a, b *record) int {
		ka, kb := key(a), key(b)
		if field != "id" {
			ka.id, kb.id = 0, 0
		}
		if desc {
			return kb.compare(ka)
		}
		return ka.compare(kb)
	}
}

// v1Slice returns the page of rows that pass, and whether more follows.
func v1Slice(rows []*record, wanted []condition, start, limit int) ([]*record, bool) {
	page := []*record{}
	for _, rec := range rows {
		if !all(wanted, rec) {
			continue
		}
		if start > 0 {
			start--
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, rec)
	}
	return page, false
}

// v1Empty is what an empty v1 list holds.
func (s *Server) v1Empty() any {
	if s.cfg.EmptyV1Arrays {
		return []any{}
	}
	return nil
}

func present(r *record) bool { return !r.deleted }

// v1List answers with a page of records of a table that is kept in v1 form.
func (s *Server) v1List(r *request, t *table, rows []*record, wanted []condition, paging func(start, limit int, more bool) map[string]any, show func(*record) map[string]any) reply {
	start, limit := v1Page(r)
	page, more := v1Slice(v1Sorted(t, rows, r.URL.Query().Get("sort")), wanted, start, limit)
	body := map[string]any{"success": true, "data": s.v1Empty(), "additional_data": paging(start, limit, more)}
	if len(page) > 0 || t.object == "lead" {
		data := []any{}
		for _, rec := range page {
			data = append(data, show(rec))
		}
		body["data"] = data
	}
	return jsonReply(http.StatusOK, body)
}

// equalTo adds a condition for each id parameter given.
func equalTo(r *request, of map[string]func(*record) int32) []condition {
	q := newQuery(r.URL)
	var wanted []condition
	for name, link := range of {
		if q.has(name) {
			id := int32(q.integer(name, 0))
			wanted = append(wanted, func(rec *record) bool { return link(rec) == id })
		}
	}
	return wanted
}

func ownerOf(r *record) int32  { return r.owner }
func personOf(r *record) int32 { return r.person }
func orgOf(r *record) int32    { return r.org }
func dealOf(r *record) int32   { return r.deal }

func v1Body(r *request) (map[string]any, bool) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if r.ParseForm() != nil {
			return nil, false
		}
		body := map[string]any{}
		for key := range r.PostForm {
			body[key] = r.PostForm.Get(key)
		}
		return body, true
	}
	return r.object()
}
