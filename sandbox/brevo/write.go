package brevo

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// identifierNames are the names of the phone attributes in metadata.duplicate_identifiers, by number.
var identifierNames = [builtinPhones]string{attrSMS: "SMS", attrWhatsApp: "WHATSAPP", attrLandline: "LANDLINE_NUMBER"}

// write is what one call, or one row of an import, says about one contact. Pointers are nil where it
// says nothing.
type write struct {
	email            string  // the address that it gives; on an update, an address change
	extID            *string // "" takes it away
	changes          []change
	emailBlacklisted *bool
	smsBlacklisted   *bool
	listIDs          []int64
	unlinkListIDs    []int64
}

// parseWrite reads what POST and PUT of a contact have in common. The caller holds the lock.
func (s *Server) parseWrite(f fields) (*write, error) {
	w := &write{}
	var err error
	if f.has("ext_id") {
		extID, err := f.text("ext_id")
		if err != nil {
			return nil, err
		}
		w.extID = &extID
	}
	if w.emailBlacklisted, err = f.flag("emailBlacklisted"); err != nil {
		return nil, err
	}
	if w.smsBlacklisted, err = f.flag("smsBlacklisted"); err != nil {
		return nil, err
	}
	if w.listIDs, err = f.numbers("listIds"); err != nil {
		return nil, err
	}
	if w.listIDs, err = s.knownLists(w.listIDs); err != nil {
		return nil, err
	}
	if _, err = f.texts("smtpBlacklistSender"); err != nil {
		return nil, err
	}
	attributes, err := f.child("attributes")
	if err != nil {
		return nil, err
	}
	return w, s.parseAttributes(w, attributes)
}

// knownLists refuses or skips lists that do not exist, which the documents leave open.
func (s *Server) knownLists(ids []int64) ([]int64, error) {
	known := ids[:0:0]
	for _, id := range ids {
		if s.lists[id] != nil {
			known = append(known, id)
			continue
		}
		message := fmt.Sprintf("List with id %d does not exist", id)
		switch {
		case s.quirks.UnknownListsAre404:
			return nil, refusal{notFound(message)}
		case !s.quirks.IgnoreUnknownLists:
			return nil, refusal{invalid(message)}
		}
	}
	return known, nil
}

// parseAttributes turns the attributes of a body into changes. Unknown names and wrong types are
// dropped in silence, as Brevo does; only an invalid address or phone number is an error.
func (s *Server) parseAttributes(w *write, attributes fields) error {
	for name, raw := range attributes {
		if string(raw) == "null" {
			if !s.quirks.NullClears {
				continue
			}
			raw = []byte(`""`)
		}
		if s.quirks.AnyCaseAttributes {
			name = strings.ToUpper(name)
		}
		switch name {
		case "EMAIL":
			address, isString := stringOf(raw)
			address = strings.ToLower(address)
			if !isString || !validEmail(address) {
				return invalidEmail
			}
			w.email = address
			continue
		case "EXT_ID":
			if extID, isString := stringOf(raw); isString && w.extID == nil {
				w.extID = &extID
			}
			continue
		}
		number, known := s.attributes.byName[name]
		if !known {
			s.drop(name)
			continue
		}
		text, fits := s.attributes.byNumber[number].scan(raw, s.quirks.LooseTypes)
		if !fits {
			s.drop(name)
			continue
		}
		if number < builtinPhones && text != "" {
			if text, fits = phoneDigits(text); !fits {
				return invalidPhone
			}
		}
		w.changes = append(w.changes, change{number, text})
	}
	return nil
}

var (
	invalidEmail = refusal{invalid("Invalid email address")}
	invalidPhone = refusal{invalid("Invalid phone number")}
)

// conflict is an identifier of a write that belongs to another contact.
type conflict struct {
	identifier string // email, ext_id, SMS, WHATSAPP, LANDLINE_NUMBER
	owner      *contact
}

