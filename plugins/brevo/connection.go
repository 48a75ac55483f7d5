// Package brevo holds the Benthos components that read and write Brevo.
package brevo

import (
	"crypto/sha256"
	"fmt"
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

// clientFrom returns the client that a component's connection fields describe.
func clientFrom(conf *service.ParsedConfig, res *service.Resources) (*api.Client, error) {
	cfg, err := connectionFrom(conf)
	if err != nil {
		return nil, err
	}
	cfg.Observe = observer(res)

	key := sha256.Sum256(fmt.Appendf(nil, "%q %q", cfg.APIKey, cfg.BaseURL))
	clients.Lock()
	defer clients.Unlock()
	if client, ok := clients.by[key]; ok {
		return client, nil
	}
	client, err := api.New(cfg)
	if err != nil {
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

// observer counts attempts and waits by bucket.
func observer(res *service.Resources) func(rest.Attempt) {
	requests := res.Metrics().NewCounter("brevo_requests", "op", "status", "bucket")
	latency := res.Metrics().NewTimer("brevo_request_latency_ns", "op")
	waited := res.Metrics().NewCounter("brevo_limit_wait_ms", "bucket")
	return func(a rest.Attempt) {
		requests.Incr(1, a.Op, strconv.Itoa(a.Status), a.Bucket)
		latency.Timing(a.Duration.Nanoseconds(), a.Op)
		waited.Incr(a.Waited.Milliseconds(), a.Bucket)
	}
}
