package brevo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestContacts_SingleModeCreatesAndThenUpdates(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	require.NoError(t, w.send(message(`{"email":"ann@example.com","ext_id":"7","attributes":{"FIRSTNAME":"Ann"},"listIds":[60]}`)))
	require.NoError(t, w.send(message(`{"email":"ann@example.com","ext_id":"7","attributes":{"LASTNAME":"Lee"},"listIds":[61]}`)))

	ann := w.contact("ann@example.com")
	assert.Equal(t, "7", ann.ExtID)
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann", "LASTNAME": "Lee"}, ann.Attributes)
	assert.Equal(t, []int64{60, 61}, ann.ListIDs)
	assert.Equal(t, []string{"POST /v3/contacts", "POST /v3/contacts"}, w.writes())
	assert.EqualValues(t, 2, w.counts.of("brevo_contacts_delivered upsert"))
}

func TestContacts_PlusInAnAddressIsEscapedExactlyOnce(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.PutContact(sandbox.Contact{Email: "ann+news%x@example.com", ListIDs: []int64{60, 61}})
	w.PutContact(sandbox.Contact{Email: "bob@example.com", ExtID: "a b/+?é"})
	w.start(nil)
	require.NoError(t, w.send(message(`{"email":"ann+news%x@example.com","unlinkListIds":[61]}`)))
	assert.Equal(t, []int64{60}, w.contact("ann+news%x@example.com").ListIDs)
	require.NoError(t, w.send(message(`{"email":"ann+news%x@example.com"}`, "action", "delete")))
	require.NoError(t, w.send(message(`{"ext_id":"a b/+?é"}`, "action", "delete")))

	assert.Equal(t, []string{
		"PUT /v3/contacts/ann%2Bnews%25x%40example.com?identifierType=email_id",
		"DELETE /v3/contacts/ann%2Bnews%25x%40example.com?identifierType=email_id",
		"DELETE /v3/contacts/a%20b%2F%2B%3F%C3%A9?identifierType=ext_id",
	}, w.writes())
	assert.Zero(t, w.Count())
}

func TestContacts_OneWithoutAddressIsKnownByItsExtIDOrItsPhone(t *testing.T) {
	t.Parallel()
	for name, identifier := range map[string]struct{ body, uri string }{
		"ext_id": {`"ext_id":"7"`, "/v3/contacts/7?identifierType=ext_id"},
		"phone":  {`"attributes":{"SMS":"+33612345678"}`, "/v3/contacts/%2B33612345678?identifierType=phone_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(nil)
			require.NoError(t, w.send(message(`{`+identifier.body+`,"listIds":[60,61]}`)))
			require.NoError(t, w.send(message(`{`+identifier.body+`,"listIds":[62],"unlinkListIds":[61]}`)))
			all := w.Contacts(0, 10)
			require.Len(t, all, 1)
			assert.Equal(t, []int64{60, 62}, all[0].ListIDs)
			assert.Empty(t, all[0].Email)
			require.NoError(t, w.send(message(`{`+identifier.body+`,"listIds":[61]}`, "action", "update")))
			require.NoError(t, w.send(message(`{`+identifier.body+`}`, "action", "delete")))
			assert.Zero(t, w.Count())
			assert.Equal(t, []string{"POST /v3/contacts", "PUT " + identifier.uri, "PUT " + identifier.uri, "DELETE " + identifier.uri}, w.writes())
			assert.NotContains(t, w.tap.of(http.MethodPost, "/contacts")[0].object(), "email")
			assert.Empty(t, w.letters.all())
		})
	}
}

func TestContacts_WhoLeavesListsIsCreatedAllTheSameIfNotThere(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{Quirks: sandbox.Quirks{RefuseUnlinkOnPost: true}}).start(nil)
	require.NoError(t, w.send(message(`{"email":"ann@example.com","listIds":[62],"unlinkListIds":[61]}`)))
	assert.Equal(t, []int64{62}, w.contact("ann@example.com").ListIDs)
	assert.Equal(t, []string{"PUT /v3/contacts/ann%40example.com?identifierType=email_id", "POST /v3/contacts"}, w.writes())
	assert.Empty(t, w.letters.all())
}

