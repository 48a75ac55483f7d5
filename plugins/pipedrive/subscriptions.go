package pipedrive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

var (
	eventObjects = []string{"activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user"}
	eventActions = []string{"create", "change", "delete", "*"}
)

// eventsLint is run on the list and on each of its items.
func eventsLint() string {
	return fmt.Sprintf(`root = if this.type() == "string" && !this.re_match("^(%s|\\*)\\.(create|change|delete|\\*)$") {
  ["there is no event " + this + ": it is an object, a dot, and create, change, delete or *, such as person.change"]
}`, strings.Join(eventObjects, "|"))
}

func checkEvents(events []string) error {
	if len(events) == 0 {
		return errors.New("subscribe: events must name at least one event")
	}
	for _, event := range events {
		object, action, _ := strings.Cut(event, ".")
		if !slices.Contains(eventActions, action) || object != "*" && !slices.Contains(eventObjects, object) {
			return fmt.Errorf("subscribe: there is no event %q: it is an object (%s, *), a dot, and %s, such as person.change",
				event, joined(eventObjects), joined(eventActions))
		}
	}
	return nil
}

func checkPublicURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("subscribe: public_url (WEBHOOK_PUBLIC_URL) must be the full URL of the listener as Pipedrive sees it, such as https://hooks.example.com/pipedrive")
	case u.User != nil:
		return errors.New("subscribe: public_url (WEBHOOK_PUBLIC_URL) must not hold a user or password: basic_auth is sent by itself")
	case strings.HasSuffix(u.Hostname(), ".pipedrive.com"):
		return errors.New("subscribe: public_url (WEBHOOK_PUBLIC_URL) must be yours: Pipedrive refuses addresses of its own")
	}
	return nil
}

// subscriptions creates the webhooks that are wanted, and keeps them.
type subscriptions struct {
	client *api.Client
	log    *service.Logger
	conf   webhookConfig
	wanted []api.Webhook

	checked time.Time // when all were found, or made; zero before that
	busy    atomic.Bool
}

func newSubscriptions(client *api.Client, log *service.Logger, conf webhookConfig) *subscriptions {
	s := &subscriptions{client: client, log: log, conf: conf}
	for _, event := range conf.events {
		object, action, _ := strings.Cut(event, ".")
		if covered(conf.events, object, action) || slices.ContainsFunc(s.wanted, func(w api.Webhook) bool { return w.Event() == event }) {
			continue // else each of its deliveries would come twice
		}
		s.wanted = append(s.wanted, api.Webhook{
			Name: api.OwnWebhookName(event + s.mark()), Object: object, Action: action,
			URL: conf.publicURL, Version: "2.0", User: conf.user, Password: conf.password, Active: true,
		})
	}
	return s
}

// covered reports whether another one of the events says the same and more.
func covered(events []string, object, action string) bool {
	wider := []string{object + ".*", "*." + action, "*.*"}
	return slices.ContainsFunc(wider, func(event string) bool {
		return event != object+"."+action && slices.Contains(events, event)
	})
}

// mark makes the names of webhooks with other credentials differ: Pipedrive shows credentials encrypted, so
// that they cannot be compared. It tells nobody anything who does not know the token.
func (s *subscriptions) mark() string {
	if s.conf.user == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", s.client.Account(), s.conf.user, s.conf.password))
	return " #" + hex.EncodeToString(sum[:4])
}

// creating reports whether a webhook is being created, when Pipedrive may try the URL.
func (s *subscriptions) creating() bool { return s.busy.Load() }

// run looks after the webhooks until ctx ends: at once, and then every check_interval, or sooner while
// they cannot be made.
func (s *subscriptions) run(ctx context.Context) {
	if len(s.wanted) == 0 {
		return
	}
	for failures := 0; ; {
		pause := s.conf.interval
		if err := s.check(ctx); err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			pause = min(pause, max(rest.PauseAfter(err, 0), time.Minute<<min(failures, 5)))
			failures++
			s.log.Errorf("%v; it is tried again in %v, and deliveries for webhooks that exist are taken meanwhile", s.explained(err), pause.Round(time.Second))
		}
		if rest.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// check deletes what is ours and stale, and creates what is missing.
func (s *subscriptions) check(ctx context.Context) error {
	hooks, err := s.client.Webhooks(ctx)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	gone := map[string]string{} // why, of those that were there
	for _, hook := range hooks {
		event := hook.Event()
		switch {
		case !hook.Own():
			continue
		case s.fits(hook) && !found[event]:
			found[event] = true
			continue
		case !hook.Active:
			gone[event] = "was switched off by Pipedrive" + inBrackets(hook.RemoveReason)
		}
		if err := s.client.DeleteWebhook(ctx, hook.ID); err != nil {
			return err
		}
		s.log.Infof("deleted the webhook %s (%s), which was out of date", hook.ID, event)
	}
	var made []string
	for _, want := range s.wanted {
		event := want.Event()
		if found[event] {
			continue
		}
		if err := s.create(ctx, want); err != nil {
			return err
		}
		made = append(made, event)
		if why := gone[event]; why != "" || !s.checked.IsZero() {
			s.log.Warnf("the webhook for %s %s, and is created again; what happened meanwhile%s was not delivered: pipedrive_recents reads it, where it runs beside this (pipelines/pipedrive.yaml)",
				event, cmp.Or(why, "was gone, as after three days without a delivery that succeeded"), s.since())
		}
	}
	if len(made) > 0 {
		s.log.Infof("subscribed to %s at %s", joined(made), s.conf.publicURL)
	}
	s.checked = time.Now()
	return nil
}

func (s *subscriptions) fits(hook api.Webhook) bool {
	return slices.ContainsFunc(s.wanted, func(want api.Webhook) bool {
		return hook.Name == want.Name && hook.Event() == want.Event() && hook.URL == want.URL && hook.Version == want.Version && hook.Active
	})
}

func (s *subscriptions) create(ctx context.Context, want api.Webhook) error {
	s.busy.Store(true)
	defer s.busy.Store(false)
	return s.client.CreateWebhook(ctx, want)
}

func (s *subscriptions) since() string {
	if s.checked.IsZero() {
		return ""
	}
	return " (since " + s.checked.UTC().Format(time.DateTime) + " UTC at the earliest)"
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// explained adds what to do about what Pipedrive refuses.
func (s *subscriptions) explained(err error) error {
	var refusal *rest.Error
	if !errors.As(err, &refusal) || refusal.Op != "POST /v1/webhooks" {
		return err
	}
	switch {
	case refusal.Status == http.StatusUnprocessableEntity || strings.Contains(refusal.Message, "limit"):
		return fmt.Errorf("%w: Pipedrive allows a user 40 webhooks: see them with `connector webhooks list`, delete some with `connector webhooks delete ID`, or name fewer events", err)
	case refusal.Status == http.StatusBadRequest && strings.Contains(refusal.Message, "subscription_url"):
		return fmt.Errorf("%w: Pipedrive cannot reach %s: it must be public, https with a certificate that is not self-signed, and answer without a redirection; "+
			"check WEBHOOK_PUBLIC_URL and the reverse proxy: from another network, `curl -i -X POST` to it must show 401 or 400", err, s.conf.publicURL)
	case refusal.Status == http.StatusForbidden:
		return fmt.Errorf("%w: webhooks need a token of a user with admin rights", err)
	}
	return err
}
