package brevo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// callers are persons on list 60 with a phone number each, which start with prefix.
func callers(from, n int, prefix string) []*service.Message {
	all := make([]*service.Message, n)
	for i := range all {
		id := strconv.Itoa(from + i)
		all[i] = message(fmt.Sprintf(`{"email":"p%s@example.com","ext_id":"%s","listIds":[60],"attributes":{"FIRSTNAME":"P","SMS":"%s%03d"}}`, id, id, prefix, i),
			"pipedrive_object", "person", "pipedrive_id", id)
	}
	return all
}

// holders already have the phone numbers of callers.
func (w *world) holders(n int, prefix string) {
	for i := range n {
		w.PutContact(sandbox.Contact{Email: fmt.Sprintf("holder%d@example.com", i), Attributes: map[string]any{"SMS": fmt.Sprintf("%s%03d", prefix, i)}})
	}
}

func TestContacts_PhoneOfAnotherContactNeverBlocksTheContact(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]sandbox.Quirks{"duplicate_parameter": {}, "invalid_parameter": {DuplicateAsInvalid: true}} {
		for _, rest := range []string{``, `,"unlinkListIds":[61]`} {
			t.Run(name+rest, func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{Quirks: quirks})
				w.holders(1, "33612345")
				w.PutContact(sandbox.Contact{Email: "p2@example.com", ListIDs: []int64{61}})
				w.start(nil)
				for _, id := range []int{1, 2} { // one that is new and one that is there
					require.NoError(t, w.send(message(fmt.Sprintf(
						`{"email":"p%d@example.com","listIds":[60],"attributes":{"FIRSTNAME":"P","SMS":"+33612345000"}%s}`, id, rest),
						"pipedrive_object", "person", "pipedrive_id", strconv.Itoa(id))))
					p := w.contact(fmt.Sprintf("p%d@example.com", id))
					assert.Equal(t, map[string]any{"FIRSTNAME": "P"}, p.Attributes)
					assert.Contains(t, p.ListIDs, int64(60))
					assert.Len(t, w.logs.with("WARN person "+strconv.Itoa(id)+" is written without its phone number"), 1, w.logs)
				}
				assert.EqualValues(t, 2, w.counts.of("brevo_contacts_without_phone"))
				assert.EqualValues(t, 2, w.counts.of("brevo_contacts_delivered upsert"))
				assert.Empty(t, w.letters.all())
				assert.Empty(t, w.logs.with("33612345000"), "the log holds no personal data")
			})
		}
	}
}

