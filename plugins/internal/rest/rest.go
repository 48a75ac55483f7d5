// Package rest is what both vendors' clients stand on: authentication by header, books of the
// vendor's limits, retries, complete bodies, redaction and typed errors.
//
// A request passes these layers, outermost first; each is one small file:
//
//	Client.Do   retries, and decodes within the retry so that a malformed answer is asked for again;
//	            reports each attempt
//	books       waits for room in the vendor's limits, and corrects the books by the answer's headers
//	complete    reads the whole body, bounded, and turns an empty or cut one into an error
//	auth        sets the credential's header
package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config describes one vendor's API to New.
type Config struct {
	Vendor  string        // as it stands in messages: "Pipedrive"
	BaseURL *url.URL      // as Parse returns it
	Header  string        // the header that carries the credential
	Secret  string        // the credential; it never appears in an error
	Timeout time.Duration // of one attempt, body included
	MaxBody int64         // bytes of one answer; 0 means 64 MiB
	Retry   Retry

	// Books holds the limits that a request draws on. Nil means that none are kept.
	Books *Books

	// Explain reads the vendor's error body into the error.
	Explain func(body []byte, header http.Header, err *Error)

	// Observe is called once for each attempt, after its answer is booked. It may be nil.
	Observe func(Attempt)

	// HeldBack is called for each call that the books do not let out, with what its caller gets. It
	// may be nil.
	HeldBack func(*Error)

	// Dial opens the connections; nil means over the network. It is for tests that talk to a server in
	// memory, as those in fake time must.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Attempt is one request as it went over the wire.
type Attempt struct {
	Op       string // "GET /api/v2/persons"
	Bucket   string
	Cost     int
	Status   int           // 0 when no answer came
	Waited   time.Duration // for the limits
	Duration time.Duration
	Limit    Limit // what it was refused for; empty when for none
}

// Client calls one vendor's API. It is safe for concurrent use.
type Client struct {
	cfg   Config
	http  *http.Client
	clock clock
}

// New puts the chain together over a transport of its own.
func New(cfg Config) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.DialContext = cfg.Dial
	if cfg.Dial == nil {
		transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 64 << 20
	}

	var chain http.RoundTripper = transport
	chain = authenticate(chain, cfg.Header, cfg.Secret)
	chain = complete(chain, cfg.MaxBody)
	chain = keepBooks(chain, cfg.Books)
	return &Client{cfg: cfg, http: &http.Client{
		Transport: chain,
		// A redirect would carry the credential's header to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close gives the idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Host is the host that the client talks to, for messages.
func (c *Client) Host() string { return c.cfg.BaseURL.Host }

// BaseURL is where the client's paths begin.
func (c *Client) BaseURL() *url.URL { return c.cfg.BaseURL }

// Books are the limits as the client sees them. Nil where none are kept.
func (c *Client) Books() *Books { return c.cfg.Books }

// Now is the vendor's clock: the Date of its last answer and the time passed since then. It may be up to
// a second and the answer's way behind, never ahead. Before the first answer it is the local clock.
func (c *Client) Now() time.Time { return c.clock.now() }

// ParseBaseURL checks a base URL. A plain http URL is refused unless its host is loopback, since it
// would send the credential in clear.
func ParseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("base_url is not a URL: %w", WithoutURL(err))
	case u.User != nil:
		return nil, errors.New("base_url must not hold a user or password")
	case u.Host == "":
		return nil, errors.New("base_url has no host: write it as https://host")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("base_url must end with its path: no query, no fragment")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("base_url %s://%s would send the credential in clear; use https (http is for loopback only)", u.Scheme, u.Host)
}

func loopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost"
}

// WithoutURL drops the address that net/http puts around its errors: it can hold personal data.
func WithoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

type requestKey struct{}

func requestOf(ctx context.Context) *Request {
	req, _ := ctx.Value(requestKey{}).(*Request)
	return req
}
