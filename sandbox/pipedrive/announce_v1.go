package pipedrive

import "time"

// eventV1 is a payload 1.0: {v, matches_filters, meta, current, previous, event, retry}, with full
// records of v1 in which linked records are plain ids.
//
// Source: recorded deliveries of 2018 to 2025.
func (s *Server) eventV1(c change, now time.Time) *event {
	action := c.action("1.0")
	rec := c.record()
	filters := map[string]any{"current": []any{}}
	meta := map[string]any{
		"v": 1, "action": action, "object": c.object, "id": rec.id, "company_id": companyID, "user_id": s.me(),
		"host": s.host(), "timestamp": now.Unix(), "timestamp_micro": now.UnixMicro(), "prepublish_timestamp": now.UnixMilli(),
		"trans_pending": false, "is_bulk_update": false, "pipedrive_service_name": false, "change_source": c.source,
		"matches_filters": filters, "permitted_user_ids": s.permitted(),
	}
	if c.object == "activity" && c.is != nil {
		meta["send_activity_notifications"], meta["activity_notifications_language"] = false, nil
	}
	current, previous := any(nil), any(nil)
	if c.is != nil {
		current = encoded(s.hookedV1(c.object, c.is))
	}
	if c.was != nil {
		previous = encoded(s.hookedV1(c.object, c.was))
	}
	return &event{version: "1.0", meta: meta, parts: map[string]any{
		"v": 1, "matches_filters": filters, "event": action + "." + c.object, "current": current, "previous": previous,
	}}
}

// alsoInV1 are the keys that recorded deliveries have beside those of the API's answers, all of them
// null or fixed.
var alsoInV1 = map[string]map[string]any{
	"person":       {"delete_time": nil},
	"organization": {"delete_time": nil, "category_id": nil, "edit_name": true},
	"deal":         {"renewal_type": "one_time", "last_activity": nil, "next_activity": nil},
	"activity":     {"reference_type": nil, "reference_id": nil, "update_user_id": nil},
}

// hookedV1 is a record in a payload 1.0.
func (s *Server) hookedV1(object string, rec *record) any {
	m, isObject := s.v1Record(object, rec, false).(map[string]any)
	if !isObject {
		return nil
	}
	for key, value := range alsoInV1[object] {
		m[key] = value
	}
	return m
}
