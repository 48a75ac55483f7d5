package pipedrive

import "time"

// deals is /api/v2/deals and /api/v2/deals/archived. Source: developers.pipedrive.com/docs/api/v1/Deals
func deals() *resource {
	return &resource{
		object: "deal", path: "deals", noun: "Deal", listCost: 10, created: 200,
		filters: []string{"owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status"}, sorts: timeSorts,
		ranged: true, selectable: true, custom: true, labelled: true,
		required: []string{"title"},
		body: map[string]kind{
			"title": isText, "owner_id": isID, "person_id": orNull(isID), "org_id": orNull(isID),
			"pipeline_id": isID, "stage_id": isID, "value": orNull(isNumber), "currency": isCurrency,
			"is_deleted": isBool, "is_archived": isBool, "archive_time": orNull(isSpacedTime),
			"status": oneOf("open", "won", "lost"), "probability": orNull(isNumber), "lost_reason": orNull(isString),
			"visible_to": isVisibility, "close_time": orNull(isTime), "won_time": orNull(isTime),
			"lost_time": orNull(isTime), "expected_close_date": orNull(isDate), "label_ids": isIDs,
			"origin_id": orNull(isString), "channel": orNull(isID), "channel_id": orNull(isString),
		},
		complete: completeDeal,
	}
}

// completeDeal places the deal in its pipeline and keeps the times that follow its status.
func completeDeal(s *Server, rec, was, body map[string]any) problems {
	var p problems
	s.checkLinks(&p, body, "person_id", "org_id", "stage_id", "pipeline_id")
	status := text(rec["status"])
	for key, want := range map[string]string{"lost_reason": "lost", "won_time": "won", "lost_time": "lost"} {
		if body[key] != nil && status != want {
			p.add(key, "Value can only be set when status is "+want)
		}
	}
	if body["close_time"] != nil && status == "open" {
		p.add("close_time", "Value can only be set when status is won or lost")
	}
	if was == nil && body["is_deleted"] == true {
		p.add("is_deleted", "A deal cannot be created as deleted")
	}
	if was != nil && body["is_deleted"] == true {
		p.add("is_deleted", "A deal cannot be deleted by an update")
	}
	if len(p) > 0 {
		return p
	}
	s.placeDeal(rec, was, body)
	if was == nil || text(was["status"]) != status {
		closeDeal(rec, body, status)
	}
	if rec["is_archived"] == true && rec["archive_time"] == nil {
		rec["archive_time"] = rec["update_time"]
	}
	if at, err := time.Parse(v1Time, text(rec["archive_time"])); err == nil {
		rec["archive_time"] = at.Format(v2Time)
	}
	if rec["is_archived"] != true {
		rec["archive_time"] = nil
	}
	if rec["value"] == nil {
		rec["value"] = 0
	}
	if was == nil {
		rec["creator_user_id"] = s.me()
	}
	if was == nil && body["currency"] == nil {
		rec["currency"] = s.money.currency
	}
	return nil
}

// placeDeal derives pipeline from stage and stage from pipeline; the pipeline with the lowest
// order_nr is the default.
func (s *Server) placeDeal(rec, was, body map[string]any) {
	switch {
	case body["stage_id"] != nil:
		if stage := s.tables["stage"].find(toInt(body["stage_id"])); stage != nil {
			rec["pipeline_id"] = stage.pipeline
		}
	case body["pipeline_id"] != nil || was == nil:
		pipeline := toInt(rec["pipeline_id"])
		if pipeline == 0 {
			pipeline = s.first("pipeline", func(*record) bool { return true })
		}
		rec["pipeline_id"] = pipeline
		rec["stage_id"] = s.first("stage", func(st *record) bool { return int64(st.pipeline) == pipeline })
	}
	if was != nil && toInt(was["stage_id"]) != toInt(rec["stage_id"]) {
		rec["stage_change_time"] = rec["update_time"]
	}
	for _, key := range []string{"pipeline_id", "stage_id"} {
		rec[key] = toInt(rec[key])
		if rec[key] == int64(0) {
			rec[key] = nil
		}
	}
}

// first returns the id of the record with the lowest order_nr.
func (s *Server) first(object string, wanted func(*record) bool) int64 {
	t := s.tables[object]
	var best *record
	order := int64(0)
	for _, rec := range t.rows {
		nr := toInt(decodeJSON(t.raw(rec, "order_nr")))
		if !rec.deleted && wanted(rec) && (best == nil || nr < order) {
			best, order = rec, nr
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

func closeDeal(rec, body map[string]any, status string) {
	for _, key := range []string{"close_time", "won_time", "lost_time", "local_close_date", "local_won_date", "local_lost_date"} {
		if body[key] == nil {
			rec[key] = nil
		}
	}
	if status != "lost" {
		rec["lost_reason"] = nil
	}
	if status == "open" {
		return
	}
	for _, key := range []string{status + "_time", "close_time"} {
		if rec[key] == nil {
			rec[key] = rec["update_time"]
		}
	}
	date := text(rec["close_time"])[:len(time.DateOnly)]
	rec["local_close_date"], rec["local_"+status+"_date"] = date, date
	if status == "won" && rec["first_won_time"] == nil {
		rec["first_won_time"] = rec["won_time"]
	}
}
