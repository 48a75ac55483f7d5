package brevo

import (
	"context"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

const (
	skipNoContact = "contact is not in Brevo"
	skipNoCompany = "company is not in Brevo"

	// A link whose contact or company is not there is tried again: it may be on its way.
	firstLinkPause   = 5 * time.Second
	longestLinkPause = 10 * time.Minute
	longestLinkWait  = time.Hour
	longestLinkHeld  = 30 * time.Second // where the message is held as long

	refusedTries = 3
)

// linkWrites are the links that can be made now. Those whose contact or company is not there are put off.
func (b *companyBook) linkWrites(ctx context.Context) ([]*linkWrite, error) {
	b.mu.Lock()
	var writes []*linkWrite
	for _, c := range b.linkChanges(time.Now()) {
		e := b.known.link(c.contact.key())
		w := &linkWrite{linkChange: c, contactID: e.contact, join: c.to(), leave: c.from()}
		if c.to() != "" && e.company != c.to() || c.from() == "" {
			w.leave = e.company
		}
		if c.to() != "" && e.company == c.to() {
			w.join, w.leave = "", ""
		}
		if w.leave != "" && b.known.company(w.leave).id == "" {
			w.leave = "" // it is no more
		}
		switch {
		case w.join == "" && w.leave == "":
			b.known.noteTime(c.contact.key(), c.time)
			b.doneLink(c, &linkUnchanged)
		case w.join != "" && b.known.company(w.join).id == "":
			if b.changes[w.join] != nil { // it is about to be
				c.until = time.Now().Add(time.Second).UnixMilli()
				continue
			}
			b.putOff([]*linkWrite{w}, skipNoCompany)
		default:
			writes = append(writes, w)
		}
	}
	b.mu.Unlock()
	if err := b.findContacts(ctx, writes); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var ready, missing []*linkWrite
	for _, w := range writes {
		if w.contactID != 0 {
			ready = append(ready, w)
		} else {
			missing = append(missing, w)
		}
	}
	b.putOff(missing, skipNoContact)
	return ready, nil
}

// putOff lets links be tried again later, and at last not any more. b.mu is held.
func (b *companyBook) putOff(writes []*linkWrite, why string) []*linkWrite {
	longest, given := longestLinkWait, &companyVerdict{skip: why}
	if b.store == nil {
		longest = longestLinkHeld
	}
	for _, w := range writes {
		if time.Since(time.UnixMilli(w.since)) > longest {
			b.doneLink(w.linkChange, given)
			continue
		}
		w.until = time.Now().Add(min(firstLinkPause<<min(w.tries, 10), longestLinkPause)).UnixMilli()
		w.tries = min(w.tries+1, 100)
	}
	return nil
}

// fewContacts is how many contacts are asked for by themselves rather than page by page.
const fewContacts = 20

// findContacts finds the ids of contacts in Brevo: one by one, or by reading all where that is cheaper.
func (b *companyBook) findContacts(ctx context.Context, writes []*linkWrite) error {
	for _, w := range writes {
		if w.contactID == 0 {
			w.contactID = b.contacts[w.contact.key()]
		}
	}
	missing := withoutID(writes)
	if len(missing) > fewContacts {
		if all, err := b.readContacts(ctx, missing); all || err != nil {
			return err
		}
	}
	for _, w := range withoutID(missing) {
		id, err := b.askForContact(ctx, w.contact)
		if err != nil {
			return err
		}
		if w.contactID = id; id != 0 && len(b.contacts) < mostContactIDs {
			b.contacts[w.contact.key()] = id
		}
	}
	return nil
}

func withoutID(writes []*linkWrite) (missing []*linkWrite) {
	for _, w := range writes {
		if w.contactID == 0 {
			missing = append(missing, w)
		}
	}
	return missing
}

// readContacts reads the ids of all contacts, or of those that came since they were read last, unless it is cheaper
// to ask for each that is missing. What is read is kept by ext_id for the links that come later: an address may be
// another contact's by then.
func (b *companyBook) readContacts(ctx context.Context, missing []*linkWrite) (all bool, err error) {
	start := max(0, b.contactsRead-api.MostContacts) // whoever was deleted moves those after it to the front
	wanted := map[linkKey][]*linkWrite{}
	for _, w := range missing {
		if w.tries > 0 || w.contact.extID == "" { // it may be among those that were read, under its address
			start = 0
		}
		if w.contact.extID != "" {
			wanted[extLinkKey(w.contact.extID)] = append(wanted[extLinkKey(w.contact.extID)], w)
		}
		if w.contact.email != "" {
			wanted[emailLinkKey(w.contact.email)] = append(wanted[emailLinkKey(w.contact.email)], w)
		}
	}
	for offset := start; ; offset += api.MostContacts {
		var page []api.Found
		count := 0
		err := persist(ctx, b.client, b.log, func() (err error) {
			page, count, err = b.client.ContactIDs(ctx, offset)
			return err
		})
		if err != nil {
			return false, err
		}
		for _, c := range page {
			for _, k := range []linkKey{extLinkKey(c.ExtID), emailLinkKey(c.Email)} {
				for _, w := range wanted[k] {
					if w.contactID == 0 && w.contact.is(c) {
						w.contactID = c.ID
					}
				}
			}
		}
		b.keepContacts(page, offset)
		if len(page) < api.MostContacts {
			return true, nil
		}
		if offset == start && (count-start)/api.MostContacts > len(missing) {
			return false, nil
		}
	}
}

// keepContacts remembers the ids of a page, where it goes on from those that are remembered and there is room.
func (b *companyBook) keepContacts(page []api.Found, offset int) {
	if offset > b.contactsRead || len(b.contacts)+len(page) > mostContactIDs {
		return
	}
	for _, c := range page {
		if c.ExtID != "" {
			b.contacts[extLinkKey(c.ExtID)] = c.ID
		}
	}
	b.contactsRead = max(b.contactsRead, offset+len(page))
}

// askForContact asks for one contact, by ext_id, then by address. It is 0 if Brevo does not have it.
func (b *companyBook) askForContact(ctx context.Context, ref contactRef) (int64, error) {
	for _, by := range []struct{ identifier, kind string }{{ref.extID, api.ByExtID}, {ref.email, api.ByEmail}} {
		if by.identifier == "" {
			continue
		}
		var found api.Found
		err := persist(ctx, b.client, b.log, func() (err error) {
			found, err = b.client.Contact(ctx, by.identifier, by.kind)
			return err
		})
		switch {
		case err == nil && ref.is(found):
			return found.ID, nil
		case err == nil:
		case !rest.Is(err, rest.NotFound, rest.Refused):
			return 0, err
		}
	}
	return 0, nil
}

// is reports whether a contact with the address of ref is the one, and not another person's.
func (r contactRef) is(c api.Found) bool { return r.extID == "" || c.ExtID == "" || c.ExtID == r.extID }
