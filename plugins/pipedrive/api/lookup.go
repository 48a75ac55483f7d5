package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"connector/plugins/internal/rest"
)

// Get returns a single record as a page of one, deleted ones included where Pipedrive shows them; nil
// where there is none.
//
// GET /api/v2/{objects}/{id}, 1 token; GET /v1/{objects}/{id}, 2 tokens, where v2 has none.
func (c *Client) Get(ctx context.Context, o *Object, id string) (*Page, error) {
	page := &Page{Object: o, version: o.versionFor("v2"), decode: decodeOne}
	path, cost := "/api/v2/"+o.Plural+"/", 1
	if page.version == "v1" {
		path, cost = "/v1/"+o.Plural+"/", 2
	}
	err := c.fill(ctx, page, &rest.Request{
		Op: "GET " + path + "{id}", Doing: "reading one of the " + o.Plural, Method: http.MethodGet, Path: path + url.PathEscape(id),
		Bucket: bucketCalls, Cost: cost,
	}, "")
	if rest.Is(err, rest.NotFound) {
		return nil, nil
	}
	return page, err
}

// decodeOne reads the frame of a single record.
func decodeOne(_ *Page, body []byte, _ string) ([]Record, string, error) {
	decoded, err := decodeJSON(body)
	if err != nil {
		return nil, "", err
	}
	frame, _ := decoded.(map[string]any)
	record, ok := frame["data"].(map[string]any)
	if !ok {
		return nil, "", errors.New("it holds no record")
	}
	return []Record{record}, "", nil
}

// Gone is a page of one record of which nothing is left but what is known of it here.
func Gone(o *Object, known Record) *Page {
	raw, err := json.Marshal(map[string]any{"success": true, "data": known})
	if err != nil {
		panic(err) // never: it is made of texts and numbers
	}
	return &Page{Object: o, version: o.versionFor("v2"), decode: decodeOne, raw: raw}
}

// PersonsWithEmail are the ids of persons that have an address, spelled just so.
//
// GET /api/v2/persons/search, 20 tokens.
// Source: developers.pipedrive.com/docs/api/v1/Persons#searchPersons
func (c *Client) PersonsWithEmail(ctx context.Context, address string) (ids []string, err error) {
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "GET /api/v2/persons/search", Doing: "searching persons", Method: http.MethodGet, Path: "/api/v2/persons/search",
		Query:  url.Values{"term": {address}, "fields": {"email"}, "exact_match": {"true"}},
		Bucket: bucketSearch, Cost: 20,
		Decode: func(body []byte) error {
			var answer struct {
				Data struct {
					Items []struct {
						Item struct {
							ID json.Number `json:"id"`
						} `json:"item"`
					} `json:"items"`
				} `json:"data"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			ids = nil
			for _, found := range answer.Data.Items {
				ids = append(ids, found.Item.ID.String())
			}
			return nil
		},
	})
	return ids, err
}
