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
	cyFieldAction       = "action"
	cyFieldCache        = "id_cache"
	cyFieldCacheKey     = "id_cache_key"
	cyFieldKeyAttribute = "key_attribute"

	actionLink = "link"
)

func companiesSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.1.0").
		Summary("Creates, updates and deletes companies in Brevo, and links contacts to them, within its 100 calls an hour.").
		Description(`
A message is a company: `+"`ext_id`"+`, the organization's id, as text or a whole number; `+"`name`"+`; `+"`attributes`"+` by Brevo's internal names;
`+"`countryCode`"+` and whatever else Brevo's body knows; and `+"`linkContacts` and `unlinkContacts`"+`, lists of contacts, each an address or an object with `+"`email`, `ext_id`"+`
or both. What it leaves out stays as it is in Brevo.
What it gives as null or "" is emptied there if this output had delivered a value of it, and else stays as it is: people may have entered it.

- A company is told by its organization's id and never doubled: the output keeps which company is whose in `+"`id_cache`"+`, and the id itself in the company attribute `+"`key_attribute`"+`, which it creates where Brevo lacks it. Where the cache is lost, the companies that Brevo has are taken back by that attribute. A process that is killed looks for what it may have created before it creates more.
- Companies share 100 calls an hour with the questions for imports. Three changes or more go by one import, fewer one by one, the newest first; what is unchanged costs no call. `+fmt.Sprint(reserve)+` calls are left to the imports of contacts.
- With `+"`id_cache`"+` a message is acknowledged once it is in the backlog in the cache, and written from there as the hour's calls allow; several changes of one company become one. Without it a message is held until it is written.
- At the end of its input the output writes all that the hour's calls allow before it ends, and leaves the rest to the next run. Nothing is lost when it is killed.
- A contact has one company: whom a message links to another one leaves the former. Links come after companies: within some 20 s while most of the hour's calls are left, and within minutes where there are hundreds. A contact or company that is not in Brevo yet is looked for again, for an hour.
- An attribute that Brevo's companies do not have, or whose type does not fit, is named once in the log and not sent. `+"`connector setup brevo`"+` creates what is missing.
- What is older than what was delivered of the same company or contact, by `+"`pipedrive_time`"+`, is dropped and counted. A poll gives whole seconds: one that began after that (`+"`pipedrive_read`"+`) is newer than what a webhook tells of the second.
- A company that Brevo refuses takes the way of `+"`dead_letter`"+`, and so does a message that a processor failed on. Without `+"`dead_letter`"+` what is refused after it was acknowledged is told in the log and counted.
- When Brevo is busy or down, or the key is wrong, the output waits and says so.

The metric `+"`brevo_companies_backlog`"+` is how many companies and links wait. Brevo says of an import only that it has ended, so its new companies are read
back by `+"`key_attribute`"+`, and those that are not there are written one by one.`).
		Fields(
			service.NewInterpolatedStringField(cyFieldAction).Default(actionUpsert).Example(`${! @action.or("upsert") }`).
				Description("`upsert`; `delete`; `link`, which makes and ends links only, for a message made of a person: without an `ext_id` its `unlinkContacts` leave the company that they are known to have; "+
					"or `skip`, which writes nothing and counts the message under its metadata key `skip_reason`."),
			service.NewStringField(cyFieldCache).Optional().Example("state").
				Description("The label of a cache resource. There the output keeps which company is whose, fingerprints of what was delivered, and its backlog. Only one process may use it at a time. Without it they are in memory only, and a run begins by reading the companies that Brevo has."),
			service.NewStringField(cyFieldCacheKey).Default("brevo_companies").Advanced().
				Description("What the keys in the cache begin with. An id map is one Brevo account's: outputs for two accounts need two."),
			service.NewStringField(cyFieldKeyAttribute).Default("pipedrive_id").
				LintRule(`root = if !this.re_match("^[a-z][a-z0-9_]{0,49}$") { ["key_attribute must be 1 to 50 small letters, digits and _, and begin with a letter"] }`).
				Description("The internal name of the company attribute that holds the organization's id. It is created, as text, where Brevo lacks it; where it cannot be, companies are told by their names as long as these are unique."),
			deadletter.Field(),
			service.NewBatchPolicyField(fieldBatching).
				Description("How messages are gathered. If left out: up to 1000, for at most 100ms. With a `count` of 1 batches pass as they come, which is right for an input that reads pages."),
			service.NewOutputMaxInFlightField().Description("The most batches under way at a time."),
		).
		Fields(connectionFields()...).
		Example("Companies of a file", "Puts each line of a file, a number and a name, into Brevo as a company.", `
input:
  file:
    paths: [ ./companies.csv ]
    scanner:
      csv: {}

pipeline:
  processors:
    - mapping: |
        root.ext_id = this.number
        root.name = this.name

output:
  brevo_companies:
    id_cache: state
    dead_letter: refused

cache_resources:
  - label: state
    sql:
      driver: sqlite
      dsn: file:./companies.db
      table: state
      key_column: k
      value_column: v
      set_suffix: ON CONFLICT (k) DO UPDATE SET v = excluded.v
      init_statement: CREATE TABLE IF NOT EXISTS state (k TEXT PRIMARY KEY, v BLOB)

output_resources:
  - label: refused
    file:
      path: ./refused.jsonl
      codec: lines
`)
}

