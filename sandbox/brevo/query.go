package brevo

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// page is what a query says about paging.
type page struct {
	limit, offset int
	ascending     bool
}

// page reads limit, offset and sort.
func (r *request) page(limit, most int) (page, error) {
	p := page{limit: limit}
	for name, to := range map[string]*int{"limit": &p.limit, "offset": &p.offset} {
		text := r.query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return p, wrongType(name, "number")
		}
		*to = n
	}
	if p.limit > most {
		return p, refusal{fail(http.StatusBadRequest, "out_of_range", fmt.Sprintf("Limit exceeds max value %d", most))}
	}
	switch r.query.Get("sort") {
	case "", "desc":
	case "asc":
		p.ascending = true
	default:
		return p, refusal{invalid("sort should be asc or desc")}
	}
	return p, nil
}

// slice returns the part of n sorted items that a page shows.
func (p page) slice(n int) (from, to int) {
	return min(p.offset, n), min(p.offset+p.limit, n)
}

// numbers reads an array of the query; arrays repeat the key.
func (r *request) numbers(name string) ([]int64, error) {
	var numbers []int64
	for _, text := range r.query[name] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, wrongType(name, "number")
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// time reads a point in time of the query; zero when it is absent.
func (r *request) time(name string) (time.Time, error) {
	text := r.query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	return parseTime(name, text)
}

// parseTime reads the forms that the documents show. A + that was not url-encoded arrives as a blank
// and is refused here.
func parseTime(name, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, refusal{invalid(name + " is not a valid UTC date-time")}
}
