package pipedrive

// pipelines is /api/v2/pipelines. Source: developers.pipedrive.com/docs/api/v1/Pipelines
func pipelines() *resource {
	return &resource{
		object: "pipeline", path: "pipelines", noun: "Pipeline", listCost: 5, created: 200, sorts: timeSorts,
		required: []string{"name"},
		body:     map[string]kind{"name": isText, "is_deal_probability_enabled": isBool},
		complete: completeOrder,
	}
}

// stages is /api/v2/stages. Source: developers.pipedrive.com/docs/api/v1/Stages
func stages() *resource {
	return &resource{
		object: "stage", path: "stages", noun: "Stage", listCost: 5, created: 200,
		filters: []string{"pipeline_id"}, sorts: []string{"id", "update_time", "add_time", "order_nr"},
		required: []string{"name", "pipeline_id"},
		body: map[string]kind{
			"name": isText, "pipeline_id": isID, "deal_probability": isID,
			"is_deal_rot_enabled": isBool, "days_to_rotten": orNull(isID),
		},
		complete: func(s *Server, rec, was, body map[string]any) problems {
			var p problems
			s.checkLinks(&p, body, "pipeline_id")
			return append(p, completeOrder(s, rec, was, body)...)
		},
	}
}

// completeOrder puts a new pipeline or stage last.
func completeOrder(_ *Server, rec, was, _ map[string]any) problems {
	if was == nil {
		rec["order_nr"] = rec["id"]
	}
	return nil
}
