package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"connector/plugins/internal/rest"
)

// RecentsReach is how far back /v1/recents goes, with a day to spare.
const RecentsReach = 27 * 24 * time.Hour

// Recents returns what changed of an object since a time, oldest change first. What it shows is in v1's
// form; what it does not show is in the page's Missing.
//
// GET /v1/recents, 20 tokens. One month back at most; nothing whose update_time is null.
// Source: developers.pipedrive.com/docs/api/v1/Recents
func (c *Client) Recents(ctx context.Context, o *Object, since time.Time, position string, limit int) (*Page, error) {
	page := &Page{Object: o, version: "v1", decode: decodeRecents}
	q := url.Values{
		"since_timestamp": {since.UTC().Format(time.DateTime)}, "items": {o.Name}, "limit": {strconv.Itoa(limit)},
	}
	if position != "" {
		q.Set("start", position)
	}
	return page, c.fill(ctx, page, &rest.Request{
		Doing: "reading recent " + o.Plural, Method: http.MethodGet, Path: "/v1/recents", Query: q, Bucket: bucketCalls, Cost: 20,
	}, position)
}

// decodeRecents takes the records out of their entries. Data was recorded as null, and as a list.
func decodeRecents(p *Page, body []byte, position string) (records []Record, next string, err error) {
	frame, data, err := decodeFrame(body)
	if err != nil {
		return nil, "", err
	}
	additional, _ := frame["additional_data"].(map[string]any)
	p.LastTimestamp, _ = additional["last_timestamp_on_page"].(string)
	p.Missing, p.IDs = nil, make([]string, 0, len(data))
	for _, item := range data {
		entry, _ := item.(map[string]any)
		shown, ok := entry["data"].([]any)
		if !ok {
			shown = []any{entry["data"]}
		}
		found := 0
		for _, r := range shown {
			if r, ok := r.(map[string]any); ok {
				records, found = append(records, r), found+1
			}
		}
		id := idText(entry["id"])
		p.IDs = append(p.IDs, id)
		if found == 0 && id != "" {
			p.Missing = append(p.Missing, id)
		}
	}
	next, err = nextPosition(frame, position, len(data))
	return records, next, err
}
