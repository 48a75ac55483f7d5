package pipedrive

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"

	"connector/plugins/pipedrive/api"
)

// bookedDeal is what the book has of a deal besides whose it is. Times are in unix seconds, 0 for none.
type bookedDeal struct {
	Org, Owner, Stage, Pipeline int64
	Added, Staged, Won, Lost    int64
	Status, Currency, Title     string
	Value                       string // as Pipedrive wrote it
}

// numbers and texts are all fields, in the order in which they are packed.
func (d *bookedDeal) numbers() []*int64 {
	return []*int64{&d.Org, &d.Owner, &d.Stage, &d.Pipeline, &d.Added, &d.Staged, &d.Won, &d.Lost}
}
func (d *bookedDeal) texts() []*string { return []*string{&d.Status, &d.Currency, &d.Title, &d.Value} }

// pack is the deal as the book holds it: a quarter of its size.
func (d *bookedDeal) pack() string {
	b := make([]byte, 0, 128)
	for _, n := range d.numbers() {
		b = binary.AppendVarint(b, *n)
	}
	for _, s := range d.texts() {
		b = append(binary.AppendUvarint(b, uint64(len(*s))), *s...)
	}
	return string(b)
}

func unpackDeal(packed string) (d bookedDeal) {
	b := []byte(packed)
	for _, n := range d.numbers() {
		v, size := binary.Varint(b)
		*n, b = v, b[max(size, 0):]
	}
	for _, s := range d.texts() {
		length, size := binary.Uvarint(b)
		b = b[max(size, 0):]
		length = min(length, uint64(len(b)))
		*s, b = string(b[:length]), b[length:]
	}
	return d
}

func packedDeal(r api.Record) string {
	text := func(key string) string {
		s, _ := r[key].(string)
		return s
	}
	d := bookedDeal{
		Org: numberIn(r, "org_id"), Owner: numberIn(r, "owner_id"), Stage: numberIn(r, "stage_id"), Pipeline: numberIn(r, "pipeline_id"),
		Status: text("status"), Currency: text("currency"), Title: text("title"),
		Added: secondIn(r, "add_time"), Staged: secondIn(r, "stage_change_time"), Won: secondIn(r, "won_time"), Lost: secondIn(r, "lost_time"),
	}
	switch v := r["value"].(type) {
	case json.Number:
		d.Value = v.String()
	case float64:
		d.Value = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return d.pack()
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
	d := unpackDeal(b.Deal)
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
