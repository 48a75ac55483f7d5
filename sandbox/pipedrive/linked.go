package pipedrive

import (
	"slices"
	"sort"
)

// Linked returns the newest records of an object that are linked to a record of another, without
// deleted ones, the newest first: Linked("deal", "person", 5, 20). Counts are not in them.
func (s *Server) Linked(object, to string, id int64, limit int) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTable(object)
	out := []map[string]any{}
	for _, rec := range slices.Backward(t.links[to][int32(id)]) {
		if len(out) == limit {
			break
		}
		if !rec.deleted {
			out = append(out, t.unpack(rec))
		}
	}
	return out
}

// InCompanyCurrency converts a value by the rates of the company; 0 where it has none.
func (s *Server) InCompanyCurrency(value float64, currency string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cents(value * s.money.rates[currency])
}

// CompanyCurrency is the default currency of the company.
func (s *Server) CompanyCurrency() string { return s.cfg.Currency }

// walkChunk is how many records are read before others get their turn.
const walkChunk = 500

// Walk goes through all records of an object, by ascending id, without deleted ones. Counts are not in
// them. What comes or goes meanwhile may be missed or not.
func (s *Server) Walk(object string, do func(map[string]any)) {
	for after, more := int64(0), true; more; {
		var chunk []map[string]any
		chunk, after, more = s.chunk(object, after)
		for _, m := range chunk {
			do(m)
		}
	}
}

func (s *Server) chunk(object string, after int64) (chunk []map[string]any, last int64, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTable(object)
	first := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].id > after })
	rows := t.rows[first:min(first+walkChunk, len(t.rows))]
	for _, rec := range rows {
		if last = rec.id; !rec.deleted {
			chunk = append(chunk, t.unpack(rec))
		}
	}
	return chunk, last, len(rows) == walkChunk
}
