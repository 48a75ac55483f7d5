package seed

import (
	"math/rand/v2"
	"time"

	"connector/sandbox/pipedrive"
)

// otherFields are the types of custom field that fields.go leaves out, by object. Pipedrive's v2 has no
// custom fields of activities.
var otherFields = map[string][]pipedrive.Field{
	"person": {
		{Name: "Nickname", Type: "varchar_auto"}, {Name: "Biography", Type: "text"}, {Name: "Loyalty score", Type: "double"},
		{Name: "Direct line", Type: "phone"}, {Name: "Best time to call", Type: "time"}, {Name: "Office hours", Type: "timerange"},
		{Name: "Parental leave", Type: "daterange"}, {Name: "Account manager", Type: "user"},
		{Name: "Referred by", Type: "people"}, {Name: "Former employer", Type: "org"},
	},
	"deal": {
		{Name: "Campaign", Type: "varchar_auto"}, {Name: "Scope", Type: "text"}, {Name: "Modules", Type: "set", Options: moduleOptions},
		{Name: "Site phone", Type: "phone"}, {Name: "Delivery time", Type: "time"}, {Name: "Delivery window", Type: "timerange"},
		{Name: "Contract period", Type: "daterange"}, {Name: "Site address", Type: "address"}, {Name: "Engineer", Type: "user"},
		{Name: "Decision maker", Type: "people"}, {Name: "Reseller", Type: "org"},
	},
	"organization": {
		{Name: "Trade register", Type: "varchar_auto"}, {Name: "About", Type: "text"}, {Name: "Credit line", Type: "monetary"},
		{Name: "Markets", Type: "set", Options: marketOptions}, {Name: "Switchboard", Type: "phone"}, {Name: "Founded", Type: "date"},
		{Name: "Deliveries from", Type: "time"}, {Name: "Opening hours", Type: "timerange"}, {Name: "Fiscal year", Type: "daterange"},
		{Name: "Billing address", Type: "address"}, {Name: "Key account manager", Type: "user"},
		{Name: "Main contact", Type: "people"}, {Name: "Parent company", Type: "org"},
	},
}

var (
	moduleOptions = options(81, "Base", "Reports", "Mobile", "Support")
	marketOptions = options(91, "Europe", "Americas", "Asia, Pacific")
)

func otherCode(object string, f pipedrive.Field) string { return hash(object + " " + f.Name) }

func (c *company) addOtherFields() {
	for _, object := range []string{"person", "deal", "organization"} {
		for _, f := range otherFields[object] {
			f.Code, f.Custom = otherCode(object, f), true
			c.server.DefineField(object, f)
		}
	}
}

// otherEvery is how rarely a record has values of them; the first two of each object do.
const otherEvery = 8

func (c *company) addOtherValues(object string, custom record, i int, added time.Time) {
	if i > 2 && i%otherEvery != 0 {
		return
	}
	r := dice(otherFieldDice, i)
	for _, f := range otherFields[object] {
		if value := c.valueOf(f, r, i, added); value != nil {
			custom[otherCode(object, f)] = value
		}
	}
}

// valueOf makes a value in the form of v2. Linked records have ids that every company has.
func (c *company) valueOf(f pipedrive.Field, r *rand.Rand, i int, added time.Time) any {
	day := added.AddDate(0, 1, r.IntN(28))
	hour := time.Date(2000, time.January, 1, 8+r.IntN(8), 30, 0, 0, time.UTC)
	zoned := func(parts record) record {
		parts["timezone_id"], parts["timezone_name"] = 1, "UTC"
		return parts
	}
	switch f.Type {
	case "varchar_auto":
		return []string{"HRB 4711", "Spring fair", "Sunny", "None yet"}[r.IntN(4)]
	case "text":
		return "First line\nSecond line, with <angle brackets> & “quotes”"
	case "double":
		return float64(r.IntN(1000)) / 10
	case "monetary":
		return record{"value": 1000 * (1 + r.IntN(90)), "currency": currencies[r.IntN(len(currencies))]}
	case "set":
		first := r.IntN(len(f.Options))
		chosen := []any{f.Options[first].ID, f.Options[(first+1)%len(f.Options)].ID}
		return chosen[:1+r.IntN(2)]
	case "phone":
		return phone(i)
	case "date":
		return day.Format(time.DateOnly)
	case "daterange":
		return record{"value": day.Format(time.DateOnly), "until": day.AddDate(1, 0, 0).Format(time.DateOnly)}
	case "time":
		return zoned(record{"value": hour.Format(time.TimeOnly)})
	case "timerange":
		return zoned(record{"value": hour.Format(time.TimeOnly), "until": hour.Add(4 * time.Hour).Format(time.TimeOnly)})
	case "address":
		a := address(streets[r.IntN(len(streets))], 1+r.IntN(99), places[r.IntN(len(places))])
		a["formatted_address"] = a["value"]
		return a
	case "user":
		return 1 + r.IntN(users)
	case "people":
		return 1
	case "org":
		if c.orgs == 0 {
			return nil
		}
		return 1
	}
	return nil
}