// What a message leaves out, or gives as null, is not said to Brevo; what it says arrives as it is.
func TestContacts_BodySaysWhatTheMessageSaysAndNoMore(t *testing.T) {
	t.Parallel()
	const base = `"email":"ann@example.com","updateEnabled":true`
	for name, c := range map[string]struct{ message, body string }{
		"nothing":                  {`{"email":"ann@example.com"}`, `{` + base + `}`},
		"blank around the address": {`{"email":" ann@example.com "}`, `{` + base + `}`},
		"null fields": {
			`{"email":"ann@example.com","ext_id":null,"attributes":null,"listIds":null,"emailBlacklisted":null,"smsBlacklisted":null,"x":null}`,
			`{` + base + `}`,
		},
		"null attributes":       {`{"email":"ann@example.com","attributes":{"FIRSTNAME":null,"LASTNAME":"Lee","SMS":null}}`, `{` + base + `,"attributes":{"LASTNAME":"Lee"}}`},
		"only null attributes":  {`{"email":"ann@example.com","attributes":{"FIRSTNAME":null}}`, `{` + base + `}`},
		"empty text empties":    {`{"email":"ann@example.com","attributes":{"FIRSTNAME":"","LTV":"","BORN":"","VIP":""}}`, `{` + base + `,"attributes":{"FIRSTNAME":"","LTV":"","BORN":"","VIP":""}}`},
		"blocked":               {`{"email":"ann@example.com","emailBlacklisted":true,"smsBlacklisted":true}`, `{` + base + `,"emailBlacklisted":true,"smsBlacklisted":true}`},
		"literally unblocked":   {`{"email":"ann@example.com","emailBlacklisted":false,"smsBlacklisted":false}`, `{` + base + `,"emailBlacklisted":false,"smsBlacklisted":false}`},
		"empty lists":           {`{"email":"ann@example.com","listIds":[],"unlinkListIds":[]}`, `{` + base + `}`},
		"a list twice":          {`{"email":"ann@example.com","listIds":[61,60,61]}`, `{` + base + `,"listIds":[61,60]}`},
		"floats":                {`{"email":"ann@example.com","listIds":[60.0,6.1e1]}`, `{` + base + `,"listIds":[60,61]}`},
		"numeric ext_id":        {`{"email":"ann@example.com","ext_id":9007199254740993}`, `{` + base + `,"ext_id":"9007199254740993"}`},
		"large number":          {`{"email":"ann@example.com","attributes":{"LTV":9007199254740993}}`, `{` + base + `,"attributes":{"LTV":9007199254740993}}`},
		"fields of tomorrow":    {`{"email":"ann@example.com","smtpBlacklistSender":["a@b.com"],"x":{"y":[1]}}`, `{` + base + `,"smtpBlacklistSender":["a@b.com"],"x":{"y":[1]}}`},
		"own idea of an upsert": {`{"email":"ann@example.com","updateEnabled":false}`, `{` + base + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(nil)
			require.NoError(t, w.send(message(c.message)))
			posts := w.tap.of(http.MethodPost, "/contacts")
			require.Len(t, posts, 1, w.letters.all())
			assert.JSONEq(t, c.body, string(posts[0].body))
			assert.Contains(t, strings.ReplaceAll(string(posts[0].body), " ", ""), "ann@example.com")
			if name == "large number" {
				assert.Contains(t, string(posts[0].body), "9007199254740993")
			}
		})
	}
}

func TestContacts_BloblangsNumbersAndTimesAreUnderstood(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil, `mapping: |
  root.email = content().string()
  root.ext_id = "7".number()
  root.listIds = [ 60, "61".number(), 62.int32(), 60.uint64(), (30 * 2), 61.0, batch_index() + 62 ]
  root.attributes.LTV = 12.uint64()
  root.attributes.NOTE = 5.int32()
  root.attributes.BORN = "1989-02-11T10:00:00Z".ts_parse("2006-01-02T15:04:05Z07:00")
`)
	require.NoError(t, w.send(message(`ann@example.com`)))
	require.Empty(t, w.letters.all())
	ann := w.contact("ann@example.com")
	assert.Equal(t, []int64{60, 61, 62}, ann.ListIDs)
	assert.Equal(t, "7", ann.ExtID)
	assert.Equal(t, map[string]any{"LTV": 12.0, "NOTE": "5", "BORN": "1989-02-11"}, ann.Attributes)
}

func TestContacts_NobodyIsResubscribedUnlessTheMessageSaysSo(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			for _, email := range []string{"p1@example.com", "p2@example.com", "p3@example.com", "p4@example.com"} {
				w.PutContact(sandbox.Contact{Email: email, EmailBlacklisted: true, SMSBlacklisted: true})
			}
			w.start(map[string]any{"mode": mode})
			require.NoError(t, w.send(
				person(1, `,"listIds":[60]`),
				person(2, `,"listIds":[60],"emailBlacklisted":true`),
				person(3, `,"listIds":[60],"unlinkListIds":[61],"emailBlacklisted":null`),
				person(5, `,"listIds":[60],"emailBlacklisted":true`),
			))
			assert.Zero(t, w.Stats().Resubscribed)
			assert.True(t, w.contact("p1@example.com").EmailBlacklisted)
			assert.True(t, w.contact("p5@example.com").EmailBlacklisted)
			assert.False(t, w.contact("p5@example.com").SMSBlacklisted)

			require.NoError(t, w.send(person(4, `,"listIds":[60],"emailBlacklisted":false`)))
			assert.False(t, w.contact("p4@example.com").EmailBlacklisted)
			assert.True(t, w.contact("p4@example.com").SMSBlacklisted)
			assert.Equal(t, 1, w.Stats().Resubscribed)
		})
	}
}

