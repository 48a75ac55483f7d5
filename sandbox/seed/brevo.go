package seed

import (
	"time"

	"connector/sandbox/brevo"
)

// Account puts what a Brevo account of the same company holds: lists 60 to 64 for contacts by stage, 65
// for leads, list 2 with subscribers of its own, and the attributes that the default mappings write,
// except the one of companies that the connector makes itself. The
// addresses in optOuts are there already, on the blocklist, each with a value entered by hand that
// must survive everything that comes from Pipedrive.
func Account(b *brevo.Server, optOuts []string) {
	for _, name := range []string{
		"FULLNAME", "FIRSTNAME", "LASTNAME", "COMPANY", "LEAD_SOURCE", "INDUSTRY", "COMPANY_SIZE", "NOTE",
		"COMPANY_INDUSTRY", "COMPANY_ADDRESS", "LEAD_TITLE", "LEAD_ORIGIN", "LEAD_LABELS",
	} {
		b.PutAttribute(brevo.Attribute{Name: name, Type: "text"})
	}
	for _, name := range []string{"WON_DEALS", "LOST_DEALS", "OPEN_DEALS", "CLOSED_DEALS", "LTV", "COMPANY_EMPLOYEES", "LEAD_VALUE"} {
		b.PutAttribute(brevo.Attribute{Name: name, Type: "float"})
	}
	b.PutCompanyAttribute("address", "text")
	b.PutCompanyAttribute("employee_count", "number")
	b.PutList(2, "Newsletter")
	b.PutList(60, "All contacts")
	b.PutList(61, "Early stages")
	b.PutList(62, "Late stages")
	b.PutList(63, "Customers")
	b.PutList(64, "Lost")
	b.PutList(65, "Leads")

	subscribed := time.Date(2024, time.March, 5, 9, 30, 0, 0, time.UTC)
	for i, own := range []struct{ email, first, last string }{
		{"amina.osei@newsletter.example", "Amina", "Osei"},
		{"bruno.keller@newsletter.example", "Bruno", "Keller"},
		{"chloe.martin@newsletter.example", "Chloé", "Martin"},
		{"dmitri.volkov@newsletter.example", "Dmitri", "Volkov"},
		{"elif.yilmaz@newsletter.example", "Elif", "Yılmaz"},
	} {
		when := subscribed.AddDate(0, 0, 11*i)
		b.PutContact(brevo.Contact{
			Email: own.email, ListIDs: []int64{2}, CreatedAt: when, ModifiedAt: when,
			EmailBlacklisted: i == 3,
			Attributes:       map[string]any{"FIRSTNAME": own.first, "LASTNAME": own.last},
		})
	}
	for i, email := range optOuts {
		when := subscribed.AddDate(0, 2, i)
		b.PutContact(brevo.Contact{
			Email: email, EmailBlacklisted: true, ListIDs: []int64{2}, CreatedAt: when, ModifiedAt: when,
			Attributes: map[string]any{"NOTE": "Asked by phone not to be mailed again"},
		})
	}
}
