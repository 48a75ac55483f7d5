package pipedrive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"connector/plugins/pipedrive/api"
)

// giveHidden hands out what a page of /v1/recents names without showing it. Polls begin in the past, and a
// page that is as it was at the last poll names nothing new.
func (f *follower) giveHidden(page *api.Page, action action) error {
	if len(page.Missing) == 0 {
		return nil
	}
	print := xxhash.Sum64String(fmt.Sprint(page.IDs, page.Missing, page.LastTimestamp))
	if f.hidden[print] {
		return nil
	}
	unseen, err := f.giveByID(page.Missing, action)
	if err != nil {
		return err
	}
	for _, id := range unseen {
		if err := f.giveDeleted(id, action); err != nil {
			return err
		}
	}
	last, err := time.Parse(time.DateTime, page.LastTimestamp)
	if err != nil || f.client.Now().Sub(last) < settled*time.Second {
		return nil // it can change once more within its last second
	}
	if f.hidden == nil || len(f.hidden) > 1000 {
		f.hidden = map[uint64]bool{}
	}
	f.hidden[print] = true
	return nil
}

// giveByID hands records out by their ids, and returns the ids of those that the list does not have.
func (f *follower) giveByID(ids []string, action action) (unseen []string, err error) {
	if f.o.OnlyV1() {
		return ids, nil // whose lists do not know ids
	}
	for some := range slices.Chunk(ids, 100) {
		opts := f.conf.list
		opts.IDs, opts.Limit = some, 100
		page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, "", opts) })
		if err != nil {
			return nil, err
		}
		there := map[string]bool{}
		for _, r := range records {
			there[r.ID()] = true
		}
		for _, id := range some {
			if !there[id] {
				unseen = append(unseen, id)
			}
		}
		if _, err := f.giveNew(page, records, 0, false, action); err != nil {
			return nil, err
		}
	}
	return unseen, nil
}

// giveDeleted hands out a record that is not in the list, if Pipedrive shows it by itself.
func (f *follower) giveDeleted(id string, action action) error {
	v := vanished{id: id, known: onlyID(id)}
	if _, err := f.lookAt(&v); err != nil {
		return err
	}
	if !v.shown {
		f.log.Warnf("reading recent %s: %s is named but not shown, also not by its id; it may have been deleted", f.o.Plural, id)
		return nil
	}
	_, err := f.giveNew(v.page, []api.Record{v.record}, 0, false, action)
	return err
}