// Brevo has said it in different ways over the years.
func TestContacts_RefusedPhoneIsUnderstoodInAllItsWordings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusal string
		written bool
	}{
		"duplicate_parameter":    {`{"code":"duplicate_parameter","message":"Unable to update contact, SMS is already associated with another Contact","metadata":{"duplicate_identifiers":["SMS"]}}`, true},
		"invalid_parameter":      {`{"code":"invalid_parameter","message":"Unable to create contact, SMS is already associated with another Contact","metadata":{"duplicate_identifiers":["SMS"]}}`, true},
		"metadata alone":         {`{"message":"Duplicate","metadata":{"duplicate_identifiers":["sms"]}}`, true},
		"metadata by kind":       {`{"code":"duplicate_parameter","message":"Duplicate","metadata":{"duplicate_identifiers":["phone_id"]}}`, true},
		"WhatsApp":               {`{"code":"duplicate_parameter","message":"Duplicate","metadata":{"duplicate_identifiers":["WHATSAPP"]}}`, true},
		"landline":               {`{"code":"duplicate_parameter","message":"Duplicate","metadata":{"duplicate_identifiers":["LANDLINE_NUMBER"]}}`, true},
		"message alone":          {`{"code":"duplicate_parameter","message":"SMS is already associated with another Contact"}`, true},
		"invalid number":         {`{"code":"invalid_parameter","message":"Invalid phone number"}`, true},
		"null metadata":          {`{"code":"invalid_parameter","message":"Invalid phone number","metadata":null}`, true},
		"other metadata":         {`{"code":"invalid_parameter","message":"Invalid phone number","metadata":{"x":1}}`, true},
		"address":                {`{"code":"invalid_parameter","message":"Invalid email address"}`, false},
		"address of another":     {`{"code":"duplicate_parameter","message":"Unable to update contact, email is already associated with another Contact","metadata":{"duplicate_identifiers":["email"]}}`, false},
		"ext_id of another":      {`{"code":"duplicate_parameter","message":"ext_id is already associated","metadata":{"duplicate_identifiers":["ext_id"]}}`, false},
		"something else at last": {`{"code":"bad_request","message":"No"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = func(rw http.ResponseWriter, call call) bool {
				return call.is(http.MethodPost, "/contacts") && strings.Contains(string(call.body), "33612345000") && answer(rw, http.StatusBadRequest, c.refusal)
			}
			w.start(nil)
			require.NoError(t, w.send(callers(1, 1, "33612345")...))
			if !c.written {
				assert.Equal(t, []string{"1"}, w.letters.ids())
				assert.Len(t, w.writes(), 1)
				assert.Zero(t, w.counts.of("brevo_contacts_without_phone"))
				return
			}
			assert.Empty(t, w.letters.all())
			assert.Equal(t, map[string]any{"FIRSTNAME": "P"}, w.contact("p1@example.com").Attributes)
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_without_phone"))
		})
	}
}

func TestContacts_OneWithNothingButARefusedPhoneIsRefusedForThePhone(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	require.NoError(t, w.send(message(`{"attributes":{"SMS":"12"}}`, "pipedrive_id", "1")))
	require.Len(t, w.letters.all(), 1)
	assert.Contains(t, w.letters.all()[0].reason, "Invalid phone number")
	assert.Len(t, w.writes(), 1)
	assert.Zero(t, w.counts.of("brevo_contacts_without_phone"))
}

func TestContacts_RefusedEvenWithoutItsPhoneIsNotCountedAsWritten(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.holders(1, "33612345")
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/contacts") && answer(rw, http.StatusBadRequest, `{"code":"bad_request","message":"No"}`)
	}
	w.start(importMode)
	require.NoError(t, w.send(callers(1, 1, "33612345")...))
	assert.Equal(t, []string{"1"}, w.letters.ids())
	assert.Zero(t, w.counts.of("brevo_contacts_without_phone"))
	assert.Empty(t, w.logs.with("is written without"))
}

// Rows that an import refuses for their phones are repaired: a few singly, many by one more import.
func TestContacts_PhoneReportedByAnImportIsLeftOutAndTheContactWritten(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]sandbox.Quirks{
		"row refused":          {},
		"row without phone":    {SkipDuplicatePhone: true},
		"more columns, commas": {ReportExtraColumns: true, ReportSeparator: ','},
	} {
		for n, want := range map[int]struct{ imports, singles int }{
			1: {1, 1}, repairsSingly: {1, repairsSingly}, repairsSingly + 1: {2, 0}, 30: {2, 0},
		} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{Quirks: quirks})
				w.holders(n, "33612345")
				w.start(importMode)
				require.NoError(t, w.send(append(callers(1, n, "+33612345"), callers(5001, 20, "+33798765")...)...))

				assert.Empty(t, w.letters.all())
				assert.Len(t, w.imports(), want.imports)
				assert.Len(t, w.tap.of(http.MethodPost, "/contacts"), want.singles)
				assert.EqualValues(t, n+20, w.counts.of("brevo_contacts_delivered upsert"))
				assert.EqualValues(t, n, w.counts.of("brevo_contacts_without_phone"))
				for id := 1; id <= n; id++ {
					p := w.contact(fmt.Sprintf("p%d@example.com", id))
					assert.Equal(t, map[string]any{"FIRSTNAME": "P"}, p.Attributes)
					assert.Equal(t, strconv.Itoa(id), p.ExtID)
					assert.Equal(t, []int64{60}, p.ListIDs)
					assert.Len(t, w.logs.with(fmt.Sprintf("WARN person %d is written without its phone number", id)), 1)
				}
				assert.Equal(t, map[string]any{"FIRSTNAME": "P", "SMS": "33798765000"}, w.contact("p5001@example.com").Attributes)
			})
		}
	}
}

// No report of an import names a row whose number is no number, so such a contact goes singly, where
// Brevo says so.
func TestContacts_ImpossiblePhoneGoesSinglyAndIsCounted(t *testing.T) {
	t.Parallel()
	for _, phone := range []string{"12", "call me", "+0612345678", "+33 6 12 34 56 78", "1234567890123456"} {
		t.Run(phone, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{Quirks: sandbox.Quirks{RefuseInvalidPhone: true}}).start(importMode)
			require.NoError(t, w.send(
				message(fmt.Sprintf(`{"email":"p1@example.com","listIds":[60],"attributes":{"FIRSTNAME":"P","SMS":%q}}`, phone), "pipedrive_object", "person", "pipedrive_id", "1"),
				person(2, `,"listIds":[60]`),
			))
			assert.Equal(t, map[string]any{"FIRSTNAME": "P"}, w.contact("p1@example.com").Attributes)
			assert.Equal(t, 2, w.Count())
			assert.EqualValues(t, 1, w.counts.of("brevo_contacts_without_phone"))
			assert.Len(t, w.logs.with("WARN person 1 is written without its phone number"), 1)
			assert.Empty(t, w.letters.all())
		})
	}
}
