package pipedrive

import (
	"net/http"
	"slices"
	"time"
)

// noteRoutes are /v1/notes. Source: developers.pipedrive.com/docs/api/v1/Notes
func (s *Server) noteRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/notes", cost: 20, handle: s.listNotes},
		{method: "GET", pattern: "/v1/notes/{id}", cost: 2, handle: s.getNote},
		{method: "POST", pattern: "/v1/notes", cost: 10, handle: s.createNote},
		{method: "PUT", pattern: "/v1/notes/{id}", cost: 10, handle: s.updateNote},
		{method: "DELETE", pattern: "/v1/notes/{id}", cost: 6, handle: s.deleteNote},
	}
}

func (s *Server) listNotes(r *request) reply {
	q := newQuery(r.URL)
	wanted := append(equalTo(r, map[string]func(*record) int32{
		"user_id": ownerOf, "person_id": personOf, "org_id": orgOf, "deal_id": dealOf,
	}), present)
	if q.has("updated_since") {
		since := q.instant("updated_since")
		if len(q.wrong) > 0 {
			return generalError(http.StatusBadRequest, "updated_since must be a valid RFC3339 date")
		}
		wanted = append(wanted, func(rec *record) bool { return rec.updated != 0 && rec.updated >= since })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["note"]
	if q.has("lead_id") {
		wanted = append(wanted, func(rec *record) bool { return t.text(rec, "lead_id") == q.text("lead_id") })
	}
	return s.v1List(r, t, t.rows, wanted, v1Paging, s.noteV1)
}

// noteV1 adds the names of linked records, which are not stored.
func (s *Server) noteV1(rec *record) map[string]any {
	m := s.tables["note"].unpack(rec)
	m["deal"], m["person"], m["organization"], m["project"], m["task"] = nil, nil, nil, nil, nil
	if name := s.nameOf("deal", int64(rec.deal)); name != "" {
		m["deal"] = map[string]any{"title": name}
	}
	if name := s.nameOf("person", int64(rec.person)); name != "" {
		m["person"] = map[string]any{"name": name}
	}
	if name := s.nameOf("organization", int64(rec.org)); name != "" {
		m["organization"] = map[string]any{"name": name}
	}
	users := s.tables["user"]
	m["user"] = nil
	if user := users.find(int64(rec.owner)); user != nil {
		m["user"] = map[string]any{
			"email": users.text(user, "email"), "name": users.text(user, "name"),
			"icon_url": nil, "is_you": toInt(s.me()) == user.id,
		}
	}
	return m
}

// nameOf returns the name or title of a record, "" if there is none.
func (s *Server) nameOf(object string, id int64) string {
	t := s.tables[object]
	rec := t.find(id)
	if rec == nil {
		return ""
	}
	if object == "deal" {
		return t.text(rec, "title")
	}
	return t.text(rec, "name")
}

func (s *Server) getNote(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.tables["note"].lookup(r.vars["id"])
	if rec == nil || rec.deleted {
		return generalError(http.StatusNotFound, "Note not found")
	}
	return dataReply(http.StatusOK, s.noteV1(rec))
}

var noteLinks = []string{"deal_id", "person_id", "org_id", "lead_id", "project_id", "task_id"}

// createNote is POST /v1/notes: content and at least one link are required. The OpenAPI file gives 200.
func (s *Server) createNote(r *request) reply {
	body, ok := v1Body(r)
	if !ok {
		return generalError(http.StatusBadRequest, "Bad request")
	}
	linked := slices.ContainsFunc(noteLinks, func(key string) bool { return body[key] != nil })
	if text(body["content"]) == "" {
		return generalError(http.StatusBadRequest, "Content must be given.")
	}
	if !linked {
		return generalError(http.StatusBadRequest, "Note must be linked to a deal, person, organization, lead, project or task.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC().Format(v1Time)
	rec := map[string]any{"add_time": now, "user_id": s.me()}
	putNote(rec, body)
	rec["update_time"], rec["last_update_user_id"] = now, nil
	stored := s.store(s.tables["note"], rec)
	s.announce(change{object: "note", is: stored, source: r.source()})
	return dataReply(http.StatusOK, s.noteV1(stored))
}

// updateNote is PUT /v1/notes/{id}.
func (s *Server) updateNote(r *request) reply {
	body, ok := v1Body(r)
	if !ok {
		return generalError(http.StatusBadRequest, "Bad request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["note"]
	old := t.lookup(r.vars["id"])
	if old == nil || old.deleted {
		return generalError(http.StatusNotFound, "Note not found")
	}
	rec := t.unpack(old)
	putNote(rec, body)
	rec["update_time"], rec["last_update_user_id"] = time.Now().UTC().Format(v1Time), s.me()
	stored := s.store(t, rec)
	s.announce(change{object: "note", was: old, is: stored, source: r.source()})
	return dataReply(http.StatusOK, s.noteV1(stored))
}

// putNote takes the known keys; v1 ignores the others, and takes 0 and 1 for flags.
func putNote(rec, body map[string]any) {
	for _, key := range append([]string{"content", "user_id", "add_time"}, noteLinks...) {
		if given, ok := body[key]; ok {
			rec[key] = given
		}
	}
	for _, target := range []string{"lead", "deal", "organization", "person", "project", "task"} {
		key := "pinned_to_" + target + "_flag"
		if given, ok := body[key]; ok {
			rec[key] = given == true || toInt(given) == 1
		}
	}
}

func (s *Server) deleteNote(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["note"]
	old := t.lookup(r.vars["id"])
	if old == nil || old.deleted {
		return generalError(http.StatusNotFound, "Note not found")
	}
	rec := t.unpack(old)
	rec["active_flag"], rec["update_time"] = false, time.Now().UTC().Format(v1Time)
	s.store(t, rec)
	s.announce(change{object: "note", was: old, source: r.source()})
	return dataReply(http.StatusOK, true)
}
