package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"connector/plugins/internal/rest"
)

// Found is a contact as Brevo has it, as far as writing it needs to know.
type Found struct {
	ID               int64
	Email            string // may be empty
	ExtID            string // may be empty
	EmailBlacklisted bool
	SMSBlacklisted   bool
}

// The kinds of identifiers by which contacts are asked for.
const (
	ByEmail = "email_id"
	ByExtID = "ext_id"
)

// Contact returns the contact with an identifier of a kind. One that is not there is a rest.NotFound.
//
// GET /contacts/{identifier}
// Source: developers.brevo.com/reference/get-contact-info
func (c *Client) Contact(ctx context.Context, identifier, kind string) (Found, error) {
	var answer struct {
		ID               int64          `json:"id"`
		Email            string         `json:"email"`
		EmailBlacklisted bool           `json:"emailBlacklisted"`
		SMSBlacklisted   bool           `json:"smsBlacklisted"`
		Attributes       map[string]any `json:"attributes"`
		ExtID            any            `json:"ext_id"` // not documented; as an attribute it is
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts/{identifier}", Doing: "looking for a contact", Method: http.MethodGet, Path: "/contacts/" + escape(identifier),
		Query: url.Values{"identifierType": {kind}}, Bucket: bucketContacts,
		Decode: func(b []byte) error {
			d := json.NewDecoder(strings.NewReader(string(b)))
			d.UseNumber()
			return d.Decode(&answer)
		},
	})
	if err != nil {
		return Found{}, err
	}
	found := Found{ID: answer.ID, Email: answer.Email, EmailBlacklisted: answer.EmailBlacklisted, SMSBlacklisted: answer.SMSBlacklisted}
	for _, id := range []any{answer.Attributes["EXT_ID"], answer.ExtID} {
		if id != nil && found.ExtID == "" {
			found.ExtID = fmt.Sprint(id)
		}
	}
	return found, nil
}

// ChangeAddress gives the contact with contact's ext_id the address of contact, and writes all else that
// contact says. It takes the contact off the blocklist unless contact says otherwise. A phone number that
// is refused is left out, as by Upsert.
//
// PUT /contacts/{ext_id} with attributes.EMAIL, only for an address that is another one: Brevo may refuse
// its own to a contact.
// Source: developers.brevo.com/reference/update-contact
func (c *Client) ChangeAddress(ctx context.Context, contact Contact) (Written, error) {
	return c.withOrWithoutPhone(contact, func(contact Contact) error {
		body := contact.body()
		attributes, _ := body["attributes"].(map[string]any)
		if attributes == nil {
			attributes = map[string]any{}
		}
		attributes["EMAIL"] = contact.Email
		body["attributes"] = attributes
		if len(contact.UnlinkListIDs) > 0 {
			body["unlinkListIds"] = contact.UnlinkListIDs
		}
		delete(body, "ext_id")
		return c.write(ctx, http.MethodPut, "changing a contact's address", contact.ExtID, ByExtID, body)
	})
}

// DuplicateExtID reports whether a write was refused since its ext_id is another contact's.
func DuplicateExtID(err error) bool { return duplicates(err, "ext_id") }

// DuplicateEmail reports whether a write was refused since its address is another contact's.
func DuplicateEmail(err error) bool { return duplicates(err, "email", "email_id") }

// duplicates asks the identifiers that an error names, and where it names none its message.
func duplicates(err error, names ...string) bool {
	var e *rest.Error
	if !errors.As(err, &e) || e.Kind != rest.Refused {
		return false
	}
	if len(e.Duplicates) > 0 {
		return slices.ContainsFunc(e.Duplicates, func(id string) bool { return slices.Contains(names, strings.ToLower(id)) })
	}
	text := strings.ToLower(e.Message)
	return strings.Contains(text, names[0]) && strings.Contains(text, "already associated")
}

// Phone is the phone number that a contact without address and ext_id is known by, and its kind of
// identifier.
func (c Contact) Phone() (value, kind string) {
	for i, name := range phoneAttributes {
		if v := c.Attributes[name]; v != nil {
			return fmt.Sprint(v), phoneKinds[i]
		}
	}
	return "", ""
}
