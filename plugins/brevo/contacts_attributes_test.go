package brevo

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// What Brevo would drop without a word is named once in the log, and all else is delivered.
func TestContacts_AttributeThatDoesNotFitIsNamedOnceAndTheRestIsDelivered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ attribute, attributes, says string }{
		"unknown text":     {"NICKNAME", `"NICKNAME":"x"`, "create it in Brevo (Contacts > Settings > Contact attributes, type text)"},
		"unknown number":   {"AGE", `"AGE":5`, "type number)"},
		"unknown flag":     {"OK", `"OK":true`, "type boolean)"},
		"wrong case":       {"firstName", `"firstName":"x"`, "but FIRSTNAME: write it so in the mapping"},
		"phone wrong case": {"sms", `"sms":"+33612345678"`, "but SMS: write it so in the mapping"},
		"text for float":   {"LTV", `"LTV":"a lot"`, "is of type float, but the mapping gives it text"},
		"NaN for float":    {"LTV", `"LTV":"NaN"`, "is of type float, but the mapping gives it text"},
		"endless float":    {"LTV", `"LTV":"-Infinity"`, "is of type float, but the mapping gives it text"},
		"flag for float":   {"LTV", `"LTV":true`, "gives it true or false"},
		"list for text":    {"NOTE", `"NOTE":["a"]`, "gives it a list"},
		"object for text":  {"NOTE", `"NOTE":{"a":1}`, "gives it an object"},
		"flag for text":    {"NOTE", `"NOTE":false`, "gives it true or false"},
		"text for flag":    {"VIP", `"VIP":"yes"`, "is of type boolean"},
		"number for flag":  {"VIP", `"VIP":1`, "gives it a number"},
		"text for date":    {"BORN", `"BORN":"11/02/1989"`, "is of type date"},
		"number for date":  {"BORN", `"BORN":19890211`, "is of type date"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(nil)
			require.NoError(t, w.send(
				message(`{"email":"ann@example.com","attributes":{"LASTNAME":"Lee",`+c.attributes+`}}`),
				message(`{"email":"bob@example.com","attributes":{"LASTNAME":"Ray",`+c.attributes+`}}`),
			))
			require.NoError(t, w.send(message(`{"email":"eve@example.com","attributes":{"LASTNAME":"May",`+c.attributes+`}}`)))

			said := w.logs.with("ERROR", "attribute "+c.attribute)
			require.Len(t, said, 1, w.logs)
			assert.Contains(t, said[0], c.says)
			assert.Equal(t, map[string]any{"LASTNAME": "Lee"}, w.contact("ann@example.com").Attributes)
			assert.Equal(t, 3, w.Count())
			assert.Empty(t, w.Stats().Dropped, "nothing was left for Brevo to drop")
			assert.EqualValues(t, 3, w.counts.of("brevo_attributes_dropped "+c.attribute))
			assert.Empty(t, w.letters.all())
		})
	}
}

func TestContacts_ValueIsConvertedWhereThatLosesNothing(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]any{
		`"NOTE":5`:                             map[string]any{"NOTE": "5"},
		`"NOTE":12345678901234567890`:          map[string]any{"NOTE": "12345678901234567890"},
		`"NOTE":2.50`:                          map[string]any{"NOTE": "2.50"},
		`"LTV":" 12.5 "`:                       map[string]any{"LTV": 12.5},
		`"LTV":"-7"`:                           map[string]any{"LTV": -7.0},
		`"BORN":"1989-02-11"`:                  map[string]any{"BORN": "1989-02-11"},
		`"BORN":"1989-02-11T23:30:00Z"`:        map[string]any{"BORN": "1989-02-11"},
		`"BORN":"1989-02-11T23:30:00.5+02:00"`: map[string]any{"BORN": "1989-02-11"},
		`"VIP":true`:                           map[string]any{"VIP": true},
		`"SMS":33612345678`:                    map[string]any{"SMS": "33612345678"},
		`"SMS":"+33612345678"`:                 map[string]any{"SMS": "33612345678"},
		`"WHATSAPP":33612345678,"NOTE":"<&\"é\u2028>"`: map[string]any{"WHATSAPP": "33612345678", "NOTE": "<&\"é\u2028>"},
	} {
		for _, mode := range []string{modeSingle, modeImport} {
			t.Run(mode+" "+given, func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
				require.NoError(t, w.send(message(`{"email":"ann@example.com","listIds":[60],"attributes":{`+given+`}}`)))
				assert.Equal(t, want, w.contact("ann@example.com").Attributes)
				assert.Empty(t, w.logs.with("ERROR"))
				assert.Empty(t, w.Stats().Dropped)
			})
		}
	}
}

func TestContacts_MissingListRefusesOnlyTheMessagesForIt(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport, modeAuto} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
			require.NoError(t, w.send(person(1, `,"listIds":[60]`), person(2, `,"listIds":[60,99]`), person(3, `,"listIds":[61]`)))
			require.NoError(t, w.send(person(4, `,"listIds":[99]`)))
			assert.Equal(t, 2, w.Count())
			assert.Equal(t, []string{"2", "4"}, w.letters.ids())
			for _, one := range w.letters.all() {
				assert.Contains(t, one.reason, "Brevo has no list 99")
			}
			said := w.logs.with("ERROR", "list 99")
			require.Len(t, said, 1, w.logs)
			for _, there := range []string{"mappings/lists.blobl; there are ", "60 All contacts", "61 Early stages", "62 Late stages"} {
				assert.Contains(t, said[0], there)
			}
		})
	}
}

func TestContacts_ListIsAskedForOnceHoweverManyWantIt(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(map[string]any{"max_in_flight": 64, "mode": "import"})
	w.sendAll(persons(1000, 50), persons(2000, 50), persons(3000, 50), persons(4000, 50), persons(5000, 50), persons(6000, 50))
	asked := slices.DeleteFunc(w.tap.all(), func(c call) bool { return !strings.HasPrefix(c.uri, "/v3/contacts/lists") })
	assert.LessOrEqual(t, len(asked), 6, "at most once a batch")
	before := len(w.tap.all())
	w.sendAll(persons(1000, 50))
	assert.Len(t, w.tap.of(http.MethodGet, "/contacts/lists/60"), len(asked))
	assert.LessOrEqual(t, len(w.tap.all())-before, 4)
}
