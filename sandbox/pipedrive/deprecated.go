package pipedrive

import (
	"net/http"
	"strings"
)

// deprecatedRoutes are the v1 lists and single reads that went out of support on 2026-08-01. They
// may still answer for some accounts. Costs: OpenAPI file of v1 as of January 2026.
func (s *Server) deprecatedRoutes() []route {
	var out []route
	for path, object := range map[string]string{
		"persons": "person", "organizations": "organization", "deals": "deal", "activities": "activity",
		"products": "product", "pipelines": "pipeline", "stages": "stage",
	} {
		cost := 20
		if object == "pipeline" || object == "stage" {
			cost = 10
		}
		out = append(out,
			route{method: "GET", pattern: "/v1/" + path, cost: cost, handle: s.whileSupported(func(r *request) reply { return s.listV1(r, object) })},
			route{method: "GET", pattern: "/v1/" + path + "/{id}", cost: 2, handle: s.whileSupported(func(r *request) reply { return s.getV1(r, object) })},
		)
	}
	return out
}

func (s *Server) whileSupported(handle func(*request) reply) func(*request) reply {
	return func(r *request) reply {
		if s.cfg.V1Off {
			return generalError(http.StatusGone, "This endpoint is no longer available, use API v2")
		}
		return handle(r)
	}
}

// listV1 answers with v1 records: links as objects, counts always there.
func (s *Server) listV1(r *request, object string) reply {
	q := newQuery(r.URL)
	wanted := equalTo(r, map[string]func(*record) int32{
		"stage_id":    func(rec *record) int32 { return rec.stage },
		"pipeline_id": func(rec *record) int32 { return rec.pipeline },
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[object]
	if s.unknownFilter(q) {
		return generalError(http.StatusNotFound, "Filter not found")
	}
	if q.has("filter_id") {
		wanted = append(wanted, s.filterCondition(q, t))
	}
	wanted = append(wanted, s.ownerV1(q, object)...)
	switch object {
	case "deal":
		wanted = append(wanted, dealStatusV1(q.text("status")))
	case "activity":
		if q.has("done") {
			done := q.text("done") == "1"
			wanted = append(wanted, func(rec *record) bool { return rec.done == done })
		}
		wanted = append(wanted, present)
	default:
		wanted = append(wanted, present)
	}
	if initial := strings.ToLower(q.text("first_char")); initial != "" {
		wanted = append(wanted, func(rec *record) bool { return strings.HasPrefix(strings.ToLower(t.text(rec, "name")), initial) })
	}
	if object == "pipeline" || object == "stage" {
		return s.v1Unpaged(t, wanted, object)
	}
	return s.v1List(r, t, t.rows, wanted, v1Paging, func(rec *record) map[string]any {
		m, _ := s.v1Record(object, rec, true).(map[string]any)
		return m
	})
}

func (s *Server) v1Unpaged(t *table, wanted []condition, object string) reply {
	data := []any{}
	for _, rec := range t.rows {
		if all(wanted, rec) {
			data = append(data, s.v1Record(object, rec, true))
		}
	}
	return dataReply(http.StatusOK, data)
}

// ownerV1 reads user_id. Activities are those of the token's user if it is left out, and of
// everybody if it is 0.
func (s *Server) ownerV1(q *query, object string) []condition {
	owner := int32(q.integer("user_id", 0))
	if object == "activity" && !q.has("user_id") && !q.has("filter_id") {
		owner = int32(toInt(s.me()))
	}
	if owner == 0 {
		return nil
	}
	return []condition{func(rec *record) bool { return rec.owner == owner }}
}

func dealStatusV1(status string) condition {
	switch status {
	case "", "all_not_deleted":
		return func(rec *record) bool { return !rec.deleted && !rec.archived }
	case "deleted":
		return func(rec *record) bool { return rec.deleted }
	}
	want := statusOf(status)
	return func(rec *record) bool { return !rec.deleted && !rec.archived && rec.status == want }
}

func (s *Server) getV1(r *request, object string) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.tables[object].lookup(r.vars["id"])
	if rec == nil {
		return generalError(http.StatusNotFound, strings.ToUpper(object[:1])+object[1:]+" not found")
	}
	return dataReply(http.StatusOK, s.v1Record(object, rec, true))
}
