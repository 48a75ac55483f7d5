package page

import (
	"slices"
	"strconv"
	"strings"

	"connector/sandbox/brevo"
)

// relatedLength is how many deals, leads, activities and events of a person are shown.
const relatedLength = 12

// relatedView is what belongs to a person in Pipedrive, and what has come of it in Brevo.
type relatedView struct {
	Organization *organizationView `json:"organization"`
	Company      *companyView      `json:"company"`
	Deals        []soldView        `json:"deals"` // newest first, so are the others
	Won          float64           `json:"won"`   // value of the won deals, in the company's currency
	Currency     string            `json:"currency"`
	Lists        []string          `json:"lists"`
	Leads        []leadView        `json:"leads"`
	Nurtured     string            `json:"nurtured"` // the list of leads, empty while the contact is not on it
	Activities   []activityView    `json:"activities"`
	Events       []eventView       `json:"events"`
}

type organizationView struct {
	ID        int64 `json:"id"`
	Name      any   `json:"name"`
	Address   any   `json:"address"`
	Employees any   `json:"employees"`
	Website   any   `json:"website"`
	People    any   `json:"people"`
}

type companyView struct {
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"`
	Contacts   int            `json:"contacts"`
	Linked     bool           `json:"linked"` // to this person's contact
}

type soldView struct {
	ID       int64  `json:"id"`
	Title    any    `json:"title"`
	Value    any    `json:"value"`
	Currency any    `json:"currency"`
	Status   any    `json:"status"`
	Stage    string `json:"stage"`
}

type leadView struct {
	Title  any      `json:"title"`
	Value  any      `json:"value"` // {amount, currency} or null
	Source any      `json:"source"`
	Labels []string `json:"labels"`
}

type activityView struct {
	ID      int64 `json:"id"`
	Type    any   `json:"type"`
	Subject any   `json:"subject"`
	Due     any   `json:"due"`
	Done    bool  `json:"done"`
	Note    any   `json:"note"`
}

// related gathers what belongs to a person; contact is nil while there is none.
func (x *index) related(m map[string]any, contact *brevo.Contact) relatedView {
	p := x.sb.Pipedrive
	id := int64(number(m["id"]))
	out := relatedView{
		Currency: p.CompanyCurrency(), Deals: []soldView{}, Lists: []string{}, Leads: []leadView{}, Activities: []activityView{}, Events: []eventView{},
	}
	x.addOrganization(&out, int64(number(m["org_id"])), contact)
	stages := x.names("stage", "name")
	for _, d := range p.Linked("deal", "person", id, 1000) {
		currency, _ := d["currency"].(string)
		if d["status"] == "won" {
			out.Won += p.InCompanyCurrency(number(d["value"]), currency)
		}
		if len(out.Deals) < relatedLength {
			out.Deals = append(out.Deals, soldView{int64(number(d["id"])), d["title"], d["value"], currency, d["status"], stages[d["stage_id"]]})
		}
	}
	labels := x.names("leadLabel", "name")
	for _, l := range p.Linked("lead", "person", id, relatedLength) {
		view := leadView{l["title"], l["value"], l["source_name"], []string{}}
		ids, _ := l["label_ids"].([]any)
		for _, label := range ids {
			view.Labels = append(view.Labels, labels[label])
		}
		out.Leads = append(out.Leads, view)
	}
	for _, a := range p.Linked("activity", "person", id, relatedLength) {
		done, _ := a["done"].(bool)
		out.Activities = append(out.Activities, activityView{int64(number(a["id"])), a["type"], a["subject"], a["due_date"], done, a["note"]})
	}
	if contact != nil {
		x.addArrived(&out, contact)
	}
	return out
}

// addArrived adds the lists and the events of a contact.
func (x *index) addArrived(out *relatedView, contact *brevo.Contact) {
	lists := x.listNames()
	for _, id := range slices.Sorted(slices.Values(contact.ListIDs)) {
		out.Lists = append(out.Lists, lists[id])
		if id == leadList {
			out.Nurtured = lists[id]
		}
	}
	all := x.sb.Brevo.Events()
	for i, e := range slices.Backward(all) {
		if len(out.Events) == relatedLength {
			return
		}
		if e.ContactID == contact.ID {
			out.Events = append(out.Events, eventView{Number: i + 1, Name: e.Name, Properties: string(e.Properties), Date: e.Date.UnixMilli()})
		}
	}
}

// names are those of all records of a short list, by id.
func (x *index) names(object, key string) map[any]string {
	out := map[any]string{}
	for _, m := range x.sb.Pipedrive.Records(object, 0, 1000) {
		out[m["id"]], _ = m[key].(string)
	}
	return out
}

func (x *index) addOrganization(out *relatedView, id int64, contact *brevo.Contact) {
	page := x.sb.Pipedrive.Records("organization", id-1, 1)
	if id == 0 || len(page) == 0 || int64(number(page[0]["id"])) != id {
		return
	}
	m := page[0]
	address, _ := m["address"].(map[string]any)
	out.Organization = &organizationView{
		ID: id, Name: m["name"], Address: address["value"], Employees: m["employee_count"], Website: m["website"], People: m["people_count"],
	}
	companies := x.sb.Brevo.Companies()
	at := slices.IndexFunc(companies, func(c brevo.Company) bool { return bears(c, id) })
	if at < 0 {
		return
	}
	c := companies[at]
	out.Company = &companyView{ID: c.ID, Attributes: c.Attributes, Contacts: len(c.ContactIDs)}
	out.Company.Linked = contact != nil && slices.Contains(c.ContactIDs, contact.ID)
}

// bears says whether a company has the id of an organization in an attribute that is named for it.
func bears(c brevo.Company, id int64) bool {
	for name, value := range c.Attributes {
		if !strings.Contains(name, "pipedrive") {
			continue
		}
		if text, _ := value.(string); text == strconv.FormatInt(id, 10) || number(value) == float64(id) {
			return true
		}
	}
	return false
}
