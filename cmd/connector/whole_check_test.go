package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
)

// whole holds what Brevo should have of everything beside the persons themselves against what it has, by rules
// of its own: those of the README. The persons are demo.compare's.
type whole struct {
	sb      *sandbox.Sandbox
	without string // the kind of object that the pipeline does without

	organizations map[int]record
	deals, leads  map[int][]record // by person
	labels        map[string]string
	linked        map[int][]int64 // contacts by organization
	differences   []string
}

type record = map[string]any

// differencesOf is empty once Brevo has all of it. Refused are the persons that Brevo did not take.
func differencesOf(sb *sandbox.Sandbox, refused map[string]string, without string) []string {
	w := &whole{
		sb: sb, without: without, organizations: map[int]record{}, deals: map[int][]record{}, leads: map[int][]record{},
		labels: map[string]string{}, linked: map[int][]int64{},
	}
	w.each("organization", func(r record) { w.organizations[wholeOf(r["id"])] = r })
	w.each("deal", func(r record) {
		if r["is_deleted"] != true {
			w.deals[wholeOf(r["person_id"])] = append(w.deals[wholeOf(r["person_id"])], r)
		}
	})
	w.each("lead", func(r record) {
		if r["is_archived"] != true && r["is_deleted"] != true {
			w.leads[wholeOf(r["person_id"])] = append(w.leads[wholeOf(r["person_id"])], r)
		}
	})
	w.each("leadLabel", func(r record) { w.labels[fmt.Sprint(r["id"])] = fmt.Sprint(r["name"]) })
	owned := map[string]bool{}
	w.each("person", func(r record) {
		address := addressOf(r)
		if _, no := refused[fmt.Sprint(wholeOf(r["id"]))]; no || address == "" || owned[address] || r["is_deleted"] == true {
			return
		}
		owned[address] = true
		contact, found := sb.Brevo.Contact(address)
		if !found {
			w.differ("person %v has no contact", r["id"])
			return
		}
		w.contact(r, contact)
	})
	w.companies()
	return w.differences
}

func (w *whole) differ(format string, args ...any) {
	w.differences = append(w.differences, fmt.Sprintf(format, args...))
}

func (w *whole) each(object string, visit func(record)) {
	for after := int64(0); ; {
		records := w.sb.Pipedrive.Records(object, after, walk)
		for _, r := range records {
			visit(r)
		}
		if len(records) < walk {
			return
		}
		if id := int64(wholeOf(records[len(records)-1]["id"])); id > 0 && object != "lead" {
			after = id
		} else {
			after += int64(len(records)) // numbered in the order in which they came
		}
	}
}

func (w *whole) contact(person record, contact brevo.Contact) {
	id := wholeOf(person["id"])
	want := map[string]any{"LTV": w.lifetimeValue(w.deals[id])}
	if w.without == "deals" {
		delete(want, "LTV")
	}
	organization := w.organizations[wholeOf(person["org_id"])]
	want["COMPANY"], want["COMPANY_EMPLOYEES"] = organization["name"], organization["employee_count"]
	if organization != nil {
		w.linked[wholeOf(person["org_id"])] = append(w.linked[wholeOf(person["org_id"])], contact.ID)
	}
	lead := w.lead(id)
	for name, v := range w.ofLead(lead) {
		want[name] = v
	}
	for name, v := range want {
		has := contact.Attributes[name]
		if fmt.Sprint(has) != fmt.Sprint(v) {
			w.differ("person %d: %s is %v in Brevo and should be %v", id, name, has, v)
		}
	}
	if onList(contact, 65) != (lead != nil) {
		w.differ("person %d: list 65 says %v", id, onList(contact, 65))
	}
}

// lifetimeValue recomputes the value of won deals with the company's rates.
func (w *whole) lifetimeValue(deals []record) any {
	rates := pipedrive.DefaultRates()
	rates["EUR"] = 1
	sum := 0.0
	for _, d := range deals {
		if value, _ := d["value"].(float64); d["status"] == "won" {
			sum += value * rates[fmt.Sprint(d["currency"])]
		}
	}
	return math.Round(sum*100) / 100
}

func (w *whole) lead(person int) record {
	if w.without == "leads" || len(w.leads[person]) == 0 {
		return nil
	}
	return slices.MaxFunc(w.leads[person], func(a, b record) int {
		return strings.Compare(fmt.Sprint(a["update_time"]), fmt.Sprint(b["update_time"]))
	})
}

func (w *whole) ofLead(lead record) record {
	if lead == nil {
		return record{"LEAD_TITLE": nil, "LEAD_VALUE": nil, "LEAD_ORIGIN": nil, "LEAD_LABELS": nil}
	}
	var labels []string
	ids, _ := lead["label_ids"].([]any)
	for _, id := range ids {
		labels = append(labels, w.labels[fmt.Sprint(id)])
	}
	want := record{"LEAD_TITLE": lead["title"], "LEAD_VALUE": nil, "LEAD_ORIGIN": lead["source_name"], "LEAD_LABELS": nil}
	if len(labels) > 0 {
		want["LEAD_LABELS"] = strings.Join(labels, ", ")
	}
	if value, _ := lead["value"].(map[string]any); value != nil {
		want["LEAD_VALUE"] = value["amount"]
	}
	return want
}

// companies checks that each organization has one company, with its contacts.
func (w *whole) companies() {
	if w.without == "organizations" || w.without == "companies" {
		if n := len(w.sb.Brevo.Companies()); n > 0 {
			w.differ("there are %d companies", n)
		}
		return
	}
	has := map[int]int{}
	for _, c := range w.sb.Brevo.Companies() {
		id := wholeOf(c.Attributes["pipedrive_id"])
		has[id]++
		organization := w.organizations[id]
		switch {
		case organization == nil:
			w.differ("company %s is of no organization: %v", c.ID, c.Attributes["pipedrive_id"])
			continue
		case c.Attributes["name"] != organization["name"]:
			w.differ("the company of organization %d is called %v and should be %v", id, c.Attributes["name"], organization["name"])
		}
		want := slices.Sorted(slices.Values(w.linked[id]))
		if is := slices.Sorted(slices.Values(c.ContactIDs)); !slices.Equal(is, want) {
			w.differ("the company of organization %d has %d contacts, and should have %d", id, len(is), len(want))
		}
	}
	for id := range w.organizations {
		if has[id] != 1 {
			w.differ("organization %d has %d companies", id, has[id])
		}
	}
}
