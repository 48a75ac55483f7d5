package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"connector/plugins/internal/rest"
)

// MostContacts is the most contacts that one page has.
const MostContacts = 1000

// ContactIDs returns a page of contacts, oldest first, as far as it takes to know them by their ids, and how
// many there are.
//
// GET /contacts, at most MostContacts a page.
// Source: developers.brevo.com/reference/get-contacts
func (c *Client) ContactIDs(ctx context.Context, offset int) (page []Found, count int, err error) {
	var answer struct {
		Contacts []struct {
			ID         int64  `json:"id"`
			Email      string `json:"email"`
			ExtID      any    `json:"ext_id"` // not documented; as an attribute it is
			Attributes struct {
				ExtID any `json:"EXT_ID"`
			} `json:"attributes"`
		} `json:"contacts"`
		Count int `json:"count"`
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts", Doing: "reading the ids of contacts", Method: http.MethodGet, Path: "/contacts",
		Query:  url.Values{"limit": {strconv.Itoa(MostContacts)}, "offset": {strconv.Itoa(offset)}, "sort": {"asc"}},
		Bucket: bucketContacts, SizeHint: 512 << 10,
		Decode: func(b []byte) error { return decodeNumbers(b, &answer) },
	})
	for _, found := range answer.Contacts {
		f := Found{ID: found.ID, Email: found.Email}
		for _, id := range []any{found.Attributes.ExtID, found.ExtID} {
			if id != nil && f.ExtID == "" {
				f.ExtID = fmt.Sprint(id)
			}
		}
		page = append(page, f)
	}
	return page, answer.Count, err
}
