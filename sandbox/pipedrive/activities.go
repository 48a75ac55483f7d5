package pipedrive

// activities is /api/v2/activities. Source: developers.pipedrive.com/docs/api/v1/Activities
func activities() *resource {
	return &resource{
		object: "activity", path: "activities", noun: "Activity", listCost: 10, created: 200,
		filters: []string{"owner_id", "deal_id", "lead_id", "person_id", "org_id", "done"},
		sorts:   []string{"id", "update_time", "add_time", "due_date"},
		ranged:  true, selectable: true,
		body: map[string]kind{
			"subject": isString, "type": isString, "owner_id": isID, "deal_id": orNull(isID),
			"lead_id": orNull(isString), "person_id": orNull(isID), "org_id": orNull(isID), "project_id": orNull(isID),
			"due_date": orNull(isDate), "due_time": orNull(isString), "duration": orNull(isString),
			"busy": isBool, "done": isBool, "location": orNull(isAddress), "participants": isParticipants,
			"attendees": isObjects, "public_description": orNull(isString), "priority": orNull(isID),
			"note": orNull(isString), "outcome": orNull(isID),
		},
		complete: completeActivity,
	}
}

const maxNote = 100 << 10

// completeActivity derives the primary participant, which is the only way to set person_id: a
// person_id in the body is read-only in practice and ignored.
func completeActivity(s *Server, rec, was, body map[string]any) problems {
	var p problems
	s.checkLinks(&p, body, "deal_id", "org_id")
	if len(text(body["note"])) > maxNote {
		p.add("note", "Value must be at most 100 KB")
	}
	rec["person_id"] = nil
	if was != nil {
		rec["person_id"] = was["person_id"]
	}
	if list, ok := body["participants"].([]any); ok {
		rec["person_id"] = nil
		for i, entry := range list {
			participant := entry.(map[string]any)
			primary, _ := participant["primary"].(bool)
			if primary || i == 0 {
				rec["person_id"] = participant["person_id"]
			}
		}
		if person := toInt(rec["person_id"]); person != 0 && s.tables["person"].find(person) == nil {
			p.add("participants", "Person not found")
		}
	}
	if rec["done"] == true && (was == nil || was["done"] != true) {
		rec["marked_as_done_time"] = rec["update_time"]
	}
	if rec["done"] != true {
		rec["marked_as_done_time"] = nil
	}
	if was == nil {
		rec["creator_user_id"] = s.me()
	}
	if address, ok := body["location"].(map[string]any); ok {
		rec["location"] = fullAddress(address, false)
	}
	return p
}
