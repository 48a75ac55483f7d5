package pipedrive

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// leadRoutes are /v1/leads. Source: developers.pipedrive.com/docs/api/v1/Leads
func (s *Server) leadRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/leads", cost: 20, handle: func(r *request) reply { return s.listLeads(r, false) }},
		{method: "GET", pattern: "/v1/leads/archived", cost: 40, handle: func(r *request) reply { return s.listLeads(r, true) }},
		{method: "GET", pattern: "/v1/leads/{id}", cost: 2, handle: s.getLead},
		{method: "POST", pattern: "/v1/leads", cost: 10, handle: s.createLead},
		{method: "PATCH", pattern: "/v1/leads/{id}", cost: 10, handle: s.updateLead},
		{method: "DELETE", pattern: "/v1/leads/{id}", cost: 6, handle: s.deleteLead},
	}
}

// listLeads pages by start and limit, oldest created first.
func (s *Server) listLeads(r *request, archived bool) reply {
	q := newQuery(r.URL)
	wanted := append(equalTo(r, map[string]func(*record) int32{
		"owner_id": ownerOf, "person_id": personOf, "organization_id": orgOf,
	}), present, func(rec *record) bool { return rec.archived == archived })
	if q.has("updated_since") && !archived {
		since, err := time.Parse(time.RFC3339, q.text("updated_since"))
		if err != nil {
			return generalError(http.StatusBadRequest, "updated_since must be a valid ISO 8601 date")
		}
		wanted = append(wanted, func(rec *record) bool { return rec.updated != 0 && rec.updated >= since.UnixMilli() })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["lead"]
	if s.unknownFilter(q) {
		return generalError(http.StatusNotFound, "Filter not found")
	}
	if q.has("filter_id") {
		wanted = append(wanted, s.filterCondition(q, t))
	}
	paging := v1Paging
	if s.cfg.FlatLeadPaging {
		paging = v1Position
	}
	return s.v1List(r, t, t.times[1].sorted(t.rows), wanted, paging, s.leadV1)
}

// leadV1 is a lead as v1 has it: with the address that collects mail for it, and with custom fields as
// deals of v1 have them, but only those that are set.
func (s *Server) leadV1(rec *record) map[string]any {
	t := s.tables["lead"]
	m := t.unpack(rec)
	for _, c := range t.columns {
		if f := s.field("lead", c.name); c.custom && f != nil && m[c.name] != nil {
			f.v1Custom(m, m[c.name])
		}
	}
	m["cc_email"] = s.mailbox("+lead" + optionKey(rec.id))
	delete(m, "archive_time")
	return m
}

func leadNotFound() reply {
	return jsonReply(http.StatusNotFound, map[string]any{
		"success": false, "error": "requested lead not found", "error_info": "Object was not found.",
		"data": nil, "additional_data": nil,
	})
}

func (s *Server) getLead(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["lead"]
	rec := t.lookup(r.vars["id"])
	if rec == nil {
		rec = s.deletedLeads[r.vars["id"]]
	}
	if rec == nil || rec.deleted || rec.archived && s.cfg.HideArchivedLeads {
		return leadNotFound()
	}
	return dataReply(http.StatusOK, s.leadV1(rec))
}

// removeLead takes a lead out of all lists.
func (s *Server) removeLead(rec *record) {
	s.tables["lead"].remove(rec)
	if s.cfg.ShowDeletedLeads {
		s.deletedLeads[rec.key] = rec
	}
}

var leadKeys = []string{
	"title", "owner_id", "label_ids", "person_id", "organization_id", "value", "expected_close_date",
	"visible_to", "was_seen", "origin_id", "channel", "channel_id",
}

// createLead is POST /v1/leads: a title and a person or an organization are required.
func (s *Server) createLead(r *request) reply {
	body, ok := r.object()
	if !ok {
		return generalError(http.StatusBadRequest, "Bad request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["lead"]
	now := time.Now().UTC().Format(leadTime)
	rec := map[string]any{"id": newUUID(), "add_time": now, "update_time": now, "owner_id": s.me(), "creator_id": s.me()}
	for _, c := range t.columns {
		if _, set := rec[c.name]; !set && !c.custom {
			rec[c.name] = decodeJSON(c.fallback)
		}
	}
	if text(body["title"]) == "" {
		return generalError(http.StatusBadRequest, "title is required")
	}
	if message := s.applyLead(rec, body, leadKeys); message != "" {
		return generalError(http.StatusBadRequest, message)
	}
	stored := s.store(t, rec)
	s.announce(change{object: "lead", is: stored, source: r.source()})
	return dataReply(http.StatusCreated, s.leadV1(stored))
}

// updateLead is PATCH /v1/leads/{id}: null unsets, at least one link must remain.
func (s *Server) updateLead(r *request) reply {
	body, ok := r.object()
	if !ok {
		return generalError(http.StatusBadRequest, "Bad request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["lead"]
	old := t.lookup(r.vars["id"])
	if old == nil || old.deleted {
		return leadNotFound()
	}
	if old.archived && !(body["is_archived"] == false && len(body) == 1) {
		return generalError(http.StatusBadRequest, "Archived leads cannot be edited")
	}
	rec := t.unpack(old)
	now := time.Now().UTC().Format(leadTime)
	rec["update_time"] = now
	if message := s.applyLead(rec, body, append(slices.Clone(leadKeys), "is_archived")); message != "" {
		return generalError(http.StatusBadRequest, message)
	}
	rec["archive_time"] = nil
	if rec["is_archived"] == true {
		rec["archive_time"] = now
	}
	stored := s.store(t, rec)
	s.announce(change{object: "lead", was: old, is: stored, source: r.source()})
	return dataReply(http.StatusOK, s.leadV1(stored))
}

// applyLead puts a body over a lead and says what is wrong with it. Custom fields sit at the root.
func (s *Server) applyLead(rec, body map[string]any, keys []string) string {
	for _, key := range slices.Sorted(maps.Keys(body)) {
		given := body[key]
		f := s.field("lead", key)
		switch {
		case isHash(key) && f == nil:
			return "Bad request"
		case isHash(key):
			stored, reason := f.checkCustom(f.v2Custom(given))
			if reason != "" {
				return key + ": " + reason
			}
			rec[key] = stored
			continue
		case !slices.Contains(keys, key):
			return `"` + key + `" is not allowed`
		}
		if reason := checkLeadKey(key, given); reason != "" {
			return `"` + key + `": ` + reason
		}
		rec[key] = given
	}
	var p problems
	s.checkLinks(&p, body, "person_id")
	if id := toInt(body["organization_id"]); id != 0 && s.tables["organization"].find(id) == nil {
		p.add("organization_id", "Referenced organization was not found")
	}
	if len(p) > 0 {
		return p[0]
	}
	if rec["person_id"] == nil && rec["organization_id"] == nil {
		return "A lead must be linked to a person or an organization"
	}
	return ""
}

func checkLeadKey(key string, given any) string {
	switch key {
	case "title":
		return isText(given)
	case "owner_id":
		return isID(given)
	case "person_id", "organization_id", "channel":
		return orNull(isID)(given)
	case "is_archived", "was_seen":
		return isBool(given)
	case "expected_close_date":
		return orNull(isDate)(given)
	case "visible_to":
		return oneOf("1", "3", "5", "7")(given)
	case "value":
		if given != nil {
			return checkParts(given, map[string]kind{"amount": isNumber, "currency": isCurrency}, "amount", "currency")
		}
	case "label_ids":
		if list, ok := given.([]any); !ok || slices.ContainsFunc(list, func(id any) bool { return isString(id) != "" }) {
			return "must be an array of uuids"
		}
	}
	return ""
}

func (s *Server) deleteLead(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["lead"]
	old := t.lookup(r.vars["id"])
	if old == nil || old.deleted {
		return leadNotFound()
	}
	s.removeLead(old)
	s.announce(change{object: "lead", was: old, source: r.source()})
	return dataReply(http.StatusOK, map[string]any{"id": old.key})
}