func init() {
	service.MustRegisterBatchOutput("brevo_companies", companiesSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if policy, maxInFlight, err = batchingFrom(conf, defaultBatching); err != nil {
				return
			}
			out, err = newCompaniesOutput(conf, res)
			return
		})
}

type companiesOutput struct {
	client       *api.Client
	account      *account // its contact attributes are the check of the key
	action       *service.InterpolatedString
	keyAttribute string
	store        *store // nil without id_cache
	letters      *deadletter.Sink
	hasLetters   bool
	log          *service.Logger
	pace         rest.Pace
	tally        *companyTally

	mu     sync.Mutex
	closed bool
	book   *companyBook // nil until connected
}

func newCompaniesOutput(conf *service.ParsedConfig, res *service.Resources) (*companiesOutput, error) {
	out := &companiesOutput{log: res.Logger(), tally: newCompanyTally(res)}
	var err error
	if out.action, err = conf.FieldInterpolatedString(cyFieldAction); err != nil {
		return nil, err
	}
	if out.keyAttribute, err = conf.FieldString(cyFieldKeyAttribute); err != nil {
		return nil, err
	}
	if !keyAttributePattern.MatchString(out.keyAttribute) {
		return nil, fmt.Errorf("%s %q must be 1 to 50 small letters, digits and _, and begin with a letter", cyFieldKeyAttribute, out.keyAttribute)
	}
	if out.store, err = companyStoreFrom(conf, res); err != nil {
		return nil, err
	}
	if out.letters, err = deadletter.FromParsed(conf, res); err != nil {
		return nil, err
	}
	if conf.Contains("dead_letter") {
		label, _ := conf.FieldString("dead_letter")
		out.hasLetters = label != ""
	}
	if out.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	out.account = newAccount(out.client, res)
	return out, nil
}

// Connect checks the key, at no cost to the hour's calls, and reads what earlier runs left.
func (out *companiesOutput) Connect(ctx context.Context) error {
	if err := out.pace.Wait(ctx); err != nil {
		return err
	}
	if err := out.account.read(ctx, true); err != nil {
		return out.pace.After(err)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.book != nil {
		return nil
	}
	watchSignals()
	var err error
	out.book, err = takeCompanyBook(ctx, out)
	return out.pace.After(err)
}

// WriteBatch returns once its messages are in the backlog in the cache; without a cache, once each has its
// verdict. Its error is the context's, or a *service.BatchError of the messages that were refused and have no
// dead letters to go to.
//
// It does not wait for the calls themselves, since that is what makes them few: an import costs the same for one
// page of organizations as for all, and pages that are held back cannot join one.
func (out *companiesOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	messages := out.read(batch)
	open := out.book.needed(messages)
	taken, err := out.book.keep(ctx, open)
	if err != nil {
		return err
	}
	out.book.accept(taken)
	if out.store == nil {
		if err := waitForAll(ctx, open); err != nil {
			return err
		}
	}
	return out.letters.Refuse(ctx, batch, out.settle(messages))
}

// Close writes what the hour's calls allow, and leaves the rest to the next run.
func (out *companiesOutput) Close(context.Context) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.book == nil || out.closed {
		return nil
	}
	out.closed = true
	out.drain()
	if text := out.tally.String(); text != "" {
		out.log.Infof("companies: %s", text)
	}
	out.book.leave(out)
	return nil
}

// ConnectionTest checks the key.
func (out *companiesOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := out.account.read(ctx, true); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
