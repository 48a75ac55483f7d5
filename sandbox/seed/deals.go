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

// Three deals in a row of every fifty are won deals of one customer, each in another currency.
const (
	customerEvery   = 50
	firstOfCustomer = 9
)

var currencies = []string{currency, "USD", "GBP"}

func ofCustomer(deal int) bool {
	at := deal % customerEvery
	return at >= firstOfCustomer && at < firstOfCustomer+len(currencies)
}

// customer is an ordinary person, so that what was won reaches a contact.
func (c *company) customer(number int) int {
	r := dice(customerDice, number)
	for range 100 {
		if i := c.someone(r); oddity(i) == nil {
			return i
		}
	}
	return 1
}

// currencyOf is another one than the company's for three won deals in ten.
func currencyOf(deal int) string {
	switch dice(currencyDice, deal).IntN(10) {
	case 0:
		return "USD"
	case 1:
		return "GBP"
	case 2:
		return "CHF"
	}
	return currency
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
		person := c.someone(r)
		if closeDeal(m, r, updated); ofCustomer(i) {
			person = c.customer(i / customerEvery)
			m["currency"] = currencies[i%customerEvery-firstOfCustomer]
			win(m, updated)
		} else if m["status"] == "won" {
			m["currency"] = currencyOf(i)
		}
		c.place(m, person, "org_id")
		c.dealPersons = append(c.dealPersons, person)
		c.addOtherValues("deal", m["custom_fields"].(record), i, added)
		c.server.Put("deal", m)
	}
}

// closeDeal wins a quarter of the deals and loses a fifth.
func closeDeal(m record, r *rand.Rand, at time.Time) {
	switch chance := r.IntN(100); {
	case chance < 25:
		win(m, at)
	case chance < 45:
		end(m, "lost", at)
		m["lost_reason"] = []string{"Price", "No reply", "Competitor"}[r.IntN(3)]
	default:
		m["expected_close_date"] = at.AddDate(0, 2, 0).Format(time.DateOnly)
	}
}

func win(m record, at time.Time) {
	for _, key := range []string{"lost_time", "local_lost_date", "lost_reason", "expected_close_date"} {
		delete(m, key)
	}
	end(m, "won", at)
	m["first_won_time"] = at.Format(v2Time)
}

func end(m record, outcome string, at time.Time) {
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
