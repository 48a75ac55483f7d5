package pipedrive

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
)

// window is how far the changes of an object are known: up to its watermark, and of the last seconds
// before it which records. Times are in unix seconds.
//
// Pipedrive's updated_since has whole seconds, and several records can share one. So each read begins in
// the past, and what the window knows is left out of it. How far in the past is a matter of cost: as far
// as overlap where that is within one page, which costs the same whatever it holds.
type window struct {
	watermark int64                 // the latest update_time read
	since     int64                 // where the next read begins
	seen      map[uint64]seenRecord // by a hash of the id; those from since on
}

// seenRecord is a record as it was read last.
type seenRecord struct {
	content uint64 // its hash
	second  int64  // its update_time
}

const (
	// overlap is for changes that become visible later than others with a later time.
	overlap = 120

	// settled is how long after a second no more records can be found in it.
	settled = 15
)

func newWindow(watermark int64) window {
	return window{watermark: watermark, since: watermark, seen: map[uint64]seenRecord{}}
}

func (w *window) clone() window {
	c := *w
	c.seen = maps.Clone(w.seen)
	return c
}

// knows reports whether a record was read as it is now.
func (w *window) knows(s sighting) bool {
	was, known := w.seen[s.id]
	return known && was.content == s.content
}

// met reports whether a record was read, however it was then.
func (w *window) met(s sighting) bool {
	_, known := w.seen[s.id]
	return known
}

// note keeps in mind what was read.
func (w *window) note(found []sighting) {
	for _, s := range found {
		if s.second >= w.since {
			w.seen[s.id] = seenRecord{s.content, s.second}
		}
	}
}

// advance moves the watermark up to a second that is not after the read's beginning, and chooses where
// the next read begins, when a page holds so many records. Complete says that nothing before the
// read's beginning is left to be read.
func (w *window) advance(watermark, began int64, complete bool, page int) {
	w.watermark = max(w.watermark, min(watermark, began))
	budget := page * 4 / 5 // of the page that the next read costs anyway
	before := map[int64]int{}
	for _, r := range w.seen {
		if r.second >= w.watermark {
			budget--
		} else {
			before[r.second]++
		}
	}
	since := w.watermark - overlap
	if budget < 0 {
		// A bulk change: to read its second at each poll would cost a page for each 500 records.
		since = w.watermark
		if complete && began-w.watermark > settled {
			since++
		}
		before = nil
	}
	for _, second := range slices.Backward(slices.Sorted(maps.Keys(before))) {
		if budget -= before[second]; budget < 0 && second >= since {
			since = second + 1
			break
		}
	}
	w.since = max(w.since, since)
	maps.DeleteFunc(w.seen, func(_ uint64, r seenRecord) bool { return r.second < w.since })
}

// storedWindow is a window as the checkpoint cache holds it.
type storedWindow struct {
	Watermark string `json:"watermark"` // RFC 3339, whole seconds
	Since     string `json:"since,omitempty"`
	Seen      string `json:"seen,omitempty"` // base64 of two hashes of 8 bytes and unix seconds of 4 for each record
}

// mostStored is how many records a stored window names. Beyond it a restart may read some again.
const mostStored = 50_000

const seenBytes = 8 + 8 + 4

func (w *window) stored() storedWindow {
	s := storedWindow{Watermark: showSecond(w.watermark), Since: showSecond(w.since)}
	if len(w.seen) > mostStored {
		return s
	}
	raw := make([]byte, 0, seenBytes*len(w.seen))
	for id, r := range w.seen {
		raw = binary.BigEndian.AppendUint64(raw, id)
		raw = binary.BigEndian.AppendUint64(raw, r.content)
		raw = binary.BigEndian.AppendUint32(raw, uint32(min(max(r.second, 0), math.MaxUint32)))
	}
	s.Seen = base64.StdEncoding.EncodeToString(raw)
	return s
}

func (s storedWindow) window() (w window, err error) {
	if w.watermark, err = readSecond(s.Watermark); err != nil {
		return w, err
	}
	if w.since, err = readSecond(s.Since); err != nil {
		return w, err
	}
	raw, err := base64.StdEncoding.DecodeString(s.Seen)
	if err != nil || len(raw)%seenBytes != 0 {
		return w, errors.New("what was seen in its last seconds cannot be read")
	}
	w.seen = make(map[uint64]seenRecord, len(raw)/seenBytes)
	for ; len(raw) > 0; raw = raw[seenBytes:] {
		w.seen[binary.BigEndian.Uint64(raw)] = seenRecord{binary.BigEndian.Uint64(raw[8:]), int64(binary.BigEndian.Uint32(raw[16:]))}
	}
	return w, nil
}

func showSecond(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

func readSecond(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339, s)
	return t.Unix(), err
}
