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
	wanted := map[linkKey][]*linkWrite{}
	for _, w := range writes {
		k := w.contact.key()
		if w.contactID == 0 {
			w.contactID = b.contacts[k]
		}
		if w.contactID == 0 {
			wanted[k] = append(wanted[k], w)
			if k := emailLinkKey(w.contact.email); w.contact.email != "" && w.contact.extID != "" {
				wanted[k] = append(wanted[k], w)
			}
		}
	}
	if len(wanted) > fewContacts {
		if all, err := b.readContacts(ctx, wanted); all || err != nil {
			return err
		}
	}
	for _, w := range writes {
		if w.contactID != 0 {
			continue
		}
		found, err := b.askForContact(ctx, w.contact)
		if err != nil {
			return err
		}
		b.foundContact(w, found)
	}
	return nil
}

func (b *companyBook) foundContact(w *linkWrite, id int64) {
	if id == 0 {
		return
	}
	if len(b.contacts) >= mostContactIDs {
		clear(b.contacts)
	}
	w.contactID, b.contacts[w.contact.key()] = id, id
}

// readContacts reads all contacts for those that are wanted, unless it is cheaper to ask for each.
func (b *companyBook) readContacts(ctx context.Context, wanted map[linkKey][]*linkWrite) (all bool, err error) {
	for offset := 0; ; offset += api.MostContacts {
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
			if c.ExtID != "" {
				for _, w := range wanted[extLinkKey(c.ExtID)] {
					b.foundContact(w, c.ID)
				}
			}
			for _, w := range wanted[emailLinkKey(c.Email)] {
				if w.contactID == 0 && w.contact.is(c) {
					b.foundContact(w, c.ID)
				}
			}
		}
		if len(page) < api.MostContacts {
			return true, nil
		}
		if offset == 0 && count/api.MostContacts > len(wanted) {
			return false, nil
		}
	}
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
