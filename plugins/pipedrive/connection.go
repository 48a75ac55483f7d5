// Package pipedrive holds the Benthos components that read and write Pipedrive.
package pipedrive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
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
	cfDailyReserve  = "daily_reserve"
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
			Description("The tokens that there are for this connector in a day (UTC): once they are spent, less `daily_reserve`, reading waits for the next day. 0 is no bound but Pipedrive's own: 30,000 a day and seat on Lite, shared by the whole company."),
		service.NewIntField(cfDailyReserve).Default(0).Advanced().LintRule(`root = if this < 0 { ["daily_reserve cannot be negative"] }`).
			Description("Tokens of a day that are left to everybody else in the company. Reading stops when `daily_budget` is spent but for these, and when Pipedrive says that fewer are left, whoever spent them; Pipedrive is then asked again every 15 minutes. Must be below `daily_budget` where that is set. Of components with the same credentials the tightest bounds count."),
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

// dial opens the clients' connections. Nil means over the network; tests in fake time set it to one in
// memory.
var dial func(ctx context.Context, network, address string) (net.Conn, error)

// clientFrom returns the client that a component's connection fields describe.
func clientFrom(conf *service.ParsedConfig, res *service.Resources) (*api.Client, error) {
	cfg, err := connectionFrom(conf)
	if err != nil {
		return nil, err
	}
	log := res.Logger()
	cfg.Warn = func(text string) { log.Warn(text) }
	cfg.Dial = dial

	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", cfg.APIToken, cfg.CompanyDomain, cfg.BaseURL))
	clients.Lock()
	defer clients.Unlock()
	if client, ok := clients.by[key]; ok {
		return client, client.BoundDay(cfg.DailyBudget, cfg.DailyReserve)
	}
	m := newMeters(res)
	var client *api.Client
	cfg.Observe = func(a rest.Attempt) { m.attempt(a); m.day(client.Totals()) }
	cfg.HeldBack = func(*rest.Error) { m.day(client.Totals()) }
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
	if cfg.DailyReserve, err = conf.FieldInt(cfDailyReserve); err != nil {
		return cfg, err
	}
	cfg.Timeout, err = conf.FieldDuration(cfTimeout)
	return cfg, err
}

// meters are a client's metrics: attempts, tokens and waits, and how the day stands.
type meters struct {
	requests, tokens, waited, limited *service.MetricCounter
	latency                           *service.MetricTimer
	spent, parked                     *service.MetricGauge
	left                              func() *service.MetricGauge // made once it is known: one that is made reads 0
}

func newMeters(res *service.Resources) *meters {
	m := res.Metrics()
	return &meters{
		requests: m.NewCounter("pipedrive_requests", "op", "status"),
		tokens:   m.NewCounter("pipedrive_tokens", "op"),
		waited:   m.NewCounter("pipedrive_limit_wait_ms"),
		limited:  m.NewCounter("pipedrive_limited", "kind"),
		latency:  m.NewTimer("pipedrive_request_latency_ns", "op"),
		spent:    m.NewGauge("pipedrive_daily_tokens_spent"),
		parked:   m.NewGauge("pipedrive_parked_until_seconds"),
		left:     sync.OnceValue(func() *service.MetricGauge { return m.NewGauge("pipedrive_daily_tokens_left") }),
	}
}

func (m *meters) attempt(a rest.Attempt) {
	m.requests.Incr(1, a.Op, strconv.Itoa(a.Status))
	m.tokens.Incr(int64(a.Cost), a.Op)
	m.latency.Timing(a.Duration.Nanoseconds(), a.Op)
	m.waited.Incr(a.Waited.Milliseconds())
	if a.Limit != "" {
		m.limited.Incr(1, string(a.Limit))
	}
}

func (m *meters) day(t rest.Totals) {
	m.spent.Set(int64(t.SpentToday))
	if t.DayLeft >= 0 {
		m.left().Set(int64(t.DayLeft))
	}
	var until int64
	if !t.ParkedUntil.IsZero() {
		until = t.ParkedUntil.Unix()
	}
	m.parked.Set(until)
}
