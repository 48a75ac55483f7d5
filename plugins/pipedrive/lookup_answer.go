package pipedrive

import (
	"context"
	"slices"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// wish is what a message asks for.
type wish struct {
	ids  []string
	list bool
}

// wishFrom is what a message asks for. A query leaves its message marked as shared with others, so that each
// processor's next change would copy all of it: this one makes it its own first, once.
func (p *lookupProcessor) wishFrom(m *service.Message) (wish, error) {
	content, unstructured := m.AsStructuredMut()
	v, err := queryValue(m, p.id)
	if unstructured == nil {
		m.SetStructuredMut(content)
	}
	if err != nil {
		return wish{}, err
	}
	return p.wishOf(v)
}

func (p *lookupProcessor) wishOf(v any) (w wish, err error) {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	w.list = isList
	for _, item := range list {
		id, err := idOf(item)
		if err == nil && id != "" && p.numbered() {
			_, err = strconv.ParseUint(id, 10, 63) // one that is none would fail the call for all others
		}
		if err != nil {
			return wish{}, err
		}
		if id != "" || isList {
			w.ids = append(w.ids, id) // in a list each has its place
		}
	}
	return w, nil
}

// numbered reports whether ids are whole numbers.
func (p *lookupProcessor) numbered() bool {
	switch p.object.Name {
	case "lead":
		return p.by != ""
	case api.LeadLabel.Name, api.Currency.Name:
		return false
	}
	return p.by != "lead_id"
}

// fetch returns what answers each wish.
func (p *lookupProcessor) fetch(ctx context.Context, ids []string) (func(wish) any, error) {
	given := map[string]bool{} // ids whose records a message has
	if p.unusable != nil {
		return func(w wish) any { return p.answer(w, nil, given) }, nil
	}
	if p.by == "" {
		found, err := p.records.get(ctx, slices.DeleteFunc(ids, func(id string) bool { return id == "" }))
		return func(w wish) any { return p.answer(w, found, given) }, err
	}
	found, err := p.records.linked(ctx, p.by, ids, p.firstRead)
	return func(w wish) any {
		for _, id := range w.ids {
			if id != "" && found[id] == nil {
				return nil
			}
		}
		all := []any{}
		for _, id := range w.ids {
			for _, r := range found[id] {
				all = append(all, p.one(r, given[id]))
			}
			given[id] = true
		}
		return all
	}, err
}

func (p *lookupProcessor) answer(w wish, found map[string]api.Record, given map[string]bool) any {
	one := func(id string) any {
		shared := given[id] || !givesAway(p.object)
		given[id] = true
		return p.one(found[id], shared)
	}
	if !w.list {
		if len(w.ids) == 0 {
			return nil
		}
		return one(w.ids[0])
	}
	all := make([]any, len(w.ids))
	for i, id := range w.ids {
		if id != "" {
			all[i] = one(id)
		}
	}
	return all
}

// one is a record for a message, which may change it: a copy of one that others have, too.
func (p *lookupProcessor) one(r api.Record, shared bool) any {
	switch {
	case r == nil:
		p.missing.Incr(1, p.object.Name)
		return nil
	case shared:
		return r.Clone()
	}
	return map[string]any(r)
}
