package rest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind says what a caller can do about an Error.
type Kind int

const (
	// Unreachable means that no answer came: refused, reset, timed out, or unknown host.
	Unreachable Kind = iota + 1
	// Malformed means that a success came without the body it promises. It was tried again.
	Malformed
	// Unavailable is a 408, 425 or 5xx.
	Unavailable
	// RateLimited is a 429, or a call that was held back so that there is none. Until says when it goes on.
	RateLimited
	// Unauthorized is a 401, 402 or 403: nothing works until a person has mended it.
	Unauthorized
	// Blocked is a 403 that comes from a firewall before the API. It is not tried again before Until.
	Blocked
	// NotFound is a 404 or 410.
	NotFound
	// Refused is any other 4xx: this call, as it stands, will never succeed.
	Refused
)

// Error is a call that did not succeed, with all that the vendor said about it.
type Error struct {
	Kind          Kind
	Vendor, Host  string
	Op, Doing     string
	Status        int       // 0 when no answer came
	Code          string    // the vendor's
	Message       string    // the vendor's
	CorrelationID string    // the vendor's, for its support
	Duplicates    []string  // identifiers that belong to another record
	Until         time.Time // RateLimited, Blocked: when the client goes on by itself
	Daily         bool      // RateLimited: no tokens are left of the day
	Remedy        string    // what the user can do about it
	Err           error     // the cause, when no answer came
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Doing != "" {
		b.WriteString(e.Doing + ": ")
	}
	switch {
	case e.Status == 0 && e.Message != "":
		b.WriteString(e.Message)
	case e.Status == 0:
		fmt.Fprintf(&b, "no usable answer from %s (%s): %v", e.Vendor, e.Host, e.Err)
	default:
		fmt.Fprintf(&b, "%s answered %d %s", e.Vendor, e.Status, e.text())
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " [%s]", e.Code)
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.CorrelationID)
	}
	if !e.Until.IsZero() {
		// Up to the second, so that all who wait for the same say the same.
		fmt.Fprintf(&b, "; it goes on by itself at %s UTC", e.Until.UTC().Add(time.Second-1).Format(time.DateTime))
	}
	if e.Remedy != "" {
		b.WriteString(": " + e.Remedy)
	}
	return b.String()
}

func (e *Error) text() string {
	if e.Message != "" {
		return e.Message
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	return strings.ToLower(http.StatusText(e.Status))
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether err is an *Error of one of the kinds.
func Is(err error, kinds ...Kind) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, k := range kinds {
		if e.Kind == k {
			return true
		}
	}
	return false
}

// Passing reports whether waiting can mend err: the vendor is down, busy, or cannot be reached.
func Passing(err error) bool {
	return Is(err, Unreachable, Malformed, Unavailable, RateLimited)
}

func (e *Error) retryable(req *Request) bool {
	switch e.Kind {
	case RateLimited:
		return true
	case Unavailable:
		return e.Status == http.StatusTooEarly || req.repeatable()
	case Unreachable, Malformed:
		return req.repeatable()
	}
	return false
}

func (c *Client) failure(req *Request, err error) *Error {
	kind := Unreachable
	if errors.Is(err, errEmptyBody) || errors.Is(err, errCutBody) {
		kind = Malformed
	}
	if errors.Is(err, errLargeBody) {
		kind = Refused
	}
	e := &Error{Kind: kind, Vendor: c.cfg.Vendor, Host: c.Host(), Op: req.Op, Doing: req.Doing, Err: c.redacted(err)}
	if kind == Unreachable {
		e.Remedy = fmt.Sprintf("check that %s can be reached from here", c.Host())
	}
	return e
}

func (c *Client) malformed(req *Request, resp *http.Response, err error) *Error {
	e := c.failure(req, fmt.Errorf("%d with a body that does not decode: %w", resp.StatusCode, err))
	e.Kind, e.Remedy = Malformed, ""
	return e
}

func (c *Client) refusal(req *Request, resp *http.Response, body []byte) *Error {
	e := &Error{
		Kind: kindOf(resp.StatusCode), Vendor: c.cfg.Vendor, Host: c.Host(), Op: req.Op, Doing: req.Doing,
		Status: resp.StatusCode,
	}
	if html(resp, body) {
		e.Message = "with an HTML page instead of the API's JSON"
		if e.Kind == Unauthorized {
			e.Kind = Blocked
			e.Remedy = "a firewall before the API keeps this machine out; " + firewallRemedy
		}
	} else if c.cfg.Explain != nil {
		c.cfg.Explain([]byte(c.redact(string(body))), resp.Header, e)
		e.Message, e.Code, e.CorrelationID = c.redact(e.Message), c.redact(e.Code), c.redact(e.CorrelationID)
	}
	switch books := c.cfg.Books; {
	case e.Kind == RateLimited && books != nil:
		books.limited(req, resp, e)
	case e.Kind == RateLimited:
		e.Until = time.Now().Add(time.Second)
	case e.Kind == Blocked && books != nil:
		books.blocked(e)
	}
	return e
}

// limit is what held the request back, for an Attempt.
func (e *Error) limit() Limit {
	switch {
	case e.Kind == Blocked:
		return Firewall
	case e.Kind == RateLimited && e.Daily:
		return Daily
	case e.Kind == RateLimited:
		return Burst
	}
	return ""
}

func kindOf(status int) Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		return Unauthorized
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusTooManyRequests:
		return RateLimited
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return Unavailable
	case http.StatusNotImplemented:
		return Refused
	}
	if status >= 500 {
		return Unavailable
	}
	return Refused
}

func html(resp *http.Response, body []byte) bool {
	return strings.Contains(resp.Header.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// redact takes the credential out of a text that may have quoted it.
func (c *Client) redact(s string) string {
	if c.cfg.Secret == "" {
		return s
	}
	return strings.ReplaceAll(s, c.cfg.Secret, "***")
}

func (c *Client) redacted(err error) error {
	if s := err.Error(); c.redact(s) != s {
		return errors.New(c.redact(s))
	}
	return err
}
