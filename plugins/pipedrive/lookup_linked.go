package pipedrive

import (
	"context"

	"connector/plugins/pipedrive/api"
)

// linked fetches the records that are linked to others, all pages of them: a call for each id, since
// Pipedrive's lists take one at a time. They are not kept: what is linked changes without the record
// that it is linked to. The deals of persons are known without a call while persons are read for the first
// time; with firstRead only then.
func (l *lookups) linked(ctx context.Context, by string, ids []string, firstRead bool) (map[string][]api.Record, error) {
	found := map[string][]api.Record{}
	if known := l.indexed(by); known != nil {
		for _, id := range ids {
			found[id] = known.of(id)
		}
		return found, nil
	}
	if firstRead {
		return found, nil
	}
	for _, id := range ids {
		if _, done := found[id]; done {
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

// indexed is the index that answers without a call: that of persons' deals, during the first read.
func (l *lookups) indexed(by string) *dealIndex {
	if l.object.Name != "deal" || by != "person_id" {
		return nil
	}
	return dealIndexOf(l.client)
}
