package brevo

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// getContact: GET /contacts/{identifier}.
//
// Source: developers.brevo.com/reference/getcontactinfo
func (s *Server) getContact(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.identify(r, true)
	if err != nil {
		return answer(err)
	}
	return reply{status: http.StatusOK, body: s.appendContact(nil, c, true)}
}

// getContacts: GET /contacts, sorted by creation; there is no cursor and no sort by change.
//
// Source: developers.brevo.com/reference/getcontacts
func (s *Server) getContacts(r *request) reply {
	p, err := r.page(50, 1000)
	if err != nil {
		return answer(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	wanted, err := s.contactFilter(r)
	if err != nil {
		return answer(err)
	}
	return s.contactPage(p, wanted)
}

// contactPage shows a page of the contacts that are wanted; nil wants all.
func (s *Server) contactPage(p page, wanted func(*contact) bool) reply {
	buf := []byte(`{"contacts":[`)
	shown := func(c *contact) {
		if buf[len(buf)-1] != '[' {
			buf = append(buf, ',')
		}
		buf = s.appendContact(buf, c, false)
	}
	count := len(s.ordered)
	if wanted == nil {
		for i := p.offset; i < min(p.offset+p.limit, count); i++ {
			if p.ascending {
				shown(s.ordered[i])
			} else {
				shown(s.ordered[count-1-i])
			}
		}
	} else {
		count = 0
		for i := range s.ordered {
			c := s.ordered[i]
			if !p.ascending {
				c = s.ordered[len(s.ordered)-1-i]
			}
			if !wanted(c) {
				continue
			}
			if count >= p.offset && count < p.offset+p.limit {
				shown(c)
			}
			count++
		}
	}
	buf = append(buf, `],"count":`...)
	buf = strconv.AppendInt(buf, int64(count), 10)
	return reply{status: http.StatusOK, body: append(buf, '}')}
}

// contactFilter is the conjunction of the query's filters; nil when it has none.
func (s *Server) contactFilter(r *request) (func(*contact) bool, error) {
	var all []func(*contact) bool
	for _, name := range []string{"modifiedSince", "createdSince"} {
		since, err := r.time(name)
		if err != nil {
			return nil, err
		}
		if since.IsZero() {
			continue
		}
		modified := name == "modifiedSince"
		millis := since.UnixMilli()
		all = append(all, func(c *contact) bool {
			return modified && c.modified >= millis || !modified && c.created >= millis
		})
	}
	ids, err := r.numbers("ids")
	if err != nil {
		return nil, err
	}
	if len(ids) > 20 {
		return nil, refusal{invalid("ids should have at most 20 items")}
	}
	if len(ids) > 0 {
		all = append(all, func(c *contact) bool { return slices.Contains(ids, c.id) })
	}
	listIDs, err := r.numbers("listIds")
	if err != nil {
		return nil, err
	}
	if len(listIDs) > 0 {
		all = append(all, func(c *contact) bool {
			return slices.ContainsFunc(c.lists, func(id int64) bool { return slices.Contains(listIDs, id) })
		})
	}
	if r.query.Has("segmentId") {
		if len(listIDs) > 0 {
			return nil, refusal{invalid("Either listIds or segmentId can be passed, not both")}
		}
		return nil, refusal{invalid("Segment does not exist")}
	}
	if filter := r.query.Get("filter"); filter != "" {
		equals, err := s.equalsFilter(filter)
		if err != nil {
			return nil, err
		}
		all = append(all, equals)
	}
	if all == nil {
		return nil, nil
	}
	return func(c *contact) bool {
		return !slices.ContainsFunc(all, func(wants func(*contact) bool) bool { return !wants(c) })
	}, nil
}

// equalsFilter parses equals(NAME,"value"), the only operator there is.
func (s *Server) equalsFilter(filter string) (func(*contact) bool, error) {
	malformed := refusal{invalid(`filter should be of the form equals(ATTRIBUTE,"value")`)}
	inner, isEquals := strings.CutPrefix(filter, "equals(")
	inner, isClosed := strings.CutSuffix(inner, ")")
	name, value, hasValue := strings.Cut(inner, ",")
	if !isEquals || !isClosed || !hasValue {
		return nil, malformed
	}
	name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
	if name == "EXT_ID" {
		return func(c *contact) bool { return c.extID == value }, nil
	}
	number, known := s.attributes.byName[name]
	if !known {
		return nil, refusal{invalid("Attribute not found")}
	}
	a := s.attributes.byNumber[number]
	switch {
	case a.Type == "multiple-choice":
		var quoted []string
		for option := range strings.SplitSeq(value, ",") {
			quoted = append(quoted, string(mustJSON(strings.TrimSpace(option))))
		}
		return func(c *contact) bool {
			text := c.values.get(number)
			return !slices.ContainsFunc(quoted, func(q string) bool { return !strings.Contains(text, q) })
		}, nil
	case a.Category == "category", a.Type == "float", a.Type == "boolean":
		value, _ = a.scanCSV(value)
	}
	return func(c *contact) bool { return value != "" && c.values.get(number) == value }, nil
}
