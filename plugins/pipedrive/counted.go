package pipedrive

import (
	"strconv"

	"connector/plugins/pipedrive/api"
)

// Pages of v1 are found by counting records. What is deleted or moved to the end while they are read shifts
// others from a page that is to come to one that was read, so each page begins a little before the end of
// the one before it, and has to show that one's last record.

// overlapOf is by how many records counted pages overlap. Pages of one record cannot.
func (f *follower) overlapOf() int { return min(max(1, f.conf.list.Limit/10), f.conf.list.Limit-1) }

// after is where the page after this one begins.
func (f *follower) after(page *api.Page) string {
	n, err := strconv.Atoi(page.Next)
	if !page.Counted() || err != nil {
		return page.Next
	}
	return strconv.Itoa(n - f.overlapOf())
}

// countedTrack follows pages that are found by counting.
type countedTrack struct {
	losses int
	last   string            // the id of the last record of the page before; empty where a page need not overlap
	known  map[string]uint64 // what a first read has given: the contents' hashes by id
}

// mostLosses is how often in a row a reader goes back. Nobody says that two answers have one order, and
// where they never have it the pages have to be taken as they come.
const mostLosses = 5

// lost reports whether a page does not begin with the end of the one before: then records may have been
// shifted past the reader.
func (t *countedTrack) lost(page *api.Page, overlap int) bool {
	last := t.last
	t.last = ""
	lost := page.Counted() && last != "" && overlap > 0 && (len(page.IDs) < overlap || page.IDs[overlap-1] != last)
	if !lost {
		return false
	}
	t.losses++
	return t.losses <= mostLosses
}

// read notes a page that the next one has to overlap.
func (t *countedTrack) read(page *api.Page) {
	t.last = ""
	if n := len(page.IDs); n > 0 && page.Next != "" {
		t.last = page.IDs[n-1]
	}
}

// back is a position a page before another.
func (t *countedTrack) back(position string, page int) string {
	n, _ := strconv.Atoi(position)
	if n -= page; n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// given are the actions of a first read's page: none for a record that was given as it is.
func (t *countedTrack) given(page *api.Page, records []api.Record) (actions []any, count int) {
	if !page.Counted() {
		return []any{actionSnapshot}, len(records)
	}
	if t.known == nil {
		t.known = map[string]uint64{}
	}
	actions = make([]any, len(records))
	for i, r := range records {
		hash := r.Hash()
		if was, known := t.known[r.ID()]; !known || was != hash {
			t.known[r.ID()], actions[i] = hash, actionSnapshot
			count++
		}
	}
	t.read(page)
	return actions, count
}
