package pipedrive

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultLimit = 100
	maxLimit     = 500
	maxIDs       = 100
	maxCustom    = 15
)

// query reads the parameters of one request and collects what is wrong with them.
type query struct {
	values url.Values
	wrong  problems
}

func newQuery(u *url.URL) *query { return &query{values: u.Query()} }

// allow complains about every parameter that is not named; v2 refuses those.
func (q *query) allow(names ...string) {
	for name := range q.values {
		if name != "api_token" && !slices.Contains(names, name) {
			q.wrong.notAllowed(name)
		}
	}
	slices.Sort(q.wrong)
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) has(name string) bool { return q.values.Get(name) != "" }

func (q *query) integer(name string, otherwise int) int {
	s := q.values.Get(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		q.wrong.add(name, "Value must be an integer")
	}
	return n
}

func (q *query) boolean(name string) bool {
	switch q.values.Get(name) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	q.wrong.add(name, "Value must be a boolean")
	return false
}

func (q *query) choice(name string, allowed []string, otherwise string) string {
	s := q.values.Get(name)
	if s == "" {
		return otherwise
	}
	if !slices.Contains(allowed, s) {
		q.wrong.add(name, "Value must be one of "+strings.Join(allowed, ", "))
	}
	return s
}

func (q *query) list(name string) []string {
	s := q.values.Get(name)
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// choices is a comma list of which every item must be allowed.
func (q *query) choices(name string, allowed []string) []string {
	list := q.list(name)
	for _, item := range list {
		if !slices.Contains(allowed, item) {
			q.wrong.add(name, "Value '"+item+"' is not one of "+strings.Join(allowed, ", "))
		}
	}
	return list
}

// instant reads a bound of update_time. A fraction of a second is refused, as live v2 does.
func (q *query) instant(name string) int64 {
	s := q.values.Get(name)
	if s == "" {
		return 0
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || strings.Contains(s, ".") {
		q.wrong.add(name, "Value is not a valid datetime")
		return 0
	}
	return at.UnixMilli()
}

// limit reads the page size. What happens above the maximum is not documented: 400, or as the maximum.
func (q *query) limit(highest int, clamp bool) int {
	n := q.integer("limit", defaultLimit)
	if n > highest && clamp {
		return highest
	}
	if n < 1 || n > highest {
		q.wrong.add("limit", "Value must be between 1 and "+strconv.Itoa(highest))
	}
	return n
}
