package pipedrive

import (
	"net/http"
	"slices"
	"time"
)

// mergeRoutes are PUT /v1/{persons,organizations,deals}/{id}/merge, which remain supported in v1.
// Source: developers.pipedrive.com/docs/api/v1/Persons#mergePersons
func (s *Server) mergeRoutes() []route {
	var out []route
	for path, object := range map[string]string{"persons": "person", "organizations": "organization", "deals": "deal"} {
		out = append(out, route{method: "PUT", pattern: "/v1/" + path + "/{id}/merge", cost: 40,
			handle: func(r *request) reply { return s.merge(r, object) }})
	}
	return out
}

// merge makes the record in the path vanish into merge_with_id, which survives, wins conflicts and
// has its empty fields filled. Related records move to it.
func (s *Server) merge(r *request, object string) reply {
	body, ok := v1Body(r)
	if !ok || toInt(body["merge_with_id"]) == 0 {
		return generalError(http.StatusBadRequest, "merge_with_id must be given.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[object]
	gone, kept := t.lookup(r.vars["id"]), t.find(toInt(body["merge_with_id"]))
	if gone == nil || kept == nil || gone.deleted || kept.deleted {
		return notFound(nouns[object])
	}
	if gone == kept {
		return generalError(http.StatusBadRequest, "A record cannot be merged with itself.")
	}
	survivor := t.unpack(kept)
	fillEmpty(survivor, t.unpack(gone))
	survivor["update_time"] = time.Now().UTC().Format(v2Time)
	rec := s.store(t, survivor)
	s.moveLinks(object, gone.id, kept.id, r.source())
	s.markDeleted(t, gone)
	s.announceMerge(object, gone, kept, rec, r.source())
	if object == "organization" {
		return dataReply(http.StatusOK, map[string]any{"id": rec.id})
	}
	data, _ := s.v1Record(object, rec, false).(map[string]any)
	if object == "person" {
		data["merge_what_id"] = gone.id
	}
	return dataReply(http.StatusOK, data)
}

var nouns = map[string]string{"person": "Person", "organization": "Organization", "deal": "Deal"}

// fillEmpty takes what the survivor lacks; addresses and phones of both are kept.
func fillEmpty(survivor, gone map[string]any) {
	for key, value := range gone {
		switch have := survivor[key].(type) {
		case nil:
			survivor[key] = value
		case string:
			if have == "" {
				survivor[key] = value
			}
		case []any:
			survivor[key] = union(have, value)
		case map[string]any:
			if other, ok := value.(map[string]any); ok && key == "custom_fields" {
				fillEmpty(have, other)
			}
		}
	}
}

func union(have []any, more any) []any {
	list, _ := more.([]any)
	out := slices.Clone(have)
	for _, item := range list {
		entry, isContact := item.(map[string]any)
		known := slices.ContainsFunc(have, func(h any) bool {
			own, ok := h.(map[string]any)
			return !isContact && h == item || ok && isContact && own["value"] == entry["value"]
		})
		if known {
			continue
		}
		if isContact && len(have) > 0 {
			entry["primary"] = false
		}
		out = append(out, item)
	}
	return out
}

// moveLinks points every record that was linked to one id to the other.
func (s *Server) moveLinks(object string, from, to int64, source string) {
	key := map[string]string{"person": "person_id", "organization": "org_id", "deal": "deal_id"}[object]
	for _, t := range s.tables {
		column := key
		if t.object == "lead" && object == "organization" {
			column = "organization_id"
		}
		for _, rec := range slices.Clone(t.links[object][int32(from)]) {
			m := t.unpack(rec)
			m[column] = to
			moved := s.store(t, m)
			if s.cfg.Webhooks.MergeMoves {
				s.announce(change{object: t.object, was: rec, is: moved, source: source})
			}
		}
	}
}
