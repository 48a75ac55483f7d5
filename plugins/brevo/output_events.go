package brevo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
)

const (
	evFieldAction      = "action"
	evFieldDedupeCache = "dedupe_cache"
	evFieldDedupeTTL   = "dedupe_ttl"

	actionSend = "send"

	// metaEventKey says what makes an event this one, where it can come by two ways.
	metaEventKey = "event_key"
)

func eventsSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.1.0").
		Summary("Sends events of contacts to Brevo, up to 200 in one call.").
		Description(`
A message is Brevo's own event body: `+"`event_name`, `event_date`, `identifiers`, `contact_properties`, `event_properties`, `object`"+`.
Nulls are left out, and what this component does not know is sent as it is.

- `+"`identifiers`"+` name the contact by at least one of `+"`email_id`, `ext_id`, `contact_id`, `phone_id`, `whatsapp_id`, `landline_number_id`"+`.
- Without an `+"`event_date`"+` the event has the time of the metadata key `+"`pipedrive_time`"+`.
- Other characters than letters, digits, - and _ in the event's name and in the keys of `+"`event_properties`"+` become _, and the log says so once for each name.
- `+"`event_properties`"+` above 50 KB have their longest texts cut to fit, and the log says so once for each property; what is too large even so is refused.
- A `+"`contact_properties`"+` attribute that Brevo does not have is named once in the log and not sent. Those of an event that is older than what its contact has from a later one are not sent either.
- Events of one contact are sent in the order of `+"`pipedrive_time`"+`.
- A message that Brevo refuses takes the way of `+"`dead_letter`"+`, and so does one that a processor failed on.
- When Brevo is busy or down, or the key is wrong, the output waits and says so; nothing is lost.

An event that has a date, or the metadata key `+"`pipedrive_event_id`"+`, is sent once though its input sends it again: the output remembers
the last 32,768 events that Brevo took, and with `+"`dedupe_cache`"+` those before a restart. Two events are the same when all that they say is, or
when they have one name and one metadata key `+"`event_key`"+`: for an event that can come by two ways, such as a webhook and a poll. An event has no id at Brevo, so one whose answer was lost on
the way, or whose process was killed before it had noted the answer, is sent again and may be in Brevo twice. A mapping that puts `+"`now()`"+` into an event
makes another event of it each time.`).
		Fields(
			service.NewInterpolatedStringField(evFieldAction).Default(actionSend).Example(`${! @action.or("send") }`).
				Description("`send`, or `skip`, which sends nothing and counts the message under its metadata key `skip_reason`."),
			deadletter.Field(),
			service.NewStringField(evFieldDedupeCache).Optional().Example("state").
				Description("The label of a cache resource that keeps which events Brevo took, by hashes, 16 bytes each, so that they are not sent again after a restart."),
			service.NewDurationField(evFieldDedupeTTL).Default("24h").Advanced().
				Description("For how long "+"`dedupe_cache`"+" keeps them."),
			service.NewBatchPolicyField(fieldBatching).
				Description("How messages are gathered. If left out: up to 200, for at most 100ms. With a `count` of 1 batches pass as they come. What is more than Brevo takes at once is sent by several calls."),
			service.NewOutputMaxInFlightField().Description("The most batches under way at a time."),
		).
		Fields(connectionFields()...).
		Example("An event for each line", "Tells Brevo of each address of a file that its owner has signed up.", `
input:
  file:
    paths: [ ./addresses.txt ]

pipeline:
  processors:
    - mapping: |
        root.event_name = "signed_up"
        root.event_date = "2026-11-01T10:00:00Z"
        root.identifiers.email_id = content().string()

output:
  brevo_events:
    dead_letter: refused

output_resources:
  - label: refused
    file:
      path: ./refused.jsonl
      codec: lines
`)
}

// eventBatching fills a call where events come fast, and holds none back for long where they do not.
var eventBatching = service.BatchPolicy{Count: api.MostEvents, Period: "100ms"}

func init() {
	service.MustRegisterBatchOutput("brevo_events", eventsSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if policy, maxInFlight, err = batchingFrom(conf, eventBatching); err != nil {
				return
			}
			out, err = newEventsOutput(conf, res)
			return
		})
}

type eventsOutput struct {
	client  *api.Client
	account *account
	action  *service.InterpolatedString
	letters *deadletter.Sink
	log     *service.Logger
	pace    rest.Pace

	tenant [32]byte    // sets the events of one Brevo account apart from another's
	book   *eventBook  // what all outputs for the account share
	slots  *eventSlots // nil without dedupe_cache
	tally  *eventTally
	said   onceSaid
	close  sync.Once
}

func newEventsOutput(conf *service.ParsedConfig, res *service.Resources) (*eventsOutput, error) {
	out := &eventsOutput{log: res.Logger(), tally: newEventTally(res)}
	var err error
	if out.action, err = conf.FieldInterpolatedString(evFieldAction); err != nil {
		return nil, err
	}
	if out.letters, err = deadletter.FromParsed(conf, res); err != nil {
		return nil, err
	}
	if out.slots, err = slotsFrom(conf, res); err != nil {
		return nil, err
	}
	cfg, err := connectionFrom(conf)
	if err != nil {
		return nil, err
	}
	out.tenant = sha256.Sum256(fmt.Appendf(nil, "%q %q", cfg.APIKey, cfg.BaseURL))
	if out.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	out.account = newAccount(out.client, res)
	out.book = eventBookOf(out.client)
	return out, nil
}

// Connect checks the key, and reads the account's attributes.
func (out *eventsOutput) Connect(ctx context.Context) error {
	if err := out.pace.Wait(ctx); err != nil {
		return err
	}
	return out.pace.After(out.account.read(ctx, true))
}

// WriteBatch returns once each message of the batch has its verdict. Its error is the context's, or
// a *service.BatchError of the messages that were refused and have no dead letters to go to.
func (out *eventsOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	events := out.read(ctx, batch)
	err := out.send(ctx, events)
	if err == nil {
		err = out.letters.Refuse(ctx, batch, out.settle(batch, events))
	}
	out.tally.add(events, err == nil)
	return err
}

// Close says what became of all events.
func (out *eventsOutput) Close(context.Context) error {
	out.close.Do(func() {
		if text := out.tally.String(); text != "" {
			out.log.Infof("events: %s", text)
		}
	})
	return nil
}

// ConnectionTest checks the key.
func (out *eventsOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := out.account.read(ctx, true); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// read turns messages into events. Those that cannot be read are refused at once.
func (out *eventsOutput) read(ctx context.Context, batch service.MessageBatch) []*event {
	action := batch.InterpolationExecutor(out.action)
	events := make([]*event, len(batch))
	for i, m := range batch {
		e := &event{index: i}
		events[i] = e
		if err := m.GetError(); err != nil {
			e.refuse("processing", processingError{err})
			continue
		}
		var err error
		if e.action, err = action.TryString(i); err != nil {
			e.refuse("message", fmt.Errorf("the action cannot be read: %w", err))
			continue
		}
		switch e.action {
		case actionSend:
			out.compose(ctx, e, m)
		case actionSkip:
			e.skip, _ = m.MetaGet(metaSkipReason)
		default:
			e.refuse("message", fmt.Errorf("there is no action %q: it is send or skip", e.action))
		}
	}
	return events
}
