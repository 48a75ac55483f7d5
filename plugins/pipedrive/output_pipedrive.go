package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/errgroup"

	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const (
	poFieldObject    = "object"
	poFieldAction    = "action"
	poFieldID        = "id"
	poFieldMatch     = "match"
	poFieldPropagate = "propagate_response"
	poFieldBatching  = "batching"

	writeCreate = "create"
	writeUpdate = "update"
	writeUpsert = "upsert"
	writeDelete = "delete"

	matchID    = "id"
	matchEmail = "email"
)

func writeSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.3.0").
		Summary("Creates, updates and deletes records in Pipedrive.").
		Description(`
A message is a record, or the part of one that is to be written, in the shape in which the inputs give records. Custom fields stand in
`+"`custom_fields_by_name`"+` by name, with options by their labels, or in `+"`custom_fields`"+` by key or name.
What is Pipedrive's own, such as `+"`id`, `add_time`"+` and counts, is left out; a field that no record has is an error
that names it, before any call. Texts that say a number or true and false, as those of a CSV do, become it.

- An update reads the record first (1 token) and writes only what differs (5); where nothing differs it writes nothing, so that nobody is told of a change that is none. Lists, such as `+"`emails`"+`, are written as a whole.
- With `+"`match`"+` a search finds the record (20 tokens, 30 for a custom field). Several records that match are an error with their ids. Messages with the same value are one record: they are written one after the other, and what one has created the next one finds, whatever Pipedrive's index says.
- The answer is kept in the metadata keys `+"`pipedrive_status`"+` and `+"`pipedrive_id`"+` of the message; with `+"`propagate_response`"+` it goes back to the input.
- A message that Pipedrive refuses takes the way of `+"`dead_letter`"+`, and so does one that a processor failed on.
- A record whose creation was sent but never answered is refused with the word that it may have been carried out; it is not sent twice. With `+"`match`"+` it is looked for first.
- Deleting what is not there any more is done.
- When Pipedrive is busy or down, or the token is wrong, the output waits and says so; nothing is lost.

`+writableText()).
		Fields(
			service.NewStringEnumField(poFieldObject, api.Writable()...).
				Description("What the messages are."),
			service.NewInterpolatedStringField(poFieldAction).Default(writeUpsert).Example(`${! @action.or("upsert") }`).
				Description("`create`; `update`, which refuses a record that there is not; `upsert`, which creates that; or `delete`."),
			service.NewBloblangField(poFieldID).Optional().Example("this.pipedrive_id").Example("@pipedrive_id").
				Description("A mapping that gives the id of the record, where it is known. Null leaves it to `match`."),
			service.NewStringField(poFieldMatch).Default(matchID).Example(matchEmail).Example("name").Example("tax_number").
				Description("The field that identifies a record: `id`; of persons `email`, for which the message has `email`, which becomes the address of a person that is created and leaves alone those of one that there is, or `emails`, whose primary or else first entry counts; "+
					"`name` or `title`; or a custom field by its name or key, if it is a text, a number or an address. Activities, notes, pipelines and stages have `id` only."),
			service.NewBoolField(poFieldPropagate).Default(false).Advanced().
				Description("Whether the record as Pipedrive answered it goes back to an input that answers, such as `http_server`."),
			deadletter.Field(),
			service.NewBatchPolicyField(poFieldBatching).
				Description("How messages are gathered. If left out, they pass as they come: Pipedrive takes records one by one."),
			service.NewOutputMaxInFlightField().Description("The most batches under way at a time."),
		).
		Fields(connectionFields()...).
		Example("Corrections from a CSV", "Writes the columns of a file to the persons with these addresses.", `
input:
  csv:
    paths: [ ./corrections.csv ]

pipeline:
  processors:
    - mapping: |
        root.email = this.email
        root.custom_fields_by_name.lead_source = this.lead_source

output:
  pipedrive:
    object: persons
    action: update
    match: email
`)
}

// writableText lists what the bodies take.
func writableText() string {
	text := "These fields can be written, beside custom fields:\n\n"
	for _, plural := range api.Writable() {
		o, err := api.ObjectOf(plural)
		if err == nil {
			text += fmt.Sprintf("- %s: `%s`\n", plural, joined(o.WritableFields()))
		}
	}
	return text
}

func init() {
	service.MustRegisterBatchOutput("pipedrive", writeSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if maxInFlight, err = conf.FieldMaxInFlight(); err != nil {
				return
			}
			if policy, err = conf.FieldBatchPolicy(poFieldBatching); err != nil {
				return
			}
			out, err = newWriteOutput(conf, res)
			return
		})
}

type writeOutput struct {
	client    *api.Client
	object    *api.Object
	action    *service.InterpolatedString
	id        *bloblang.Executor // may be nil
	match     string
	propagate bool
	letters   *deadletter.Sink
	log       *service.Logger
	pace      rest.Pace
	known     *identities
	verdicts  *service.MetricCounter
}

func newWriteOutput(conf *service.ParsedConfig, res *service.Resources) (out *writeOutput, err error) {
	out = &writeOutput{log: res.Logger(), verdicts: res.Metrics().NewCounter("pipedrive_writes", "object", "verdict")}
	plural, err := conf.FieldString(poFieldObject)
	if err != nil {
		return nil, err
	}
	if out.object, err = api.ObjectOf(plural); err != nil {
		return nil, err
	}
	if out.action, err = conf.FieldInterpolatedString(poFieldAction); err != nil {
		return nil, err
	}
	if action, static := out.action.Static(); static {
		if err := checkAction(action); err != nil {
			return nil, err
		}
	}
	if conf.Contains(poFieldID) {
		if out.id, err = conf.FieldBloblang(poFieldID); err != nil {
			return nil, err
		}
	}
	if out.match, err = conf.FieldString(poFieldMatch); err != nil {
		return nil, err
	}
	if out.match != matchID {
		if err := out.object.CheckMatch(out.match); err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
	}
	if out.propagate, err = conf.FieldBool(poFieldPropagate); err != nil {
		return nil, err
	}
	if out.letters, err = deadletter.FromParsed(conf, res); err != nil {
		return nil, err
	}
	if out.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	out.known = identitiesOf(out.client)
	return out, nil
}

func checkAction(action string) error {
	if !slices.Contains([]string{writeCreate, writeUpdate, writeUpsert, writeDelete}, action) {
		return errors.New("the action is none: it is create, update, upsert or delete")
	}
	return nil
}

// Connect checks the token.
func (out *writeOutput) Connect(ctx context.Context) error {
	if err := out.pace.Wait(ctx); err != nil {
		return err
	}
	if err := checkCredentials(ctx, out.client); err != nil {
		return out.pace.After(err)
	}
	return nil
}

// writers is how many records of a batch are written at a time. The rate is the limits' affair.
const writers = 8

// WriteBatch returns once each message of the batch has its verdict. Its error is the context's, or a
// *service.BatchError of the messages that were refused and have no dead letters to go to.
func (out *writeOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	writes := out.read(batch)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, chain := range chains(writes) {
		group.Go(func() error {
			for _, w := range chain {
				if w.refusal == nil {
					w.refusal = out.write(groupCtx, w)
				}
				if groupCtx.Err() != nil {
					return groupCtx.Err()
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return out.letters.Refuse(ctx, batch, out.settle(batch, writes))
}

// Close leaves the client to others.
func (out *writeOutput) Close(context.Context) error { return nil }

// ConnectionTest checks the token.
func (out *writeOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := checkCredentials(ctx, out.client); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
