package brevo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// contact is a stored contact. Times are Unix milliseconds, which is what Brevo shows.
type contact struct {
	id                int64
	email, extID      string
	values            packed
	lists             []int64
	created, modified int64
	emailBlacklisted  bool
	smsBlacklisted    bool
}

// store holds the contacts: in order of id, and by every identifier. Its owner locks.
type store struct {
	ordered []*contact
	byEmail map[string]*contact
	byExtID map[string]*contact
	byPhone [builtinPhones]map[string]*contact
	nextID  int64

	lists    map[int64]*list
	optedOut map[string]bool // addresses that were deleted while on the blocklist
}

func newStore() store {
	s := store{
		byEmail: map[string]*contact{}, byExtID: map[string]*contact{},
		nextID: 1, lists: map[int64]*list{}, optedOut: map[string]bool{},
	}
	for i := range s.byPhone {
		s.byPhone[i] = map[string]*contact{}
	}
	return s
}

func (s *store) byID(id int64) *contact {
	i, found := s.position(id)
	if !found {
		return nil
	}
	return s.ordered[i]
}

func (s *store) position(id int64) (int, bool) {
	return slices.BinarySearchFunc(s.ordered, id, func(c *contact, id int64) int { return cmp.Compare(c.id, id) })
}

// insert adds a contact that has an id already, and no identifier of another one.
func (s *store) insert(c *contact) {
	i, _ := s.position(c.id)
	s.ordered = slices.Insert(s.ordered, i, c)
	s.nextID = max(s.nextID, c.id+1)
	s.index(c)
	for _, id := range c.lists {
		s.lists[id].count(c, +1)
	}
}

func (s *store) remove(c *contact) {
	for _, id := range c.lists {
		s.lists[id].count(c, -1)
	}
	s.unindex(c)
	i, _ := s.position(c.id)
	s.ordered = slices.Delete(s.ordered, i, i+1)
	if c.emailBlacklisted && c.email != "" {
		s.optedOut[c.email] = true
	}
}

func (s *store) index(c *contact) {
	if c.email != "" {
		s.byEmail[c.email] = c
	}
	if c.extID != "" {
		s.byExtID[c.extID] = c
	}
	for attribute, text := range c.values.all() {
		if attribute < builtinPhones {
			s.byPhone[attribute][strings.Clone(text)] = c
		}
	}
}

func (s *store) unindex(c *contact) {
	delete(s.byEmail, c.email)
	delete(s.byExtID, c.extID)
	for attribute, text := range c.values.all() {
		if attribute < builtinPhones {
			delete(s.byPhone[attribute], text)
		}
	}
}

// block sets the blocklist flags and keeps the lists' counters.
func (s *store) block(c *contact, email, sms bool) {
	for _, id := range c.lists {
		s.lists[id].count(c, -1)
	}
	c.emailBlacklisted, c.smsBlacklisted = email, sms
	for _, id := range c.lists {
		s.lists[id].count(c, +1)
	}
}

// join adds a contact to a list; it reports whether that changed anything.
func (s *store) join(c *contact, listID int64) bool {
	if s.lists[listID] == nil || slices.Contains(c.lists, listID) {
		return false
	}
	c.lists = append(slices.Clip(c.lists), listID)
	s.lists[listID].count(c, +1)
	return true
}

// leave takes a contact off a list; it reports whether it was on it.
func (s *store) leave(c *contact, listID int64) bool {
	i := slices.Index(c.lists, listID)
	if i < 0 {
		return false
	}
	c.lists = slices.Delete(slices.Clone(c.lists), i, i+1)
	s.lists[listID].count(c, -1)
	return true
}

// Contact is a contact as tests and seeds see it. SMS, WHATSAPP and LANDLINE_NUMBER are attributes.
type Contact struct {
	ID                               int64
	Email, ExtID                     string
	Attributes                       map[string]any // string, float64, bool or []string
	EmailBlacklisted, SMSBlacklisted bool
	ListIDs                          []int64
	CreatedAt, ModifiedAt            time.Time
}

// PutContact stores a contact as it is, in place of the one with its id or address. An ID of 0 takes
// the next one; zero times are now. Attributes that the account lacks, and lists, are created.
func (s *Server) PutContact(c Contact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	email := strings.ToLower(c.Email)
	present := s.byEmail[email]
	if present == nil && c.ID != 0 {
		present = s.byID(c.ID)
	}
	if present != nil {
		s.store.remove(present)
		delete(s.optedOut, present.email)
		c.ID = cmp.Or(c.ID, present.id)
	}
	now := time.Now()
	stored := &contact{
		id: cmp.Or(c.ID, s.nextID), email: email, extID: c.ExtID,
		emailBlacklisted: c.EmailBlacklisted, smsBlacklisted: c.SMSBlacklisted,
		created: orNow(c.CreatedAt, now).UnixMilli(), modified: orNow(c.ModifiedAt, now).UnixMilli(),
		lists: slices.Clone(c.ListIDs),
	}
	for _, id := range stored.lists {
		s.putList(id, "")
	}
	stored.values = packed("").with(s.changesFor(c.Attributes))
	s.insert(stored)
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// changesFor turns Go values into stored texts, creating the attributes that are missing.
func (s *Server) changesFor(attributes map[string]any) []change {
	var changes []change
	for name, value := range attributes {
		number, found := s.attributes.byName[name]
		if !found {
			s.attributes.put(Attribute{Name: name, Type: typeOf(value)})
			number = s.attributes.byName[name]
		}
		text, _ := s.attributes.byNumber[number].scan(mustJSON(value), true)
		if digits, isPhone := phoneDigits(text); isPhone && number < builtinPhones {
			text = digits
		}
		changes = append(changes, change{number, text})
	}
	return changes
}

func typeOf(value any) string {
	switch value.(type) {
	case float64, float32, int, int64:
		return "float"
	case bool:
		return "boolean"
	}
	return "text"
}

// Contact returns the contact with an address.
func (s *Server) Contact(email string) (Contact, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.byEmail[strings.ToLower(email)]
	if c == nil {
		return Contact{}, false
	}
	return s.export(c), true
}

// Contacts returns up to limit contacts with ids above afterID, in order of id.
func (s *Server) Contacts(afterID int64, limit int) []Contact {
	s.mu.RLock()
	defer s.mu.RUnlock()
	from, _ := s.position(afterID + 1)
	to := min(from+limit, len(s.ordered))
	page := make([]Contact, 0, to-from)
	for _, c := range s.ordered[from:to] {
		page = append(page, s.export(c))
	}
	return page
}

// Count returns the number of contacts.
func (s *Server) Count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.ordered)
}

func (s *Server) export(c *contact) Contact {
	attributes := map[string]any{}
	for number, text := range c.values.all() {
		if a := s.attributes.byNumber[number]; a != nil {
			attributes[a.Name] = a.value(text)
		}
	}
	return Contact{
		ID: c.id, Email: c.email, ExtID: c.extID, Attributes: attributes,
		EmailBlacklisted: c.emailBlacklisted, SMSBlacklisted: c.smsBlacklisted,
		ListIDs:   slices.Clone(c.lists),
		CreatedAt: time.UnixMilli(c.created).UTC(), ModifiedAt: time.UnixMilli(c.modified).UTC(),
	}
}
