package brevo

import (
	"context"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
)

const (
	coFieldAction = "action"
	coFieldMode   = "mode"

	modeAuto   = "auto"
	modeSingle = "single"
	modeImport = "import"

	actionUpsert = "upsert"
	actionUpdate = "update"
	actionDelete = "delete"
	actionSkip   = "skip"

	// metaSkipReason says why a message with the action skip is not written.
	metaSkipReason = "skip_reason"

	// skipShared is the reason for a contact whose address belongs to another one.
	skipShared = "address of another person"
)

func contactsSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.1.0").
		Summary("Creates, updates and deletes contacts in Brevo, by import where that pays.").
		Description(`
A message is Brevo's own contact body: `+"`email`, `ext_id`, `attributes`, `listIds`, `unlinkListIds`, `emailBlacklisted`, `smsBlacklisted`"+`.
What it leaves out, or gives as null, stays as it is in Brevo; above all, nobody is re-subscribed unless
the message says `+"`emailBlacklisted: false`"+`.

- An attribute that Brevo does not have, or whose type does not fit, is named once in the log and not sent.
- A phone number that Brevo refuses, or that belongs to another contact, is left out and counted; the contact is written.
- Of several contacts with one address and different numeric `+"`ext_id`"+`, the lowest owns the address; the others are skipped and counted.
- What is older than what was delivered of the same record, by `+"`pipedrive_time`"+`, is dropped and counted. A poll gives whole seconds: one that began after that (`+"`pipedrive_read`"+`) is newer than what a webhook tells of the second.
- A change of address is made on the contact with the `+"`ext_id`"+`, and whoever opted out stays opted out. An address that another contact has is refused with both ids; contacts are never merged.
- With `+"`ledger_cache`"+` a contact that is unchanged costs no call, and an attribute that becomes null after it was delivered with a value is emptied.
- A message that Brevo refuses takes the way of `+"`dead_letter`"+`, and so does one that a processor failed on.
- When Brevo is busy or down, or the key is wrong, the output waits and says so; nothing is lost.

An import is one call for thousands of contacts. Its process is followed to its end, and the rows that its reports
name are refused one by one. Imports need an address and a list; contacts that leave lists, or that are
re-subscribed, are written one by one in every mode.`).
		Fields(
			service.NewInterpolatedStringField(coFieldAction).Default(actionUpsert).Example(`${! @action.or("upsert") }`).
				Description("`upsert`; `update`, which refuses a contact that does not exist; `delete`, by `ext_id` if there is one, else by address; "+
					"or `skip`, which writes nothing and counts the message under its metadata key `skip_reason`."),
			service.NewStringEnumField(coFieldMode, modeAuto, modeSingle, modeImport).Default(modeAuto).
				Description("`single`: a call for each contact. `import`: imports. `auto`: imports when a batch has at least 100 contacts for them (25 in a first read), or when one is being put together anyway."),
			deadletter.Field(),
			service.NewBatchPolicyField(fieldBatching).
				Description("How messages are gathered. If left out: up to 1000, for at most 100ms. With a `count` of 1 batches pass as they come, which is right for an input that reads pages. Batches for imports with the same lists join into one import of up to 8 MB."),
			service.NewOutputMaxInFlightField().Description("The most batches under way at a time."),
		).
		Fields(ledgerFields()...).
		Fields(connectionFields()...).
		Example("A list of addresses", "Puts each address of a file on a list.", `
input:
  file:
    paths: [ ./addresses.txt ]

pipeline:
  processors:
    - mapping: |
        root.email = content().string()
        root.listIds = [ 60 ]

output:
  brevo_contacts:
    dead_letter: refused

output_resources:
  - label: refused
    file:
      path: ./refused.jsonl
      codec: lines
`)
}

// defaultBatching lets pages pass quickly; imports gather more by themselves.
var defaultBatching = service.BatchPolicy{Count: 1000, Period: "100ms"}

func init() {
	service.MustRegisterBatchOutput("brevo_contacts", contactsSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if policy, maxInFlight, err = batchingFrom(conf, defaultBatching); err != nil {
				return
			}
			out, err = newContactsOutput(conf, res)
			return
		})
}

type contactsOutput struct {
	client  *api.Client
	account *account
	action  *service.InterpolatedString
	mode    string
	letters *deadletter.Sink
	log     *service.Logger
	pace    rest.Pace

	store    *store // of the ledger; nil without ledger_cache
	importer *importer
	tally    *tally

	mu     sync.Mutex
	closed bool
	book   *book   // nil until connected
	ledger *ledger // nil until connected, and without ledger_cache
}

