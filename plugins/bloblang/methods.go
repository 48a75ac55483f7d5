// Package bloblang adds to Bloblang what mappings between Pipedrive and Brevo need in every line.
package bloblang

import (
	"fmt"
	"os"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// defaultRegion has the environment as its default, so that mappings need not pass it on.
var defaultRegion = bloblang.NewStringParam("default_region").Optional().
	Description("An ISO 3166 code. If left out, the environment variable `DEFAULT_REGION`; without that, numbers without their country's code are none.")

func init() {
	bloblang.MustRegisterMethodV2("valid_email", bloblang.NewPluginSpec().
		Category("Connector").
		Description("Whether the text is an email address as a form in a browser would take it (the HTML standard), with a dot in its domain.").
		Example("", `root.valid = this.address.valid_email()`,
			[2]string{`{"address":"ada+crm@example.com"}`, `{"valid":true}`},
			[2]string{`{"address":"ada@localhost"}`, `{"valid":false}`}),
		func(*bloblang.ParsedParams) (bloblang.Method, error) {
			return bloblang.StringMethod(func(s string) (any, error) { return validEmail(s), nil }), nil
		})

	bloblang.MustRegisterMethodV2("phone_e164", bloblang.NewPluginSpec().
		Category("Connector").
		Description("The phone number in E.164 (`+442071838750`), or null if it is none. A number without its country's code is read as one of `default_region`.").
		Param(defaultRegion).
		Example("", `root.SMS = this.phone.phone_e164("GB")`,
			[2]string{`{"phone":"020 7183 8750"}`, `{"SMS":"+442071838750"}`},
			[2]string{`{"phone":"ask reception"}`, `{"SMS":null}`}),
		func(args *bloblang.ParsedParams) (bloblang.Method, error) {
			region, err := regionOf(args)
			if err != nil {
				return nil, err
			}
			return bloblang.StringMethod(func(s string) (any, error) { return e164(s, region), nil }), nil
		})

	bloblang.MustRegisterMethodV2("primary_email", bloblang.NewPluginSpec().
		Category("Connector").
		Description("Of a Pipedrive record's `emails`: the primary address, or the first one that is valid if it is not, in lower case; null if there is none.").
		Example("", `root.email = this.emails.primary_email()`,
			[2]string{
				`{"emails":[{"value":"old","primary":true},{"value":"Ada@Example.com","primary":false}]}`,
				`{"email":"ada@example.com"}`,
			}),
		func(*bloblang.ParsedParams) (bloblang.Method, error) {
			return func(v any) (any, error) { return primaryEmail(v), nil }, nil
		})

	bloblang.MustRegisterMethodV2("primary_phone", bloblang.NewPluginSpec().
		Category("Connector").
		Description("Of a Pipedrive record's `phones`: the primary number, or the first if none is marked, in E.164; null if it is no phone number. See `phone_e164` for `default_region`.").
		Param(defaultRegion).
		Example("", `root.SMS = this.phones.primary_phone()`,
			[2]string{`{"phones":[{"value":"+44 20 7183 8750","primary":true}]}`, `{"SMS":"+442071838750"}`}),
		func(args *bloblang.ParsedParams) (bloblang.Method, error) {
			region, err := regionOf(args)
			if err != nil {
				return nil, err
			}
			return func(v any) (any, error) { return primaryPhone(v, region), nil }, nil
		})
}

func regionOf(args *bloblang.ParsedParams) (string, error) {
	given, err := args.GetOptionalString("default_region")
	if err != nil {
		return "", err
	}
	region := os.Getenv("DEFAULT_REGION")
	if given != nil {
		region = *given
	}
	region = strings.ToUpper(region)
	if region != "" && !phonenumbers.GetSupportedRegions()[region] {
		return "", fmt.Errorf("the default region %q is not a country: write it as GB, DE, … (DEFAULT_REGION)", region)
	}
	return region, nil
}

func primaryEmail(v any) any {
	first := ""
	for entry := range entries(v) {
		address := strings.ToLower(strings.TrimSpace(entry.value))
		if !validEmail(address) {
			continue
		}
		if entry.primary {
			return address
		}
		if first == "" {
			first = address
		}
	}
	if first == "" {
		return nil
	}
	return first
}

func primaryPhone(v any, region string) any {
	first, found := "", false
	for entry := range entries(v) {
		if entry.primary {
			return e164(entry.value, region)
		}
		if !found {
			first, found = entry.value, true
		}
	}
	return e164(first, region)
}

type entry struct {
	value   string
	primary bool
}

// entries walks a list of {value, primary}, and passes over what is none.
func entries(v any) func(func(entry) bool) {
	list, _ := v.([]any)
	return func(yield func(entry) bool) {
		for _, item := range list {
			m, _ := item.(map[string]any)
			value, ok := m["value"].(string)
			if !ok {
				continue
			}
			primary, _ := m["primary"].(bool)
			if !yield(entry{value, primary}) {
				return
			}
		}
	}
}

// e164 is nil for what is no phone number. One with its country's code is taken when its length is right
// for that country: Brevo knows better than a list of number ranges, which is always out of date. One
// without is taken only if it is in such a range, since the region is a guess.
func e164(s, region string) any {
	s = strings.TrimSpace(s)
	if rest, international := strings.CutPrefix(s, "00"); international {
		s = "+" + rest
	}
	if s == "" || region == "" && s[0] != '+' {
		return nil
	}
	if s[0] == '+' {
		if number, ok := plainE164(s); ok {
			return number
		}
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil {
		return nil
	}
	if s[0] != '+' && !phonenumbers.IsValidNumber(n) || !possible(n) {
		return nil
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

func possible(n *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE
}

// plainE164 spares numbers that are written with their country's code and nothing odd the slow parse.
// It says nothing about those that it does not take.
func plainE164(s string) (string, bool) {
	digits := make([]byte, 1, 16)
	digits[0] = '+'
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && len(digits) < 16:
			digits = append(digits, c)
		case c != ' ' && c != '-' && c != '.':
			return "", false
		}
	}
	country, code := int32(0), 0
	for ; code < 3 && code+1 < len(digits); code++ {
		country = 10*country + int32(digits[code+1]-'0')
		if phonenumbers.GetRegionCodeForCountryCode(int(country)) != phonenumbers.UNKNOWN_REGION {
			break
		}
	}
	national := digits[min(code+2, len(digits)):]
	if len(national) == 0 || national[0] == '0' {
		return "", false // a leading zero belongs to the number in some countries only
	}
	subscriber := uint64(0)
	for _, c := range national {
		subscriber = 10*subscriber + uint64(c-'0')
	}
	return string(digits), possible(&phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &subscriber})
}

const maxEmail = 254 // RFC 5321

// validEmail is the HTML standard's definition, which mail services share, with a dot in the domain.
func validEmail(s string) bool {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > maxEmail {
		return false
	}
	for i := range at {
		if !isAtext(s[i]) {
			return false
		}
	}
	return validDomain(s[at+1:])
}

func isAtext(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func validDomain(domain string) bool {
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		labels++
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !isAlphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return labels > 1
}
