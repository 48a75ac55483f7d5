package pipedrive

import (
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	pwFieldAddress  = "address"
	pwFieldPath     = "path"
	pwFieldTLS      = "tls"
	pwFieldCert     = "cert_file"
	pwFieldKey      = "key_file"
	pwFieldAuth     = "basic_auth"
	pwFieldUser     = "username"
	pwFieldPassword = "password"
	pwFieldMaxBody  = "max_body_bytes"
	pwFieldCache    = "dedupe_cache"
	pwFieldTTL      = "dedupe_ttl"

	pwFieldSubscribe = "subscribe"
	pwFieldPublicURL = "public_url"
	pwFieldEvents    = "events"
	pwFieldInterval  = "check_interval"
)

func webhookFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(pwFieldAddress).Default("127.0.0.1:8080").
			Description("Where to listen: host and port. Pipedrive needs a public https address: have a reverse proxy pass on to this one, or set `tls`."),
		service.NewStringField(pwFieldPath).Default("/pipedrive").
			Description("The path of deliveries. All others are answered 404."),
		service.NewObjectField(pwFieldTLS,
			service.NewStringField(pwFieldCert).Default("").Description("A file with the certificate and those between it and its authority, PEM."),
			service.NewStringField(pwFieldKey).Default("").Description("A file with the certificate's private key, PEM."),
		).Optional().Advanced().Description("Listens with https. Pipedrive takes no self-signed certificate. Files are read at the start."),
		service.NewObjectField(pwFieldAuth,
			service.NewStringField(pwFieldUser).Default("").Description("The user."),
			service.NewStringField(pwFieldPassword).Default("").Secret().Description("The password."),
		).Optional().Description("What a delivery must carry; without it 401. Both empty: whoever reaches the address is believed. Pipedrive signs nothing, so this is all that tells its deliveries from others."),
		service.NewIntField(pwFieldMaxBody).Default(1 << 20).Advanced().LintRule(`root = if this < 1024 { ["max_body_bytes must be at least 1024"] }`).
			Description("The largest body that is taken, in bytes. Larger ones are answered 413."),
		service.NewStringField(pwFieldCache).Optional().
			Description("A cache resource that keeps what was delivered, so that a delivery that is repeated after a restart is not handed on again. Without it only memory knows: the last 65,536 deliveries at least."),
		service.NewDurationField(pwFieldTTL).Default("24h").Advanced().
			Description("How long the cache keeps a delivery, where it can forget. Pipedrive's last attempt comes three minutes after the first."),
		service.NewObjectField(pwFieldSubscribe,
			service.NewStringField(pwFieldPublicURL).Default("").Example("https://hooks.example.com/pipedrive").
				Description("The full URL under which Pipedrive reaches `path`. Empty: no webhook is created or looked at."),
			service.NewStringListField(pwFieldEvents).Default([]any{"person.*", "deal.*", "organization.*", "activity.*", "lead.*"}).
				LintRule(eventsLint()).
				Description("What to be told of: `object.action`. Objects are "+joined(eventObjects)+" and `*`; actions `create`, `change`, `delete` and `*`. Each takes one of the 40 webhooks that Pipedrive allows a user."),
			service.NewDurationField(pwFieldInterval).Default("1h").Advanced().
				Description("How often to look whether the webhooks still exist, for 10 tokens. Those that are gone are created again."),
		).Optional().Description("Creates the webhooks in Pipedrive when the input starts, with this `basic_auth`, and keeps them. They are named `connector …`. What has such a name and another URL, password or event is replaced: one connector only for each Pipedrive company. Other webhooks are not touched."),
	}
}

type webhookConfig struct {
	address, path  string
	certificate    *tls.Certificate // nil: plain http
	user, password string
	maxBody        int64
	cache          string
	ttl            time.Duration

	publicURL string
	events    []string
	interval  time.Duration
}

