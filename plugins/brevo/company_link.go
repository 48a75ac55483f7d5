package brevo

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"
)

// linkChange is what waits to be done to a contact's link. A first load brings one for each person, which wait for
// hours where there are many, so that it is small: some 200 bytes with its texts and its place in a map.
type linkChange struct {
	contact contactRef
	company string // its ext_id; where leaves is set, the one to leave, empty for whichever it is
	who     string // what its message is made of
	time    int64  // its message's; 0 if not known
	order   uint64 // of arrival
	since   int64  // when it was first waited for, in milliseconds
	until   int64  // when it is to be tried again

	segment *companySegment // of its message; nil where there is no backlog in the cache
	message *companyMessage // of which it is a part; nil where it is all of it

	leaves bool  // it is to end
	tries  uint8 // how often its contact or company was not there
}

// to is the company that the contact is to have; empty for none.
func (c *linkChange) to() string {
	if c.leaves {
		return ""
	}
	return c.company
}

// from is the company to leave, for a link that is to end; empty for whichever it is.
func (c *linkChange) from() string {
	if c.leaves {
		return c.company
	}
	return ""
}

// place is where its message is in its segment.
func (c *linkChange) place() int { return int(c.order & (1<<placeBits - 1)) }

// linkOf is the link of a message that is nothing else. It keeps nothing of the message: the texts are copied into
// one.
func linkOf(m *companyMessage, since time.Time) *linkChange {
	c := &linkChange{time: m.time, since: since.UnixMilli(), segment: m.segment, company: m.order.ext, who: m.who}
	if c.leaves = len(m.order.unlink) > 0; c.leaves {
		c.contact = m.order.unlink[0]
	} else {
		c.contact = m.order.link[0]
	}
	c.pack()
	return c
}

func (c *linkChange) pack() {
	all := strings.Join([]string{c.who, c.contact.email, c.company}, "")
	who, email := len(c.who), len(c.who)+len(c.contact.email)
	c.who, c.contact.email, c.company = all[:who], all[who:email], all[email:]
	if _, id, _ := strings.Cut(c.who, " "); id == c.contact.extID {
		c.contact.extID = id
	} else {
		c.contact.extID = strings.Clone(c.contact.extID)
	}
}

// What the first byte of a kept link says.
const (
	keptLink   = 1 << iota // it is one, and not a message as it came
	keptLeaves             // it is to end
	keptSameID             // the contact's ext_id is the id of who it is made of
)

// appendLink encodes a link for the backlog.
func appendLink(b []byte, c *linkChange) []byte {
	kind := byte(keptLink)
	if c.leaves {
		kind |= keptLeaves
	}
	_, id, _ := strings.Cut(c.who, " ")
	if id == c.contact.extID {
		kind |= keptSameID
	}
	b = appendShort(append(b, kind), c.who)
	if kind&keptSameID == 0 {
		b = appendShort(b, c.contact.extID)
	}
	return binary.AppendVarint(appendShort(appendShort(b, c.contact.email), c.company), c.time)
}

func (r *fieldReader) link(kind byte) *linkChange {
	c := &linkChange{leaves: kind&keptLeaves != 0, who: r.text()}
	if kind&keptSameID == 0 {
		c.contact.extID = r.text()
	} else {
		_, c.contact.extID, _ = strings.Cut(c.who, " ")
	}
	c.contact.email, c.company, c.time = r.text(), r.text(), r.varint()
	c.pack()
	return c
}

// body is the message that a link was.
func (c *linkChange) body() map[string]any {
	contact := map[string]any{}
	if c.contact.email != "" {
		contact["email"] = c.contact.email
	}
	if c.contact.extID != "" {
		contact["ext_id"] = c.contact.extID
	}
	body := map[string]any{"linkContacts": []any{contact}}
	if c.leaves {
		body = map[string]any{"unlinkContacts": []any{contact}}
	}
	if c.company != "" {
		body["ext_id"] = c.company
	}
	return body
}

// linkChanges are the links that are due, newest first.
func (b *companyBook) linkChanges(now time.Time) []*linkChange {
	due := make([]*linkChange, 0, len(b.links))
	for c := range maps.Values(b.links) {
		if c.until <= now.UnixMilli() {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(a, c *linkChange) int { return cmp.Compare(c.order, a.order) })
	return due
}