// conflicts returns the identifiers of w that belong to others than self, which may be nil.
func (s *store) conflicts(w *write, self *contact) []conflict {
	var found []conflict
	add := func(identifier string, owner *contact) {
		if owner != nil && owner != self {
			found = append(found, conflict{identifier, owner})
		}
	}
	if w.email != "" {
		add("email", s.byEmail[w.email])
	}
	if w.extID != nil && *w.extID != "" {
		add("ext_id", s.byExtID[*w.extID])
	}
	for _, c := range w.changes {
		if c.attribute < builtinPhones && c.text != "" {
			add(identifierNames[c.attribute], s.byPhone[c.attribute][c.text])
		}
	}
	return found
}

// duplicate is the 400 for conflicts. The verb is create or update.
func (s *Server) duplicate(verb string, conflicts []conflict) reply {
	identifiers := make([]string, len(conflicts))
	for i, c := range conflicts {
		identifiers[i] = c.identifier
	}
	code := "duplicate_parameter"
	if s.quirks.DuplicateAsInvalid {
		code = "invalid_parameter"
	}
	return ok(http.StatusBadRequest, errorBody{
		Code:     code,
		Message:  fmt.Sprintf("Unable to %s contact, %s is already associated with another Contact", verb, identifiers[0]),
		Metadata: map[string]any{"duplicate_identifiers": identifiers},
	})
}

// create stores a new contact.
func (s *Server) create(w *write, now time.Time) *contact {
	c := &contact{id: s.nextID, created: now.UnixMilli()}
	s.insert(c)
	s.apply(c, w, now)
	s.ledger.created()
	if s.optedOut[c.email] {
		delete(s.optedOut, c.email)
		if !c.emailBlacklisted {
			s.ledger.resubscribed()
		}
	}
	return c
}

// apply does a write whose conflicts are settled. A change of the address takes a contact off the
// blocklist: Brevo's note on "Update a contact".
func (s *Server) apply(c *contact, w *write, now time.Time) {
	email, sms := c.emailBlacklisted, c.smsBlacklisted
	s.unindex(c)
	moved := w.email != "" && w.email != c.email && c.email != ""
	if moved {
		email = false
	}
	if w.email != "" {
		c.email = w.email
	}
	if w.extID != nil {
		c.extID = *w.extID
	}
	if len(w.changes) > 0 {
		c.values = c.values.with(w.changes)
	}
	s.index(c)
	if w.emailBlacklisted != nil && !(moved && s.quirks.MoveLosesBlock) {
		email = *w.emailBlacklisted
	}
	if w.smsBlacklisted != nil {
		sms = *w.smsBlacklisted
	}
	if c.emailBlacklisted && !email || c.smsBlacklisted && !sms {
		s.ledger.resubscribed()
	}
	if email != c.emailBlacklisted || sms != c.smsBlacklisted {
		s.block(c, email, sms)
	}
	for _, id := range w.unlinkListIDs {
		s.leave(c, id)
	}
	for _, id := range w.listIDs {
		s.join(c, id)
	}
	c.modified = now.UnixMilli()
}

// merge is forceMerge: of the contacts that share identifiers the one modified last survives, and
// has its gaps filled from the others, which are deleted. Its own opt-out counts, not theirs.
func (s *Server) merge(self *contact, conflicts []conflict) *contact {
	others := map[*contact]bool{}
	if self != nil {
		others[self] = true
	}
	for _, c := range conflicts {
		others[c.owner] = true
	}
	byAge := slices.SortedFunc(maps.Keys(others), func(a, b *contact) int {
		return cmp.Or(cmp.Compare(b.modified, a.modified), cmp.Compare(b.id, a.id))
	})
	survivor := byAge[0]
	for _, other := range byAge[1:] {
		s.store.remove(other)
		delete(s.optedOut, other.email)
		if other.emailBlacklisted && !survivor.emailBlacklisted {
			s.ledger.resubscribed()
		}
		s.unindex(survivor)
		if survivor.email == "" {
			survivor.email = other.email
		}
		if survivor.extID == "" {
			survivor.extID = other.extID
		}
		var gaps []change
		for attribute, text := range other.values.all() {
			if survivor.values.get(attribute) == "" {
				gaps = append(gaps, change{attribute, text})
			}
		}
		survivor.values = survivor.values.with(gaps)
		s.index(survivor)
		for _, id := range other.lists {
			s.join(survivor, id)
		}
	}
	return survivor
}
