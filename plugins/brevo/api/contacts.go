package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"connector/plugins/internal/rest"
)

// Contact is the body of a contact write, as Brevo documents it. What a field does not say is left
// untouched: a nil EmailBlacklisted neither blocks nor re-subscribes.
type Contact struct {
	Email            string
	ExtID            string
	Attributes       map[string]any // text, number, bool, or a list of texts; null is not sent
	ListIDs          []int64
	UnlinkListIDs    []int64
	EmailBlacklisted *bool
	SMSBlacklisted   *bool

	// More are fields of the body that this package does not know, sent as they are.
	More map[string]any
}

// phoneAttributes are identifiers that Brevo wants to be unique and valid. They are the only
// attributes whose refusal blocks a whole contact.
var phoneAttributes = []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"}

// phoneKinds are their identifier types.
var phoneKinds = []string{"phone_id", "whatsapp_id", "landline_number_id"}

// Written says what became of a write that succeeded.
type Written struct {
	// WithoutPhone is why the contact was written without its phone numbers; nil if it was not.
	WithoutPhone error
}

// Upsert creates or updates one contact. A phone number that Brevo refuses, or that belongs to
// another contact, is left out and the rest written.
//
// POST /contacts with updateEnabled; PUT /contacts/{identifier} where lists are to be left, since
// only that can do it.
// Source: developers.brevo.com/reference/create-contact, …/update-contact
func (c *Client) Upsert(ctx context.Context, contact Contact) (Written, error) {
	return c.withOrWithoutPhone(contact, func(contact Contact) error {
		if len(contact.UnlinkListIDs) > 0 {
			err := c.put(ctx, contact)
			if !rest.Is(err, rest.NotFound) {
				return err
			}
			contact.UnlinkListIDs = nil // whoever is not there is on no list
		}
		return c.post(ctx, contact)
	})
}

// Update updates one contact that must exist.
//
// PUT /contacts/{identifier}
func (c *Client) Update(ctx context.Context, contact Contact) (Written, error) {
	return c.withOrWithoutPhone(contact, func(contact Contact) error { return c.put(ctx, contact) })
}

// Delete deletes one contact for good. One that is not there is no error. An ext_id is preferred to
// an address, which may belong to somebody else by now.
//
// DELETE /contacts/{identifier}
func (c *Client) Delete(ctx context.Context, contact Contact) error {
	identifier, kind := contact.identifier()
	if contact.ExtID != "" {
		identifier, kind = contact.ExtID, "ext_id"
	}
	err := c.write(ctx, http.MethodDelete, "deleting a contact", identifier, kind, nil)
	if rest.Is(err, rest.NotFound) {
		return nil
	}
	return err
}

func (c *Client) withOrWithoutPhone(contact Contact, write func(Contact) error) (Written, error) {
	err := write(contact)
	if err == nil || !blamesPhone(err) {
		return Written{}, err
	}
	without, had := contact.WithoutPhones()
	if _, kind := without.identifier(); !had || kind == "" {
		return Written{}, err
	}
	if again := write(without); again != nil {
		return Written{}, again
	}
	return Written{WithoutPhone: err}, nil
}

// WithoutPhones is the contact without its phone numbers, and whether it had any.
func (c Contact) WithoutPhones() (Contact, bool) {
	kept, had := make(map[string]any, len(c.Attributes)), false
	for name, v := range c.Attributes {
		if slices.Contains(phoneAttributes, name) {
			had = had || v != nil
			continue
		}
		kept[name] = v
	}
	c.Attributes = kept
	return c, had
}

// blamesPhone tells a refusal that is about a phone number. Codes have changed over the years, so
// the duplicate identifiers are asked first, and else the message.
func blamesPhone(err error) bool {
	var e *rest.Error
	if !errors.As(err, &e) || e.Kind != rest.Refused {
		return false
	}
	if len(e.Duplicates) > 0 {
		return slices.ContainsFunc(e.Duplicates, func(id string) bool {
			return slices.ContainsFunc(phoneAttributes, func(p string) bool { return strings.EqualFold(p, id) }) ||
				strings.Contains(strings.ToLower(id), "phone")
		})
	}
	text := strings.ToLower(e.Message)
	for _, word := range []string{"phone", "sms", "whatsapp", "landline"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func (c *Client) post(ctx context.Context, contact Contact) error {
	body := contact.body()
	body["updateEnabled"] = true
	if contact.Email != "" {
		body["email"] = contact.Email
	}
	return c.write(ctx, http.MethodPost, "writing a contact", "", "", body)
}

func (c *Client) put(ctx context.Context, contact Contact) error {
	identifier, kind := contact.identifier()
	body := contact.body()
	if len(contact.UnlinkListIDs) > 0 {
		body["unlinkListIds"] = contact.UnlinkListIDs
	}
	if kind == "ext_id" {
		delete(body, "ext_id")
	}
	return c.write(ctx, http.MethodPut, "updating a contact", identifier, kind, body)
}

// identifier names the contact in a path.
func (c Contact) identifier() (value, kind string) {
	switch {
	case c.Email != "":
		return c.Email, "email_id"
	case c.ExtID != "":
		return c.ExtID, "ext_id"
	}
	return c.Phone()
}

func (c *Client) write(ctx context.Context, method, doing, identifier, kind string, body map[string]any) error {
	req := &rest.Request{
		Op: method + " /contacts", Doing: doing, Method: method, Path: "/contacts",
		Bucket: bucketContacts, Repeatable: true, BodyOptional: true,
	}
	if method != http.MethodPost {
		req.Op += "/{identifier}"
		req.Path += "/" + escape(identifier)
		req.Query = url.Values{"identifierType": {kind}}
	}
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req.Body = [][]byte{encoded}
	}
	_, err := c.rest.Do(ctx, req)
	return err
}

// escape escapes an identifier for a path once, the + of an address included.
func escape(identifier string) string {
	return strings.ReplaceAll(url.QueryEscape(identifier), "+", "%20")
}

func (c Contact) body() map[string]any {
	body := make(map[string]any, 8+len(c.More))
	for k, v := range c.More {
		body[k] = v
	}
	if c.ExtID != "" {
		body["ext_id"] = c.ExtID
	}
	if attributes := withoutNulls(c.Attributes); len(attributes) > 0 {
		body["attributes"] = attributes
	}
	if len(c.ListIDs) > 0 {
		body["listIds"] = c.ListIDs
	}
	if c.EmailBlacklisted != nil {
		body["emailBlacklisted"] = *c.EmailBlacklisted
	}
	if c.SMSBlacklisted != nil {
		body["smsBlacklisted"] = *c.SMSBlacklisted
	}
	return body
}

// withoutNulls leaves out what has no value: what Brevo makes of null is not documented.
func withoutNulls(attributes map[string]any) map[string]any {
	kept := make(map[string]any, len(attributes))
	for name, v := range attributes {
		if v != nil {
			kept[name] = v
		}
	}
	return kept
}
