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
	"sync"
	"time"

	"connector/plugins/internal/rest"
)

// ListOptions narrow a list. The zero value lists everything, 100 a page.
type ListOptions struct {
	Version       string // "v2" (default) or "v1" where the object has both
	Limit         int    // records a page, 500 at most
	FilterID      int
	IncludeFields []string // those that the object does not have are left out

	// UpdatedSince, in whole seconds and inclusive, narrows the list to what changed then or later and
	// puts it into ascending order of update_time. Deleted deals of the last 30 days are in it.
	UpdatedSince time.Time

	// ByTime puts a whole list into ascending order of update_time, too.
	ByTime bool

	// By narrows the list to the records that are linked to another one: By "person_id", ByID "7". Not with
	// every object.
	By, ByID string

	// IDs narrow the list to at most 100 ids, deleted deals of the last 30 days included. Those that there are
	// not are left out without a word.
	IDs []string
}

// Page is one page of a list.
type Page struct {
	Object *Object
	Next   string // the position of the next page; empty after the last

	version string
	raw     []byte
	records []Record
	decode  func(p *Page, body []byte, position string) ([]Record, string, error) // may set p's lists of ids
	taking  sync.Mutex                                                            // guards records

	// Missing are the ids of records that /v1/recents speaks of without showing them.
	Missing []string

	// IDs are those of a page that is found by counting, in its order, also of what is not shown.
	IDs []string

	// LastTimestamp is that of /v1/recents.
	LastTimestamp string
}

// Counted reports whether the page after this one is found by counting records, so that what is deleted
// or changed between the two shifts others from one to the other.
func (p *Page) Counted() bool { return p.version == "v1" }

// List returns the page at a position; "" is the first. Pages come in ascending order of id where
// the object has a numeric one.
//
// GET /api/v2/{objects} with cursor and limit, 10 tokens whatever the page size (pipelines and
// stages 5); GET /v1/{objects} with start and limit, 20 tokens (users: one page).
// Source: pipedrive.readme.io/docs/core-api-concepts-pagination
func (c *Client) List(ctx context.Context, o *Object, position string, opts ListOptions) (*Page, error) {
	page := &Page{Object: o, version: o.versionFor(opts.Version), decode: decodeList}
	req := &rest.Request{Doing: "reading " + o.Plural, Method: http.MethodGet, Bucket: bucketCalls}
	if page.version == "v2" {
		req.Path, req.Cost, req.Query = "/api/v2/"+o.Plural, o.cost, opts.v2Query(o, position)
	} else {
		req.Path, req.Cost, req.Query = "/v1/"+cmp.Or(o.path, o.Plural), o.costV1, opts.v1Query(o, position)
	}
	return page, c.fill(ctx, page, req, position)
}

// fill makes the call that gives a page.
func (c *Client) fill(ctx context.Context, page *Page, req *rest.Request, position string) error {
	req.Op = cmp.Or(req.Op, "GET "+req.Path)
	req.SizeHint = int(c.pageSize.Load())
	req.Decode = func(body []byte) (err error) {
		page.raw = body
		page.IDs = nil
		page.records, page.Next, err = page.decode(page, body, position)
		if page.Counted() && page.IDs == nil {
			for _, r := range page.records {
				page.IDs = append(page.IDs, r.ID())
			}
		}
		return err
	}
	if _, err := c.rest.Do(ctx, req); err != nil {
		return err
	}
	c.pageSize.Store(int64(len(page.raw)) * 9 / 8)
	return nil
}

func (opts ListOptions) v2Query(o *Object, position string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(opts.Limit)}}
	if position != "" {
		q.Set("cursor", position)
	}
	if opts.FilterID != 0 {
		q.Set("filter_id", strconv.Itoa(opts.FilterID))
	}
	if opts.By != "" {
		q.Set(opts.By, opts.ByID)
	}
	if len(opts.IDs) > 0 {
		q.Set("ids", strings.Join(opts.IDs, ","))
	}
	if !opts.UpdatedSince.IsZero() {
		q.Set("updated_since", wholeSeconds(opts.UpdatedSince))
	}
	if opts.ByTime || !opts.UpdatedSince.IsZero() {
		q.Set("sort_by", "update_time")
		q.Set("sort_direction", "asc")
	}
	if o.Name == "deal" && (len(opts.IDs) > 0 || !opts.UpdatedSince.IsZero()) {
		q.Set("status", "open,won,lost,deleted")
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
	if by := opts.By; by != "" {
		if o.Name == "lead" && by == "org_id" {
			by = "organization_id"
		}
		q.Set(by, opts.ByID)
	}
	if !opts.UpdatedSince.IsZero() {
		q.Set("updated_since", wholeSeconds(opts.UpdatedSince))
	}
	if opts.ByTime || !opts.UpdatedSince.IsZero() {
		q.Set("sort", "update_time ASC")
	}
	if o.paged {
		q.Set("limit", strconv.Itoa(opts.Limit))
		q.Set("start", cmp.Or(position, "0"))
	}
	return q
}

// wholeSeconds is the only form of a time that v2 takes.
func wholeSeconds(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

var errUnsuccessful = errors.New(`the answer says "success": false`)

func decodeList(_ *Page, body []byte, position string) ([]Record, string, error) {
	return decodePage(body, position)
}

// decodePage reads the frame of any list. v1 nests its pagination or lays it flat, by endpoint.
func decodePage(body []byte, position string) (records []Record, next string, err error) {
	frame, data, err := decodeFrame(body)
	if err != nil {
		return nil, "", err
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

// decodeFrame reads what all lists share.
func decodeFrame(body []byte) (frame map[string]any, data []any, err error) {
	decoded, err := decodeJSON(body)
	if err != nil {
		return nil, nil, err
	}
	frame, ok := decoded.(map[string]any)
	if !ok {
		return nil, nil, errors.New("the answer is not an object")
	}
	if success, ok := frame["success"].(bool); ok && !success {
		return nil, nil, errUnsuccessful
	}
	if _, ok := frame["data"]; !ok && frame["success"] == nil {
		return nil, nil, errors.New("it has neither success nor data")
	}
	data, ok = frame["data"].([]any)
	if !ok && frame["data"] != nil {
		return nil, nil, errors.New("data is not a list")
	}
	return frame, data, nil
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
	p.taking.Lock()
	records, p.records = p.records, nil
	p.taking.Unlock()
	if records == nil {
		if records, _, err = p.decode(new(Page), p.raw, ""); err != nil {
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