func webhookConfigFrom(conf *service.ParsedConfig, res *service.Resources) (cfg webhookConfig, err error) {
	var cert, key string
	for _, f := range []struct {
		path []string
		to   *string
	}{
		{[]string{pwFieldAddress}, &cfg.address},
		{[]string{pwFieldPath}, &cfg.path},
		{[]string{pwFieldTLS, pwFieldCert}, &cert},
		{[]string{pwFieldTLS, pwFieldKey}, &key},
		{[]string{pwFieldAuth, pwFieldUser}, &cfg.user},
		{[]string{pwFieldAuth, pwFieldPassword}, &cfg.password},
		{[]string{pwFieldCache}, &cfg.cache},
		{[]string{pwFieldSubscribe, pwFieldPublicURL}, &cfg.publicURL},
	} {
		if conf.Contains(f.path...) {
			if *f.to, err = conf.FieldString(f.path...); err != nil {
				return cfg, err
			}
		}
	}
	maxBody, err := conf.FieldInt(pwFieldMaxBody)
	if err != nil {
		return cfg, err
	}
	cfg.maxBody = int64(maxBody)
	if cfg.ttl, err = conf.FieldDuration(pwFieldTTL); err != nil {
		return cfg, err
	}
	if cfg.publicURL != "" {
		if cfg.events, err = conf.FieldStringList(pwFieldSubscribe, pwFieldEvents); err != nil {
			return cfg, err
		}
		if cfg.interval, err = conf.FieldDuration(pwFieldSubscribe, pwFieldInterval); err != nil {
			return cfg, err
		}
	}
	if cert != "" || key != "" {
		loaded, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return cfg, fmt.Errorf("tls: reading cert_file and key_file: %w", err)
		}
		cfg.certificate = &loaded
	}
	return cfg, cfg.check(res)
}

func (cfg *webhookConfig) check(res *service.Resources) error {
	if _, _, err := net.SplitHostPort(cfg.address); err != nil {
		return fmt.Errorf("address %q is not host:port (WEBHOOK_ADDRESS), such as 127.0.0.1:8080: %w", cfg.address, err)
	}
	switch {
	case !strings.HasPrefix(cfg.path, "/"):
		return fmt.Errorf("path %q must begin with / (WEBHOOK_PATH)", cfg.path)
	case (cfg.user == "") != (cfg.password == ""):
		return errors.New("basic_auth needs both username and password (WEBHOOK_USERNAME, WEBHOOK_PASSWORD), or neither")
	case strings.Contains(cfg.user, ":"):
		return errors.New("basic_auth: username cannot hold a colon")
	case cfg.maxBody < 1024:
		return fmt.Errorf("max_body_bytes is %d: it must be at least 1024", cfg.maxBody)
	case cfg.cache != "" && !res.HasCache(cfg.cache):
		return fmt.Errorf("dedupe_cache: there is no cache resource %q", cfg.cache)
	case cfg.publicURL == "":
		return nil
	case cfg.interval < time.Second:
		return fmt.Errorf("check_interval is %v: it must be at least 1s; each check costs 10 tokens", cfg.interval)
	}
	if err := checkPublicURL(cfg.publicURL); err != nil {
		return err
	}
	return checkEvents(cfg.events)
}

func (cfg *webhookConfig) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", cfg.address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for webhooks on %s: %w: stop whatever listens there, or set address (WEBHOOK_ADDRESS) to a free one", cfg.address, err)
	}
	if cfg.certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*cfg.certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
	}
	return listener, nil
}

// onLoopback reports whether only this machine reaches the address.
func (cfg *webhookConfig) onLoopback() bool {
	host, _, _ := net.SplitHostPort(cfg.address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// server bounds how long anybody can take for anything.
func (cfg *webhookConfig) server(handler http.Handler, log *service.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          stdlog.New(debugLog{log}, "", 0),
	}
}

// debugLog is for what net/http says of its connections: it names their addresses.
type debugLog struct{ log *service.Logger }

func (d debugLog) Write(line []byte) (int, error) {
	d.log.Debug(strings.TrimSpace(string(line)))
	return len(line), nil
}

// webhookMeters are the input's metrics.
type webhookMeters struct {
	deliveries, dropped, duplicates, answers *service.MetricCounter
}

func newWebhookMeters(res *service.Resources) *webhookMeters {
	m := res.Metrics()
	return &webhookMeters{
		deliveries: m.NewCounter("pipedrive_webhook_deliveries", "object", "action"),
		dropped:    m.NewCounter("pipedrive_webhook_dropped", "reason"),
		duplicates: m.NewCounter("pipedrive_webhook_duplicates"),
		answers:    m.NewCounter("pipedrive_webhook_answers", "status"),
	}
}
