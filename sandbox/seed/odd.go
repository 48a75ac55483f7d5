package seed

import (
	"fmt"
	"strings"
)

// OddPerson names a seeded person that is out of the ordinary.
type OddPerson struct {
	ID  int
	Why string
}

// Odd lists the odd persons of every company of at least 30. From person 200 on every 200th is odd
// again, in one of these ways, phones shared by two excepted.
var Odd = []OddPerson{
	{2, "no email at all"},
	{3, "only an invalid address"},
	{4, "invalid primary address, valid second one"},
	{5, "address in upper case"},
	{6, "address with spaces around it"},
	{7, "plus-address"},
	{8, "shares its address with person 9"},
	{9, "shares its address with person 8"},
	{10, "shares its address with persons 11 and 12"},
	{11, "shares its address with persons 10 and 12, in upper case"},
	{12, "shares its address with persons 10 and 11, in mixed case"},
	{13, "shares its phone with person 14"},
	{14, "shares its phone with person 13"},
	{15, "phone without country code"},
	{16, "phone that is text"},
	{17, "no phone"},
	{18, "name with emoji"},
	{19, "right-to-left name"},
	{20, "name of 255 characters"},
	{21, "last_name is null"},
	{22, "update_time is null"},
	{23, "no custom field is set"},
	{24, "no deals, activities or notes: all counts are zero"},
	{25, "address with consecutive dots, which Brevo refuses"},
	{26, "address with a domain label that ends in a hyphen, which Brevo refuses"},
	{27, "has opted out in Brevo"},
	{28, "primary address is the second entry"},
	{29, "phone with 00 in place of +"},
}

const (
	oddEvery   = 200
	zeroCounts = 24
)

// oddity returns what is odd about person i, nil for an ordinary one.
func oddity(i int) func(m record, i int) {
	if i <= len(Odd)+1 {
		return oddities[i]
	}
	if i%oddEvery != 0 {
		return nil
	}
	kind := repeated[i/oddEvery%len(repeated)]
	return oddities[kind]
}

// repeated are the oddities that a large company shows again and again.
var repeated = []int{2, 3, 4, 5, 6, 7, 9, 11, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 28, 29}

func emails(m record, entries ...any) { m["emails"] = entries }
func phones(m record, entries ...any) { m["phones"] = entries }
func work(value string) record        { return contact(value, true, "work") }

var oddities = map[int]func(m record, i int){
	2: func(m record, _ int) { emails(m) },
	3: func(m record, _ int) { emails(m, work("not-an-email")) },
	4: func(m record, i int) { emails(m, work("none@"), contact(email(i), false, "home")) },
	5: func(m record, i int) { emails(m, work(strings.ToUpper(email(i)))) },
	6: func(m record, i int) { emails(m, work("  "+email(i)+" ")) },
	7: func(m record, i int) {
		local, domain, _ := strings.Cut(email(i), "@")
		emails(m, work(local+"+newsletter@"+domain))
	},
	8:  func(m record, i int) { emails(m, work(email(i))) },
	9:  func(m record, i int) { emails(m, work(email(i-1))) },
	10: func(m record, i int) { emails(m, work(email(i))) },
	11: func(m record, i int) { emails(m, work(strings.ToUpper(email(i-1)))) },
	12: func(m record, i int) {
		address := email(i - 2)
		emails(m, work(strings.ToUpper(address[:1])+address[1:]))
	},
	13: func(m record, i int) { phones(m, contact(phone(i), true, "work")) },
	14: func(m record, i int) { phones(m, contact(phone(i-1), true, "work")) },
	15: func(m record, i int) { phones(m, contact(fmt.Sprintf("07400 %06d", i), true, "mobile")) },
	16: func(m record, i int) {
		value := "ask reception"
		if i > len(Odd) {
			value = fmt.Sprintf("ask reception, desk %d", i)
		}
		phones(m, contact(value, true, "work"))
	},
	17: func(m record, _ int) { phones(m) },
	18: func(m record, _ int) { named(m, m["first_name"].(string)+" 🚀✨", m["last_name"]) },
	19: func(m record, _ int) { named(m, "ياسمين", "النهريني") },
	20: func(m record, _ int) {
		first := m["first_name"].(string)
		long := strings.Repeat("Ausführlich-", 25)
		named(m, first, string([]rune(long)[:255-len([]rune(first))-1]))
	},
	21: func(m record, _ int) { named(m, m["first_name"].(string), nil) },
	22: func(m record, _ int) { m["update_time"] = nil },
	23: func(m record, _ int) { m["custom_fields"] = record{} },
	25: func(m record, i int) {
		local, _, _ := strings.Cut(email(i), "@")
		if i == 25 {
			local = "john"
		}
		emails(m, work(local[:2]+".."+local[2:]+"@example.com"))
	},
	26: func(m record, i int) {
		local, _, _ := strings.Cut(email(i), "@")
		emails(m, work(local+"@wharf-.example.com"))
	},
	28: func(m record, i int) {
		emails(m, contact("old."+email(i), false, "home"), work(email(i)))
	},
	29: func(m record, i int) { phones(m, contact("00"+strings.TrimPrefix(phone(i), "+"), true, "work")) },
}

func named(m record, first string, last any) {
	m["first_name"], m["last_name"], m["name"] = first, last, first
	if last, ok := last.(string); ok {
		m["name"] = first + " " + last
	}
}
