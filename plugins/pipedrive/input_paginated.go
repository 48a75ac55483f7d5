package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const (
	piFieldObjects         = "objects"
	piFieldPageSize        = "page_size"
	piFieldFilterID        = "filter_id"
	piFieldIncludeFields   = "include_fields"
	piFieldAPIVersion      = "api_version"
	piFieldCheckpointCache = "checkpoint_cache"
	piFieldCheckpointKey   = "checkpoint_cache_key"
	piFieldCheckpointLimit = "checkpoint_limit"
)

func paginatedSpec() *service.ConfigSpec {
	var plurals []string
	for _, o := range api.Objects {
		plurals = append(plurals, o.Plural)
	}
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
			service.NewStringListField(piFieldObjects).Default([]any{"persons"}).
				LintRule(objectsLint(plurals)).
				Description("What to read: `persons`, `deals`, `organizations`, `activities`, `leads`, `pipelines`, `stages`, `users`, `notes`, `products`."),
			service.NewIntField(piFieldPageSize).Default(500).Advanced().
				LintRule(`root = if this < 1 || this > 500 { ["page_size must be between 1 and 500"] }`).
				Description("Records a page. A page costs the same number of tokens whatever its size; 500 is the most."),
			service.NewIntField(piFieldFilterID).Optional().
				Description("The id of a filter saved in Pipedrive (the number in its address). Only for a single kind of object."),
			service.NewStringListField(piFieldIncludeFields).Default([]any{}).Example([]any{"won_deals_count", "open_deals_count"}).
				Description("Fields that v2 sends on request only, such as counts. Each is asked for with the objects that have it, at no extra cost."),
			service.NewStringEnumField(piFieldAPIVersion, "v2", "v1").Default("v2").Advanced().
				Description("The version to read from where an object has both. v1 has been out of support since 2026-08-01 and costs twice as much. Leads, notes and users are in v1 only."),
			service.NewStringField(piFieldCheckpointCache).Optional().
				Description("A cache resource that keeps the position between runs."),
			service.NewStringField(piFieldCheckpointKey).Default("pipedrive_paginated").Advanced().
				Description("The key of the position in the cache. Two inputs that share a cache need two keys."),
			service.NewIntField(piFieldCheckpointLimit).Default(2500).Advanced().
				LintRule(`root = if this < 1 { ["checkpoint_limit must be at least 1"] }`).
				Description("The most records that may be read but not yet delivered. Each takes about 5 kB of memory; more make fewer and larger imports."),
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

// objectsLint is run on the list and on each of its items.
func objectsLint(plurals []string) string {
	return fmt.Sprintf(`root = if this.type() == "string" && !%s.contains(this) {
  ["there is no object " + this + ": it is one of %s"]
} else if this.type() == "array" && this.length() == 0 {
  ["objects must name at least one object"]
}`, quoted(plurals), joined(plurals))
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
	in.conf, err = pagesConfigFrom(conf, res)
	return in, err
}

func pagesConfigFrom(conf *service.ParsedConfig, res *service.Resources) (cfg pagesConfig, err error) {
	plurals, err := conf.FieldStringList(piFieldObjects)
	if err != nil {
		return cfg, err
	}
	slices.Sort(plurals)
	for _, plural := range slices.Compact(plurals) {
		o, err := api.ObjectOf(plural)
		if err != nil {
			return cfg, err
		}
		cfg.objects = append(cfg.objects, o)
	}
	if len(cfg.objects) == 0 {
		return cfg, errors.New("objects must name at least one object")
	}
	if cfg.list.Limit, err = conf.FieldInt(piFieldPageSize); err != nil {
		return cfg, err
	}
	if cfg.list.Limit < 1 || cfg.list.Limit > 500 {
		return cfg, fmt.Errorf("page_size is %d: it must be between 1 and 500", cfg.list.Limit)
	}
	if cfg.list.Version, err = conf.FieldString(piFieldAPIVersion); err != nil {
		return cfg, err
	}
	if conf.Contains(piFieldFilterID) {
		if cfg.list.FilterID, err = conf.FieldInt(piFieldFilterID); err != nil {
			return cfg, err
		}
		if len(cfg.objects) > 1 {
			return cfg, errors.New("filter_id is for a single kind of object: a filter in Pipedrive is of persons, or of deals, …")
		}
	}
	if cfg.list.IncludeFields, err = conf.FieldStringList(piFieldIncludeFields); err != nil {
		return cfg, err
	}
	for _, field := range cfg.list.IncludeFields {
		if !slices.ContainsFunc(cfg.objects, func(o *api.Object) bool { return o.Includes(field) }) {
			return cfg, fmt.Errorf("include_fields: none of the objects has a field %q that can be asked for", field)
		}
	}
	if cfg.limit, err = conf.FieldInt(piFieldCheckpointLimit); err != nil {
		return cfg, err
	}
	if cfg.cacheKey, err = conf.FieldString(piFieldCheckpointKey); err != nil {
		return cfg, err
	}
	if conf.Contains(piFieldCheckpointCache) {
		if cfg.cache, err = conf.FieldString(piFieldCheckpointCache); err != nil {
			return cfg, err
		}
		if !res.HasCache(cfg.cache) {
			return cfg, fmt.Errorf("checkpoint_cache: there is no cache resource %q", cfg.cache)
		}
	}
	return cfg, nil
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
