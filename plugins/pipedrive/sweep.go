package pipedrive

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// Pipedrive lists no persons and organizations that were deleted, and no leads that were deleted or archived. A
// sweep walks all ids, at the cost of a full read, and finds those that have vanished since. Leads are also
// looked for as vanished_leads.go has it.

// sweepable tells the objects whose ids are kept, since nothing else shows their deletions.
func sweepable(o *api.Object) bool { return o.Name == "person" || o.Name == "organization" }

const (
	// mostSearches bounds what a sweep spends on telling merges from deletions, at 20 tokens each.
	mostSearches = 50

	// From so many vanished records on, and a tenth of all, Pipedrive has to confirm each as deleted: a token
	// that has lost the right to see them would make them vanish too.
	suspicious = 100
)

// sweepIfDue hands out a delete for each record that has vanished. Its only error is the context's.
func (f *follower) sweepIfDue() error {
	if f.o.Name == "lead" {
		return f.sweepLeadsIfDue()
	}
	if f.ids == nil {
		return nil
	}
	began := f.client.Now()
	if began.Sub(time.Unix(f.at.swept, 0)) < f.conf.sweep {
		return f.saveIDs()
	}
	there, err := f.allIDs()
	if err != nil {
		return err
	}
	gone := f.ids.without(there)
	if err := f.giveGone(gone); err != nil {
		return err
	}
	f.ids.union(there)
	f.make(func(s *state) { s.swept = began.Unix() })
	f.log.Infof("%s: the sweep found %d that have vanished", f.o.Plural, len(gone))
	return f.saveIDs()
}

// allIDs walks the whole collection.
func (f *follower) allIDs() (*knownIDs, error) {
	there := &knownIDs{}
	opts := f.conf.list
	opts.IncludeFields = nil
	for next := ""; ; {
		page, records, err := f.page(false, func(ctx context.Context) (*api.Page, error) { return f.client.List(ctx, f.o, next, opts) })
		if err != nil {
			return nil, err
		}
		there.add(records)
		if next = page.Next; next == "" {
			return there, nil
		}
	}
}

// vanished is a record that a sweep did not find.
type vanished struct {
	id       string
	known    api.Record // what is known of it here
	page     *api.Page
	record   api.Record
	shown    bool   // Pipedrive shows it as deleted
	mergedTo string // the id of the record that it was merged into, where that can be told
	formers  map[int64]int64
}

func onlyID(id string) api.Record { return api.Record{"id": json.Number(id), "is_deleted": true} }

func (f *follower) giveGone(ids []int64) error {
	var gone []vanished
	searches, unconfirmed := 0, 0
	for _, id := range ids {
		v := vanished{id: strconv.FormatInt(id, 10)}
		v.known = onlyID(v.id)
		alive, err := f.lookAt(&v)
		if err != nil {
			return err
		}
		if alive {
			continue // it has come while the sweep was under way
		}
		if !v.shown {
			unconfirmed++
		}
		if address := primaryAddress(v.record); address != "" && searches < mostSearches {
			searches++
			if v.mergedTo, err = f.heirOf(v.id, address); err != nil {
				return err
			}
		}
		gone = append(gone, v)
	}
	if f.doubts(unconfirmed, f.ids.count(), f.ids.count()/10) {
		return nil
	}
	for _, v := range gone {
		id, _ := strconv.ParseInt(v.id, 10, 64)
		if err := f.giveVanished(v, actionDelete, func() { f.ids.remove(id) }); err != nil {
			return err
		}
	}
	return nil
}

// doubts reports whether more has vanished than is likely to be true.
func (f *follower) doubts(unconfirmed, all, likely int) bool {
	doubtful := unconfirmed > max(suspicious, likely)
	if doubtful {
		f.log.Errorf("%s: %d of %d have vanished, and Pipedrive does not show them as deleted: nothing is deleted; "+
			"check that the token's user still sees everything", f.o.Plural, unconfirmed, all)
	}
	return doubtful
}

// lookAt reads what Pipedrive still shows of a record.
func (f *follower) lookAt(v *vanished) (alive bool, err error) {
	err = f.fetch(func() (err error) {
		v.page, err = f.client.Get(f.ctx, f.o, v.id)
		return err
	}, func(error) bool { return false })
	if err != nil {
		return false, err
	}
	if v.shown = v.page != nil; !v.shown {
		v.page = api.Gone(f.o, v.known)
	}
	_, records, err := f.fetchPage(func(context.Context) (*api.Page, error) { return v.page, nil }, false)
	if err != nil || len(records) != 1 {
		return true, err
	}
	v.record = records[0]
	return v.shown && !deleted(v.record) && !(f.o.Name == "lead" && leftList(v.record)), nil
}

// heirOf is another person with the address of one that has vanished: that is how a merge ends.
func (f *follower) heirOf(id, address string) (heir string, err error) {
	err = f.fetch(func() error {
		ids, err := f.client.PersonsWithEmail(f.ctx, address)
		heir = ""
		for _, other := range ids {
			if other != id {
				heir = other
				break
			}
		}
		return err
	}, func(err error) bool { return rest.Is(err, rest.Refused, rest.NotFound) })
	if err != nil && f.ctx.Err() == nil {
		f.log.Warnf("%v; whether person %s was merged is not known", err, id)
		return "", nil
	}
	return heir, err
}

func primaryAddress(r api.Record) string {
	emails, _ := r["emails"].([]any)
	for _, e := range emails {
		if entry, ok := e.(map[string]any); ok {
			if value, _ := entry["value"].(string); value != "" && (len(emails) == 1 || entry["primary"] == true) {
				return value
			}
		}
	}
	return ""
}

// giveVanished hands out that a record is gone; settled is called once that is delivered.
func (f *follower) giveVanished(v vanished, action any, settled func()) error {
	if err := f.acquire(1); err != nil {
		return err
	}
	settle := f.position.track(f.o, func(*state) {})
	f.progress.read(f.o, 1)
	return f.hand(&delivery{
		page: v.page, records: []api.Record{v.record}, actions: []any{action}, formers: []map[int64]int64{v.formers}, mergedTo: v.mergedTo, weight: 1,
		settle: func() { settle(); settled() },
	})
}
