package pipedrive

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const piFieldAPIVersion = "api_version"

func paginatedSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.1.0").
		Summary("Reads whole collections of Pipedrive once, then ends.").
		Description(`
Each message is one record in the shape of Pipedrive's API v2, whichever version it was read from, with
`+"`custom_fields_by_name`"+` beside the custom fields' keys. Objects are read side by side, each in ascending order of id.

A page is a batch and the unit of delivery: it is held until all of its messages are delivered, and sent again
as a whole, after a growing pause, when any of them was not. With `+"`checkpoint_cache`"+` a run that was
stopped goes on behind the last page that was delivered with all before it; a run that came to its end
starts anew.

Metadata: `+"`pipedrive_object`, `pipedrive_id`, `pipedrive_action` (`snapshot`), `pipedrive_time`, `pipedrive_source` (`paginated`)"+`.`).
		Fields(
			listFields("pipedrive_paginated",
				service.NewStringEnumField(piFieldAPIVersion, "v2", "v1").Default("v2").Advanced().
					Description("The version to read from where an object has both. v1 has been out of support since 2026-08-01 and costs twice as much. Leads, notes and users are in v1 only."),
			)...,
		).
		Fields(connectionFields()...).
		Example("All persons and organizations", "Credentials come from the environment.", `
input:
  pipedrive_paginated:
    objects: [persons, organizations]
    include_fields: [won_deals_count, open_deals_count]
    checkpoint_cache: state

cache_resources:
  - label: state
    memory: {}
`)
}

func init() {
	service.MustRegisterBatchInput("pipedrive_paginated", paginatedSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
			return newPaginatedInput(conf, res)
		})
}

type paginatedInput struct {
	client *api.Client
	res    *service.Resources
	conf   pagesConfig
	pace   rest.Pace
	pages  *pages
}

func newPaginatedInput(conf *service.ParsedConfig, res *service.Resources) (*paginatedInput, error) {
	in := &paginatedInput{res: res}
	var err error
	if in.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	if in.conf, err = pagesConfigFrom(conf, res); err != nil {
		return nil, err
	}
	in.conf.list.Version, err = conf.FieldString(piFieldAPIVersion)
	return in, err
}

// Connect checks the credentials and starts to read.
func (in *paginatedInput) Connect(ctx context.Context) error {
	if in.pages != nil {
		return nil
	}
	if err := in.pace.Wait(ctx); err != nil {
		return err
	}
	if err := checkCredentials(ctx, in.client); err != nil {
		return in.pace.After(err)
	}
	pages, err := startPages(ctx, in.client, in.res, in.conf)
	if err != nil {
		return in.pace.After(err)
	}
	in.pages = pages
	return nil
}

// ReadBatch returns the next page, or one that was not delivered. It blocks while there is neither,
// and returns ErrEndOfInput once all pages are delivered.
func (in *paginatedInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if in.pages == nil {
		return nil, nil, service.ErrNotConnected
	}
	return in.pages.next(ctx)
}

// Close stops reading and writes the position that was reached.
func (in *paginatedInput) Close(ctx context.Context) error {
	if in.pages == nil {
		return nil
	}
	return in.pages.close(ctx)
}

// ConnectionTest checks the credentials.
func (in *paginatedInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := in.client.Me(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
