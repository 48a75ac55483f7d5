package pipedrive

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// create is POST /api/v2/{collection}.
func (s *Server) create(r *request, res *resource) reply {
	body, ok := r.object()
	if !ok {
		return invalid("body", "Value must be a JSON object")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[res.object]
	rec := map[string]any{"id": t.lastID + 1}
	for _, c := range t.columns {
		if !c.custom && c.name != "id" {
			rec[c.name] = decodeJSON(c.fallback)
		}
	}
	for _, key := range res.required {
		if _, given := body[key]; !given {
			return invalid(key, "Value is required")
		}
	}
	now := time.Now().UTC().Format(v2Time)
	rec["add_time"], rec["update_time"] = now, now
	if _, owned := rec["owner_id"]; owned {
		rec["owner_id"] = s.me()
	}
	return s.apply(r, res, rec, nil, body, res.updateOnly, res.created)
}

// update is PATCH /api/v2/{collection}/{id}: only the keys present change.
func (s *Server) update(r *request, res *resource) reply {
	body, ok := r.object()
	if !ok {
		return invalid("body", "Value must be a JSON object")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[res.object]
	old := t.lookup(r.vars["id"])
	if old == nil {
		return notFound(res.noun)
	}
	restoring := body["is_deleted"] == false
	unarchiving := body["is_archived"] == false
	if old.deleted && !(restoring && len(body) == 1) {
		return generalError(http.StatusBadRequest, res.noun+" is deleted and cannot be edited")
	}
	if old.archived && !(unarchiving && len(body) == 1) {
		return generalError(http.StatusBadRequest, res.noun+" is archived and cannot be edited")
	}
	was := t.unpack(old)
	rec := maps.Clone(was)
	rec["update_time"] = time.Now().UTC().Format(v2Time)
	return s.apply(r, res, rec, was, body, res.createOnly, http.StatusOK)
}

// apply checks a body, puts it over rec, completes, stores and announces it.
func (s *Server) apply(r *request, res *resource, rec, was, body map[string]any, refused []string, status int) reply {
	if !s.cfg.ContactSync && res.object == "person" {
		for _, key := range contactSyncKeys {
			if _, given := body[key]; given {
				return generalError(http.StatusForbidden, "Contact sync is not enabled for this account")
			}
		}
	}
	var wrong problems
	for _, key := range slices.Sorted(maps.Keys(body)) {
		check, known := res.body[key]
		switch {
		case key == "custom_fields" && res.custom:
			s.applyCustom(&wrong, res.object, rec, body[key])
		case !known || slices.Contains(refused, key):
			wrong.notAllowed(key)
		default:
			if reason := check(body[key]); reason != "" {
				wrong.add(key, reason)
			}
			rec[key] = body[key]
		}
	}
	if len(wrong) == 0 && res.complete != nil {
		wrong = res.complete(s, rec, was, body)
	}
	if len(wrong) > 0 {
		return wrong.reply()
	}
	if restored := rec["is_deleted"] == false && was != nil && was["is_deleted"] == true; restored && rec["status"] == "deleted" {
		rec["status"] = "open"
	}
	t := s.tables[res.object]
	told := change{object: res.object, source: r.source()}
	if was != nil {
		told.was = t.lookup(r.vars["id"])
	}
	stored := s.store(t, rec)
	told.is = stored
	s.announce(told)
	v := view{s: s, t: t}
	return reply{status: status, body: append(v.append([]byte(`{"success":true,"data":`), stored), '}')}
}

func (s *Server) applyCustom(wrong *problems, object string, rec map[string]any, given any) {
	values, ok := given.(map[string]any)
	if !ok {
		wrong.add("custom_fields", "Value must be an object")
		return
	}
	custom := map[string]any{}
	if was, ok := rec["custom_fields"].(map[string]any); ok && !(len(values) == 0 && s.cfg.ClearOnEmptyCustomFields) {
		maps.Copy(custom, was)
	}
	for _, code := range slices.Sorted(maps.Keys(values)) {
		f := s.field(object, code)
		if f == nil || !f.Custom {
			wrong.notAllowed("custom_fields." + code)
			continue
		}
		stored, reason := f.checkCustom(values[code])
		if reason != "" {
			wrong.add("custom_fields."+code, reason)
		}
		custom[code] = stored
	}
	rec["custom_fields"] = custom
}

// softDelete is DELETE /api/v2/{collection}/{id}. The record stays readable by id until it is
// purged; a second delete answers 410, as was recorded on v1.
func (s *Server) softDelete(r *request, res *resource) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[res.object]
	old := t.lookup(r.vars["id"])
	if old == nil {
		return notFound(res.noun)
	}
	done := map[string]any{"id": old.id}
	if old.deleted {
		return dataReply(http.StatusGone, done)
	}
	s.markDeleted(t, old)
	s.announce(change{object: res.object, was: old, source: r.source()})
	return dataReply(http.StatusOK, done)
}

// markDeleted makes the time of deletion the update_time.
func (s *Server) markDeleted(t *table, old *record) {
	rec := t.unpack(old)
	rec["is_deleted"] = true
	rec["update_time"] = time.Now().UTC().Format(v2Time)
	if t.object == "deal" {
		rec["status"] = "deleted"
	}
	s.store(t, rec)
}

// me is the user that the token belongs to: the one marked is_you, else the first.
func (s *Server) me() any {
	t := s.tables["user"]
	for _, rec := range t.rows {
		if t.raw(rec, "is_you") == "true" {
			return rec.id
		}
	}
	if len(t.rows) > 0 {
		return t.rows[0].id
	}
	return 1
}
