package pipedrive

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// restartPause grows with each cursor that Pipedrive refuses.
const restartPause = 5 * time.Second

// mostPolls is how often a run that ends once it has caught up looks for what changed meanwhile.
const mostPolls = 3

// follower reads one kind of object: first everything, then what changes.
type follower struct {
	*feed
	o        *api.Object
	conf     followConfig
	position *followPosition
	at       state  // as read; the position has it as delivered
	since    string // of the poll under way: up to when all was read before
	asked    string // of its page: when that was asked for
	ids      *knownIDs
	hidden   map[uint64]bool // pages of /v1/recents whose hidden records were read
	first    *firstRead      // while persons are read for the first time; nil for objects that have no part in it
	book     *book           // of the follower of deals, and of leads
	long     bool            // leads are more than a page
	spaced   bool            // polls are further apart than they should be
}

// run returns when the input is closed, or has caught up and is to end.
func (f *follower) run() {
	if f.prime() != nil {
		return
	}
	for polls := 0; ; {
		if f.at.full != nil {
			if f.readAll() != nil {
				return
			}
			continue // with what changed meanwhile
		}
		began := time.Now()
		if f.position.settled(f.ctx, f.o) != nil || f.poll() != nil || f.sweepIfDue() != nil {
			return
		}
		polls++
		took := time.Since(began)
		if f.conf.once && (took < f.conf.interval || polls == mostPolls) {
			f.done()
			return
		}
		if rest.Sleep(f.ctx, f.interval()-took) != nil {
			return
		}
	}
}

// readAll reads the whole collection, in ascending order of id. What changes meanwhile is for the poll
// after it.
func (f *follower) readAll() error {
	if err := f.awaitOthers(); err != nil {
		return err
	}
	if f.at.full.Started == 0 {
		f.at.full.Started = f.client.Now().Unix()
	}
	resumed := f.at.full.Next != ""
	track := countedTrack{}
	for restarts, pages := 0, 1; ; pages++ {
		page, records, err := f.page(f.at.full.Next != "", func(ctx context.Context) (*api.Page, error) {
			return f.client.List(ctx, f.o, f.at.full.Next, f.conf.list)
		})
		if errors.Is(err, errBadCursor) {
			f.log.Warnf("%v; reading %s from the beginning", err, f.o.Plural)
			f.at.full.Next = ""
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
			f.at.full.Next = track.back(f.at.full.Next, f.conf.list.Limit)
			continue
		}
		recent := f.sightings(records, f.at.window.since)
		started, end, next := f.at.full.Started, page.Next == "", f.after(page)
		actions, count := track.given(page, records)
		if end {
			f.learn(records)
			f.finishBook() // before the position says that all is read
		}
		err = f.give(page, records, actions, count, func(s *state) {
			s.window.note(recent)
			if f.o.HasSince() {
				s.window.advance(newestOf(recent), started, true, f.conf.list.Limit)
			}
			s.full = &fullRead{Started: started, Next: next}
			if end {
				s.full, s.caughtUp = nil, time.Unix(started, 0)
			}
			if end && !resumed {
				s.swept = started // all ids are known
			}
		})
		if err == nil && pages%10 == 0 {
			err = f.saveIDs()
		}
		if err != nil {
			return err
		}
		if end {
			f.isRead()
			f.log.Infof("%s: everything is read; what changes follows", f.o.Plural)
			return nil
		}
	}
}

// page reads a page with all that has to be waited for before.
func (f *follower) page(mayRestart bool, list func(context.Context) (*api.Page, error)) (*api.Page, []api.Record, error) {
	if err := f.position.wait(f.ctx); err != nil {
		return nil, nil, err
	}
	return f.fetchPage(list, mayRestart)
}

// give hands out the records of a page that have an action, and makes a change of the state once all of
// them and of the pages before are delivered.
func (f *follower) give(page *api.Page, records []api.Record, actions []any, count int, change func(*state)) error {
	change(&f.at)
	settle := f.position.track(f.o, change)
	if f.ids != nil {
		f.ids.add(records)
	}
	formers := f.learn(records)
	if f.book != nil {
		for i := range formers {
			if actions[min(i, len(actions)-1)] == nil {
				formers[i] = nil // it is being delivered
			}
		}
		settle = f.book.settling(records, formers, settle)
	}
	if count == 0 {
		settle()
		return nil
	}
	if err := f.acquire(count); err != nil {
		return err
	}
	f.progress.read(f.o, count)
	return f.hand(&delivery{
		page: page, records: records, actions: actions, formers: formers, since: f.since, asked: f.asked,
		weight: f.keep(count, count), settle: settle,
	})
}

// make makes a change of the state that is about no page.
func (f *follower) make(change func(*state)) {
	change(&f.at)
	f.position.track(f.o, change)()
}

// sighting is a record that was read.
type sighting struct {
	id, content uint64 // hashes
	second      int64
}

func sightingOf(r api.Record, second int64) sighting {
	return sighting{xxhash.Sum64String(r.ID()), r.Hash(), second}
}

// sightings are those of records that were updated at a second or later. Objects whose list cannot be
// narrowed are known by their content alone.
func (f *follower) sightings(records []api.Record, since int64) (found []sighting) {
	for _, r := range records {
		second, ok := r.Second()
		if !f.o.HasSince() {
			second, ok = 0, true
		}
		if ok && second >= since {
			found = append(found, sightingOf(r, second))
		}
	}
	return found
}

func newestOf(found []sighting) int64 {
	if len(found) == 0 {
		return 0
	}
	return slices.MaxFunc(found, func(a, b sighting) int { return cmp.Compare(a.second, b.second) }).second
}
