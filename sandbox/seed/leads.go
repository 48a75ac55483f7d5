package seed

import (
	"fmt"
	"math/rand/v2"
	"time"
)

var leadSources = []string{"Manually created", "Web forms", "Live chat", "Import", "API", "Prospector"}

func (c *company) addLeads() {
	labels := []any{}
	for _, label := range c.server.Records("leadLabel", 0, 10) {
		labels = append(labels, label["id"])
	}
	for i := 1; i <= c.leads; i++ {
		r := dice(leadDice, i)
		added, updated := c.times(r)
		added, updated = added.Add(time.Duration(r.IntN(1000))*time.Millisecond), updated.Add(time.Duration(r.IntN(1000))*time.Millisecond)
		m := record{
			"id": leadID(i), "title": fmt.Sprintf("%s lead %d", dealWords[r.IntN(len(dealWords))], i),
			"owner_id": 1 + r.IntN(users), "creator_id": 1 + r.IntN(users), "was_seen": r.IntN(2) == 0, "value": nil,
			"add_time": added.Format(leadTime), "update_time": updated.Format(leadTime),
			dealSeats: float64(1 + r.IntN(20)),
		}
		if r.IntN(2) == 0 {
			m["value"] = record{"amount": 100 * (1 + r.IntN(90)), "currency": currency}
		}
		c.place(m, c.someone(r), "organization_id")
		c.detail(m, i, labels, updated)
		c.addOtherValues("deal", m, i, added) // leads have the custom fields of deals, at their root
		c.server.Put("lead", m)
	}
}

func leadID(i int) string { return fmt.Sprintf("5eed0000-1111-4000-8000-%012x", i) }

// detail gives a lead what not every lead has. One in seven has an organization only.
func (c *company) detail(m record, i int, labels []any, updated time.Time) {
	r := dice(leadDetailDice, i)
	m["source_name"] = leadSources[r.IntN(len(leadSources))]
	m["origin"] = []string{"ManuallyCreated", "WebForms", "API"}[r.IntN(3)]
	m["label_ids"] = labelsOf(r, labels)
	if value, has := m["value"].(record); has && r.IntN(5) == 0 {
		value["currency"] = currencies[1+r.IntN(2)]
	}
	if r.IntN(3) == 0 {
		m["expected_close_date"] = updated.AddDate(0, 3, 0).Format(time.DateOnly)
		m[dealTerms] = termsOptions[r.IntN(len(termsOptions))].ID
	}
	if i%7 == 0 && c.orgs > 0 {
		m["person_id"], m["organization_id"] = nil, 1+r.IntN(c.orgs)
	}
}

// labelsOf are one label for half of the leads, two for some.
func labelsOf(r *rand.Rand, labels []any) []any {
	first := r.IntN(len(labels))
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return []any{labels[first]}
	case 4:
		return []any{labels[first], labels[(first+1)%len(labels)]}
	}
	return []any{}
}
