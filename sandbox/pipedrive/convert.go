package pipedrive

import (
	"fmt"
	"maps"
	"net/http"
	"time"
)

// convertRoutes turn a lead into a deal. Source: developers.pipedrive.com/docs/api/v1/Leads#convertLeadToDeal
func (s *Server) convertRoutes() []route {
	return []route{
		{method: "POST", pattern: "/api/v2/leads/{id}/convert/deal", cost: 40, handle: s.convertLead},
		{method: "GET", pattern: "/api/v2/leads/{id}/convert/status/{conversion}", cost: 1, handle: s.conversionStatus},
	}
}

// conversion is a job that turns a lead into a deal.
type conversion struct {
	lead   string
	status string // not_started, running, completed, failed or rejected
	deal   int64  // 0 unless completed
	app    bool
}

// convertLead starts the job and answers with its id. An archived lead, which cannot be edited, is
// rejected; the documents do not say what rejects one.
func (s *Server) convertLead(r *request) reply {
	body, ok := r.object()
	if !ok && r.ContentLength != 0 {
		return invalid("body", "Value must be a JSON object")
	}
	var wrong problems
	for key, value := range body {
		if key != "pipeline_id" && key != "stage_id" {
			wrong.notAllowed(key)
		} else if reason := isID(value); reason != "" {
			wrong.add(key, reason)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lead := s.tables["lead"].lookup(r.vars["id"])
	if lead == nil || lead.deleted {
		return entityNotFound()
	}
	if len(wrong) == 0 {
		s.checkLinks(&wrong, body, "stage_id", "pipeline_id")
	}
	if len(wrong) > 0 {
		return wrong.reply()
	}
	job, id := &conversion{lead: lead.key, status: "not_started", app: r.app}, newUUID()
	s.conversions[id] = job
	switch {
	case lead.archived:
		job.status = "rejected"
	case s.cfg.ConversionDelay == 0:
		s.carryOut(job, body)
	default:
		s.later(s.cfg.ConversionDelay/2, func() {
			job.status = "running"
			s.later(s.cfg.ConversionDelay/2, func() { s.carryOut(job, body) })
		})
	}
	return conversionReply(map[string]any{"conversion_id": id})
}

// later does something under the lock, unless the server is closed first. The caller holds the lock.
func (s *Server) later(wait time.Duration, do func()) {
	s.timers = append(s.timers, time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			do()
		}
	}))
}

// carryOut makes the deal, moves what belongs to the lead to it, and deletes the lead.
func (s *Server) carryOut(job *conversion, body map[string]any) {
	leads, deals := s.tables["lead"], s.tables["deal"]
	lead := leads.lookup(job.lead)
	if lead == nil || lead.deleted {
		job.status = "failed"
		return
	}
	source := (&request{app: job.app}).source()
	deal := s.store(deals, s.dealOf(leads.unpack(lead), body))
	s.announce(change{object: "deal", is: deal, source: source})
	for _, object := range []string{"note", "activity"} {
		s.moveFromLead(s.tables[object], lead.key, deal.id)
	}
	s.removeLead(lead)
	s.announce(change{object: "lead", was: lead, source: source})
	job.status, job.deal = "completed", deal.id
}

// dealOf is the deal that a lead becomes.
func (s *Server) dealOf(lead, body map[string]any) map[string]any {
	t := s.tables["deal"]
	now := time.Now().UTC().Format(v2Time)
	m := map[string]any{"id": t.lastID + 1}
	custom := map[string]any{}
	for _, c := range t.columns {
		if !c.custom {
			m[c.name] = decodeJSON(c.fallback)
		} else if lead[c.name] != nil {
			custom[c.name] = lead[c.name]
		}
	}
	m["id"], m["custom_fields"] = t.lastID+1, custom
	for _, key := range []string{"title", "owner_id", "person_id", "expected_close_date", "origin", "origin_id", "channel", "channel_id"} {
		m[key] = lead[key]
	}
	m["org_id"], m["source_lead_id"], m["creator_user_id"] = lead["organization_id"], lead["id"], s.me()
	m["visible_to"] = toInt(lead["visible_to"])
	m["add_time"], m["update_time"], m["currency"] = now, now, s.money.currency
	if value, ok := lead["value"].(map[string]any); ok {
		m["value"], m["currency"] = value["amount"], value["currency"]
	}
	maps.Copy(m, body)
	s.placeDeal(m, nil, body)
	return m
}

// moveFromLead links what belonged to a lead to its deal.
func (s *Server) moveFromLead(t *table, lead string, deal int64) {
	for _, rec := range t.rows {
		if t.text(rec, "lead_id") != lead {
			continue
		}
		m := t.unpack(rec)
		m["lead_id"], m["deal_id"] = nil, deal
		s.store(t, m)
	}
}

// conversionStatus outlives the lead, and has the id of the deal once there is one.
func (s *Server) conversionStatus(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.vars["conversion"]
	job := s.conversions[id]
	if job == nil || job.lead != r.vars["id"] {
		return entityNotFound()
	}
	data := map[string]any{"conversion_id": id, "status": job.status}
	if job.deal != 0 {
		data["deal_id"] = job.deal
	}
	return conversionReply(data)
}

// conversionReply is a success with the additional_data that conversions have.
func conversionReply(data any) reply {
	return jsonReply(http.StatusOK, map[string]any{"success": true, "data": data, "additional_data": nil})
}

// entityNotFound is the one 404 that the v2 file has.
func entityNotFound() reply {
	return jsonReply(http.StatusNotFound, map[string]any{
		"success": false, "error": "Entity was not found", "error_info": "Object was not found.", "data": nil, "additional_data": nil,
	})
}

// Convert turns a lead into a deal as a user in the web app would, and returns the id of the deal: 0
// while the job is still to be carried out, see Config.ConversionDelay.
func (s *Server) Convert(lead string) (deal int64, err error) {
	path := "/api/v2/leads/" + lead + "/convert/"
	started, err := s.AsUser("POST", path+"deal", map[string]any{})
	if err != nil {
		return 0, err
	}
	data, _ := started["data"].(map[string]any)
	answer, err := s.AsUser("GET", path+"status/"+text(data["conversion_id"]), nil)
	if err != nil {
		return 0, err
	}
	data, _ = answer["data"].(map[string]any)
	if status := text(data["status"]); status == "failed" || status == "rejected" {
		return 0, fmt.Errorf("converting lead %s: %s", lead, status)
	}
	return toInt(data["deal_id"]), nil
}
