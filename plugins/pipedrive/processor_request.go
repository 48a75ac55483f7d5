package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const (
	prFieldMethod    = "method"
	prFieldPath      = "path"
	prFieldQuery     = "query"
	prFieldBody      = "body"
	prFieldResultMap = "result_map"
	prFieldAllPages  = "all_pages"

	// metaStatus is the status of the answer to a call.
	metaStatus = "pipedrive_status"
	// metaNext is the position of a list's next page.
	metaNext = "pipedrive_next"
)

func requestSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.3.0").
		Summary("Makes any call of Pipedrive's API, under the same limits as everything else.").
		Description(`
A path names its version (`+"`/api/v2/persons/7`, `/v1/leads`"+`), or leaves it open (`+"`/persons/7`"+`): then it goes to v2 where v2 has it, `+"`PUT`"+`
becoming `+"`PATCH`"+`, else to v1.

- Custom fields of a body may be named as people name them, in `+"`custom_fields_by_name`"+`, with options by their labels. A name that there is not is an error that names the near ones.
- Records that come back have the shape of all records here, with `+"`custom_fields_by_name`"+`.
- The answer's status is in the metadata key `+"`pipedrive_status`"+`, the record's id in `+"`pipedrive_id`"+`, the position of the next page, if there is one, in `+"`pipedrive_next`"+`.
- A message whose call Pipedrive refuses, or that cannot be made, has an error: an output's `+"`dead_letter`"+` takes it. Deleting what is not there any more is no error.
- When Pipedrive is busy or down, or the token is wrong, the processor waits and says so.
- A `+"`POST`"+`, or a merge, whose answer was lost is not made again: its error says that it may have been carried out.`).
		Fields(
			service.NewStringEnumField(prFieldMethod, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete).Default(http.MethodGet).
				Description("The method."),
			service.NewInterpolatedStringField(prFieldPath).Example("/persons/${! this.id }").Example("/api/v2/itemSearch").Example("/v1/webhooks").
				Description("The path, without a query."),
			service.NewBloblangField(prFieldQuery).Optional().Example(`root = {"term": this.text, "item_types": "person", "limit": 10}`).
				Description("A mapping that gives the query as an object. A list becomes a text with commas; null is left out."),
			service.NewBloblangField(prFieldBody).Optional().Example(`root = {"name": this.name, "custom_fields_by_name": {"lead_source": "Web"}}`).
				Description("A mapping that gives the body: an object or a list."),
			service.NewBloblangField(prFieldResultMap).Optional().Example("root.found = this.items").
				Description("A mapping of the answer's `data` (`this`) into the message (`root`); metadata can be set too. If left out, `data` takes the place of the message."),
			service.NewBoolField(prFieldAllPages).Default(false).
				Description("With `GET`: reads a list, or a search, page by page to its end, and gives all of it as one list. It is in memory as a whole: for whole collections there is `pipedrive_paginated`."),
		).
		Fields(connectionFields()...).
		Example("Merge persons", "Makes one person of two: the one in the path goes, the other one stays.", `
pipeline:
  processors:
    - pipedrive_request:
        method: PUT
        path: /persons/${! this.duplicate }/merge
        body: 'root.merge_with_id = this.original'
`)
}

func init() {
	service.MustRegisterBatchProcessor("pipedrive_request", requestSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchProcessor, error) {
			return newRequestProcessor(conf, res)
		})
}

type requestProcessor struct {
	client   *api.Client // nil where it is unusable
	unusable error
	log      *service.Logger

	method   string
	path     *service.InterpolatedString
	query    *bloblang.Executor // may be nil
	body     *bloblang.Executor // may be nil
	result   *bloblang.Executor
	allPages bool
}

func newRequestProcessor(conf *service.ParsedConfig, res *service.Resources) (p *requestProcessor, err error) {
	p = &requestProcessor{log: res.Logger()}
	if p.method, err = conf.FieldString(prFieldMethod); err != nil {
		return nil, err
	}
	if p.path, err = conf.FieldInterpolatedString(prFieldPath); err != nil {
		return nil, err
	}
	if path, static := p.path.Static(); static {
		if _, err := api.NewCall(p.method, path); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
	}
	if p.allPages, err = conf.FieldBool(prFieldAllPages); err != nil {
		return nil, err
	}
	if p.result, err = bloblang.Parse("root = this"); err != nil {
		return nil, err
	}
	for name, mapping := range map[string]**bloblang.Executor{prFieldQuery: &p.query, prFieldBody: &p.body, prFieldResultMap: &p.result} {
		if !conf.Contains(name) {
			continue
		}
		if *mapping, err = conf.FieldBloblang(name); err != nil {
			return nil, err
		}
	}
	switch {
	case p.method == http.MethodGet && p.body != nil:
		return nil, errors.New("body: a GET has none; what it asks for goes into query")
	case p.method != http.MethodGet && p.allPages:
		return nil, errors.New("all_pages: only a GET has pages")
	}
	// Without credentials a pipeline can still be tested, on messages that need no call.
	p.client, p.unusable = clientFrom(conf, res)
	return p, nil
}

// ProcessBatch makes the call of each message, one after the other. It blocks while Pipedrive cannot be asked;
// its only error is then the context's.
func (p *requestProcessor) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	out := make(service.MessageBatch, 0, len(batch))
	for _, m := range batch {
		if m.GetError() != nil {
			out = append(out, m)
			continue
		}
		mutated, err := p.process(ctx, m)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			m.SetError(fmt.Errorf("pipedrive_request: %w", err))
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

// Close leaves the client to others.
func (p *requestProcessor) Close(context.Context) error { return nil }

func (p *requestProcessor) process(ctx context.Context, m *service.Message) (*service.Message, error) {
	call, err := p.call(m)
	if err != nil {
		return nil, err
	}
	if p.unusable != nil {
		return nil, p.unusable
	}
	m.MetaDelete(metaNext)
	answer, err := p.make(ctx, call)
	if err != nil {
		var refusal *rest.Error
		if m.MetaDelete(metaStatus); errors.As(err, &refusal) && refusal.Status > 0 {
			m.MetaSetMut(metaStatus, strconv.Itoa(refusal.Status))
		}
		return nil, err
	}
	m.MetaSetMut(metaStatus, strconv.Itoa(answer.Status))
	if answer.ID != "" {
		m.MetaSetMut("pipedrive_id", answer.ID)
	}
	if answer.Next != "" {
		m.MetaSetMut(metaNext, answer.Next)
	}
	from := service.NewMessage(nil)
	from.SetStructuredMut(answer.Data)
	mutated, err := m.BloblangMutateFrom(p.result, from)
	if err != nil {
		return nil, fmt.Errorf("result_map: %w", err)
	}
	return mutated, nil
}
