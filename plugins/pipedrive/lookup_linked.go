package pipedrive

import (
	"context"

	"connector/plugins/pipedrive/api"
)

// linked fetches the records that are linked to others, all pages of them: a call for each id, since
// Pipedrive's lists take one at a time. They are not kept: what is linked changes without the record
// that it is linked to. With known nothing is asked for, and what is not known is left out.
func (l *lookups) linked(ctx context.Context, by string, ids []string, known bool) (map[string][]api.Record, error) {
	found := map[string][]api.Record{}
	for _, id := range ids {
		if _, done := found[id]; done || id == "" {
			continue
		}
		if records, ok := l.known(by, id, known); ok {
			found[id] = records
			continue
		}
		if known {
			continue
		}
		records := []api.Record{}
		opts := api.ListOptions{Limit: 500, IncludeFields: l.include, By: by, ByID: id}
		for next := ""; ; {
			page, err := l.page(ctx, func() (*api.Page, error) { return l.client.List(ctx, l.object, next, opts) }, func(_ string, r api.Record) {
				records = append(records, r)
			})
			if err != nil {
				return nil, err
			}
			if next = page.Next; next == "" {
				break
			}
		}
		found[id] = records
	}
	return found, nil
}

// known is what an input of this process has read: the deals of persons, for the first read their leads, and later
// on that a person has none.
func (l *lookups) known(by, id string, firstRead bool) ([]api.Record, bool) {
	if by != "person_id" {
		return nil, false
	}
	switch l.object.Name {
	case "deal":
		if book := bookOf(l.client, "deal"); book != nil {
			return book.dealsOf(id)
		}
	case "lead":
		if first := firstReadOf(l.client); firstRead && first != nil && first.has("lead") {
			return first.leadsOf(id), true
		}
		if book := bookOf(l.client, "lead"); book != nil && book.without(id) {
			return []api.Record{}, true
		}
	}
	return nil, false
}
