package pipedrive

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

const (
	plFieldObject        = "object"
	plFieldBy            = "by"
	plFieldFirstRead     = "first_read"
	plFieldID            = "id"
	plFieldResultMap     = "result_map"
	plFieldIncludeFields = "include_fields"
	plFieldCacheTTL      = "cache_ttl"
)

func lookupSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.3.0").
		Summary("Fetches related records of Pipedrive by their ids, for a whole batch at once, and keeps them for a while.").
		Description(`
The ids of a batch are asked for together: 100 a call, for 10 tokens. Users, pipelines, stages and lead labels are read as a whole
list, since there are few (20, 5, 5 and 10 tokens); leads and notes one by one (2 tokens each). The `+"`currencies`"+` are asked for by code, `+"`EUR`"+`, and
come with their `+"`rate`"+` into the company's default currency: for 40 tokens as soon as there is another than that one.

What was fetched is kept for `+"`cache_ttl`"+`, 10,000 records of a kind at most, and forgotten as soon as an input of this process reads a
change of it. A record that does not exist, or that the token's user may not see, is `+"`null`"+` and counted
(`+"`pipedrive_lookup_missing`"+`). When Pipedrive is busy or down the processor waits and says so.`).
		Fields(
			service.NewStringField(plFieldObject).LintRule(objectsLint(api.Plurals(api.Related()))).Example("persons").
				Description("What to fetch: `persons`, `deals`, `organizations`, `activities`, `leads`, `pipelines`, `stages`, `users`, `notes`, `products`, `lead_labels`, `currencies`."),
			service.NewStringField(plFieldBy).Default("").Example("person_id").
				Description("Fetches the records that are linked to the id by this field, such as the deals of a person: always a list, at 10 tokens an id (leads 20) and never kept. The deals of persons cost nothing where `pipedrive_recents` of this process reads all deals. Persons by `org_id` or `deal_id`; deals by `person_id` or `org_id`; leads by `person_id` or `org_id`; activities by `deal_id`, `lead_id`, `person_id` or `org_id`."),
			service.NewBoolField(plFieldFirstRead).Default(false).Advanced().
				Description("With `by: person_id`: asks Pipedrive for nothing, and answers with what `pipedrive_recents` of this process has read: the deals of persons once all deals were read, and their leads while persons are read for the first time. `null` where that is not known."),
			service.NewBloblangField(plFieldID).Example("this.person_id").Example("this.participants.map_each(p -> p.person_id)").
				Description("A mapping that gives the id, a list of ids, or null for nothing to fetch."),
			service.NewBloblangField(plFieldResultMap).Default("").Example("root.person = this").
				Description("A mapping of what was fetched (`this`) into the message (`root`): a record or null; for a list of ids a list of those, each in its place. Metadata can be set too. If left out, the record goes where its kind says: `root.person = this`."),
			service.NewStringListField(plFieldIncludeFields).Default([]any{}).Example([]any{"won_deals_count"}).
				Description("Fields that v2 sends on request only, such as counts."),
			service.NewDurationField(plFieldCacheTTL).Default("5m").
				Description("How long a fetched record is good. 0s keeps none."),
		).
		Fields(connectionFields()...).
		Example("A deal's person", "The person of each deal, for one call a hundred deals.", `
pipeline:
  processors:
    - pipedrive_lookup:
        object: persons
        id: this.person_id
        result_map: root.person = this
`)
}

func init() {
	service.MustRegisterBatchProcessor("pipedrive_lookup", lookupSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchProcessor, error) {
			return newLookupProcessor(conf, res)
		})
}

type lookupProcessor struct {
	by        string
	firstRead bool

	records  *lookups // nil where it is unusable
	unusable error
	id       *bloblang.Executor
	result   *bloblang.Executor
	place    string // where result puts a record; empty if it is not the default
	missing  *service.MetricCounter
	object   *api.Object
}

var offline atomic.Bool

// Offline lets all lookups of the process pass messages on as they are: a test of a mapping gives what is looked
// up in its records.
func Offline() { offline.Store(true) }

