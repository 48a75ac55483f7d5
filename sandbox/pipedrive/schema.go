package pipedrive

import "strings"

const (
	v2Time   = "2006-01-02T15:04:05Z"
	v1Time   = "2006-01-02 15:04:05"
	leadTime = "2006-01-02T15:04:05.000Z"
)

// customObjects are the objects whose v2 records have custom_fields.
var customObjects = map[string]bool{"person": true, "organization": true, "deal": true, "product": true}

// parse reads a space-separated list of column names, in the order in which answers show them:
// name, name=fallback, name? for keys that include_fields asks for, name+ for contact sync.
func parse(list string) []column {
	var out []column
	for _, item := range strings.Fields(list) {
		name, fallback, _ := strings.Cut(item, "=")
		c := column{fallback: fallback}
		c.name = strings.TrimRight(name, "?+")
		c.optional = strings.HasSuffix(name, "?")
		c.sync = strings.HasSuffix(name, "+")
		out = append(out, c)
	}
	return out
}

// newTables lays out the records. The keys of persons, deals, organizations, activities, products,
// pipelines and stages are those of the v2 OpenAPI file, all others those of v1.
func newTables() map[string]*table {
	tables := map[string]*table{}
	add := func(object, columns string, linkTo ...string) {
		tables[object] = newTable(object, parse(columns), linkTo...)
	}
	add("person", `id name="" first_name last_name owner_id org_id add_time update_time emails=[] phones=[]
		is_deleted=false visible_to=3 label_ids=[] picture_id postal_address+ notes+ im+=[] birthday+ job_title+
		marketing_status?="no_consent" doi_status?`, "organization")
	add("organization", `id name="" owner_id add_time update_time is_deleted=false visible_to=3 address label_ids=[]
		website linkedin industry annual_revenue employee_count`)
	add("deal", `id title="" creator_user_id owner_id value=0 person_id org_id stage_id pipeline_id currency="EUR"
		archive_time add_time update_time stage_change_time status="open" is_archived=false is_deleted=false
		probability lost_reason visible_to=3 close_time won_time lost_time local_won_date local_lost_date
		local_close_date expected_close_date label_ids=[] origin="API" origin_id channel channel_id acv arr mrr
		source_lead_id? first_won_time?`, "person", "organization")
	add("activity", `id subject="" type="call" owner_id creator_user_id is_deleted=false add_time update_time deal_id
		lead_id person_id org_id project_id due_date due_time duration busy=false done=false marked_as_done_time
		location participants=[] attendees?=[] conference_meeting_client conference_meeting_url
		conference_meeting_id public_description priority note outcome`, "person", "organization", "deal")
	add("product", `id name="" code description unit tax=0 category is_linkable=true is_deleted=false visible_to=3
		owner_id add_time update_time billing_frequency="one-time" billing_frequency_cycles prices=[]`)
	add("pipeline", `id name="" order_nr=0 is_deleted=false is_deal_probability_enabled=true add_time update_time`)
	add("stage", `id order_nr=0 name="" is_deleted=false deal_probability=100 pipeline_id is_deal_rot_enabled=false
		days_to_rotten add_time update_time`)
	add("lead", `id title="" owner_id creator_id label_ids=[] value expected_close_date person_id organization_id
		is_archived=false archive_time source_name="API" source_deal_id origin="API" origin_id channel channel_id
		was_seen=false next_activity_id add_time update_time visible_to="3" cc_email`, "person", "organization")
	add("note", `id active_flag=true add_time content="" deal_id lead_id person_id org_id project_id task_id
		user_id last_update_user_id update_time pinned_to_deal_flag=false pinned_to_organization_flag=false
		pinned_to_person_flag=false pinned_to_lead_flag=false pinned_to_project_flag=false
		pinned_to_task_flag=false`, "person", "organization", "deal")
	add("user", `id name="" default_currency="EUR" locale="en_GB" lang=1 email="" phone activated=true last_login
		created modified has_created_company=false access=[] active_flag=true timezone_name="Europe/London"
		timezone_offset="+00:00" role_id=1 icon_url is_you=false is_deleted=false`)
	add("filter", `id name="" filter_code is_editable=true active_flag=true type temporary_flag user_id add_time
		update_time visible_to="7" last_used_time custom_view_id conditions`)
	add("webhook", `id company_id owner_id user_id event_action event_object subscription_url version="2.0"
		is_active=1 add_time remove_time type="general" http_auth_user http_auth_password remove_reason
		last_delivery_time last_http_status admin_id name`)
	add("activityType", `id order_nr=0 name="" key_string icon_key active_flag=true color="FFFFFF"
		is_custom_flag=false add_time update_time`)
	add("leadLabel", `id name="" color add_time update_time`)
	tables["lead"].rootCustom = true
	return tables
}
