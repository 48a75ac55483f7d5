// Package brevo holds the Benthos components that read and write Brevo.
package brevo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

const (
	cfAPIKey            = "api_key"
	cfBaseURL           = "base_url"
	cfTier              = "tier"
	cfRequestsPerSecond = "requests_per_second"
	cfTimeout           = "timeout"
)

// connectionFields are the same on every Brevo component. Those that are left out are read from the
// environment.
func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(cfAPIKey).Optional().Secret().
			Description("The API key (Brevo: Settings > SMTP & API > API keys). If left out, `BREVO_API_KEY`."),
		service.NewStringField(cfBaseURL).Optional().Advanced().Example("http://127.0.0.1:8082/v3").
			Description("Where the API is. Plain http is for loopback only. If left out, `BREVO_BASE_URL`, else https://api.brevo.com/v3."),
		service.NewStringEnumField(cfTier, "general", "advanced", "extended").Default("general").Advanced().
			Description("The limits of the account: `general` allows 10 requests a second for contacts and for events, and 100 an hour for all else; `advanced` (Professional and Enterprise) twice that; `extended` (Enterprise) 60 and 600. Lower limits that Brevo's answers name are kept too."),
		service.NewIntField(cfRequestsPerSecond).Default(0).Advanced().LintRule(`root = if this < 0 { ["requests_per_second cannot be negative"] }`).
			Description("The most requests a second for contacts and for events, where something else was agreed with Brevo. 0 is what `tier` says."),
		service.NewDurationField(cfTimeout).Default("30s").Advanced().
			Description("How long one request may take, its answer's body included."),
	}
}

// clients are shared by all components with the same credentials in the process, so that they share
// one set of limits. They live as long as the process, as the limits do.
var clients struct {
	sync.Mutex
	by map[[32]byte]*api.Client
}

// dial opens the clients' connections. Nil means over the network; tests in fake time set it to one in
// memory.
var dial func(ctx context.Context, network, address string) (net.Conn, error)

// clientFrom returns the client that a component's connection fields describe.
func clientFrom(conf *service.ParsedConfig, res *service.Resources) (*api.Client, error) {
	cfg, err := connectionFrom(conf)
	if err != nil {
		return nil, err
	}
	cfg.Dial = dial

	key := sha256.Sum256(fmt.Appendf(nil, "%q %q", cfg.APIKey, cfg.BaseURL))
	clients.Lock()
	defer clients.Unlock()
	if client, ok := clients.by[key]; ok {
		return client, nil
	}
	m := newMeters(res)
	var client *api.Client
	cfg.Observe = func(a rest.Attempt) { m.attempt(a); m.limits(client) }
	cfg.HeldBack = func(*rest.Error) { m.limits(client) }
	if client, err = api.New(cfg); err != nil {
		return nil, err
	}
	if clients.by == nil {
		clients.by = map[[32]byte]*api.Client{}
	}
	clients.by[key] = client
	return client, nil
}

func connectionFrom(conf *service.ParsedConfig) (cfg api.Config, err error) {
	for _, f := range []struct {
		field, variable string
		to              *string
	}{
		{cfAPIKey, "BREVO_API_KEY", &cfg.APIKey},
		{cfBaseURL, "BREVO_BASE_URL", &cfg.BaseURL},
	} {
		if conf.Contains(f.field) {
			if *f.to, err = conf.FieldString(f.field); err != nil {
				return cfg, err
			}
		}
		if *f.to == "" {
			*f.to = os.Getenv(f.variable)
		}
	}
	if cfg.Tier, err = conf.FieldString(cfTier); err != nil {
		return cfg, err
	}
	if cfg.RequestsPerSecond, err = conf.FieldInt(cfRequestsPerSecond); err != nil {
		return cfg, err
	}
	cfg.Timeout, err = conf.FieldDuration(cfTimeout)
	return cfg, err
}

// meters are a client's metrics: attempts and waits, and how the buckets stand.
type meters struct {
	requests, waited, limited *service.MetricCounter
	latency                   *service.MetricTimer
	left, parked              *service.MetricGauge
}

func newMeters(res *service.Resources) *meters {
	m := res.Metrics()
	return &meters{
		requests: m.NewCounter("brevo_requests", "op", "status", "bucket"),
		waited:   m.NewCounter("brevo_limit_wait_ms", "bucket"),
		limited:  m.NewCounter("brevo_limited", "bucket", "kind"),
		latency:  m.NewTimer("brevo_request_latency_ns", "op"),
		left:     m.NewGauge("brevo_bucket_left", "bucket"),
		parked:   m.NewGauge("brevo_parked_until_seconds"),
	}
}

func (m *meters) attempt(a rest.Attempt) {
	m.requests.Incr(1, a.Op, strconv.Itoa(a.Status), a.Bucket)
	m.latency.Timing(a.Duration.Nanoseconds(), a.Op)
	m.waited.Incr(a.Waited.Milliseconds(), a.Bucket)
	switch a.Limit {
	case "":
	case rest.Firewall:
		m.limited.Incr(1, a.Bucket, "firewall")
	default:
		m.limited.Incr(1, a.Bucket, "limit")
	}
}

// limits sets the gauges of all buckets, since an idle one has more left as time goes by.
func (m *meters) limits(client *api.Client) {
	for bucket, n := range client.Left() {
		m.left.Set(int64(n), bucket)
	}
	var until int64
	if t := client.Totals().ParkedUntil; !t.IsZero() {
		until = t.Unix()
	}
	m.parked.Set(until)
}
