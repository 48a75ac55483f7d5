package page

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"connector/sandbox/brevo"
)

// person is a Pipedrive person as far as the page reads it.
type person struct {
	id         int64
	name       string
	email      string   // the primary address as it stands there, else the first one
	addresses  []string // the valid ones as Brevo would hold them, the one to be used first
	phone      string
	won, open  int
	deleted    bool
	oddities   []string // what is out of the ordinary about the record taken by itself
	searchable string
}

func personOf(m map[string]any) person {
	p := person{id: int64(number(m["id"])), won: int(number(m["won_deals_count"])), open: int(number(m["open_deals_count"]))}
	p.name, _ = m["name"].(string)
	p.deleted, _ = m["is_deleted"].(bool)
	emails, phones := entries(m["emails"]), entries(m["phones"])
	p.email, p.phone = emails.first(), phones.first()
	p.addresses = emails.valid()

	p.note(p.deleted, "deleted in Pipedrive")
	p.noteEmails(emails)
	p.notePhone()
	p.noteName(m)
	p.note(m["update_time"] == nil, "no update time")
	custom, _ := m["custom_fields"].(map[string]any)
	p.note(len(custom) == 0, "no custom field set")

	text := []string{p.name}
	for _, e := range emails {
		text = append(text, e.value)
	}
	p.searchable = strings.ToLower(strings.Join(text, "\n"))
	return p
}

func (p *person) note(is bool, what string) {
	if is {
		p.oddities = append(p.oddities, what)
	}
}

func (p *person) noteEmails(all list) {
	p.note(len(all) == 0, "no e-mail")
	p.note(len(all) > 0 && len(p.addresses) == 0, "no valid e-mail")
	p.note(len(p.addresses) > 0 && !isAddress(fold(p.email)), "primary e-mail is not valid, another one is")
	p.note(p.email != strings.TrimSpace(p.email), "spaces around the e-mail")
	p.note(p.email != strings.ToLower(p.email), "e-mail in capitals")
	p.note(strings.Contains(p.email, "+"), "plus-address")
	p.note(len(all) > 1 && all[0].value != p.email, "primary e-mail is not the first")
	p.note(p.refusal() != "", p.refusal())
}

func (p *person) notePhone() {
	digits := digitsOf(p.phone)
	switch {
	case p.phone == "":
		p.note(true, "no phone")
	case digits == "":
		p.note(true, "phone is not a number")
	case strings.HasPrefix(p.phone, "00"):
		p.note(true, "phone with 00 for +")
	case !strings.HasPrefix(p.phone, "+"):
		p.note(true, "phone without country code")
	}
}

func (p *person) noteName(m map[string]any) {
	p.note(m["last_name"] == nil, "no last name")
	runes := utf8.RuneCountInString(p.name)
	p.note(runes > 80, fmt.Sprintf("name of %d characters", runes))
	p.note(strings.ContainsFunc(p.name, func(r rune) bool { return unicode.In(r, unicode.Arabic, unicode.Hebrew) }), "right-to-left name")
	p.note(strings.ContainsFunc(p.name, func(r rune) bool { return unicode.Is(unicode.So, r) }), "symbols in the name")
}

// address is what the contact would have, "" without any valid one.
func (p *person) address() string {
	if len(p.addresses) == 0 {
		return ""
	}
	return p.addresses[0]
}

// refusal is what Brevo has against an address that is valid at first sight, as far as is known.
func (p *person) refusal() string {
	local, domain, _ := strings.Cut(p.address(), "@")
	switch {
	case strings.Contains(local, ".."):
		return "two dots in a row in the e-mail"
	case strings.Contains(domain, "-.") || strings.Contains(domain, ".-") || strings.HasPrefix(domain, "-"):
		return "part of the e-mail's domain begins or ends with a hyphen"
	}
	return ""
}

// entry is one e-mail or phone of a person.
type entry struct {
	value   string
	primary bool
}

type list []entry

func entries(v any) list {
	items, _ := v.([]any)
	var out list
	for _, item := range items {
		m, _ := item.(map[string]any)
		value, _ := m["value"].(string)
		primary, _ := m["primary"].(bool)
		if value != "" {
			out = append(out, entry{value, primary})
		}
	}
	return out
}

func (l list) first() string {
	first := ""
	for _, e := range l {
		if e.primary {
			return e.value
		}
		first = cmp.Or(first, e.value)
	}
	return first
}

// valid returns the valid addresses, folded, a valid primary one in front.
func (l list) valid() []string {
	var out []string
	for _, e := range l {
		address := fold(e.value)
		switch {
		case !isAddress(address):
		case e.primary:
			out = append([]string{address}, out...)
		default:
			out = append(out, address)
		}
	}
	return out
}

func fold(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// isAddress tells addresses from other text. What Brevo refuses besides is left to Brevo.
func isAddress(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && strings.Contains(strings.Trim(domain, "."), ".") && !strings.ContainsAny(s, " \t\r\n") &&
		!strings.Contains(domain, "@")
}

func digitsOf(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	return strings.TrimPrefix(digits, "00")
}

func number(v any) float64 {
	f, _ := v.(float64)
	return f
}

// contactRecord is a contact in the words of Brevo's API.
func contactRecord(c brevo.Contact) map[string]any {
	return map[string]any{
		"id": c.ID, "email": c.Email, "ext_id": c.ExtID, "attributes": c.Attributes, "listIds": c.ListIDs,
		"emailBlacklisted": c.EmailBlacklisted, "smsBlacklisted": c.SMSBlacklisted,
		"createdAt": c.CreatedAt, "modifiedAt": c.ModifiedAt,
	}
}
