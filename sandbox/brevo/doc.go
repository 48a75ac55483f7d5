// Package brevo plays Brevo's REST API v3 on localhost: contacts, lists, folders, attributes,
// imports with their processes and reports, events, companies and webhook registrations.
//
//	http.ListenAndServe("127.0.0.1:8091", brevo.New(brevo.Config{}))
//
// It is written from Brevo's published documents and from recorded answers, and shares no code
// with any client, so that a client's misreading cannot hide in it. Where the documents are silent
// it follows one reading and offers the others as switches (see [Quirks]).
//
// Everything is served under /v3 with the header api-key, apart from the reports of imports, which
// need no key: /reports/{process}/{kind}.csv.
//
// Readings that have no switch:
//
//   - Addresses are folded to lower case, phone numbers are stored as digits without + or 00.
//   - An upsert finds its contact by email; without one by ext_id, then SMS, WHATSAPP and
//     LANDLINE_NUMBER. Any other identifier that belongs to somebody else is a conflict.
//   - EXT_ID is an attribute as well as an identifier: answers show it among the attributes.
//   - Every write moves modifiedAt, also one that changes no value, and so do list memberships.
//   - listIds only adds; unlinkListIds exists on PUT only. Unknown keys of a body are ignored.
//   - "" clears an attribute. A number for a date, an unknown option and the like are dropped.
//   - An import adds existing contacts to its lists even with updateExistingContacts false, and a
//     later row for the same address wins over an earlier one.
//   - A row of an import with an invalid address, or with no identifier, is in invalid_emails.
//   - Brevo's 10 MB are 10,000,000 bytes, of jsonBody as sent or of fileBody as text.
//   - A limit of 10 a second means at most 10 in any one second; a refused call is not counted.
//   - Company pages count from 1.
package brevo