func newContactsOutput(conf *service.ParsedConfig, res *service.Resources) (*contactsOutput, error) {
	out := &contactsOutput{
		log: res.Logger(), tally: newTally(res),
	}
	var err error
	if out.action, err = conf.FieldInterpolatedString(coFieldAction); err != nil {
		return nil, err
	}
	if out.mode, err = conf.FieldString(coFieldMode); err != nil {
		return nil, err
	}
	if out.letters, err = deadletter.FromParsed(conf, res); err != nil {
		return nil, err
	}
	if out.store, err = storeFrom(conf, res); err != nil {
		return nil, err
	}
	if out.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	out.account = newAccount(out.client, res)
	out.importer = newImporter(out.client, out.log)
	return out, nil
}

// Connect checks the key, reads the account's attributes and the ledger, and follows the imports that an
// earlier run left on their way.
func (out *contactsOutput) Connect(ctx context.Context) error {
	if err := out.pace.Wait(ctx); err != nil {
		return err
	}
	if err := out.account.read(ctx, true); err != nil {
		return out.pace.After(err)
	}
	out.importer.start()
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.book == nil {
		out.book = takeBook(out.client)
	}
	if out.store == nil || out.ledger != nil {
		return nil
	}
	calls := &hourly{client: out.client, store: out.store, log: out.log}
	if err := calls.restore(ctx); err != nil {
		return err
	}
	out.importer.noteCalls(calls)
	var err error
	out.ledger, err = out.book.open(ctx, out.store, out.log, func(l *ledger) error { return out.followJournal(ctx, l) })
	if err != nil {
		return out.pace.After(err)
	}
	out.importer.ledger, out.importer.store = out.ledger, out.store
	return nil
}

// WriteBatch returns once each message of the batch has its verdict. Its error is the context's, or
// a *service.BatchError of the messages that were refused and have no dead letters to go to.
func (out *contactsOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	writes, err := out.read(ctx, batch)
	if err != nil {
		return err
	}
	for _, round := range rounds(writes) {
		if err := out.writeRound(ctx, round); err != nil {
			return err
		}
	}
	if err := out.letters.Refuse(ctx, batch, out.settle(batch, writes)); err != nil {
		return err
	}
	out.tally.add(writes)
	return nil
}

// Close lets the imports under way come to nothing here: their messages are not acknowledged, and with a
// ledger they are followed by the next run.
func (out *contactsOutput) Close(context.Context) error {
	out.importer.close()
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.book == nil || out.closed {
		return nil
	}
	out.closed = true
	if text := out.tally.String(); text != "" {
		out.log.Infof("contacts: %s", text)
	}
	return out.book.leave()
}

// ConnectionTest checks the key.
func (out *contactsOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := out.account.read(ctx, true); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// read turns messages into writes. Those that cannot be read are refused at once.
func (out *contactsOutput) read(ctx context.Context, batch service.MessageBatch) ([]*write, error) {
	action := batch.InterpolationExecutor(out.action)
	writes := make([]*write, len(batch))
	for i, m := range batch {
		w := &write{index: i}
		writes[i] = w
		if err := m.GetError(); err != nil {
			w.refuse("processing", processingError{err})
			continue
		}
		var err error
		if w.action, err = action.TryString(i); err != nil {
			w.refuse("message", fmt.Errorf("the action cannot be read: %w", err))
			continue
		}
		switch w.action {
		case actionSkip:
			w.skip, _ = m.MetaGet(metaSkipReason)
			continue
		case actionUpsert, actionUpdate, actionDelete:
		default:
			w.refuse("message", fmt.Errorf("there is no action %q: it is upsert, update, delete or skip", w.action))
			continue
		}
		if w.contact, err = contactOf(m); err != nil {
			w.refuse("message", err)
			continue
		}
		w.identify(m)
		if w.action != actionDelete {
			w.contact.Attributes = out.account.fit(ctx, w.contact.Attributes)
			if list := out.account.missingList(ctx, w.contact.ListIDs); list != 0 {
				w.refuse(refusedList, fmt.Errorf("Brevo has no list %d: create it, or mend the mapping", list))
				continue
			}
		}
		if err := out.consult(ctx, w); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return writes, nil
}
