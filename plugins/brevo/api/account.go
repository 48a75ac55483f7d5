package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"connector/plugins/internal/rest"
)

// Attribute is a contact attribute of the account.
type Attribute struct {
	Name     string `json:"name"`
	Category string `json:"category"` // normal, category, transactional, calculated or global
	Type     string `json:"type"`     // text, date, float, id, boolean, multiple-choice, user; may be empty
}

// Attributes are all contact attributes of the account. It also serves as the check of the key, as
// it is cheap.
//
// GET /contacts/attributes
// Source: developers.brevo.com/reference/get-attributes
func (c *Client) Attributes(ctx context.Context, once bool) ([]Attribute, error) {
	var answer struct {
		Attributes []Attribute `json:"attributes"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts/attributes", Doing: "reading Brevo's contact attributes", Method: http.MethodGet,
		Path: "/contacts/attributes", Bucket: bucketContacts, Once: once,
		Decode: func(b []byte) error { return json.Unmarshal(b, &answer) },
	})
	return answer.Attributes, err
}

// List is a contact list of the account.
type List struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// HasList reports whether the account has the list.
//
// GET /contacts/lists/{id}
// Source: developers.brevo.com/reference/get-list
func (c *Client) HasList(ctx context.Context, id int64) (bool, error) {
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts/lists/{id}", Doing: fmt.Sprintf("looking for list %d", id), Method: http.MethodGet,
		Path: "/contacts/lists/" + strconv.FormatInt(id, 10), Bucket: bucketContacts,
		Once: true,
	})
	var e *rest.Error
	if errors.As(err, &e) && e.Kind == rest.NotFound && e.Code == "document_not_found" {
		return false, nil
	}
	return err == nil, err
}

// Lists are the account's lists, for messages; the first 50.
//
// GET /contacts/lists
// Source: developers.brevo.com/reference/get-lists
func (c *Client) Lists(ctx context.Context) ([]List, error) {
	var answer struct {
		Lists []List `json:"lists"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts/lists", Doing: "reading Brevo's lists", Method: http.MethodGet, Path: "/contacts/lists",
		Query: url.Values{"limit": {"50"}}, Bucket: bucketContacts, Once: true,
		Decode: func(b []byte) error { return json.Unmarshal(b, &answer) },
	})
	return answer.Lists, err
}
