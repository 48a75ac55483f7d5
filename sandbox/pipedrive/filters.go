package pipedrive

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// filterRoutes are /v1/filters. Source: developers.pipedrive.com/docs/api/v1/Filters
func (s *Server) filterRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/filters", cost: 20, handle: s.listFilters},
		{method: "GET", pattern: "/v1/filters/{id}", cost: 2, handle: s.getFilter},
		{method: "POST", pattern: "/v1/filters", cost: 10, handle: s.createFilter},
		{method: "DELETE", pattern: "/v1/filters/{id}", cost: 6, handle: s.deleteFilter},
	}
}

// filterObjects maps the type of a filter to the object that it filters.
var filterObjects = map[string]string{
	"deals": "deal", "leads": "lead", "org": "organization", "people": "person", "products": "product", "activity": "activity",
}

func (s *Server) listFilters(r *request) reply {
	kind := r.URL.Query().Get("type")
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["filter"]
	data := []any{}
	for _, rec := range t.rows {
		m := t.unpack(rec)
		if kind == "" || m["type"] == kind {
			delete(m, "conditions")
			data = append(data, m)
		}
	}
	return dataReply(http.StatusOK, data)
}

func (s *Server) getFilter(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["filter"]
	rec := t.lookup(r.vars["id"])
	if rec == nil {
		return generalError(http.StatusNotFound, "Filter not found")
	}
	return dataReply(http.StatusOK, t.unpack(rec))
}

func (s *Server) createFilter(r *request) reply {
	body, ok := v1Body(r)
	conditions, _ := body["conditions"].(map[string]any)
	if !ok || text(body["name"]) == "" || conditions == nil || filterObjects[text(body["type"])] == "" {
		return generalError(http.StatusBadRequest, "name, conditions and type are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC().Format(v1Time)
	t := s.tables["filter"]
	rec := s.store(t, map[string]any{
		"name": body["name"], "type": body["type"], "conditions": conditions,
		"user_id": s.me(), "add_time": now, "update_time": now,
	})
	return dataReply(http.StatusOK, t.unpack(rec))
}

func (s *Server) deleteFilter(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["filter"]
	rec := t.lookup(r.vars["id"])
	if rec == nil {
		return generalError(http.StatusNotFound, "Filter not found")
	}
	t.remove(rec)
	return dataReply(http.StatusOK, map[string]any{"id": rec.id})
}

func (s *Server) unknownFilter(q *query) bool {
	return q.has("filter_id") && s.tables["filter"].lookup(q.text("filter_id")) == nil
}

// filterCondition is what a saved filter asks for. Beside the conditions of the API, a filter put
// into the sandbox may simply hold ids, owner_id or org_id.
func (s *Server) filterCondition(q *query, t *table) condition {
	filters := s.tables["filter"]
	rec := filters.lookup(q.text("filter_id"))
	if rec == nil {
		return func(*record) bool { return false }
	}
	m := filters.unpack(rec)
	var wanted []condition
	if ids, ok := m["ids"].([]any); ok {
		wanted = append(wanted, func(r *record) bool {
			return slices.ContainsFunc(ids, func(id any) bool { return toInt(id) == r.id })
		})
	}
	if owner := int32(toInt(m["owner_id"])); owner != 0 {
		wanted = append(wanted, func(r *record) bool { return r.owner == owner })
	}
	if org := int32(toInt(m["org_id"])); org != 0 {
		wanted = append(wanted, func(r *record) bool { return r.org == org })
	}
	groups, _ := m["conditions"].(map[string]any)
	list, _ := groups["conditions"].([]any)
	for _, g := range list {
		wanted = append(wanted, s.groupConditions(t, g)...)
	}
	return func(r *record) bool { return all(wanted, r) }
}

// groupConditions reads one of the two groups of a filter: all of "and", any of "or".
func (s *Server) groupConditions(t *table, group any) []condition {
	g, _ := group.(map[string]any)
	list, _ := g["conditions"].([]any)
	var each []condition
	for _, entry := range list {
		c, _ := entry.(map[string]any)
		each = append(each, s.fieldCondition(t, c))
	}
	if len(each) == 0 || g["glue"] != "or" {
		return each
	}
	return []condition{func(r *record) bool {
		return slices.ContainsFunc(each, func(ok condition) bool { return ok(r) })
	}}
}

// fieldCondition compares one value. The field is named by field_code or by the v1 field_id.
func (s *Server) fieldCondition(t *table, c map[string]any) condition {
	key := text(c["field_code"])
	if key == "" {
		wanted := toInt(c["field_id"])
		for i, f := range s.fields[t.object] {
			if int64(fieldID(t.object, i)) == wanted {
				key = f.Code
			}
		}
	}
	operator, want := text(c["operator"]), c["value"]
	wantText, isText := want.(string)
	if !isText {
		wantText = string(appendJSON(nil, want))
	}
	return func(r *record) bool {
		raw := t.raw(r, key)
		given := strings.Trim(raw, `"`)
		switch operator {
		case "IS NULL":
			return raw == "null"
		case "IS NOT NULL":
			return raw != "null"
		case "!=":
			return given != wantText
		case "<", ">", "<=", ">=":
			return compares(operator, given, wantText)
		}
		return given == wantText
	}
}

// compares orders numbers as numbers and everything else, dates among it, as text.
func compares(operator, a, b string) bool {
	order := strings.Compare(a, b)
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil {
		order = 0
		if x < y {
			order = -1
		} else if x > y {
			order = 1
		}
	}
	switch operator {
	case "<":
		return order < 0
	case ">":
		return order > 0
	case "<=":
		return order <= 0
	}
	return order >= 0
}
