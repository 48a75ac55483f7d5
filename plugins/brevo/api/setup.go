package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"connector/plugins/internal/rest"
)

// Quotas of an account below Enterprise.
// Source: Brevo's platform quotas, as brevo-api.md §3 has them
const (
	MaxContactAttributes = 200
	MaxLists             = 300
)

// CreateAttribute creates a contact attribute of the category normal. Its type, text, float, date or
// boolean, cannot be changed later.
//
// POST /contacts/attributes/normal/{name}, 201.
// Source: developers.brevo.com/reference/create-attribute
func (c *Client) CreateAttribute(ctx context.Context, name, kind string) error {
	return c.create(ctx, &rest.Request{
		Op: "POST /contacts/attributes/normal/{name}", Doing: "creating the contact attribute " + name,
		Path: "/contacts/attributes/normal/" + escape(name), Bucket: bucketContacts, BodyOptional: true,
	}, map[string]any{"type": kind}, nil)
}

// AllLists are all lists of the account, oldest first.
//
// GET /contacts/lists, one call for each 50 of them.
// Source: developers.brevo.com/reference/get-lists
func (c *Client) AllLists(ctx context.Context) (all []List, err error) {
	const most = 50
	for {
		var page struct {
			Lists []List `json:"lists"`
		}
		_, err := c.rest.Do(ctx, &rest.Request{
			Op: "GET /contacts/lists", Doing: "reading Brevo's lists", Method: http.MethodGet, Path: "/contacts/lists", Bucket: bucketContacts,
			Query:  url.Values{"limit": {strconv.Itoa(most)}, "offset": {strconv.Itoa(len(all))}, "sort": {"asc"}},
			Decode: func(b []byte) error { return json.Unmarshal(b, &page) },
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Lists...)
		if len(page.Lists) < most {
			return all, nil
		}
	}
}

// CreateList creates a list in a folder and returns its id, which Brevo chooses.
//
// POST /contacts/lists, 201.
// Source: developers.brevo.com/reference/create-list
func (c *Client) CreateList(ctx context.Context, name string, folder int64) (int64, error) {
	return c.createNumbered(ctx, &rest.Request{
		Op: "POST /contacts/lists", Doing: "creating the list " + strconv.Quote(name), Path: "/contacts/lists",
	}, map[string]any{"name": name, "folderId": folder})
}

// FirstFolder is the oldest folder of lists; 0 where there is none.
//
// GET /contacts/folders
// Source: developers.brevo.com/reference/get-folders
func (c *Client) FirstFolder(ctx context.Context) (int64, error) {
	var answer struct {
		Folders []List `json:"folders"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /contacts/folders", Doing: "reading Brevo's folders", Method: http.MethodGet, Path: "/contacts/folders", Bucket: bucketContacts,
		Query:  url.Values{"limit": {"1"}, "sort": {"asc"}},
		Decode: func(b []byte) error { return json.Unmarshal(b, &answer) },
	})
	if err != nil || len(answer.Folders) == 0 {
		return 0, err
	}
	return answer.Folders[0].ID, nil
}

// CreateFolder creates a folder for lists and returns its id.
//
// POST /contacts/folders, 201.
// Source: developers.brevo.com/reference/create-folder
func (c *Client) CreateFolder(ctx context.Context, name string) (int64, error) {
	return c.createNumbered(ctx, &rest.Request{
		Op: "POST /contacts/folders", Doing: "creating the folder " + strconv.Quote(name), Path: "/contacts/folders",
	}, map[string]any{"name": name})
}

// createNumbered creates what Brevo gives a number.
func (c *Client) createNumbered(ctx context.Context, req *rest.Request, body map[string]any) (int64, error) {
	var answer struct {
		ID int64 `json:"id"`
	}
	req.Bucket = bucketContacts
	err := c.create(ctx, req, body, func(b []byte) error {
		if err := json.Unmarshal(b, &answer); err != nil {
			return err
		}
		if answer.ID == 0 {
			return errors.New("it names no id")
		}
		return nil
	})
	return answer.ID, err
}

// create makes a call that is not repeated by itself: what the first one made, the second would find
// taken, or make again.
func (c *Client) create(ctx context.Context, req *rest.Request, body map[string]any, decode func([]byte) error) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req.Method, req.Body, req.Decode = http.MethodPost, [][]byte{encoded}, decode
	_, err = c.rest.Do(ctx, req)
	return err
}

// LimitReached reports whether a call was refused or held back because the calls that Brevo allows are
// used up, and when there is room again.
func LimitReached(err error) (until time.Time, reached bool) {
	var e *rest.Error
	if errors.As(err, &e) && e.Kind == rest.RateLimited {
		return e.Until, true
	}
	return time.Time{}, false
}
