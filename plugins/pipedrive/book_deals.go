package pipedrive

import (
	"encoding/json"
	"slices"
	"strconv"

	"connector/plugins/pipedrive/api"
)

// bookedDeal is what the book has of a deal besides whose it is. Times are in unix seconds, 0 for none.
type bookedDeal struct {
	Org, Owner, Stage, Pipeline int64
	Status, Currency, Title     string
	Value                       string // as Pipedrive wrote it
	Added, Staged, Won, Lost    int64
}

func (b *book) readDeal(r api.Record) *bookedDeal {
	text := func(key string) string { // the same few again and again
		s, _ := r[key].(string)
		if same, ok := b.names[s]; ok {
			return same
		}
		s = string([]byte(s)) // the record's is a part of its page
		b.names[s] = s
		return s
	}
	d := &bookedDeal{
		Org: numberIn(r, "org_id"), Owner: numberIn(r, "owner_id"), Stage: numberIn(r, "stage_id"), Pipeline: numberIn(r, "pipeline_id"),
		Status: text("status"), Currency: text("currency"),
		Added: secondIn(r, "add_time"), Staged: secondIn(r, "stage_change_time"), Won: secondIn(r, "won_time"), Lost: secondIn(r, "lost_time"),
	}
	title, _ := r["title"].(string)
	d.Title = string([]byte(title))
	switch v := r["value"].(type) {
	case json.Number:
		d.Value = string([]byte(v))
	case float64:
		d.Value = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return d
}

// dealsOf returns a person's deals, oldest first, if all are known.
func (b *book) dealsOf(person string) ([]api.Record, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.complete {
		return nil, false
	}
	n, _ := strconv.ParseInt(person, 10, 64)
	ids := slices.SortedFunc(slices.Values(b.byPerson[n]), func(a, b bookID) int { return int(a.number() - b.number()) })
	all := make([]api.Record, len(ids))
	for i, id := range ids {
		all[i] = b.records[id].deal(id.number())
	}
	return all, true
}

// deal is a deal in the shape of all records.
func (b booked) deal(id int64) api.Record {
	number := func(n int64) any {
		if n == 0 {
			return nil
		}
		return json.Number(strconv.FormatInt(n, 10))
	}
	moment := func(second int64) any {
		if second == 0 {
			return nil
		}
		return showSecond(second)
	}
	d := b.Deal
	r := api.Record{
		"id": number(id), "title": d.Title, "status": d.Status, "currency": d.Currency, "value": json.Number(d.Value),
		"person_id": number(b.Person), "org_id": number(d.Org), "owner_id": number(d.Owner), "stage_id": number(d.Stage), "pipeline_id": number(d.Pipeline),
		"add_time": moment(d.Added), "update_time": moment(b.Updated), "stage_change_time": moment(d.Staged),
		"won_time": moment(d.Won), "lost_time": moment(d.Lost), "is_deleted": false,
	}
	if d.Value == "" {
		r["value"] = nil
	}
	return r
}
