// Package api is Pipedrive's REST API in Go: the two versions of it, their paging, their costs and
// their limits, and one shape for the records of both (see Record).
//
// It knows nothing of Benthos.
package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"connector/plugins/internal/rest"
)

// DefaultBaseURL is where accounts without a company domain are reached.
const DefaultBaseURL = "https://api.pipedrive.com"

// Config says whose data a Client reads, and how fast.
type Config struct {
	APIToken      string
	CompanyDomain string // "acme" for acme.pipedrive.com
	BaseURL       string // scheme and host; it wins over CompanyDomain
	BurstLimit    int    // requests in any 2 s
	DailyBudget   int    // tokens of a day; 0 means not known
	DailyReserve  int    // tokens of a day that are left to others in the company
	Timeout       time.Duration
	Observe       func(rest.Attempt)
	HeldBack      func(*rest.Error) // called for each call that the limits do not let out; may be nil
	Warn          func(string)      // what is odd in the account but does not stop the reading; may be nil

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // for tests; see rest.Config
}

// Client calls the API of one Pipedrive company. It is safe for concurrent use and holds the
// company's limits and field definitions.
type Client struct {
	rest *rest.Client
	cfg  Config

	pageSize atomic.Int64 // bytes that a page is likely to have
	currency atomic.Pointer[string]

	fieldsMu sync.Mutex
	fields   map[string]*Fields

	warned sync.Map // texts, so that each is told once
}

var domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// New checks the configuration. It makes no call.
func New(cfg Config) (*Client, error) {
	if cfg.APIToken == "" {
		return nil, errors.New("api_token is empty: set it, or PIPEDRIVE_API_TOKEN (Pipedrive: Settings > Personal preferences > API)")
	}
	if d := cfg.CompanyDomain; d != "" && !domainPattern.MatchString(d) {
		return nil, fmt.Errorf("company_domain %q is not a name: for https://acme.pipedrive.com write acme", d)
	}
	if err := checkDay(cfg.DailyBudget, cfg.DailyReserve); err != nil {
		return nil, err
	}
	base := cfg.BaseURL
	if base == "" {
		base = DefaultBaseURL
		if cfg.CompanyDomain != "" {
			base = "https://" + cfg.CompanyDomain + ".pipedrive.com"
		}
	}
	u, err := rest.ParseBaseURL(base)
	if err != nil {
		return nil, err
	}
	burst := rest.NewWindow(cfg.BurstLimit, 2*time.Second)
	gate := &rest.Gate{Least: 2 * time.Second, Most: 5 * time.Minute}
	return &Client{
		cfg:    cfg,
		fields: map[string]*Fields{},
		rest: rest.New(rest.Config{
			Vendor: "Pipedrive", BaseURL: u, Header: "x-api-token", Secret: cfg.APIToken,
			Timeout: cfg.Timeout, Retry: rest.DefaultRetry, Explain: explain(cfg), Observe: cfg.Observe,
			HeldBack: cfg.HeldBack, Dial: cfg.Dial,
			Books: &rest.Books{
				Vendor: "Pipedrive", DayBudget: cfg.DailyBudget, DayReserve: cfg.DailyReserve, Read: readHeaders, DayIsSpent: dayIsSpent,
				Buckets: map[string]*rest.Bucket{
					bucketCalls:  {Gate: gate, Windows: []*rest.Window{burst}},
					bucketSearch: {Gate: gate, Windows: []*rest.Window{rest.NewWindow(10, 2*time.Second), burst}},
				},
			},
		}),
	}, nil
}

const (
	bucketCalls  = "burst"
	bucketSearch = "search" // 10 in 2 s on every plan
)

// checkDay refuses a day that leaves nothing to read with.
func checkDay(budget, reserve int) error {
	switch {
	case budget < 0 || reserve < 0:
		return errors.New("daily_budget and daily_reserve cannot be negative")
	case budget > 0 && reserve >= budget:
		return fmt.Errorf("daily_reserve is %d: it must be below daily_budget (%d), or nothing is ever read", reserve, budget)
	}
	return nil
}

// Totals are the calls and tokens since the start, and how the day stands.
func (c *Client) Totals() rest.Totals { return c.rest.Books().Totals() }

// Day is the current day (midnight UTC) and the tokens that this client has spent in it, those of calls
// under way included.
func (c *Client) Day() (date time.Time, tokens int) { return c.rest.Books().Day() }

// RestoreDay takes back what Day said in a former run; the larger figure counts. Another day than the
// current one is ignored.
func (c *Client) RestoreDay(date time.Time, tokens int) { c.rest.Books().RestoreDay(date, tokens) }

