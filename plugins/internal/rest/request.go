package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Request is one call of the API.
type Request struct {
	// Op names the call in errors and metrics: method and path pattern, never an address or an id
	// that could be personal data.
	Op     string
	Doing  string // what the call is for, as a gerund: "reading persons"
	Method string
	Path   string // below the base URL, already escaped
	Query  url.Values
	Body   [][]byte // in parts, or nil

	// ContentType is the body's. Empty means JSON.
	ContentType string

	// Bucket and Cost say what the call draws from the books.
	Bucket string
	Cost   int

	// Repeatable says that doing it twice is the same as doing it once. GET, PUT and DELETE are
	// taken to be so, unless Unrepeatable says otherwise.
	Repeatable, Unrepeatable bool

	// Once switches retries off: for a check that has to tell at once.
	Once bool

	// Decode reads a successful answer that has a body. Its error makes the answer malformed, which
	// is tried again.
	Decode func(body []byte) error

	// BodyOptional accepts a successful answer without a body, as many writes have.
	BodyOptional bool

	// SizeHint is how large the answer's body may be: a compressed one does not say so itself.
	SizeHint int

	waited time.Duration
	entry  *entry // in the books
}

// Answer is what a successful call came back with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r *Request) repeatable() bool {
	if r.Unrepeatable {
		return false
	}
	return r.Repeatable || r.Method == http.MethodGet || r.Method == http.MethodPut || r.Method == http.MethodDelete
}

// Do makes the call, again where that can help, until it succeeds, is refused, or the retries'
// bound is reached. Every error it returns is an *Error, or the context's.
func (c *Client) Do(ctx context.Context, req *Request) (*Answer, error) {
	return c.cfg.Retry.run(ctx, req, func() (*Answer, error) {
		answer, err := c.attempt(ctx, req)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return answer, err
	})
}

func (c *Client) attempt(ctx context.Context, req *Request) (*Answer, error) {
	if books := c.cfg.Books; books != nil {
		// The wait for the limits happens outside the attempt's own timeout.
		if err := books.wait(ctx, req); err != nil {
			c.heldBack(err)
			return nil, err
		}
		defer func() { books.leave(req.entry, true) }()
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, requestKey{}, req), c.cfg.Timeout)
	defer cancel()

	hr, err := http.NewRequestWithContext(ctx, req.Method, c.cfg.BaseURL.String()+req.Path, nil)
	if err != nil {
		return nil, c.failure(req, WithoutURL(err))
	}
	hr.URL.RawQuery = req.Query.Encode()
	hr.Header.Set("Accept", "application/json")
	hr.Header.Set("Accept-Encoding", "gzip")
	if req.Body != nil {
		setBody(hr, req.Body)
		if req.ContentType != "" {
			hr.Header.Set("Content-Type", req.ContentType)
		}
	}

	a := Attempt{Op: req.Op, Bucket: req.Bucket, Cost: req.Cost, Waited: req.waited}
	start := time.Now()
	resp, err := c.http.Do(hr)
	a.Duration = time.Since(start)
	if err != nil {
		c.observe(a)
		return nil, c.failure(req, WithoutURL(err))
	}
	a.Status = resp.StatusCode
	c.clock.told(resp.Header)
	body := resp.Body.(*wholeBody).bytes
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		refusal := c.refusal(req, resp, body)
		a.Limit = refusal.limit()
		c.observe(a)
		return nil, refusal
	}
	c.observe(a)
	if req.Decode != nil && len(body) > 0 {
		if err := req.Decode(body); err != nil {
			return nil, c.malformed(req, resp, err)
		}
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

func (c *Client) observe(a Attempt) {
	if c.cfg.Observe != nil {
		c.cfg.Observe(a)
	}
}

// heldBack tells of a request that the books did not let out.
func (c *Client) heldBack(err error) {
	var e *Error
	if errors.As(err, &e) && c.cfg.HeldBack != nil {
		c.cfg.HeldBack(e)
	}
}

// setBody lets net/http send the parts again on a fresh connection.
func setBody(hr *http.Request, parts [][]byte) {
	hr.Header.Set("Content-Type", "application/json")
	for _, part := range parts {
		hr.ContentLength += int64(len(part))
	}
	hr.GetBody = func() (io.ReadCloser, error) {
		readers := make([]io.Reader, len(parts))
		for i, part := range parts {
			readers[i] = bytes.NewReader(part)
		}
		return io.NopCloser(io.MultiReader(readers...)), nil
	}
	hr.Body, _ = hr.GetBody()
}
