package pipedrive

import (
	"context"
	"errors"
	"time"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// action says what has happened to a record, which may not have been met before.
type action func(r api.Record, isNew bool) any

// poll reads what has changed since the last read.
func (f *follower) poll() error {
	began := f.client.Now()
	before, open := f.at.window.watermark, f.at.window.since <= f.at.window.watermark
	what := func(r api.Record, isNew bool) any {
		if deleted(r) {
			return actionDelete
		}
		if added, ok := r.AddedSecond(); ok && (added > before || added == before && open && isNew) {
			return actionCreate
		}
		return actionChange
	}
	read := f.listSince
	switch {
	case !f.o.HasSince():
		return f.pollWhole(began)
	case f.conf.recents:
		if age := began.Sub(f.at.caughtUp); age > api.RecentsReach && !f.at.caughtUp.IsZero() {
			f.log.Warnf("%s: what was read last is %d days old, and /v1/recents reaches back one month: everything is read once more",
				f.o.Plural, int(age.Hours()/24))
			f.make(func(s *state) { s.full = &fullRead{} })
			if err := f.readAll(); err != nil {
				return err
			}
			return f.poll()
		}
		read = f.listRecents
	}
	if before > 0 {
		f.since = showSecond(before)
	}
	defer func() { f.since, f.asked = "", "" }()
	if done, err := f.pollLeads(began, what); done || err != nil {
		return err
	}
	if err := f.changes(read, began.Unix(), what); err != nil {
		return err
	}
	f.caughtUp(began)
	return nil
}

// caughtUp says that all that changed before a time was read.
func (f *follower) caughtUp(began time.Time) {
	f.make(func(s *state) {
		s.window.advance(s.window.watermark, began.Unix(), true, f.conf.list.Limit)
		s.caughtUp = began
	})
}

func deleted(r api.Record) bool {
	gone, _ := r["is_deleted"].(bool)
	return gone || r["status"] == "deleted"
}

type lister func(ctx context.Context, since time.Time, next string) (*api.Page, error)

func (f *follower) listSince(ctx context.Context, since time.Time, next string) (*api.Page, error) {
	opts := f.conf.list
	opts.UpdatedSince = since
	return f.client.List(ctx, f.o, next, opts)
}

func (f *follower) listRecents(ctx context.Context, since time.Time, next string) (*api.Page, error) {
	if reach := f.client.Now().Add(-api.RecentsReach); since.Before(reach) {
		since = reach
	}
	return f.client.Recents(ctx, f.o, since, next, f.conf.list.Limit)
}

// changes hands out what the pages from the window's beginning on have that it does not know.
func (f *follower) changes(list lister, began int64, action action) error {
	since, next, restarts := f.at.window.since, "", 0
	track := countedTrack{}
	for {
		from, position := time.Unix(since, 0), next
		page, records, err := f.page(next != "", func(ctx context.Context) (*api.Page, error) {
			f.asked = showSecond(f.client.Now().Unix())
			return list(ctx, from, position)
		})
		if errors.Is(err, errBadCursor) {
			f.log.Debugf("%v; reading on from the last change", err)
			since, next = f.at.window.since, ""
			if err := rest.Sleep(f.ctx, restartPause*time.Duration(restarts)); err != nil {
				return err
			}
			restarts++
			continue
		}
		if err != nil {
			return err
		}
		if track.lost(page, f.overlapOf()) {
			next = "" // what is known already is left out
			continue
		}
		// First, or the position would pass what is not yet delivered.
		if err := f.giveHidden(page, action); err != nil {
			return err
		}
		last, err := f.giveNew(page, records, began, true, action)
		if err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		if next = f.after(page); page.Counted() && last > since {
			since, next, track.losses = last, "", 0
		}
		if next != "" {
			track.read(page)
		}
	}
}

// giveNew hands out those records of a page that the window does not know, and returns the latest second
// on it. Unless they are out of order the watermark goes with them.
func (f *follower) giveNew(page *api.Page, records []api.Record, began int64, inOrder bool, action action) (last int64, err error) {
	actions, count := make([]any, len(records)), 0
	var found []sighting
	for i, r := range records {
		second, _ := r.Second()
		s := sightingOf(r, second)
		last = max(last, second)
		found = append(found, s)
		if !f.at.window.knows(s) {
			actions[i] = action(r, !f.at.window.met(s))
			count++
		}
	}
	return last, f.give(page, records, actions, count, func(s *state) {
		s.window.note(found)
		if inOrder {
			s.window.advance(last, began, false, f.conf.list.Limit)
		}
	})
}

// pollWhole reads a short list whose API cannot say what has changed.
func (f *follower) pollWhole(began time.Time) error {
	now := map[uint64]seenRecord{}
	for next := ""; ; {
		page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, next, f.conf.list) })
		if err != nil {
			return err
		}
		actions, count := make([]any, len(records)), 0
		for i, r := range records {
			second, _ := r.Second()
			seen := sightingOf(r, 0)
			if now[seen.id] = (seenRecord{seen.content, 0}); !f.at.window.knows(seen) && second >= f.at.window.watermark {
				actions[i] = actionChange
				count++
			}
		}
		if err := f.give(page, records, actions, count, func(*state) {}); err != nil {
			return err
		}
		if next = page.Next; next == "" {
			break
		}
	}
	f.make(func(s *state) {
		s.window.watermark = 0 // start_from is for the first time
		s.window.seen, s.caughtUp = now, began
	})
	f.at.window = f.at.window.clone()
	return nil
}
