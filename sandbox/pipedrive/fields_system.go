package pipedrive

import "strings"

// systemFields are the definitions that every account has. A code is not always the key of the
// record: email and phone stand for emails and phones.
func systemFields() map[string][]*Field {
	out := map[string][]*Field{}
	for object, list := range map[string]string{
		"person": `id:int:ID name:varchar:Name first_name:varchar:First_name last_name:varchar:Last_name
			email:varchar:Email phone:phone:Phone org_id:org:Organization owner_id:user:Owner label_ids:set:Labels
			add_time:date:Person_created update_time:date:Update_time visible_to:visible_to:Visible_to
			picture_id:picture:Profile_picture is_deleted:boolean:Deleted`,
		"organization": `id:int:ID name:varchar:Name owner_id:user:Owner address:address:Address label_ids:set:Labels
			add_time:date:Organization_created update_time:date:Update_time visible_to:visible_to:Visible_to
			website:varchar:Website linkedin:varchar:LinkedIn_profile industry:enum:Industry
			annual_revenue:double:Annual_revenue employee_count:int:Number_of_employees is_deleted:boolean:Deleted`,
		"deal": `id:int:ID title:varchar:Title creator_user_id:user:Creator owner_id:user:Owner value:monetary:Value
			currency:varchar:Currency person_id:people:Contact_person org_id:org:Organization
			pipeline_id:double:Pipeline stage_id:stage:Stage status:status:Status label_ids:set:Labels
			add_time:date:Deal_created update_time:date:Update_time stage_change_time:date:Last_stage_change
			probability:int:Probability lost_reason:varchar_options:Lost_reason visible_to:visible_to:Visible_to
			close_time:date:Deal_closed_on won_time:date:Won_time lost_time:date:Lost_time
			expected_close_date:date:Expected_close_date origin:enum:Source_origin origin_id:varchar:Source_origin_ID
			channel:enum:Source_channel channel_id:varchar:Source_channel_ID acv:monetary:ACV arr:monetary:ARR
			mrr:monetary:MRR is_archived:boolean:Archive_status archive_time:date:Archive_time is_deleted:boolean:Deleted`,
		"activity": `id:int:ID subject:varchar:Subject type:enum:Type owner_id:user:Assigned_to_user
			creator_user_id:user:Creator done:boolean:Done due_date:date:Due_date due_time:time:Due_time
			duration:time:Duration deal_id:deal:Deal lead_id:lead:Lead person_id:people:Contact_person
			org_id:org:Organization project_id:project:Project note:text:Note location:address:Location
			public_description:text:Public_description priority:enum:Priority busy:boolean:Free/busy
			add_time:date:Add_time update_time:date:Update_time marked_as_done_time:date:Marked_as_done_time
			is_deleted:boolean:Deleted`,
		"product": `id:int:ID name:varchar:Name code:varchar:Product_code description:text:Description unit:varchar:Unit
			tax:double:Tax category:enum:Category owner_id:user:Owner visible_to:visible_to:Visible_to
			is_linkable:boolean:Active billing_frequency:billing_frequency:Billing_frequency
			add_time:date:Add_time update_time:date:Update_time is_deleted:boolean:Deleted`,
		"lead": `id:varchar:ID title:varchar:Title owner_id:user:Owner creator_id:user:Creator label_ids:set:Labels
			value:monetary:Value expected_close_date:date:Expected_close_date person_id:people:Contact_person
			organization_id:org:Organization source_name:varchar:Source add_time:date:Lead_created
			update_time:date:Update_time visible_to:visible_to:Visible_to`,
		"note": `id:int:ID content:text:Content deal_id:deal:Deal person_id:people:Person org_id:org:Organization
			lead_id:lead:Lead user_id:user:User add_time:date:Add_time update_time:date:Update_time`,
	} {
		for _, item := range strings.Fields(list) {
			part := strings.SplitN(item, ":", 3)
			f := &Field{Code: part[0], Type: part[1], Name: strings.ReplaceAll(part[2], "_", " ")}
			f.Options = systemOptions(object, f)
			out[object] = append(out[object], f)
		}
		for _, name := range includeOf[object] {
			f := &Field{Code: name, Type: "int", Optional: true}
			f.Name = strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
			if strings.HasSuffix(name, "_time") {
				f.Type = "date"
			}
			if name == "smart_bcc_email" || strings.HasSuffix(name, "_status") || name == "source_lead_id" {
				f.Type = "varchar"
			}
			if name == "attendees" {
				f.Type = "json"
			}
			out[object] = append(out[object], f)
		}
	}
	return out
}

