package pipedrive

import (
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

// recentsRoutes is GET /v1/recents. Source: developers.pipedrive.com/docs/api/v1/Recents
func (s *Server) recentsRoutes() []route {
	return []route{{method: "GET", pattern: "/v1/recents", cost: 20, handle: s.recents}}
}

var recentItems = []string{
	"activity", "activityType", "deal", "file", "filter", "note", "person", "organization", "pipeline",
	"product", "stage", "user",
}

type recent struct {
	object string
	rec    *record
}

// recents lists what changed since a time, at most one month back, oldest change first, in v1 form
// with plain ids. Records whose update_time is null never appear.
func (s *Server) recents(r *request) reply {
	q := newQuery(r.URL)
	since, err := time.Parse(v1Time, q.text("since_timestamp"))
	if err != nil {
		return generalError(http.StatusBadRequest, "since_timestamp must be given in the format YYYY-MM-DD HH:MM:SS")
	}
	items := q.list("items")
	if len(items) == 0 {
		items = recentItems
	}
	for _, item := range items {
		if !slices.Contains(recentItems, item) {
			return generalError(http.StatusBadRequest, "Unknown item "+item)
		}
	}
	reachesTo := time.Now().UTC().AddDate(0, -1, 0)
	from := max(since.UnixMilli(), reachesTo.UnixMilli())
	start, limit := v1Page(r)

	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.changedSince(items, from)
	end := min(start+limit, len(found))
	more := len(found) > end
	additional := v1Paging(start, limit, more)
	additional["since_timestamp"] = since.Format(v1Time)
	additional["last_timestamp_on_page"] = nil
	body := map[string]any{"success": true, "data": s.v1Empty(), "additional_data": additional}
	if start < end {
		data := []any{}
		for i, f := range found[start:end] {
			entry := map[string]any{"item": f.object, "id": f.rec.id, "data": s.v1Record(f.object, f.rec, false)}
			if n := s.cfg.NullRecents; n > 0 && (start+i)%n == n-1 {
				entry["data"] = nil
			}
			data = append(data, entry)
		}
		body["data"] = data
		additional["last_timestamp_on_page"] = time.UnixMilli(found[end-1].rec.updated).UTC().Format(v1Time)
	}
	return jsonReply(http.StatusOK, body)
}

func (s *Server) changedSince(items []string, from int64) []recent {
	var found []recent
	for _, object := range items {
		t := s.tables[object]
		if t == nil {
			continue // files are not simulated
		}
		rows := t.times[0].sorted(t.rows)
		first := sort.Search(len(rows), func(i int) bool { return rows[i].updated >= from })
		for _, rec := range rows[first:] {
			if !rec.deleted || !s.cfg.HideDeletedRecents {
				found = append(found, recent{object, rec})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b recent) int {
		if a.rec.updated != b.rec.updated {
			return int(a.rec.updated - b.rec.updated)
		}
		return strings.Compare(a.object, b.object)
	})
	return found
}
