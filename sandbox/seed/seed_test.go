package seed

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func company1(t *testing.T, n int) *pipedrive.Server {
	t.Helper()
	p := pipedrive.New(pipedrive.Config{})
	Fill(p, n)
	require.Equal(t, n, p.Count("person"))
	return p
}

func values(person map[string]any, key string) []string {
	out := []string{}
	for _, entry := range person[key].([]any) {
		out = append(out, entry.(map[string]any)["value"].(string))
	}
	return out
}

func TestFill_HasTheSizeItPromises(t *testing.T) {
	p := company1(t, 400)
	for object, want := range map[string]int{
		"organization": 100, "deal": 200, "activity": 200, "lead": 20, "note": 40,
		"user": 5, "pipeline": 2, "stage": 6, "product": 12,
	} {
		assert.Equal(t, want, p.Count(object), object)
	}
	statuses := map[any]int{}
	for _, d := range p.Records("deal", 0, 200) {
		statuses[d["status"]]++
		if d["status"] == "won" {
			assert.NotNil(t, d["won_time"])
		}
	}
	for _, status := range []string{"open", "won", "lost"} {
		assert.Greater(t, statuses[status], 20, status)
	}
}

func TestFill_IsRepeatableAndDoesNotDependOnTheSize(t *testing.T) {
	small, again, large := company1(t, 300), company1(t, 300), company1(t, 600)
	for _, object := range []string{"person", "organization", "deal", "activity", "lead", "note"} {
		assert.Equal(t, small.Records(object, 0, 1000), again.Records(object, 0, 1000), object)
	}
	keys := []string{"name", "emails", "phones", "update_time", "custom_fields"}
	then, now := small.Records("person", 0, 300), large.Records("person", 0, 300)
	for i := range then {
		for _, key := range keys {
			assert.Equal(t, then[i][key], now[i][key])
		}
	}
}

func TestFill_OddPersonsAreWhatTheTableSays(t *testing.T) {
	p := company1(t, 30)
	all := p.Records("person", 0, 30)
	person := func(id int) map[string]any { return all[id-1] }
	emails := func(id int) []string { return values(person(id), "emails") }
	phones := func(id int) []string { return values(person(id), "phones") }

	for i, odd := range Odd {
		assert.Equal(t, i+2, odd.ID, "the table is in order")
		assert.NotEmpty(t, odd.Why)
	}
	assert.Empty(t, emails(2))
	assert.Equal(t, []string{"not-an-email"}, emails(3))
	assert.Len(t, emails(4), 2)
	assert.Equal(t, strings.ToUpper(emails(5)[0]), emails(5)[0])
	assert.NotEqual(t, strings.TrimSpace(emails(6)[0]), emails(6)[0])
	assert.Contains(t, emails(7)[0], "+")
	assert.Equal(t, emails(8), emails(9))
	assert.True(t, strings.EqualFold(emails(10)[0], emails(11)[0]) && strings.EqualFold(emails(10)[0], emails(12)[0]))
	assert.NotEqual(t, emails(10), emails(11))
	assert.NotEqual(t, emails(10), emails(12))
	assert.Equal(t, phones(13), phones(14))
	assert.False(t, strings.HasPrefix(phones(15)[0], "+"))
	assert.Equal(t, []string{"ask reception"}, phones(16))
	assert.Empty(t, phones(17))
	assert.Contains(t, person(18)["name"], "🚀")
	assert.Equal(t, 255, utf8.RuneCountInString(person(20)["name"].(string)))
	assert.Nil(t, person(21)["last_name"])
	assert.Nil(t, person(22)["update_time"])
	assert.Empty(t, person(23)["custom_fields"])
	for _, count := range []string{"won_deals_count", "open_deals_count", "activities_count", "notes_count"} {
		assert.Zero(t, person(24)[count])
	}
	assert.Contains(t, emails(25)[0], "..")
	assert.Contains(t, emails(26)[0], "-.")
	assert.Contains(t, OptedOut(30), emails(27)[0])
	assert.Equal(t, false, person(28)["emails"].([]any)[0].(map[string]any)["primary"])
	assert.True(t, strings.HasPrefix(phones(29)[0], "00"))
}

func TestFill_OrdinaryAddressesAndPhonesAreUniqueAndValid(t *testing.T) {
	const n = 12_000
	p := company1(t, n)
	places := regexp.MustCompile(`(\.|@)example\.(com|org|net)$`)
	addresses, numbers := map[string]int{}, map[string]int{}
	odd := 0
	for after := int64(0); after < n; after += 1000 {
		for _, person := range p.Records("person", after, 1000) {
			id := int(person["id"].(float64))
			for _, phone := range values(person, "phones") {
				numbers[phone]++
			}
			if oddity(id) != nil {
				odd++
				continue
			}
			for _, address := range values(person, "emails") {
				parsed, err := mail.ParseAddress(address)
				require.NoError(t, err, address)
				require.Equal(t, address, parsed.Address)
				require.Regexp(t, places, address)
				require.Regexp(t, `^[a-z0-9.@-]+$`, address)
				addresses[address]++
			}
		}
	}
	assert.Len(t, addresses, n-odd, "every ordinary person has an address of their own")
	shared := 0
	for _, count := range numbers {
		shared += count - 1
	}
	assert.LessOrEqual(t, shared, 20)
	assert.InDelta(t, n/200, odd, 40)
}

func TestOptOuts_AreAddressesOfSeededPersons(t *testing.T) {
	for _, n := range []int{30, 60, 1000} {
		p := company1(t, n)
		known := map[string]bool{}
		for _, person := range p.Records("person", 0, n) {
			for _, address := range values(person, "emails") {
				known[strings.ToLower(address)] = true
			}
		}
		out := OptedOut(n)
		assert.GreaterOrEqual(t, len(out), max(3, n/50), fmt.Sprint(n))
		for _, address := range out {
			assert.True(t, known[address], address)
		}
		assert.Equal(t, out, OptOuts)
	}
}

func TestFill_DefinesTwinFields(t *testing.T) {
	p := company1(t, 30)
	person := p.Records("person", 0, 1)[0]
	assert.Contains(t, person["custom_fields"], personRegion)
	assert.NotEqual(t, personRegion, personRegionOld)
}
