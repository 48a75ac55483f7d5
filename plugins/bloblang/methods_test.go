package bloblang_test

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "connector/plugins/bloblang"
)

// result runs a mapping on a value.
func result(t *testing.T, mapping string, in any) any {
	t.Helper()
	exec, err := bloblang.Parse(mapping)
	require.NoError(t, err)
	out, err := exec.Query(in)
	require.NoError(t, err)
	return out
}

func TestValidEmail(t *testing.T) {
	for address, want := range map[string]bool{
		"ada@example.com": true, "ada+crm@example.com": true, "ADA@EXAMPLE.COM": true, "a@b.co": true, "o'neil@example.ie": true,
		"ada@mail.example.co.uk": true, "1@2.de": true, "ada@xn--mnchen-3ya.de": true, "ada@x-y.com": true, "_@example.com": true,
		"": false, "ada": false, "ada@": false, "@example.com": false, "ada@localhost": false, "ada@@example.com": false,
		"ada@example..com": false, "ada@.example.com": false, "ada@example.com.": false, "ada@-x.com": false, "ada@x-.com": false,
		"ada lovelace@example.com": false, " ada@example.com": false, "ada@example.com ": false, "ada@exam ple.com": false,
		"Ada <ada@example.com>": false, "ada@example.com, bob@example.com": false, "mailto:ada@example.com": false,
		"ada@exämple.com": false, "adä@example.com": false, "ada@example.com\n": false, "ada\x00@example.com": false,
		"ada@[127.0.0.1]": false, `"ada"@example.com`: false, "none": false, "n/a": false,
		strings.Repeat("a", 64) + "@example.com":                      true,
		strings.Repeat("a", 65) + "@example.com":                      false,
		"a@" + strings.Repeat("b", 63) + ".com":                       true,
		"a@" + strings.Repeat("b", 64) + ".com":                       false,
		"a@" + strings.Repeat(strings.Repeat("b", 50)+".", 5) + "com": false,
	} {
		assert.Equal(t, want, result(t, `root = this.valid_email()`, address), "%q", address)
	}
}

func TestPhoneE164(t *testing.T) {
	for _, c := range []struct {
		phone, region string
		want          any
	}{
		{"+44 20 7183 8750", "", "+442071838750"},
		{"+442071838750", "", "+442071838750"},
		{" +44-20-7183.8750 ", "", "+442071838750"},
		{"+44 (0)20 7183 8750", "", "+442071838750"},
		{"+44 (0) 20 7183 8750", "DE", "+442071838750"},
		{"+49 0171 1234567", "", "+491711234567"},
		{"0044 20 7183 8750", "", "+442071838750"},
		{"0044 20 7183 8750", "GB", "+442071838750"},
		{"00 44 20 7183 8750", "", "+442071838750"},
		{"020 7183 8750", "GB", "+442071838750"},
		{"020 7183 8750", "gb", "+442071838750"},
		{"(020) 7183-8750", "GB", "+442071838750"},
		{"020 7183 8750", "", nil},
		{"07400 123456", "GB", "+447400123456"},
		{"+44 20 7183 8750 ext. 12", "", "+442071838750"},
		{"+44 20 7183 8750 x12", "", "+442071838750"},
		{"020 7183 8750 ext 12", "GB", "+442071838750"},
		{"+39 06 698 12345", "", "+390669812345"},
		{"06 698 12345", "IT", "+390669812345"},
		{"+390669812345", "", "+390669812345"},
		{"+39 333 123 4567", "", "+393331234567"},
		{"+1 212 555 0123", "", "+12125550123"},
		{"(212) 555-2368", "US", "+12125552368"},
		{"+7 495 123-45-67", "", "+74951234567"},
		{"8 (495) 123-45-67", "RU", "+74951234567"},
		{"+41 44 668 18 00", "", "+41446681800"},
		{"044 668 18 00", "CH", "+41446681800"},
		{"+86 138 0013 8000", "", "+8613800138000"},
		{"+800 1234 5678", "", "+80012345678"},
		{"+44 20 7183 8750", "US", "+442071838750"},

		{"", "", nil},
		{"", "GB", nil},
		{" ", "GB", nil},
		{"+", "", nil},
		{"00", "", nil},
		{"ask reception", "", nil},
		{"ask reception", "GB", nil},
		{"n/a", "GB", nil},
		{"+44", "", nil},
		{"+44 20", "", nil},
		{"+1 23", "", nil},
		{"12345", "GB", nil},
		{"112", "DE", nil},
		{"+999 123456789", "", nil},
		{"+0 123456789", "", nil},
		{"+44 20 7183 8750 12345678", "", nil},
		{"+442071838750123456789", "", nil},
		{"ada@example.com", "GB", nil},
		{"+44 20 7183 8750 / +44 20 7183 8751", "", nil},
	} {
		t.Run(c.phone+" "+c.region, func(t *testing.T) {
			t.Setenv("DEFAULT_REGION", "")
			assert.Equal(t, c.want, result(t, `root = this.phone_e164("`+c.region+`")`, c.phone))
		})
	}
}

