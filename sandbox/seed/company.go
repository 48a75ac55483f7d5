// Package seed fills the sandbox with a believable company: people, deals and the odd cases that
// real accounts hold. Record i is the same whatever the size of the company, and the same on every
// run of a day; times are counted back from the last midnight UTC.
package seed

import (
	"math/rand/v2"
	"time"

	"connector/sandbox/pipedrive"
)

const (
	users    = 5
	products = 12
	currency = "EUR"
	twoYears = 2 * 365 * 24 * time.Hour

	v2Time   = "2006-01-02T15:04:05Z"
	v1Time   = "2006-01-02 15:04:05"
	leadTime = "2006-01-02T15:04:05.000Z"
)

// Company is how large a company is. A number of 0 is in proportion to the persons, a negative one is
// none. Notes are always one for ten persons.
type Company struct {
	Persons, Organizations, Deals, Activities, Leads int
}

// sized has the numbers as they are to be, with those that were left out in proportion: an
// organization for four persons, a deal and an activity for two, a lead for twenty.
func (size Company) sized() Company {
	number := func(given, proportion int) int {
		if given == 0 {
			return proportion
		}
		return max(0, given)
	}
	return Company{
		Persons: size.Persons, Organizations: number(size.Organizations, max(1, size.Persons/4)),
		Deals: number(size.Deals, size.Persons/2), Activities: number(size.Activities, size.Persons/2),
		Leads: number(size.Leads, size.Persons/20),
	}
}

// Fill puts a company of n persons into the sandbox, everything else in proportion, and sets OptOuts.
func Fill(p *pipedrive.Server, n int) { Company{Persons: n}.Fill(p) }

// Fill puts the company, of at least one person, into the sandbox, and sets OptOuts.
func (size Company) Fill(p *pipedrive.Server) {
	size = size.sized()
	c := company{
		server: p, persons: size.Persons, orgs: size.Organizations, deals: size.Deals, activities: size.Activities,
		leads: size.Leads, now: time.Now().UTC().Truncate(24 * time.Hour),
	}
	c.addUsers()
	c.addPipelines()
	c.addFields()
	c.addOtherFields()
	c.addProducts()
	c.addOrganizations()
	c.addPersons()
	c.addDeals()
	c.addActivities()
	c.addLeads()
	c.addNotes()
	setOptOuts(c.persons)
}

type company struct {
	server                                  *pipedrive.Server
	persons, orgs, deals, activities, leads int
	now                                     time.Time

	dealPersons []int // by the id of the deal less one
}

type record = map[string]any

// dice are the same for the same kind and number of record.
func dice(kind uint64, i int) *rand.Rand { return rand.New(rand.NewPCG(kind, uint64(i))) }

const (
	personDice uint64 = iota + 1
	orgDice
	dealDice
	activityDice
	leadDice
	noteDice
	customerDice
	currencyDice
	dealingsDice
	leadDetailDice
	otherFieldDice
)

// times returns when a record was added and last changed.
func (c *company) times(r *rand.Rand) (added, updated time.Time) {
	updated = c.now.Add(-time.Duration(r.Int64N(int64(twoYears)))).Truncate(time.Second)
	return updated.Add(-time.Duration(r.IntN(400*24)) * time.Hour), updated
}

func (c *company) addUsers() {
	for i, name := range []string{"Mira Falkenau", "Tobias Ostrander", "Ines Carvalhal", "Owen Thistlewood", "Sanne Verbruggen"} {
		c.server.Put("user", record{
			"id": i + 1, "name": name, "email": slug(name) + "@sales.example.com", "is_you": i == 0,
			"default_currency": currency, "created": "2023-01-09 08:00:00", "modified": "2024-02-01 09:30:00",
			"last_login": c.now.Add(-time.Duration(i+1) * 5 * time.Hour).Format(v1Time), "role_id": 1,
			"access": []any{record{"app": "sales", "admin": i == 0, "permission_set_id": "4a8d1b60-1111-4000-8000-000000000001"}},
		})
	}
}

// stages of the two pipelines; the ids follow the order.
var stages = []struct {
	pipeline int
	name     string
	chance   int
}{
	{1, "Qualified", 20}, {1, "Contact made", 40}, {1, "Proposal made", 60}, {1, "Negotiations started", 80},
	{2, "Renewal due", 70}, {2, "Renewal offered", 90},
}

func (c *company) addPipelines() {
	since := c.now.AddDate(-3, 0, 0).Format(v2Time)
	for i, name := range []string{"New business", "Renewals"} {
		c.server.Put("pipeline", record{"id": i + 1, "name": name, "order_nr": i + 1, "add_time": since, "update_time": since})
	}
	for i, st := range stages {
		c.server.Put("stage", record{
			"id": i + 1, "order_nr": i + 1, "name": st.name, "pipeline_id": st.pipeline,
			"deal_probability": st.chance, "add_time": since, "update_time": since,
		})
	}
}

func (c *company) addProducts() {
	since := c.now.AddDate(-2, 0, 0).Format(v2Time)
	for i := 1; i <= products; i++ {
		name := productNames[(i-1)%len(productNames)]
		c.server.Put("product", record{
			"id": i, "name": name, "code": slug(name), "unit": "piece", "tax": 20, "owner_id": 1 + i%users,
			"add_time": since, "update_time": since, "description": name,
			"prices": []any{record{"product_id": i, "price": 40 * i, "currency": currency, "cost": 10 * i, "direct_cost": nil, "notes": ""}},
		})
	}
}

func (c *company) addOrganizations() {
	for i := 1; i <= c.orgs; i++ {
		r := dice(orgDice, i)
		added, updated := c.times(r)
		place := places[r.IntN(len(places))]
		street := streets[r.IntN(len(streets))]
		number := 1 + r.IntN(180)
		m := record{
			"id": i, "name": orgName(i), "owner_id": 1 + r.IntN(users), "visible_to": 3,
			"add_time": added.Format(v2Time), "update_time": updated.Format(v2Time),
			"address": address(street, number, place), "website": "https://" + orgDomain(i),
			"employee_count": 1 + r.IntN(2000), "annual_revenue": 10_000 * (1 + r.IntN(900)),
			"custom_fields": record{
				orgTier: tierOptions[r.IntN(len(tierOptions))].ID, orgTaxNumber: taxNumber(i), orgFleet: float64(r.IntN(60)),
			},
		}
		c.addOtherValues("organization", m["custom_fields"].(record), i, added)
		c.server.Put("organization", m)
	}
}
