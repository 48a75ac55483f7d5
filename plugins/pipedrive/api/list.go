package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"connector/plugins/internal/rest"
)

// ListOptions narrow a list. The zero value lists everything, 100 a page.
type ListOptions struct {
	Version       string // "v2" (default) or "v1" where the object has both
	Limit         int    // records a page, 500 at most
	FilterID      int
	IncludeFields []string // those that the object does not have are left out
}

// Page is one page of a list.
type Page struct {
	Object *Object
	Next   string // the position of the next page; empty after the last

	version string
	raw     []byte
	records []Record
}

// List returns the page at a position; "" is the first. Pages come in ascending order of id where
// the object has a numeric one.
//
// GET /api/v2/{objects} with cursor and limit, 10 tokens whatever the page size (pipelines and
// stages 5); GET /v1/{objects} with start and limit, 20 tokens (users: one page).
// Source: pipedrive.readme.io/docs/core-api-concepts-pagination
func (c *Client) List(ctx context.Context, o *Object, position string, opts ListOptions) (*Page, error) {
	page := &Page{Object: o, version: o.versionFor(opts.Version)}
	req := &rest.Request{Doing: "reading " + o.Plural, Method: http.MethodGet, Bucket: bucketCalls}
	if page.version == "v2" {
		req.Path, req.Cost, req.Query = "/api/v2/"+o.Plural, o.cost, opts.v2Query(o, position)
	} else {
		req.Path, req.Cost, req.Query = "/v1/"+o.Plural, o.costV1, opts.v1Query(o, position)
	}
	req.Op = "GET " + req.Path
	req.SizeHint = int(c.pageSize.Load())
	req.Decode = func(body []byte) (err error) {
		page.raw = body
		page.records, page.Next, err = decodePage(body, position)
		return err
	}
	if _, err := c.rest.Do(ctx, req); err != nil {
		return nil, err
	}
	c.pageSize.Store(int64(len(page.raw)) * 9 / 8)
	return page, nil
}

func (opts ListOptions) v2Query(o *Object, position string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(opts.Limit)}}
	if position != "" {
		q.Set("cursor", position)
	}
	if opts.FilterID != 0 {
		q.Set("filter_id", strconv.Itoa(opts.FilterID))
	}
	var fields []string
	for _, f := range opts.IncludeFields {
		if o.Includes(f) {
			fields = append(fields, f)
		}
	}
	if len(fields) > 0 {
		q.Set("include_fields", strings.Join(fields, ","))
	}
	return q
}

func (opts ListOptions) v1Query(o *Object, position string) url.Values {
	q := url.Values{}
	if opts.FilterID != 0 {
		q.Set("filter_id", strconv.Itoa(opts.FilterID))
	}
	if o.Name == "activity" {
		q.Set("user_id", "0") // else v1 lists those of the token's user only
	}
	if o.paged {
		q.Set("limit", strconv.Itoa(opts.Limit))
		q.Set("start", cmp.Or(position, "0"))
	}
	return q
}

var errUnsuccessful = errors.New(`the answer says "success": false`)

// decodePage reads the frame of any list. v1 nests its pagination or lays it flat, by endpoint.
func decodePage(body []byte, position string) (records []Record, next string, err error) {
	decoded, err := decodeJSON(body)
	if err != nil {
		return nil, "", err
	}
	frame, ok := decoded.(map[string]any)
	if !ok {
		return nil, "", errors.New("the answer is not an object")
	}
	if success, ok := frame["success"].(bool); ok && !success {
		return nil, "", errUnsuccessful
	}
	if _, ok := frame["data"]; !ok && frame["success"] == nil {
		return nil, "", errors.New("it has neither success nor data")
	}
	data, ok := frame["data"].([]any)
	if !ok && frame["data"] != nil {
		return nil, "", errors.New("data is not a list")
	}
	records = make([]Record, 0, len(data))
	for _, item := range data {
		if r, ok := item.(map[string]any); ok {
			records = append(records, r)
		}
	}
	next, err = nextPosition(frame, position, len(data))
	return records, next, err
}

func nextPosition(frame map[string]any, position string, count int) (next string, err error) {
	additional, _ := frame["additional_data"].(map[string]any)
	pagination, nested := additional["pagination"].(map[string]any)
	if !nested {
		pagination = additional
	}
	more, _ := pagination["more_items_in_collection"].(bool)
	if cursor, ok := additional["next_cursor"].(string); ok {
		// A copy, so that the position does not keep the page in memory.
		next = strings.Clone(cursor)
	} else if start, ok := pagination["next_start"].(json.Number); ok && more {
		next = strings.Clone(start.String())
	} else if more {
		// next_start may be missing.
		start, _ := strconv.Atoi(cmp.Or(position, "0"))
		limit, _ := strconv.Atoi(idText(pagination["limit"]))
		next = strconv.Itoa(start + max(limit, count))
	}
	if next != "" && next == position {
		return "", errors.New("the next page is this page")
	}
	return next, nil
}

// Records are the page's records in the one shape of Record. They belong to the caller, who may
// change them: asked again, the page makes them anew.
func (p *Page) Records(ctx context.Context, c *Client) ([]Record, error) {
	fields, err := c.fieldsFor(ctx, p.Object, p.version, nil)
	if err != nil {
		return nil, err
	}
	records, unknown, err := p.shaped(fields)
	if err != nil || len(unknown) == 0 {
		return records, err
	}
	fresh, err := c.fieldsFor(ctx, p.Object, p.version, unknown)
	if err != nil || fresh == fields {
		return records, err
	}
	// Anew, since v1 gives values that cannot be read without their definition.
	records, _, err = p.shaped(fresh)
	return records, err
}

// shaped makes the records with the definitions at hand, and names what these do not explain.
func (p *Page) shaped(fields *Fields) (records []Record, unknown []string, err error) {
	records, p.records = p.records, nil
	if records == nil {
		if records, _, err = decodePage(p.raw, ""); err != nil {
			return nil, nil, err
		}
	}
	for _, r := range records {
		if p.version == "v1" {
			r.fromV1(p.Object, fields)
		}
		r.normalize(p.Object)
		if fields != nil {
			unknown = append(unknown, r.nameCustomFields(fields)...)
		}
	}
	return records, unknown, nil
}