func newLookupProcessor(conf *service.ParsedConfig, res *service.Resources) (*lookupProcessor, error) {
	p := &lookupProcessor{missing: res.Metrics().NewCounter("pipedrive_lookup_missing", "object")}
	plural, err := conf.FieldString(plFieldObject)
	if err != nil {
		return nil, err
	}
	if p.object, err = api.RelatedOf(plural); err != nil {
		return nil, err
	}
	if p.by, err = conf.FieldString(plFieldBy); err != nil {
		return nil, err
	}
	if p.firstRead, err = conf.FieldBool(plFieldFirstRead); err != nil {
		return nil, err
	}
	if p.by != "" && !slices.Contains(p.object.Links(), p.by) {
		return nil, fmt.Errorf("by: %s cannot be fetched by %q; they can be by: %s", p.object.Plural, p.by, joined(p.object.Links()))
	}
	if p.id, err = conf.FieldBloblang(plFieldID); err != nil {
		return nil, err
	}
	text, err := conf.FieldString(plFieldResultMap)
	if err != nil {
		return nil, err
	}
	if text == "" {
		p.place = map[bool]string{true: p.object.Plural, false: p.object.Name}[p.by != ""]
		text = fmt.Sprintf("root.%s = this", p.place)
	}
	if p.result, err = bloblang.Parse(text); err != nil {
		return nil, fmt.Errorf("result_map: %w", err)
	}
	include, err := conf.FieldStringList(plFieldIncludeFields)
	if err != nil {
		return nil, err
	}
	for _, field := range include {
		if !p.object.Includes(field) {
			return nil, fmt.Errorf("include_fields: %s have no field %q that can be asked for", p.object.Plural, field)
		}
	}
	ttl, err := conf.FieldDuration(plFieldCacheTTL)
	if err != nil {
		return nil, err
	}
	// Without credentials a mapping can still be tested, on messages that need no lookup.
	client, err := clientFrom(conf, res)
	if p.unusable = err; err == nil {
		p.records = lookupsOf(client, res, p.object, include, ttl)
	}
	return p, nil
}

// ProcessBatch adds to each message what it asks for. It blocks while Pipedrive cannot be asked; its only
// error is then the context's.
func (p *lookupProcessor) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	if offline.Load() {
		return []service.MessageBatch{batch}, nil
	}
	wanted := make([]wish, len(batch))
	var ids []string
	var err error
	for i, m := range batch {
		if m.GetError() != nil {
			continue
		}
		if wanted[i], err = p.wishFrom(m); err != nil {
			m.SetError(fmt.Errorf("the id to look up cannot be read: %w", err))
			continue
		}
		if p.unusable != nil && len(wanted[i].ids) > 0 && !p.firstRead {
			m.SetError(fmt.Errorf("looking up %s: %w", p.object.Plural, p.unusable))
			continue
		}
		ids = append(ids, wanted[i].ids...)
	}
	answer, err := p.fetch(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(service.MessageBatch, 0, len(batch))
	for i, m := range batch {
		if m.GetError() != nil {
			out = append(out, m)
			continue
		}
		mutated, err := p.put(m, answer(wanted[i]))
		if err != nil {
			m.SetError(fmt.Errorf("result_map: %w", err))
			mutated = m
		}
		if mutated != nil { // nil is root = deleted()
			out = append(out, mutated)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return []service.MessageBatch{out}, nil
}

// put adds an answer to a message. It returns nil for one that the mapping drops.
func (p *lookupProcessor) put(m *service.Message, answer any) (*service.Message, error) {
	if p.place != "" {
		if content, err := m.AsStructuredMut(); err == nil {
			if record, ok := content.(map[string]any); ok {
				record[p.place] = answer
				return m, nil
			}
		}
	}
	from := service.NewMessage(nil)
	from.SetStructuredMut(answer)
	return m.BloblangMutateFrom(p.result, from)
}

// queryValue is what a mapping gives of a message. Benthos' own BloblangQueryValue has no this.
func queryValue(m *service.Message, exec *bloblang.Executor) (any, error) {
	result, err := m.BloblangQuery(exec)
	if err != nil || result == nil {
		return nil, err
	}
	if v, err := result.AsStructured(); err == nil {
		return v, nil
	}
	text, err := result.AsBytes()
	return string(text), err
}

// Close leaves what was fetched to others.
func (p *lookupProcessor) Close(context.Context) error { return nil }