// systemOptions are choices of system fields; those of status and activity type have text ids.
func systemOptions(object string, f *Field) []Option {
	switch f.Code {
	case "status":
		return []Option{{ID: "open", Label: "Open"}, {ID: "lost", Label: "Lost"}, {ID: "won", Label: "Won"}, {ID: "deleted", Label: "Deleted"}}
	case "visible_to":
		return []Option{{ID: 1, Label: "Owner & followers"}, {ID: 3, Label: "Entire company"}}
	case "label_ids":
		if object == "lead" {
			return nil
		}
		return []Option{
			{ID: 1, Label: "Customer", Color: "green"}, {ID: 2, Label: "Hot lead", Color: "red"},
			{ID: 3, Label: "Warm lead", Color: "yellow"}, {ID: 4, Label: "Cold lead", Color: "blue"},
		}
	case "type":
		out := []Option{}
		for _, key := range activityTypeKeys {
			out = append(out, Option{ID: key, Label: strings.ToUpper(key[:1]) + key[1:]})
		}
		return out
	}
	return nil
}

// listFieldsV1 is GET /v1/{object}Fields, paged by start and limit. Custom fields of deals are
// those of leads too.
func (s *Server) listFieldsV1(r *request, object string) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.fields[object]
	if object == "lead" {
		list = list[:len(list):len(list)]
		for _, f := range s.fields["deal"] {
			if f.Custom {
				list = append(list, f)
			}
		}
	}
	start, limit := v1Page(r)
	from := min(start, len(list))
	to := min(from+limit, len(list))
	data := []any{}
	for i, f := range list[from:to] {
		data = append(data, f.v1(object, from+i))
	}
	return jsonReply(200, map[string]any{"success": true, "data": data, "additional_data": v1Paging(start, limit, len(list) > to)})
}

// notOfNotes are the keys that the definitions of notes do not have.
var notOfNotes = []string{
	"order_nr", "add_time", "update_time", "last_updated_by_user_id", "created_by_user_id", "index_visible_flag",
	"details_visible_flag", "add_visible_flag", "important_flag", "searchable_flag", "filtering_allowed", "sortable_flag",
}

// v1 is the definition as v1 shows it; edit_flag: true means custom.
func (f *Field) v1(object string, nr int) map[string]any {
	key := f.Code
	if key == "label_ids" {
		key = "label"
	}
	out := map[string]any{
		"id": fieldID(object, nr), "key": key, "name": f.Name, "order_nr": nr, "field_type": f.Type,
		"add_time": "2024-01-01 00:00:00", "update_time": "2024-01-01 00:00:00",
		"last_updated_by_user_id": nil, "created_by_user_id": nil, "active_flag": true, "edit_flag": f.Custom,
		"index_visible_flag": true, "details_visible_flag": true, "add_visible_flag": f.Custom,
		"important_flag": false, "bulk_edit_allowed": true, "searchable_flag": searchableTypes[f.Type] && f.Custom,
		"filtering_allowed": true, "sortable_flag": true, "mandatory_flag": f.Code == "name" || f.Code == "title",
		"options": nil,
	}
	if len(f.Options) > 0 {
		out["options"] = f.options()
	}
	if object == "note" {
		for _, key := range notOfNotes {
			delete(out, key)
		}
	}
	return out
}

// fieldID numbers the definitions of all objects, as the conditions of saved filters need.
func fieldID(object string, nr int) int {
	base := map[string]int{"person": 9000, "organization": 4000, "deal": 12000, "activity": 1000, "product": 2000, "lead": 15000, "note": 3000}
	return base[object] + nr + 1
}
