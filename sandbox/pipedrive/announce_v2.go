package pipedrive

import (
	"bytes"
	"strconv"
	"time"
)

// eventV2 is a payload 2.0: {data, previous, meta}. It is nil for a change of nothing when those are
// not told of.
//
// Source: pipedrive.readme.io/docs/guide-for-webhooks-v2, the samples of the migration guide, and a
// recorded delivery of January 2026.
func (s *Server) eventV2(c change, now time.Time, correlation string) *event {
	action, rec := c.action("2.0"), c.record()
	id := rec.key
	if id == "" {
		id = strconv.FormatInt(rec.id, 10)
	}
	me := strconv.FormatInt(toInt(s.me()), 10)
	meta := map[string]any{
		"action": action, "entity": c.object, "entity_id": id, "company_id": strconv.Itoa(companyID),
		"correlation_id": correlation, "timestamp": now.UTC().Format(leadTime), "type": "general", "version": "2.0",
		"user_id": me, "change_source": c.source, "is_bulk_edit": false, "host": s.host(),
	}
	e := &event{version: "2.0", meta: meta}
	switch {
	case c.object == "user": // its samples differ: an epoch, the user's own id, no list of users
		e.fixedID, meta["timestamp"] = id, now.Unix()
	case !s.cfg.Webhooks.OmitPermittedUsers:
		users := []string{}
		for _, user := range s.permitted() {
			users = append(users, strconv.FormatInt(user, 10))
		}
		meta["permitted_user_ids"] = users
	}
	if c.mergedTo != 0 {
		meta["merged_to_id"] = strconv.FormatInt(c.mergedTo, 10)
	}
	if c.mergedFrom != 0 {
		meta["merged_from_id"] = strconv.FormatInt(c.mergedFrom, 10)
	}
	data, previous := any(nil), any(nil)
	switch action {
	case "create":
		m := s.hookedV2(c.object, c.is)
		if _, has := m["update_time"]; has && s.cfg.Webhooks.NullUpdateTime {
			m["update_time"] = nil
		}
		data = encoded(m)
	case "change":
		was, is := s.hookedV2(c.object, c.was), s.hookedV2(c.object, c.is)
		changed := formerly(c.object, was, is)
		if len(changed) == 0 && s.cfg.Webhooks.SilentNoOps {
			return nil
		}
		if toldTimes[c.object] == nil || s.cfg.Webhooks.FullPrevious {
			changed = former(was, is)
		}
		data, previous = encoded(is), encoded(changed)
	case "delete":
		previous = encoded(s.hookedV2(c.object, c.was))
	}
	e.parts = map[string]any{"data": data, "previous": previous}
	return e
}

// toldTimes are the times that follow a change by themselves and that previous does not have: the
// samples of persons, organizations and deals lack update_time, and the recorded change of a deal's
// stage lacks stage_change_time. All others have update_time.
var toldTimes = map[string][]string{
	"person": {"update_time"}, "organization": {"update_time"}, "deal": {"update_time", "stage_change_time"},
}

// formerly is former without the times that follow a change by themselves.
func formerly(object string, was, is map[string]any) map[string]any {
	out := former(was, is)
	delete(out, "update_time")
	for _, key := range toldTimes[object] {
		delete(out, key)
	}
	return out
}

// former returns the former values of what changed; of custom fields, only those that changed.
func former(was, is map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range was {
		if same(value, is[key]) {
			continue
		}
		custom, isObject := value.(map[string]any)
		now, _ := is[key].(map[string]any)
		if key == "custom_fields" && isObject {
			value = formerCustom(custom, now)
		}
		out[key] = value
	}
	return out
}

// formerCustom says null for what was empty, whether its key was there or not.
func formerCustom(was, is map[string]any) map[string]any {
	out := former(was, is)
	for key, value := range is {
		if _, had := was[key]; !had && value != nil {
			out[key] = nil
		}
	}
	return out
}

func same(a, b any) bool { return bytes.Equal(appendJSON(nil, a), appendJSON(nil, b)) }
