package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"connector/sandbox/brevo"
)

// related is what persons' contacts show of other records, by rules of its own: those of the README.
type related struct {
	organizations map[string]string // id → name
	withLead      map[string]bool   // persons
	companies     map[string]brevo.Company
}

func (c *comparison) readRelated() {
	c.related = related{organizations: map[string]string{}, withLead: map[string]bool{}, companies: map[string]brevo.Company{}}
	for _, r := range c.all("organization") {
		if r["is_deleted"] != true {
			c.related.organizations[strconv.Itoa(wholeOf(r["id"]))] = fmt.Sprint(r["name"])
		}
	}
	for _, r := range c.all("lead") {
		if r["is_archived"] != true && r["is_deleted"] != true {
			c.related.withLead[strconv.Itoa(wholeOf(r["person_id"]))] = true
		}
	}
	for _, company := range c.sb.Brevo.Companies() {
		id, _ := company.Attributes["pipedrive_id"].(string)
		if _, twice := c.related.companies[id]; twice {
			c.differ("organization %s is more than one company in Brevo", id)
		}
		c.related.companies[id] = company
	}
	for id, name := range c.related.organizations {
		if company, found := c.related.companies[id]; !found || company.Attributes["name"] != name {
			c.differ("organization %s is no company in Brevo with its name", id)
		}
	}
}

// all are the records of an object.
func (c *comparison) all(object string) (all []map[string]any) {
	for after := int64(0); ; after += walk {
		records := c.sb.Pipedrive.Records(object, after, walk)
		all = append(all, records...)
		if len(records) < walk {
			return all
		}
	}
}

func (c *comparison) relations(id string, r map[string]any, contact brevo.Contact) {
	worth, cents := 0.0, 0.01
	for _, d := range c.stages.deals[id] {
		if value, _ := d["value"].(float64); d["status"] == "won" {
			worth += c.sb.Pipedrive.InCompanyCurrency(value, fmt.Sprint(d["currency"]))
			cents += 0.005 // each is rounded
		}
	}
	ltv, err := strconv.ParseFloat(fmt.Sprint(contact.Attributes["LTV"]), 64)
	if err != nil || math.Abs(ltv-worth) > cents {
		c.differ("person %s: LTV is not the value of the won deals", id)
	}
	if c.related.withLead[id] != onList(contact, 65) {
		c.differ("person %s: the list of leads does not agree with its leads", id)
	}
	organization := strconv.Itoa(wholeOf(r["org_id"]))
	name, has := c.related.organizations[organization]
	if has && contact.Attributes["COMPANY"] != name {
		c.differ("person %s: COMPANY is not the organization's name", id)
	}
	if has && !slices.Contains(c.related.companies[organization].ContactIDs, contact.ID) {
		c.differ("person %s: the contact does not belong to the organization's company", id)
	}
}
