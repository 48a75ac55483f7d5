package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"connector/plugins/internal/rest"
)

// Company is the body of a company write. What it does not say is left untouched.
type Company struct {
	Name       string
	Attributes map[string]any // by internal name
	More       map[string]any // countryCode, and what this package does not know
}

func (c Company) body() map[string]any {
	body := make(map[string]any, 2+len(c.More))
	for k, v := range c.More {
		body[k] = v
	}
	if c.Name != "" {
		body["name"] = c.Name
	}
	if len(c.Attributes) > 0 {
		body["attributes"] = c.Attributes
	}
	return body
}

// FoundCompany is a company as Brevo has it.
type FoundCompany struct {
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"` // numbers are json.Number
	Contacts   []int64        `json:"linkedContactsIds"`
}

// Text is an attribute as text; empty where it has none.
func (c FoundCompany) Text(attribute string) string {
	if v := c.Attributes[attribute]; v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// CreateCompany creates a company and returns its id. Brevo has neither an id of ours nor unique names to
// tell that it has the company already, so an answer that is lost is not asked for by sending again.
//
// POST /companies, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/create-a-company
func (c *Client) CreateCompany(ctx context.Context, company Company) (id string, err error) {
	var answer struct {
		ID string `json:"id"`
	}
	body, err := json.Marshal(company.body())
	if err != nil {
		return "", err
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "POST /companies", Doing: "creating a company", Method: http.MethodPost, Path: "/companies",
		Body: [][]byte{body}, Bucket: bucketOther, Once: true,
		Decode: func(b []byte) error {
			if err := json.Unmarshal(b, &answer); err != nil {
				return err
			}
			if answer.ID == "" {
				return fmt.Errorf("it names no id")
			}
			return nil
		},
	})
	return answer.ID, err
}

// UpdateCompany changes what company says. A company that is not there is a rest.NotFound.
//
// PATCH /companies/{id}, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/update-a-company
func (c *Client) UpdateCompany(ctx context.Context, id string, company Company) error {
	return c.changeCompany(ctx, http.MethodPatch, "updating a company", "/companies/{id}", id, company.body())
}

// DeleteCompany deletes a company for good. One that is not there is no error.
//
// DELETE /companies/{id}, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/delete-a-company
func (c *Client) DeleteCompany(ctx context.Context, id string) error {
	err := c.changeCompany(ctx, http.MethodDelete, "deleting a company", "/companies/{id}", id, nil)
	if rest.Is(err, rest.NotFound) {
		return nil
	}
	return err
}

// LinkCompany links contacts to a company, and unlinks others, by their ids in Brevo.
//
// PATCH /companies/link-unlink/{id}, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/link-and-unlink-company-with-contact-and-deal
func (c *Client) LinkCompany(ctx context.Context, id string, link, unlink []int64) error {
	body := map[string]any{}
	if len(link) > 0 {
		body["linkContactIds"] = link
	}
	if len(unlink) > 0 {
		body["unlinkContactIds"] = unlink
	}
	return c.changeCompany(ctx, http.MethodPatch, "linking contacts to a company", "/companies/link-unlink/{id}", id, body)
}

func (c *Client) changeCompany(ctx context.Context, method, doing, pattern, id string, body map[string]any) error {
	req := &rest.Request{
		Op: method + " " + pattern, Doing: doing, Method: method, Path: strings.Replace(pattern, "{id}", url.PathEscape(id), 1),
		Bucket: bucketOther, Repeatable: true, BodyOptional: true,
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

// Company returns a company. One that is not there is a rest.NotFound.
//
// GET /companies/{id}, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/get-a-company
func (c *Client) Company(ctx context.Context, id string) (found FoundCompany, err error) {
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "GET /companies/{id}", Doing: "reading a company", Method: http.MethodGet, Path: "/companies/" + url.PathEscape(id),
		Bucket: bucketOther, Decode: func(b []byte) error { return decodeNumbers(b, &found) },
	})
	return found, err
}

// CompanyPage says which companies to read.
type CompanyPage struct {
	Limit     int       // whose maximum is not documented
	Page      int       // left out if it is negative; whether the first is 0 or 1 is not documented
	Ascending bool      // by creation
	Since     time.Time // only those created since then; zero for all
}

// Companies returns a page of companies.
//
// GET /companies, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/get-all-companies
func (c *Client) Companies(ctx context.Context, page CompanyPage) ([]FoundCompany, error) {
	q := url.Values{"limit": {strconv.Itoa(page.Limit)}, "sort": {"desc"}}
	if page.Ascending {
		q.Set("sort", "asc")
	}
	if page.Page >= 0 {
		q.Set("page", strconv.Itoa(page.Page))
	}
	if !page.Since.IsZero() {
		q.Set("createdSince", page.Since.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	var answer struct {
		Items []FoundCompany `json:"items"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /companies", Doing: "reading companies", Method: http.MethodGet, Path: "/companies", Query: q,
		Bucket: bucketOther, Decode: func(b []byte) error { return decodeNumbers(b, &answer) },
	})
	return answer.Items, err
}

// Now is Brevo's clock, as its last answer told it.
func (c *Client) Now() time.Time { return c.rest.Now() }

func decodeNumbers(b []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	return d.Decode(v)
}
