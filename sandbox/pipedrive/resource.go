package pipedrive

import "strings"

// resource describes one collection of v2: what its list understands and what its bodies may hold.
type resource struct {
	object, path, noun string
	listCost           int
	created            int      // status of a successful POST
	filters            []string // list parameters that compare a link or a flag
	sorts              []string
	ranged             bool // updated_since and updated_until
	selectable         bool // ids and filter_id
	custom             bool // custom_fields
	labelled           bool // include_option_labels and include_labels
	required           []string
	body               map[string]kind
	createOnly         []string // body keys that PATCH refuses
	updateOnly         []string // body keys that POST refuses
	// complete fills in what Pipedrive derives; was is nil on create.
	complete func(s *Server, rec, was, body map[string]any) problems
}

// includeOf lists what include_fields may ask for. Source: the v2 OpenAPI file.
var includeOf = map[string][]string{
	"person": strings.Fields(`next_activity_id last_activity_id open_deals_count related_open_deals_count
		closed_deals_count related_closed_deals_count participant_open_deals_count participant_closed_deals_count
		email_messages_count activities_count done_activities_count undone_activities_count files_count notes_count
		followers_count won_deals_count related_won_deals_count lost_deals_count related_lost_deals_count
		last_incoming_mail_time last_outgoing_mail_time marketing_status doi_status smart_bcc_email`),
	"organization": strings.Fields(`next_activity_id last_activity_id open_deals_count related_open_deals_count
		closed_deals_count related_closed_deals_count email_messages_count people_count activities_count
		done_activities_count undone_activities_count files_count notes_count followers_count won_deals_count
		related_won_deals_count lost_deals_count related_lost_deals_count smart_bcc_email`),
	"deal": strings.Fields(`next_activity_id last_activity_id first_won_time products_count files_count notes_count
		followers_count email_messages_count activities_count done_activities_count undone_activities_count
		participants_count last_incoming_mail_time last_outgoing_mail_time smart_bcc_email source_lead_id`),
	"activity": {"attendees"},
}

var timeSorts = []string{"id", "update_time", "add_time"}

// resources are the seven collections of v2.
func resources() []*resource {
	return []*resource{persons(), organizations(), deals(), activities(), products(), pipelines(), stages()}
}

// v2Routes are list, get, create, update and delete of the seven collections.
func (s *Server) v2Routes() []route {
	var out []route
	for _, res := range resources() {
		base := "/api/v2/" + res.path
		out = append(out,
			route{method: "GET", pattern: base, cost: res.listCost, handle: func(r *request) reply { return s.list(r, res, false) }},
			route{method: "GET", pattern: base + "/{id}", cost: 1, handle: func(r *request) reply { return s.get(r, res) }},
			route{method: "POST", pattern: base, cost: 5, handle: func(r *request) reply { return s.create(r, res) }},
			route{method: "PATCH", pattern: base + "/{id}", cost: 5, handle: func(r *request) reply { return s.update(r, res) }},
			route{method: "DELETE", pattern: base + "/{id}", cost: 3, handle: func(r *request) reply { return s.softDelete(r, res) }},
		)
		if res.object == "deal" {
			out = append(out, route{method: "GET", pattern: base + "/archived", cost: 20, handle: func(r *request) reply { return s.list(r, res, true) }})
		}
	}
	return out
}
