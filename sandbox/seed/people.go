package seed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// OptOuts are the addresses, lower-cased, of seeded persons that have unsubscribed in Brevo: about
// one person in fifty, at least three. Fill sets it.
var OptOuts []string

var optOuts sync.Mutex

func setOptOuts(n int) {
	list := OptedOut(n)
	optOuts.Lock()
	defer optOuts.Unlock()
	OptOuts = list
}

// OptedOut returns what OptOuts is after Fill with n persons.
func OptedOut(n int) []string {
	var out []string
	for i := 27; i <= n; i += 50 {
		out = append(out, strings.ToLower(email(i)))
	}
	for i := n; i > 0 && len(out) < 3; i-- {
		if i%50 != 27 && oddity(i) == nil {
			out = append(out, strings.ToLower(email(i)))
		}
	}
	return out
}

// employer is the organization of person i, four persons each, 0 for one person in eight.
func employer(i int) int {
	if i%8 == 5 {
		return 0
	}
	return 1 + (i-1)/4
}

// orgOf is the employer, counted from the first again where there are not that many.
func (c *company) orgOf(i int) int {
	if org := employer(i); org != 0 && c.orgs > 0 {
		return 1 + (org-1)%c.orgs
	}
	return 0
}

// email is the ordinary address of person i.
func email(i int) string {
	first, last := personName(i)
	local := slug(first) + "." + slug(last)
	if i >= uniqueNames() {
		local += fmt.Sprint(i)
	}
	if org := employer(i); org != 0 {
		return local + "@" + orgDomain(org)
	}
	return local + "@mail.example.org"
}

func (c *company) addPersons() {
	for i := 1; i <= c.persons; i++ {
		m := c.person(i)
		if change := oddity(i); change != nil {
			change(m, i)
		}
		c.server.Put("person", m)
	}
}

func (c *company) person(i int) record {
	r := dice(personDice, i)
	added, updated := c.times(r)
	first, last := personName(i)
	m := record{
		"id": i, "name": first + " " + last, "first_name": first, "last_name": last,
		"owner_id": 1 + r.IntN(users), "org_id": nil, "visible_to": 3, "label_ids": []any{},
		"add_time": added.Format(v2Time), "update_time": updated.Format(v2Time),
		"emails":        []any{contact(email(i), true, "work")},
		"phones":        []any{contact(phone(i), true, "mobile")},
		"custom_fields": personFields(r, added),
	}
	if org := c.orgOf(i); org != 0 {
		m["org_id"] = org
	}
	if r.IntN(4) == 0 {
		m["label_ids"] = []any{1 + r.IntN(4)}
	}
	c.addOtherValues("person", m["custom_fields"].(record), i, added)
	return m
}

func personFields(r *rand.Rand, added time.Time) record {
	custom := record{
		personSource:   sourceOptions[r.IntN(len(sourceOptions))].ID,
		personIndustry: industryOptions[r.IntN(len(industryOptions))].ID,
		personSize:     sizeOptions[r.IntN(len(sizeOptions))].ID,
	}
	if r.IntN(3) == 0 {
		custom[personGreeting] = "Hello from the " + places[r.IntN(len(places))].town + " office"
		custom[personCredit] = record{"value": 500 * (1 + r.IntN(40)), "currency": currency}
	}
	if r.IntN(3) == 0 {
		custom[personInterests] = []any{interestOptions[r.IntN(2)].ID, interestOptions[2+r.IntN(3)].ID}
		custom[personSince] = added.Format(time.DateOnly)
	}
	if r.IntN(8) == 0 {
		a := address(streets[r.IntN(len(streets))], 1+r.IntN(99), places[r.IntN(len(places))])
		a["formatted_address"] = a["value"]
		custom[personDelivery] = a
	}
	if r.IntN(2) == 0 {
		region := regionOptions[r.IntN(len(regionOptions))]
		custom[personRegion], custom[personRegionOld] = region.ID, strings.ToUpper(region.Label)
	}
	return custom
}

func contact(value string, primary bool, label string) record {
	return record{"value": value, "primary": primary, "label": label}
}
