package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// compare holds each person against its contact, by rules of its own: those of the README, not the
// mapping's code. It returns what differs without a reason.
func (d *demo) compare(result *synced) (differences []string) {
	c := &comparison{sb: d.sb, result: result, owners: map[string]string{}, phones: map[string]int{}}
	if err := c.readOptions(); err != nil {
		return []string{err.Error()}
	}
	c.readDeals()
	c.readRelated()
	c.eachContact(func(contact brevo.Contact) {
		if phone, ok := contact.Attributes["SMS"].(string); ok {
			c.phones[digitsOf(phone)]++
		}
	})
	c.eachPerson(c.person)
	if n := d.sb.Brevo.Stats().Resubscribed; n > 0 {
		c.differ("%d people who had opted out were re-subscribed", n)
	}
	if c.withoutPhone > result.WithoutPhone {
		c.differ("%d contacts lack their phone number, but only %d of these were told", c.withoutPhone, result.WithoutPhone)
	}
	if stats := d.sb.Pipedrive.Stats(); stats.Violations > 0 {
		c.differ("Pipedrive's limits were exceeded %d times", stats.Violations)
	}
	if stats := d.sb.Brevo.Stats(); stats.Violations > 0 {
		c.differ("Brevo's limits were exceeded %d times", stats.Violations)
	}
	return c.differences
}

type comparison struct {
	sb           *sandbox.Sandbox
	result       *synced
	options      map[string]customField // by name
	owners       map[string]string      // address → id of the first person with it
	phones       map[string]int
	withoutPhone int
	stages       stages
	related      related
	differences  []string
}

type customField struct {
	Name    string `json:"field_name"`
	Key     string `json:"field_code"`
	Options []struct {
		ID    int    `json:"id"`
		Label string `json:"label"`
	} `json:"options"`
}

func (c *comparison) differ(format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf(format, args...))
}

func (c *comparison) readOptions() error {
	req, err := http.NewRequest(http.MethodGet, c.sb.PipedriveURL()+"/api/v2/personFields?limit=500", nil)
	if err != nil {
		return err
	}
	req.Header.Set("x-api-token", sandbox.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reading the field definitions: %w", err)
	}
	defer resp.Body.Close()
	var fields struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&fields); err != nil {
		return fmt.Errorf("reading the field definitions: %w", err)
	}
	c.options = map[string]customField{}
	for _, raw := range fields.Data {
		var f customField
		if json.Unmarshal(raw, &f) == nil { // system fields have options of another kind
			c.options[f.Name] = f
		}
	}
	return nil
}

const walk = 1000

func (c *comparison) eachPerson(visit func(map[string]any)) {
	for after := int64(0); ; {
		records := c.sb.Pipedrive.Records("person", after, walk)
		for _, r := range records {
			visit(r)
			after = int64(wholeOf(r["id"]))
		}
		if len(records) < walk {
			return
		}
	}
}

func (c *comparison) eachContact(visit func(brevo.Contact)) {
	for after := int64(0); ; {
		contacts := c.sb.Brevo.Contacts(after, walk)
		for _, contact := range contacts {
			visit(contact)
			after = contact.ID
		}
		if len(contacts) < walk {
			return
		}
	}
}

var addressPattern = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$")

func (c *comparison) person(r map[string]any) {
	id := strconv.Itoa(wholeOf(r["id"]))
	address := addressOf(r)
	if address == "" {
		return // skipped, rightly
	}
	if _, taken := c.owners[address]; taken {
		return // skipped, rightly: the person with the lower id has the contact
	}
	if _, refused := c.result.refused[id]; refused {
		return
	}
	c.owners[address] = id
	contact, found := c.sb.Brevo.Contact(address)
	if !found || contact.ExtID != id {
		c.differ("person %s has no contact in Brevo, and nobody said why", id)
		return
	}
	want := map[string]any{
		"FULLNAME": r["name"], "FIRSTNAME": r["first_name"], "LASTNAME": r["last_name"],
		"WON_DEALS": r["won_deals_count"], "LOST_DEALS": r["lost_deals_count"],
		"OPEN_DEALS": r["open_deals_count"], "CLOSED_DEALS": r["closed_deals_count"],
		"LEAD_SOURCE": c.label(r, "Lead Source"), "INDUSTRY": c.label(r, "Industry"), "COMPANY_SIZE": c.label(r, "Company Size"),
	}
	for name, v := range want {
		if v != nil && fmt.Sprint(contact.Attributes[name]) != fmt.Sprint(v) {
			c.differ("person %s: %s is not the same on both sides", id, name)
		}
	}
	if !onList(contact, 60) {
		c.differ("person %s is not on list 60", id)
	}
	c.stageLists(id, contact)
	c.relations(id, r, contact)
	c.phone(id, r, contact)
}

func (c *comparison) phone(id string, r map[string]any, contact brevo.Contact) {
	phone := primaryOf(r["phones"])
	if !strings.HasPrefix(phone, "+") {
		return
	}
	switch has, _ := contact.Attributes["SMS"].(string); {
	case digitsOf(has) == digitsOf(phone):
	case has == "":
		c.withoutPhone++ // right for as many as the connector has told
	default:
		c.differ("person %s: SMS is not the same on both sides", id)
	}
}

func (c *comparison) label(r map[string]any, name string) any {
	custom, _ := r["custom_fields"].(map[string]any)
	field := c.options[name]
	for _, o := range field.Options {
		if custom[field.Key] != nil && o.ID == wholeOf(custom[field.Key]) {
			return o.Label
		}
	}
	return nil
}

func addressOf(r map[string]any) string {
	first := ""
	list, _ := r["emails"].([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		value, _ := entry["value"].(string)
		value = strings.ToLower(strings.TrimSpace(value))
		if !addressPattern.MatchString(value) {
			continue
		}
		if entry["primary"] == true {
			return value
		}
		if first == "" {
			first = value
		}
	}
	return first
}

func primaryOf(v any) string {
	list, _ := v.([]any)
	for _, item := range list {
		if entry, _ := item.(map[string]any); entry["primary"] == true {
			value, _ := entry["value"].(string)
			return value
		}
	}
	return ""
}

func onList(contact brevo.Contact, list int64) bool {
	for _, id := range contact.ListIDs {
		if id == list {
			return true
		}
	}
	return false
}

func wholeOf(v any) int {
	n, _ := strconv.Atoi(fmt.Sprint(v))
	return n
}

func digitsOf(phone string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
}
