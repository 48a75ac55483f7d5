package seed

import (
	"crypto/sha1"
	"encoding/hex"

	"connector/sandbox/pipedrive"
)

// hash makes the 40 hex characters that name a custom field.
func hash(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// The custom fields' codes. Two person fields are both named "Region": twins that a reader by name
// cannot tell apart.
var (
	personSource    = hash("person lead source")
	personIndustry  = hash("person industry")
	personSize      = hash("person company size")
	personGreeting  = hash("person greeting")
	personCredit    = hash("person credit limit")
	personInterests = hash("person interests")
	personSince     = hash("person customer since")
	personDelivery  = hash("person delivery address")
	personRegion    = hash("person region")
	personRegionOld = hash("person region (old)")

	dealReason = hash("deal reason")
	dealSeats  = hash("deal seats")
	dealTerms  = hash("deal terms")
	dealStart  = hash("deal contract start")
	dealSetup  = hash("deal setup fee")

	orgTier      = hash("organization tier")
	orgTaxNumber = hash("organization tax number")
	orgFleet     = hash("organization fleet size")
)

var (
	sourceOptions   = options(11, "Web form", "Trade fair", "Referral", "Cold call", "Newsletter", "Partner")
	industryOptions = options(21, "Manufacturing", "Retail", "Software", "Health care", "Logistics", "Education", "Energy")
	sizeOptions     = options(31, "1-10", "11-50", "51-200", "201-1000", "1000+")
	interestOptions = options(41, "Pumps", "Valves", "Sensors", "Training", "Service")
	regionOptions   = options(51, "North", "South", "East", "West")
	termsOptions    = options(61, "Monthly", "Yearly", "Three years")
	tierOptions     = options(71, "Bronze", "Silver", "Gold")
)

func options(first int, labels ...string) []pipedrive.Option {
	out := make([]pipedrive.Option, len(labels))
	for i, label := range labels {
		out[i] = pipedrive.Option{ID: first + i, Label: label}
	}
	return out
}

func (c *company) addFields() {
	define := func(object, name, code, kind string, options []pipedrive.Option) {
		c.server.DefineField(object, pipedrive.Field{Name: name, Code: code, Type: kind, Options: options, Custom: true})
	}
	define("person", "Lead Source", personSource, "enum", sourceOptions)
	define("person", "Industry", personIndustry, "enum", industryOptions)
	define("person", "Company Size", personSize, "enum", sizeOptions)
	define("person", "Greeting", personGreeting, "varchar", nil)
	define("person", "Credit limit", personCredit, "monetary", nil)
	define("person", "Interests", personInterests, "set", interestOptions)
	define("person", "Customer since", personSince, "date", nil)
	define("person", "Delivery address", personDelivery, "address", nil)
	define("person", "Region", personRegion, "enum", regionOptions)
	define("person", "Region", personRegionOld, "varchar", nil)

	define("deal", "Reason", dealReason, "varchar", nil)
	define("deal", "Seats", dealSeats, "double", nil)
	define("deal", "Terms", dealTerms, "enum", termsOptions)
	define("deal", "Contract start", dealStart, "date", nil)
	define("deal", "Setup fee", dealSetup, "monetary", nil)

	define("organization", "Tier", orgTier, "enum", tierOptions)
	define("organization", "Tax number", orgTaxNumber, "varchar", nil)
	define("organization", "Fleet size", orgFleet, "double", nil)
}