func TestContacts_DeletePrefersTheExtID(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.PutContact(sandbox.Contact{Email: "ann@example.com", ExtID: "8"})
	w.PutContact(sandbox.Contact{Email: "old@example.com", ExtID: "7"})
	w.start(nil)
	require.NoError(t, w.send(message(`{"email":"ann@example.com","ext_id":"7"}`, "action", "delete")))
	assert.Equal(t, []string{"DELETE /v3/contacts/7?identifierType=ext_id"}, w.writes())
	w.contact("ann@example.com")
	assert.Equal(t, 1, w.Count())
	assert.EqualValues(t, 1, w.counts.of("brevo_contacts_delivered delete"))
}

func TestContacts_DeletingWhoIsNotThereSucceeds(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	require.NoError(t, w.send(message(`{"email":"ann@example.com"}`, "action", "delete"), message(`{"ext_id":"9"}`, "action", "delete")))
	assert.Empty(t, w.letters.all())
	assert.EqualValues(t, 2, w.counts.of("brevo_contacts_delivered delete"))
}

func TestContacts_UpdateWritesWhoIsThereAndRefusesWhoIsNot(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.PutContact(sandbox.Contact{Email: "p1@example.com"})
			w.start(map[string]any{"mode": mode, "action": "update"})
			require.NoError(t, w.send(person(1, `,"listIds":[60]`), person(2, `,"listIds":[60]`)))
			assert.Equal(t, "1", w.contact("p1@example.com").ExtID)
			assert.Equal(t, 1, w.Count())
			assert.Equal(t, []string{"2"}, w.letters.ids())
			assert.Contains(t, w.letters.all()[0].reason, "Contact does not exist")
		})
	}
}

func TestContacts_UnknownActionIsRefused(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	m := person(1, "")
	m.MetaSetMut("action", "merge")
	require.NoError(t, w.send(m, person(2, "")))
	assert.Equal(t, []string{"1"}, w.letters.ids())
	assert.Contains(t, w.letters.all()[0].reason, `no action "merge": it is upsert, update, delete or skip`)
	assert.Equal(t, 1, w.Count())
}

func TestContacts_SkippedMessageIsCountedByItsReasonAndNotWritten(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	require.NoError(t, w.send(message(`{"anything":1}`, "action", "skip", "skip_reason", "no valid email"), message(`not JSON`, "action", "skip")))
	assert.Empty(t, w.writes())
	assert.Empty(t, w.letters.all())
	assert.EqualValues(t, 1, w.counts.of("brevo_contacts_skipped no valid email"))
}

func TestContacts_WhatIsNoContactIsRefusedByName(t *testing.T) {
	t.Parallel()
	for body, reason := range map[string]string{
		`nonsense`:                                    "not JSON",
		`[1]`:                                         "not a contact's object",
		`{}`:                                          "no identifier",
		`{"email":""}`:                                "no identifier",
		`{"email":5}`:                                 "email must be text, not a number",
		`{"email":"a@b.co","ext_id":{}}`:              "ext_id must be text, not an object",
		`{"email":"a@b.co","attributes":[]}`:          "attributes must be an object",
		`{"email":"a@b.co","listIds":60}`:             "listIds must be a list of numbers, not a number",
		`{"email":"a@b.co","listIds":["60"]}`:         "item 1 is text",
		`{"email":"a@b.co","listIds":[60,60.5]}`:      "item 2",
		`{"email":"a@b.co","listIds":[0]}`:            "item 1",
		`{"email":"a@b.co","emailBlacklisted":"no"}`:  "emailBlacklisted must be true or false, not text",
		`{"email":"a@b.co","smsBlacklisted":0}`:       "smsBlacklisted must be true or false, not a number",
		`{"email":"not an address"}`:                  "Invalid email address",
		`{"email":"a@b.co","unlinkListIds":[999999]}`: "999999",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.PutContact(sandbox.Contact{Email: "a@b.co"})
			w.start(nil)
			require.NoError(t, w.send(message(body)))
			require.Len(t, w.letters.all(), 1)
			assert.Contains(t, w.letters.all()[0].reason, reason)
			assert.Equal(t, body, w.letters.all()[0].body)
		})
	}
}
