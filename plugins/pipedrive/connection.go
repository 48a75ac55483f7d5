// Package pipedrive holds the Benthos components that read and write Pipedrive.
package pipedrive

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const (
	cfAPIToken      = "api_token"
	cfCompanyDomain = "company_domain"
	cfBaseURL       = "base_url"
	cfBurstLimit    = "burst_limit"
	cfDailyBudget   = "daily_budget"
	cfTimeout       = "timeout"
)

// connectionFields are the same on every Pipedrive component. Those that are left out are read from
// the environment.
func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(cfAPIToken).Optional().Secret().
			Description("The API token (Pipedrive: Settings > Personal preferences > API). If left out, `PIPEDRIVE_API_TOKEN`."),
		service.NewStringField(cfCompanyDomain).Optional().Example("acme").
			Description("The company's name in its address: `acme` for https://acme.pipedrive.com. A token of another company is refused. If left out, `PIPEDRIVE_COMPANY_DOMAIN`."),
		service.NewStringField(cfBaseURL).Optional().Advanced().Example("http://127.0.0.1:8081").
			Description("Scheme and host of the API, if not those of `company_domain`. Plain http is for loopback only. If left out, `PIPEDRIVE_BASE_URL`, else https://api.pipedrive.com."),
		service.NewIntField(cfBurstLimit).Default(20).Advanced().LintRule(`root = if this < 3 { ["burst_limit must be at least 3"] }`).
			Description("The most requests in any 2 seconds. Lite allows 20, Growth 40, Premium 100, Ultimate 120. Limits that Pipedrive's answers name are kept too."),
		service.NewIntField(cfDailyBudget).Default(0).Advanced().LintRule(`root = if this < 0 { ["daily_budget cannot be negative"] }`).
			Description("The most tokens that this process may spend in a day (UTC); reading waits for the next one then. 0 is no bound but Pipedrive's own: 30,000 a day and seat on Lite, shared by the whole company."),
		service.NewDurationField(cfTimeout).Default("30s").Advanced().
			Description("How long one request may take, its answer's body included."),
	}
}

// clients are shared by all components with the same credentials in the process, so that they share
// one set of limits and one field cache. They live as long as the process, as the limits do.
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
	log := res.Logger()
	cfg.Warn = func(text string) { log.Warn(text) }

	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", cfg.APIToken, cfg.CompanyDomain, cfg.BaseURL))
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
		{cfAPIToken, "PIPEDRIVE_API_TOKEN", &cfg.APIToken},
		{cfCompanyDomain, "PIPEDRIVE_COMPANY_DOMAIN", &cfg.CompanyDomain},
		{cfBaseURL, "PIPEDRIVE_BASE_URL", &cfg.BaseURL},
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
	if cfg.BurstLimit, err = conf.FieldInt(cfBurstLimit); err != nil {
		return cfg, err
	}
	if cfg.DailyBudget, err = conf.FieldInt(cfDailyBudget); err != nil {
		return cfg, err
	}
	cfg.Timeout, err = conf.FieldDuration(cfTimeout)
	return cfg, err
}

// observer counts attempts, tokens and waits.
func observer(res *service.Resources) func(rest.Attempt) {
	requests := res.Metrics().NewCounter("pipedrive_requests", "op", "status")
	tokens := res.Metrics().NewCounter("pipedrive_tokens", "op")
	latency := res.Metrics().NewTimer("pipedrive_request_latency_ns", "op")
	waited := res.Metrics().NewCounter("pipedrive_limit_wait_ms")
	return func(a rest.Attempt) {
		requests.Incr(1, a.Op, strconv.Itoa(a.Status))
		tokens.Incr(int64(a.Cost), a.Op)
		latency.Timing(a.Duration.Nanoseconds(), a.Op)
		waited.Incr(a.Waited.Milliseconds())
	}
}