func TestPhoneE164_DefaultRegionComesFromTheEnvironment(t *testing.T) {
	t.Setenv("DEFAULT_REGION", "gb")
	assert.Equal(t, "+442071838750", result(t, `root = this.phone_e164()`, "020 7183 8750"))
	assert.Equal(t, "+41446681800", result(t, `root = this.phone_e164("CH")`, "044 668 18 00"), "what the mapping says wins")
	t.Setenv("DEFAULT_REGION", "")
	assert.Nil(t, result(t, `root = this.phone_e164()`, "020 7183 8750"))
}

func TestPhoneE164_RefusesARegionThatIsNone(t *testing.T) {
	for _, mapping := range []string{`root = this.phone_e164("Germany")`, `root = this.primary_phone("UK")`} {
		_, err := bloblang.Parse(mapping)
		require.Error(t, err)
		assert.Contains(t, err.Error(), "DEFAULT_REGION")
	}
	t.Setenv("DEFAULT_REGION", "Germany")
	_, err := bloblang.Parse(`root = this.phone_e164()`)
	assert.ErrorContains(t, err, "DEFAULT_REGION")
}

type object = map[string]any
type list = []any

func address(value any, primary any) object {
	return object{"value": value, "primary": primary, "label": "work"}
}

func TestPrimaryEmail(t *testing.T) {
	for name, c := range map[string]struct{ emails, want any }{
		"the primary one":              {list{address("b@example.com", false), address("a@example.com", true)}, "a@example.com"},
		"the first if none is primary": {list{address("b@example.com", false), address("a@example.com", false)}, "b@example.com"},
		"an invalid one gives way":     {list{address("none@", true), address("no", false), address("a@example.com", false)}, "a@example.com"},
		"lower case, without spaces":   {list{address("  Ada@Example.COM ", true)}, "ada@example.com"},
		"two are primary: the first":   {list{address("a@example.com", true), address("b@example.com", true)}, "a@example.com"},
		"primary is missing":           {list{object{"value": "a@example.com"}}, "a@example.com"},
		"primary is no boolean":        {list{address("a@example.com", "true"), address("b@example.com", true)}, "b@example.com"},
		"none is valid":                {list{address("none@", true), address("", false)}, nil},
		"empty":                        {list{}, nil},
		"null":                         {nil, nil},
		"a text":                       {"a@example.com", nil},
		"a number":                     {7, nil},
		"an object":                    {address("a@example.com", true), nil},
		"entries that are none":        {list{nil, "x@example.com", 7, list{}, object{}, address("a@example.com", true)}, "a@example.com"},
		"entries without a value":      {list{object{"primary": true}, address(nil, true), address(7, true), address("a@example.com", false)}, "a@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, result(t, `root = this.emails.primary_email()`, object{"emails": c.emails}))
		})
	}
	assert.Nil(t, result(t, `root = this.emails.primary_email()`, object{}), "a record without emails")
}

func TestPrimaryPhone(t *testing.T) {
	const one, two = "+442071838750", "+41446681800"
	for name, c := range map[string]struct{ phones, want any }{
		"the primary one":              {list{address(two, false), address(one, true)}, one},
		"the first if none is primary": {list{address("+44 20 7183 8750", false), address(two, false)}, one},
		"the primary one is none":      {list{address("ask reception", true), address(two, false)}, nil},
		"without country code":         {list{address("020 7183 8750", true)}, one},
		"empty":                        {list{}, nil},
		"null":                         {nil, nil},
		"a text":                       {one, nil},
		"entries that are none":        {list{nil, "x", 7, object{}, address(nil, true), address(one, false)}, one},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, result(t, `root = this.phones.primary_phone("GB")`, object{"phones": c.phones}))
		})
	}
	assert.Nil(t, result(t, `root = this.phones.primary_phone("GB")`, object{}), "a record without phones")
}

func TestMethods_OfTextFailOnWhatIsNone(t *testing.T) {
	for _, method := range []string{"valid_email()", `phone_e164("GB")`} {
		exec, err := bloblang.Parse(`root = this.` + method)
		require.NoError(t, err)
		_, err = exec.Query(7)
		assert.Error(t, err, method)
	}
}
