package brevo

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// createContact: POST /contacts. 201 with the id when created, 204 when updateEnabled updated one.
//
// Source: developers.brevo.com/reference/createcontact
func (s *Server) createContact(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	email, err := f.text("email")
	if err != nil {
		return answer(err)
	}
	email = strings.ToLower(email)
	if email != "" && !validEmail(email) {
		return invalidEmail.reply
	}
	if s.quirks.RefuseUnlinkOnPost && f.has("unlinkListIds") {
		return invalid("unlinkListIds is not allowed")
	}
	var flags [3]bool
	for i, name := range []string{"updateEnabled", "forceMerge", "getId"} {
		if flags[i], err = f.isSet(name); err != nil {
			return answer(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.parseWrite(f)
	if err != nil {
		return answer(err)
	}
	return s.upsert(email, w, flags[0], flags[1], flags[2])
}

func (s *Server) upsert(email string, w *write, updateEnabled, forceMerge, getID bool) reply {
	self := s.target(email, w)
	if email != "" && (self == nil || !updateEnabled) {
		w.email = email
	}
	if email == "" && w.email == "" && !w.identifies() {
		return missing("Please provide Email or SMS attribute value to create user")
	}
	now := time.Now()
	others := self
	if !updateEnabled {
		others = nil // without updateEnabled the contact itself is in the way
	}
	if conflicts := s.conflicts(w, others); len(conflicts) > 0 {
		if !forceMerge {
			verb := "update"
			if others == nil {
				verb = "create"
			}
			return s.duplicate(verb, conflicts)
		}
		survivor := s.merge(self, conflicts)
		if email != "" {
			w.email = email
		}
		s.apply(survivor, w, now)
		s.ledger.updated()
		if getID {
			return ok(http.StatusCreated, map[string]int64{"id": survivor.id})
		}
		return noContent()
	}
	if self == nil {
		return ok(http.StatusCreated, map[string]int64{"id": s.create(w, now).id})
	}
	s.apply(self, w, now)
	s.ledger.updated()
	if getID && s.quirks.GetIDOnUpdate {
		return ok(http.StatusCreated, map[string]int64{"id": self.id})
	}
	return noContent()
}

// target finds the contact that an upsert means: by its address; without one by ext_id, then phones.
func (s *store) target(email string, w *write) *contact {
	if email != "" {
		return s.byEmail[email]
	}
	if w.extID != nil && s.byExtID[*w.extID] != nil {
		return s.byExtID[*w.extID]
	}
	for _, c := range w.changes {
		if c.attribute < builtinPhones && s.byPhone[c.attribute][c.text] != nil {
			return s.byPhone[c.attribute][c.text]
		}
	}
	return nil
}

// identifies reports whether w has an identifier other than an address.
func (w *write) identifies() bool {
	if w.extID != nil && *w.extID != "" {
		return true
	}
	for _, c := range w.changes {
		if c.attribute < builtinPhones && c.text != "" {
			return true
		}
	}
	return false
}

// updateContact: PUT /contacts/{identifier}, 204. attributes.EMAIL changes the address, and that
// takes the contact off the blocklist.
//
// Source: developers.brevo.com/reference/updatecontact
func (s *Server) updateContact(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	forceMerge, err := f.isSet("forceMerge")
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.identify(r, false)
	if err != nil {
		return answer(err)
	}
	w, err := s.parseWrite(f)
	if err != nil {
		return answer(err)
	}
	if w.unlinkListIDs, err = f.numbers("unlinkListIds"); err != nil {
		return answer(err)
	}
	if w.unlinkListIDs, err = s.knownLists(w.unlinkListIDs); err != nil {
		return answer(err)
	}
	conflicts := s.conflicts(w, c)
	if s.quirks.SameEmailRefused && w.email != "" && w.email == c.email {
		return s.duplicate("update", []conflict{{"email", c}})
	}
	if len(conflicts) > 0 {
		if !forceMerge {
			return s.duplicate("update", conflicts)
		}
		c = s.merge(c, conflicts)
	}
	s.apply(c, w, time.Now())
	s.ledger.updated()
	return noContent()
}

// deleteContact: DELETE /contacts/{identifier}, 204; 405 for the account's own address.
//
// Source: developers.brevo.com/reference/deletecontact
func (s *Server) deleteContact(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.identify(r, false)
	if err != nil {
		return answer(err)
	}
	if c.email == accountEmail {
		return fail(http.StatusMethodNotAllowed, "method_not_allowed", "The account's own contact cannot be deleted")
	}
	s.store.remove(c)
	return noContent()
}

// batchContacts: POST /contacts/batch, deprecated since 30 October 2026.
func (s *Server) batchContacts(*request) reply {
	if s.quirks.BatchStatus != 0 {
		return fail(s.quirks.BatchStatus, "not_acceptable", "Use /contacts/import")
	}
	return notFound("Unknown path")
}

// identify finds the contact of a path. Without identifierType, PUT and DELETE take an address or
// an id, GET also an SMS number.
func (s *Server) identify(r *request, acceptsSMS bool) (*contact, error) {
	value := r.params[0]
	var c *contact
	switch kind := r.query.Get("identifierType"); kind {
	case "":
		id, err := strconv.ParseInt(value, 10, 64)
		digits, isPhone := phoneDigits(value)
		switch {
		case strings.Contains(value, "@"):
			c = s.byEmail[strings.ToLower(value)]
		case err == nil && s.byID(id) != nil:
			c = s.byID(id)
		case acceptsSMS && isPhone:
			c = s.byPhone[attrSMS][digits]
		case err != nil:
			return nil, refusal{invalid("Invalid contact identifier")}
		}
	case "email_id":
		if !validEmail(value) {
			return nil, invalidEmail
		}
		c = s.byEmail[strings.ToLower(value)]
	case "contact_id":
		id, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, refusal{invalid("Invalid contact id")}
		}
		c = s.byID(id)
	case "ext_id":
		c = s.byExtID[value]
	case "phone_id", "whatsapp_id", "landline_number_id":
		digits, isPhone := phoneDigits(value)
		if !isPhone {
			return nil, invalidPhone
		}
		c = s.byPhone[phoneKinds[kind]][digits]
	default:
		return nil, refusal{invalid("identifierType is invalid")}
	}
	if c == nil {
		return nil, refusal{notFound("Contact does not exist")}
	}
	return c, nil
}

var phoneKinds = map[string]int{"phone_id": attrSMS, "whatsapp_id": attrWhatsApp, "landline_number_id": attrLandline}
