// Package api is Brevo's REST API v3 in Go, as far as the connector writes and reads it, with its
// limits, its errors and its peculiarities.
//
// It knows nothing of Benthos.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"connector/plugins/internal/rest"
)

// DefaultBaseURL is Brevo's only public address.
const DefaultBaseURL = "https://api.brevo.com/v3"

// Config says whose account a Client writes, and how fast.
type Config struct {
	APIKey            string
	BaseURL           string
	Tier              string // "general", "advanced" or "extended"
	RequestsPerSecond int    // of contacts and events each; 0 means the tier's
	Timeout           time.Duration
	Observe           func(rest.Attempt)
	HeldBack          func(*rest.Error) // called for each call that the limits do not let out; may be nil

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // for tests; see rest.Config
}

// Client calls the API of one Brevo account. It is safe for concurrent use and holds the account's
// limits.
type Client struct {
	rest    *rest.Client
	reports *http.Client // for report files, which are not behind the key
	other   *rest.Window // the hourly one
}

// limits are requests a second for contacts and for events, and requests an hour for all else. The
// hourly limits of contacts and events are the hour's seconds times these, so they cannot be reached.
type limits struct{ perSecond, otherPerHour int }

// Source: developers.brevo.com/docs/api-limits
var tiers = map[string]limits{
	"general":  {10, 100},
	"advanced": {20, 200},
	"extended": {60, 600},
}

const (
	bucketContacts = "contacts"
	bucketEvents   = "events"
	bucketOther    = "other"
)

// New checks the configuration. It makes no call.
func New(cfg Config) (*Client, error) {
	if cfg.APIKey == "" {
		return nil, errors.New("api_key is empty: set it, or BREVO_API_KEY (Brevo: Settings > SMTP & API > API keys)")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	u, err := rest.ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	tier, ok := tiers[cfg.Tier]
	if !ok {
		return nil, fmt.Errorf("there is no tier %q: it is general, advanced or extended", cfg.Tier)
	}
	perSecond := tier.perSecond
	if cfg.RequestsPerSecond > 0 {
		perSecond = cfg.RequestsPerSecond
	}
	quick := func() *rest.Bucket {
		return &rest.Bucket{
			Gate:    &rest.Gate{Least: time.Second, Most: time.Minute},
			Windows: []*rest.Window{rest.NewWindow(perSecond, time.Second)},
		}
	}
	other := rest.NewWindow(tier.otherPerHour, time.Hour)
	reports := &http.Client{Timeout: cfg.Timeout}
	if cfg.Dial != nil {
		reports.Transport = &http.Transport{DialContext: cfg.Dial}
	}
	return &Client{
		reports: reports, other: other,
		rest: rest.New(rest.Config{
			Vendor: "Brevo", BaseURL: u, Header: "api-key", Secret: cfg.APIKey,
			Timeout: cfg.Timeout, Retry: rest.DefaultRetry, Explain: explain, Observe: cfg.Observe,
			HeldBack: cfg.HeldBack, Dial: cfg.Dial,
			Books: &rest.Books{
				Vendor: "Brevo", Read: readHeaders,
				Buckets: map[string]*rest.Bucket{
					bucketContacts: quick(),
					bucketEvents:   quick(),
					bucketOther: {
						Gate:    &rest.Gate{Least: 10 * time.Second, Most: time.Hour},
						Windows: []*rest.Window{other},
					},
				},
			},
		}),
	}, nil
}

// Close gives the idle connections back.
func (c *Client) Close() {
	c.rest.Close()
	c.reports.CloseIdleConnections()
}

// OtherCalls are the times of the calls of the last hour that count towards the 100 an hour, oldest
// first: 200 or 600 on the higher tiers. Stored, they keep a restarted process from overrunning these.
func (c *Client) OtherCalls() []time.Time { return c.other.Recent(time.Now()) }

// RestoreOtherCalls takes back what OtherCalls said in a former run. Those that are known already, or
// older than an hour, are left out.
func (c *Client) RestoreOtherCalls(times []time.Time) { c.other.Restore(times) }

// OtherCallsVersion grows with each such call, just before it goes out: when it has, OtherCalls is to be
// stored anew.
func (c *Client) OtherCallsVersion() uint64 { return c.other.Version() }

// Left is how many calls each bucket has room for now, by the client's own books.
func (c *Client) Left() map[string]int {
	left := map[string]int{}
	for name, b := range c.rest.Books().Buckets {
		left[name] = b.Left()
	}
	return left
}

// Totals are the calls since the start, and how they stand.
func (c *Client) Totals() rest.Totals { return c.rest.Books().Totals() }

// readHeaders takes the window that Brevo reports; which of two it is, is not documented. Reset is
// the time left in seconds.
// Source: developers.brevo.com/docs/limit-headers
func readHeaders(h http.Header) rest.Reading {
	return rest.Reading{
		Limit:        rest.Number(h, "x-sib-ratelimit-limit"),
		Remaining:    rest.Number(h, "x-sib-ratelimit-remaining"),
		Reset:        time.Duration(rest.Number(h, "x-sib-ratelimit-reset")) * time.Second,
		DayRemaining: -1,
	}
}

func explain(body []byte, header http.Header, e *rest.Error) {
	var b struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Metadata struct {
			Duplicates []string `json:"duplicate_identifiers"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		b.Message = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	e.Code, e.Message, e.Duplicates = b.Code, b.Message, b.Metadata.Duplicates
	e.CorrelationID = header.Get("sib-request-id")
	switch e.Status {
	case http.StatusUnauthorized:
		e.Remedy = "check api_key (BREVO_API_KEY; Brevo: Settings > SMTP & API > API keys)"
		if strings.Contains(strings.ToLower(e.Message), "ip address") {
			e.Remedy = "allow this machine's IP address in Brevo (Security > Authorised IPs)"
		}
	case http.StatusPaymentRequired:
		e.Remedy = "the Brevo account's plan does not allow it, or its credits are used up"
	case http.StatusForbidden:
		e.Remedy = "the API key lacks the permission for this in Brevo"
	}
}
