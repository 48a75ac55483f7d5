package brevo

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// getListContacts: GET /contacts/lists/{id}/contacts, 50 a page unless told, at most 500.
func (s *Server) getListContacts(r *request) reply {
	p, err := r.page(50, 500)
	if err != nil {
		return answer(err)
	}
	since, err := r.time("modifiedSince")
	if err != nil {
		return answer(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.list(r)
	if err != nil {
		return answer(err)
	}
	return s.contactPage(p, func(c *contact) bool {
		return slices.Contains(c.lists, l.id) && (since.IsZero() || c.modified >= since.UnixMilli())
	})
}

// addToList: POST /contacts/lists/{id}/contacts/add, 201 with success and failure.
//
// Source: developers.brevo.com/reference/addcontacttolist
func (s *Server) addToList(r *request) reply { return s.changeMembers(r, s.join) }

// removeFromList: POST /contacts/lists/{id}/contacts/remove; {"all":true} is done by a process.
//
// Source: developers.brevo.com/reference/removecontactfromlist
func (s *Server) removeFromList(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	all, err := f.isSet("all")
	if err != nil {
		return answer(err)
	}
	if !all {
		return s.changeMembers(r, s.leave)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.list(r)
	if err != nil {
		return answer(err)
	}
	total := l.members
	process := s.startProcess("TRANS-CALC", "", func(*process) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.ordered {
			s.leave(c, l.id)
		}
		return nil
	})
	return s.listResult(map[string]any{"processId": process, "total": total})
}

func (s *Server) changeMembers(r *request, change func(*contact, int64) bool) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	emails, err := f.texts("emails")
	if err != nil {
		return answer(err)
	}
	extIDs, err := f.texts("extIds")
	if err != nil {
		return answer(err)
	}
	ids, err := f.numbers("ids")
	if err != nil {
		return answer(err)
	}
	n := len(emails) + len(extIDs) + len(ids)
	given := 0
	for _, name := range []string{"emails", "extIds", "ids"} {
		if f.has(name) {
			given++
		}
	}
	if given != 1 || n < 1 || n > 150 {
		return invalid(fmt.Sprintf("Pass exactly one of emails, ids and extIds with 1 to 150 items, not %d", n))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.list(r)
	if err != nil {
		return answer(err)
	}
	success, failure := []any{}, []any{}
	try := func(identifier any, c *contact) {
		if c == nil || !change(c, l.id) {
			failure = append(failure, identifier)
			return
		}
		c.modified = time.Now().UnixMilli()
		success = append(success, identifier)
	}
	for _, email := range emails {
		try(email, s.byEmail[strings.ToLower(email)])
	}
	for _, extID := range extIDs {
		try(extID, s.byExtID[extID])
	}
	for _, id := range ids {
		try(id, s.byID(id))
	}
	if len(success) == 0 {
		return invalid("Contact already in list and/or does not exist")
	}
	result := map[string]any{"success": success}
	if len(failure) > 0 { // an empty array fits none of the specification's alternatives alone
		result["failure"] = failure
	}
	return s.listResult(result)
}

func (s *Server) listResult(result map[string]any) reply {
	if s.quirks.FlatListResults {
		return ok(http.StatusCreated, result)
	}
	return ok(http.StatusCreated, map[string]any{"contacts": result})
}
