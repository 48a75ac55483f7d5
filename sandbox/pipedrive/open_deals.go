package pipedrive

import "slices"

// OpenDeals returns the newest open deals of a pipeline, the newest first, as the web app's board
// shows them: no won, lost, deleted or archived ones. Counts are not in them.
func (s *Server) OpenDeals(pipeline int64, limit int) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["deal"]
	out := []map[string]any{}
	for _, rec := range slices.Backward(t.rows) {
		if len(out) == limit {
			break
		}
		if int64(rec.pipeline) == pipeline && rec.status == statusOpen && !rec.deleted && !rec.archived {
			out = append(out, t.unpack(rec))
		}
	}
	return out
}
