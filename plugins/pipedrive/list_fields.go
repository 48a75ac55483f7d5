package pipedrive

import (
	"errors"
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

const (
	piFieldObjects         = "objects"
	piFieldPageSize        = "page_size"
	piFieldFilterID        = "filter_id"
	piFieldIncludeFields   = "include_fields"
	piFieldCheckpointCache = "checkpoint_cache"
	piFieldCheckpointKey   = "checkpoint_cache_key"
	piFieldCheckpointLimit = "checkpoint_limit"
)

// listFields are those of all inputs that read lists. Key is the default of checkpoint_cache_key.
func listFields(key string, more ...*service.ConfigField) []*service.ConfigField {
	fields := []*service.ConfigField{
		service.NewStringListField(piFieldObjects).Default([]any{"persons"}).
			LintRule(objectsLint(api.Plurals(api.Objects))).
			Description("What to read: `persons`, `deals`, `organizations`, `activities`, `leads`, `pipelines`, `stages`, `users`, `notes`, `products`."),
		service.NewIntField(piFieldPageSize).Default(500).Advanced().
			LintRule(`root = if this < 1 || this > 500 { ["page_size must be between 1 and 500"] }`).
			Description("Records a page. A page costs the same number of tokens whatever its size; 500 is the most."),
		service.NewIntField(piFieldFilterID).Optional().
			Description("The id of a filter saved in Pipedrive (the number in its address). Only for a single kind of object."),
		service.NewStringListField(piFieldIncludeFields).Default([]any{}).Example([]any{"won_deals_count", "open_deals_count"}).
			Description("Fields that v2 sends on request only, such as counts. Each is asked for with the objects that have it, at no extra cost."),
	}
	return append(append(fields, more...),
		service.NewStringField(piFieldCheckpointCache).Optional().
			Description("A cache resource that keeps the position between runs."),
		service.NewStringField(piFieldCheckpointKey).Default(key).Advanced().
			Description("The key of the position in the cache. Two inputs that share a cache need two keys."),
		service.NewIntField(piFieldCheckpointLimit).Default(2500).Advanced().
			LintRule(`root = if this < 1 { ["checkpoint_limit must be at least 1"] }`).
			Description("The most records that may be read but not yet delivered. Each takes about 5 kB of memory; more make fewer and larger imports."),
	)
}

// objectsLint is run on the list and on each of its items.
func objectsLint(plurals []string) string {
	return objectLint(plurals) + ` else if this.type() == "array" && this.length() == 0 {
  ["objects must name at least one object"]
}`
}

// objectLint also takes a list that is empty.
func objectLint(plurals []string) string {
	return fmt.Sprintf(`root = if this.type() == "string" && !%s.contains(this) {
  ["there is no object " + this + ": it is one of %s"]
}`, quoted(plurals), joined(plurals))
}

// pagesConfigFrom reads the list fields.
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
		// One of an object that is not among them is no mistake: a line of objects can be taken out by itself.
		if !slices.ContainsFunc(api.Objects, func(o *api.Object) bool { return o.Includes(field) }) {
			return cfg, fmt.Errorf("include_fields: no object has a field %q that can be asked for", field)
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