// BoundDay makes the day's bounds at least as tight, as a further component with the same credentials
// may name its own. Its error is that of bounds which leave nothing to read with.
func (c *Client) BoundDay(budget, reserve int) error {
	if err := checkDay(budget, reserve); err != nil {
		return err
	}
	return c.rest.Books().Bound(budget, reserve, checkDay)
}

// Now is Pipedrive's clock as of its last answer, up to some seconds behind but never ahead. Before the
// first answer it is the local clock.
func (c *Client) Now() time.Time { return c.rest.Now() }

// Account tells the accounts of two tokens or two hosts apart, without telling the token.
func (c *Client) Account() string {
	sum := sha256.Sum256([]byte(c.rest.Host() + " " + c.cfg.CompanyDomain + " " + c.cfg.APIToken))
	return hex.EncodeToString(sum[:6])
}

// Me checks the credentials, and that they belong to the company that the configuration names.
//
// GET /v1/users/me, 2 tokens.
// Source: developers.pipedrive.com/docs/api/v1/Users#getCurrentUser
func (c *Client) Me(ctx context.Context) error {
	var me struct {
		Data struct {
			Domain   string `json:"company_domain"`
			Currency string `json:"default_currency"`
		} `json:"data"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /v1/users/me", Doing: "checking the Pipedrive credentials", Method: http.MethodGet, Path: "/v1/users/me",
		Bucket: bucketCalls, Cost: 2, Once: true,
		Decode: func(body []byte) error { return json.Unmarshal(body, &me) },
	})
	if rest.Is(err, rest.NotFound, rest.Malformed) && c.cfg.BaseURL == "" && c.cfg.CompanyDomain != "" {
		return fmt.Errorf("%w: check company_domain (PIPEDRIVE_COMPANY_DOMAIN): is there a %s?", err, c.rest.Host())
	}
	if err != nil {
		return err
	}
	if want := c.cfg.CompanyDomain; want != "" && me.Data.Domain != "" && !strings.EqualFold(want, me.Data.Domain) {
		return fmt.Errorf("the API token belongs to the company %q, but company_domain says %q: "+
			"mend company_domain (PIPEDRIVE_COMPANY_DOMAIN) or use a token of that company", me.Data.Domain, want)
	}
	c.currency.Store(&me.Data.Currency)
	return nil
}

// Close gives the idle connections back.
func (c *Client) Close() { c.rest.Close() }

// readHeaders takes the burst window and the day's tokens from an answer. Reset is in seconds.
func readHeaders(h http.Header) rest.Reading {
	return rest.Reading{
		Limit:        rest.Number(h, "x-ratelimit-limit"),
		Remaining:    rest.Number(h, "x-ratelimit-remaining"),
		Reset:        time.Duration(rest.Number(h, "x-ratelimit-reset")) * time.Second,
		DayRemaining: rest.Number(h, "x-daily-ratelimit-token-remaining"),
	}
}

// dayIsSpent tells the two sorts of 429 apart: the day's are not over in 2 s.
func dayIsSpent(e *rest.Error, r rest.Reading, cost int) bool {
	return r.DayRemaining >= 0 && r.DayRemaining < max(cost, 1) || strings.Contains(strings.ToLower(e.Message), "daily")
}

// explain reads the error shapes of the gateway, of v1, of v2 and of the webhooks API.
func explain(cfg Config) func([]byte, http.Header, *rest.Error) {
	return func(body []byte, header http.Header, e *rest.Error) {
		var b struct {
			Error   any                 `json:"error"`
			Message string              `json:"message"`
			Code    any                 `json:"code"`
			Errors  map[string][]string `json:"errors"`
		}
		if err := json.Unmarshal(body, &b); err != nil {
			e.Message = strings.TrimSpace(string(body[:min(len(body), 200)]))
		}
		switch v := b.Error.(type) {
		case string:
			e.Message = v
		case map[string]any:
			e.Message, _ = v["message"].(string)
		}
		if e.Message == "" {
			e.Message = b.Message
		}
		for field, texts := range b.Errors {
			e.Message += fmt.Sprintf(" %s: %s", field, strings.Join(texts, ", "))
		}
		e.Message = strings.TrimSpace(e.Message)
		e.Code, _ = b.Code.(string)
		e.CorrelationID = header.Get("x-correlation-id")
		switch e.Status {
		case http.StatusUnauthorized:
			e.Remedy = "check api_token (PIPEDRIVE_API_TOKEN; Pipedrive: Settings > Personal preferences > API)"
			if cfg.CompanyDomain != "" {
				e.Remedy += ", and that it is a token of the company " + cfg.CompanyDomain
			}
		case http.StatusPaymentRequired:
			e.Remedy = "the Pipedrive account is not open (trial over, or a bill unpaid)"
		case http.StatusForbidden:
			e.Remedy = "the token's user lacks a permission in Pipedrive"
		}
	}
}
