package pipedrive

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"connector/plugins/pipedrive/api"
)

// A lead that is archived, deleted or made a deal of is just not in the list any more. So what the book has and
// the list has not is looked at, for 2 tokens each. As long as one page holds all leads, to read all of them
// costs no more than to read what has changed, and each poll does; beyond that a sweep does.

// leftList reports whether a lead is not in the list of leads.
func leftList(r api.Record) bool {
	archived, _ := r["is_archived"].(bool)
	return archived || deleted(r)
}

// pollLeads reads all leads, if one page holds them.
func (f *follower) pollLeads(began time.Time, action action) (done bool, err error) {
	if f.o.Name != "lead" || f.long || f.conf.list.FilterID != 0 {
		return false, nil
	}
	known := f.book.listed(began)
	if f.long = len(known) >= f.conf.list.Limit; f.long {
		return false, nil
	}
	f.asked = showSecond(began.Unix())
	page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) {
		opts := f.conf.list
		opts.ByTime = true
		return f.client.List(ctx, f.o, "", opts)
	})
	if err != nil {
		return false, err
	}
	if f.long = page.Next != "" || len(records) >= f.conf.list.Limit; f.long {
		return false, nil
	}
	actions, count := make([]any, len(records)), 0
	for i, r := range records {
		second, _ := r.Second()
		back := !f.book.has(r) // it had left the list, whenever it was changed
		if second < f.at.window.since && !back {
			continue
		}
		if s := sightingOf(r, second); back || !f.at.window.knows(s) {
			actions[i] = action(r, !f.at.window.met(s))
			count++
		}
	}
	found, there := f.sightings(records, f.at.window.since), f.book.find(records)
	err = f.give(page, records, actions, count, func(s *state) {
		s.window.note(found)
		s.window.advance(newestOf(found), began.Unix(), false, f.conf.list.Limit)
	})
	if err == nil {
		err = f.giveLeft(known, there)
	}
	if err != nil {
		return false, err
	}
	f.caughtUp(began)
	return true, nil
}

// sweepLeadsIfDue looks for leads that have vanished, where polls do not. Its only error is the context's.
func (f *follower) sweepLeadsIfDue() error {
	began := f.client.Now()
	if f.conf.sweep == 0 || !f.long && f.conf.list.FilterID == 0 || began.Sub(time.Unix(f.at.swept, 0)) < f.conf.sweep {
		return nil
	}
	known, there := f.book.listed(began), map[bookID]bool{}
	for next := ""; ; {
		page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, next, f.conf.list) })
		if err != nil {
			return err
		}
		f.learn(records)
		maps.Copy(there, f.book.find(records))
		if page.Next == "" {
			break
		}
		next = f.after(page)
	}
	if err := f.giveLeft(known, there); err != nil {
		return err
	}
	f.make(func(s *state) { s.swept = began.Unix() })
	return nil
}

// giveLeft hands out those leads of the book that a list of all does not have.
func (f *follower) giveLeft(known []bookID, there map[bookID]bool) error {
	var left []vanished
	unconfirmed := 0
	for _, id := range known {
		if there[id] {
			continue
		}
		v, gone, err := f.lookAtLead(id)
		if err != nil {
			return err
		}
		if gone {
			left = append(left, v)
		}
		if gone && !v.shown {
			unconfirmed++
		}
	}
	// A lead that was deleted is hardly ever shown, and many are deleted at a time.
	if f.doubts(unconfirmed, len(known), len(known)/2) {
		f.long = true // not to be looked at again with each poll
		return nil
	}
	for _, v := range left {
		action := actionChange // as a webhook calls it when a lead is archived
		if deleted(v.record) {
			action = actionDelete
		}
		records := []api.Record{v.record}
		if f.first != nil {
			f.first.put(f.o, records)
		}
		leave := f.book.leaving(v.id)
		settled := f.book.settling(records, []map[int64]int64{v.formers}, leave)
		if err := f.giveVanished(v, action, settled); err != nil {
			return err
		}
	}
	return nil
}

// lookAtLead looks at a lead that the list does not have. It may have come while the list was read, but not twice.
func (f *follower) lookAtLead(id bookID) (v vanished, gone bool, err error) {
	v.id = id.uuid()
	v.known, v.formers = f.book.lead(id)
	v.known["update_time"] = f.client.Now().UTC().Format(time.RFC3339)
	alive, err := f.lookAt(&v)
	switch {
	case err != nil:
		return v, false, err
	case alive && (f.conf.list.FilterID != 0 || !f.book.miss(id)):
		return v, false, nil
	case alive:
		v.shown, v.page = false, api.Gone(f.o, v.known)
		_, records, err := f.fetchPage(func(context.Context) (*api.Page, error) { return v.page, nil }, false)
		if err != nil {
			return v, false, err
		}
		v.record = records[0]
	case v.shown: // it may have been another's by then
		r := maps.Clone(v.record)
		r["is_deleted"] = false // not yet: that is still to be delivered
		v.formers = f.book.put([]api.Record{r})[0]
	}
	return v, true, nil
}

// listed are the leads that a list read at a time has to show.
func (b *book) listed(at time.Time) (ids []bookID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, d := range b.records {
		if !d.Gone && !d.going && d.Updated < at.Unix() {
			ids = append(ids, id)
		}
	}
	return ids
}

// lead is what is known of a lead that is gone, and whose it was before.
func (b *book) lead(id bookID) (api.Record, map[int64]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := api.Record{"id": id.uuid(), "person_id": nil, "is_deleted": true}
	d := b.records[id]
	if d.Person != 0 {
		r["person_id"] = json.Number(strconv.FormatInt(d.Person, 10))
	}
	return r, d.Formers
}

// miss notes that a lead was looked for, and reports whether it was before, and not seen since.
func (b *book) miss(id bookID) (again bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, known := b.records[id]
	again, d.missed = d.missed, true
	if known {
		b.records[id] = d
	}
	return again
}

// leaving notes that it is handed out that a lead is gone, and returns what forgets it, unless it has come back.
func (b *book) leaving(uuid string) (leave func()) {
	id, _ := b.idOf(uuid)
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.records[id]
	d.going = true
	b.records[id] = d
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.records[id].going {
			delete(b.records, id)
			b.changed[b.chunkOf(id)] = true
		}
	}
}
