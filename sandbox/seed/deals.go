package seed

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// someone picks a person to link a record to; the one whose counts are all zero is passed over.
func (c *company) someone(r *rand.Rand) int {
	i := 1 + r.IntN(c.persons)
	if i == zeroCounts {
		return 1
	}
	return i
}

// place links a record to a person and that person's organization.
func (c *company) place(m record, person int, orgKey string) {
	m["person_id"] = person
	m[orgKey] = nil
	if org := c.orgOf(person); org != 0 {
		m[orgKey] = org
	}
}

func (c *company) addDeals() {
	for i := 1; i <= c.deals; i++ {
		r := dice(dealDice, i)
		added, updated := c.times(r)
		stage := 1 + r.IntN(4)
		if r.IntN(5) == 0 {
			stage = 5 + r.IntN(2)
		}
		m := record{
			"id": i, "title": fmt.Sprintf("%s %d", dealWords[r.IntN(len(dealWords))], i), "value": 250 * (1 + r.IntN(200)),
			"currency": currency, "owner_id": 1 + r.IntN(users), "creator_user_id": 1 + r.IntN(users),
			"stage_id": stage, "pipeline_id": stages[stage-1].pipeline, "status": "open", "visible_to": 3,
			"add_time": added.Format(v2Time), "update_time": updated.Format(v2Time),
			"stage_change_time": updated.Format(v2Time), "custom_fields": dealFields(r, added),
		}
		c.place(m, c.someone(r), "org_id")
		closeDeal(m, r, updated)
		c.server.Put("deal", m)
	}
}

// closeDeal wins a quarter of the deals and loses a fifth.
func closeDeal(m record, r *rand.Rand, at time.Time) {
	outcome := ""
	switch chance := r.IntN(100); {
	case chance < 25:
		outcome = "won"
		m["first_won_time"] = at.Format(v2Time)
	case chance < 45:
		outcome = "lost"
		m["lost_reason"] = []string{"Price", "No reply", "Competitor"}[r.IntN(3)]
	default:
		m["expected_close_date"] = at.AddDate(0, 2, 0).Format(time.DateOnly)
		return
	}
	m["status"] = outcome
	m["close_time"], m[outcome+"_time"] = at.Format(v2Time), at.Format(v2Time)
	m["local_close_date"], m["local_"+outcome+"_date"] = at.Format(time.DateOnly), at.Format(time.DateOnly)
}

func dealFields(r *rand.Rand, added time.Time) record {
	custom := record{dealSeats: float64(1 + r.IntN(50)), dealTerms: termsOptions[r.IntN(len(termsOptions))].ID}
	if r.IntN(2) == 0 {
		custom[dealReason] = "Asked for an offer"
		custom[dealStart] = added.AddDate(0, 3, 0).Format(time.DateOnly)
		custom[dealSetup] = record{"value": 100 * (1 + r.IntN(9)), "currency": currency}
	}
	return custom
}

func (c *company) addActivities() {
	kinds := []string{"call", "meeting", "task", "email"}
	for i := 1; i <= c.persons/2; i++ {
		r := dice(activityDice, i)
		added, updated := c.times(r)
		kind := kinds[r.IntN(len(kinds))]
		person := c.someone(r)
		m := record{
			"id": i, "subject": fmt.Sprintf("%s about %s", kind, dealWords[r.IntN(len(dealWords))]), "type": kind,
			"owner_id": 1 + r.IntN(users), "creator_user_id": 1 + r.IntN(users), "busy": r.IntN(2) == 0, "done": r.IntN(3) > 0,
			"due_date": updated.AddDate(0, 0, 7).Format(time.DateOnly), "due_time": fmt.Sprintf("%02d:30:00", 8+r.IntN(9)),
			"duration": "00:30:00", "add_time": added.Format(v2Time), "update_time": updated.Format(v2Time),
			"participants": []any{record{"person_id": person, "primary": true}}, "note": "<p>Prepared by the team</p>",
		}
		if m["done"] == true {
			m["marked_as_done_time"] = m["update_time"]
		}
		c.place(m, person, "org_id")
		c.server.Put("activity", m)
	}
}

func (c *company) addLeads() {
	for i := 1; i <= c.persons/20; i++ {
		r := dice(leadDice, i)
		added, updated := c.times(r)
		added, updated = added.Add(time.Duration(r.IntN(1000))*time.Millisecond), updated.Add(time.Duration(r.IntN(1000))*time.Millisecond)
		m := record{
			"id": fmt.Sprintf("5eed0000-1111-4000-8000-%012x", i), "title": fmt.Sprintf("%s lead %d", dealWords[r.IntN(len(dealWords))], i),
			"owner_id": 1 + r.IntN(users), "creator_id": 1 + r.IntN(users), "was_seen": r.IntN(2) == 0, "value": nil,
			"add_time": added.Format(leadTime), "update_time": updated.Format(leadTime),
			dealSeats: float64(1 + r.IntN(20)),
		}
		if r.IntN(2) == 0 {
			m["value"] = record{"amount": 100 * (1 + r.IntN(90)), "currency": currency}
		}
		c.place(m, c.someone(r), "organization_id")
		c.server.Put("lead", m)
	}
}

func (c *company) addNotes() {
	for i := 1; i <= c.persons/10; i++ {
		r := dice(noteDice, i)
		added, updated := c.times(r)
		m := record{
			"id": i, "content": "<b>Call back</b> about " + dealWords[r.IntN(len(dealWords))], "user_id": 1 + r.IntN(users),
			"add_time": added.Format(v1Time), "update_time": updated.Format(v1Time),
		}
		c.place(m, c.someone(r), "org_id")
		c.server.Put("note", m)
	}
}
