package page

import (
	"strconv"
	"strings"
	"unicode"
)

// brevoCount is what all contacts, companies and events of Brevo come to.
type brevoCount struct {
	contacts       map[int64]bool // persons that have one
	filled, above  map[string]int // contacts by attribute: with a value, with a number above 0
	total          map[string]float64
	companies      int
	linked         int
	events         int
	activityEvents int
	eventNames     map[string]int
}

func (s *site) countBrevo() brevoCount {
	out := brevoCount{
		contacts: map[int64]bool{}, filled: map[string]int{}, above: map[string]int{}, total: map[string]float64{}, eventNames: map[string]int{},
	}
	for after, full := int64(0), true; full; {
		page := s.sb.Brevo.Contacts(after, contactChunk)
		full = len(page) == contactChunk
		for _, c := range page {
			after = c.ID
			id, err := strconv.ParseInt(c.ExtID, 10, 64)
			if err != nil {
				continue
			}
			out.contacts[id] = true
			for name, value := range c.Attributes {
				out.filled[name]++
				if n := number(value); n > 0 {
					out.above[name]++
					out.total[name] += n
				}
			}
		}
	}
	linked := map[int64]bool{}
	companies := s.sb.Brevo.Companies()
	for _, c := range companies {
		for _, id := range c.ContactIDs {
			linked[id] = true
		}
	}
	out.companies, out.linked = len(companies), len(linked)
	for _, e := range s.sb.Brevo.Events() {
		out.events++
		out.eventNames[e.Name]++
		if isActivityEvent(e.Name) {
			out.activityEvents++
		}
	}
	return out
}

// sum is how many values the contacts have in some attributes.
func (b brevoCount) sum(attributes map[string]string) (n int) {
	for _, name := range attributes {
		n += b.filled[name]
	}
	return n
}

// pipedriveCount is what all records of Pipedrive come to, without deleted ones.
type pipedriveCount struct {
	persons, reachable, employed int
	personFields, otherFields    int
	attributes                   map[string]string // codes of the fields of persons that have an attribute, and its name
	values                       int
	won                          int
	wonValue                     float64
	currencies                   map[string]bool
	customers                    map[int64]bool
	stage                        map[int64]int
	status                       map[string]int
	organizations                int
	activities, leads            int
	activitiesReached            int
	leadsReached                 int
	leadPersons                  map[int64]bool
}

func (s *site) countPipedrive(b brevoCount) pipedriveCount {
	p := s.sb.Pipedrive
	out := pipedriveCount{
		attributes: map[string]string{}, currencies: map[string]bool{}, customers: map[int64]bool{}, stage: map[int64]int{}, status: map[string]int{}, leadPersons: map[int64]bool{},
	}
	fields := p.CustomFields("person")
	out.personFields = len(fields)
	for _, f := range fields {
		if name := attributeName(f.Name); b.filled[name] > 0 {
			out.attributes[f.Code] = name
		}
	}
	out.otherFields = len(p.CustomFields("deal")) + len(p.CustomFields("organization"))
	addresses := map[string]bool{}
	p.Walk("person", func(m map[string]any) { out.addPerson(m, b, addresses) })
	out.reachable = len(addresses)
	p.Walk("deal", func(m map[string]any) {
		status, _ := m["status"].(string)
		out.status[status]++
		if status == "open" {
			out.stage[int64(number(m["stage_id"]))]++
		}
		if person := int64(number(m["person_id"])); status == "won" && b.contacts[person] {
			currency, _ := m["currency"].(string)
			out.won++
			out.currencies[currency], out.customers[person] = true, true
			out.wonValue += p.InCompanyCurrency(number(m["value"]), currency)
		}
	})
	p.Walk("organization", func(map[string]any) { out.organizations++ })
	p.Walk("activity", func(m map[string]any) {
		out.activities++
		if b.contacts[int64(number(m["person_id"]))] {
			out.activitiesReached++
		}
	})
	p.Walk("lead", func(m map[string]any) {
		out.leads++
		if id := int64(number(m["person_id"])); b.contacts[id] {
			out.leadsReached++
			out.leadPersons[id] = true
		}
	})
	return out
}

func (out *pipedriveCount) addPerson(m map[string]any, b brevoCount, addresses map[string]bool) {
	out.persons++
	id := int64(number(m["id"]))
	if valid := entries(m["emails"]).valid(); len(valid) > 0 {
		addresses[valid[0]] = true
	}
	if !b.contacts[id] {
		return
	}
	if m["org_id"] != nil {
		out.employed++
	}
	custom, _ := m["custom_fields"].(map[string]any)
	for code := range out.attributes {
		if custom[code] != nil {
			out.values++
		}
	}
}

// attributeName is the name that an attribute has which is named for a field: LEAD_SOURCE.
func attributeName(field string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, field))
}
