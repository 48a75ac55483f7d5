package pipedrive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// target is where a webhook's deliveries go, and what they say of it.
type target struct {
	id, owner      int64
	version        string // "1.0" or "2.0"
	url            string
	user, password string // basic authentication; none when both are empty
}

// poster makes the requests of deliveries.
type poster struct {
	client  *http.Client
	timeout time.Duration
	tls     *tls.Config
}

func newPoster(cfg Webhooks) poster {
	p := poster{timeout: cmp.Or(cfg.Timeout, attemptTime), tls: &tls.Config{RootCAs: cfg.TrustedCAs}}
	p.client = &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: p.tls, MaxIdleConnsPerHost: maxWebhooks, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		// A redirection is not followed: it is an answer that is not 2xx.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

func (p poster) close() { p.client.CloseIdleConnections() }

// deliver posts a body and returns the status, 0 without an answer in time.
//
// The headers are those of a recorded delivery of 2023; there is no signature.
func (p poster) deliver(ctx context.Context, to target, body []byte) int {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("User-Agent", "Pipedrive Webhooks")
	req.Header.Set("Accept", "application/json, text/plain, */*")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("Content-Type", "application/json")
	if to.user != "" || to.password != "" {
		req.SetBasicAuth(to.user, to.password)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	return resp.StatusCode
}

// reaches tries a subscription_url in the way that the account does.
func (p poster) reaches(ctx context.Context, at *url.URL, to target, how string) bool {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	switch how {
	case ProbeNone:
		return true
	case ProbePost:
		status := p.deliver(ctx, to, []byte("{}"))
		return status >= 200 && status < 300
	}
	port := cmp.Or(at.Port(), map[string]string{"http": "80", "https": "443"}[at.Scheme])
	address := net.JoinHostPort(at.Hostname(), port)
	var conn net.Conn
	var err error
	if at.Scheme == "https" {
		conn, err = (&tls.Dialer{Config: p.tls}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
