package pipedrive

import (
	"cmp"
	"slices"
)

// order keeps a table's records sorted by a time. It is built when first asked for, kept while
// changes are few, and dropped during mass changes, so that filling an account costs nothing here.
type order struct {
	at      func(*record) int64
	recs    []*record
	built   bool
	changes int // since it was last asked for
}

const massChange = 512

func (o *order) compare(a, b *record) int {
	return cmp.Or(cmp.Compare(o.at(a), o.at(b)), cmp.Compare(a.id, b.id))
}

func (o *order) sorted(rows []*record) []*record {
	o.changes = 0
	if !o.built {
		o.recs = slices.Clone(rows)
		slices.SortFunc(o.recs, o.compare)
		o.built = true
	}
	return o.recs
}

func (o *order) replace(old, rec *record) {
	if !o.built {
		return
	}
	if o.changes++; o.changes > massChange {
		o.recs, o.built = nil, false
		return
	}
	if old != nil {
		if i, ok := slices.BinarySearchFunc(o.recs, old, o.compare); ok {
			o.recs = slices.Delete(o.recs, i, i+1)
		}
	}
	if rec != nil {
		i, _ := slices.BinarySearchFunc(o.recs, rec, o.compare)
		o.recs = slices.Insert(o.recs, i, rec)
	}
}
