package brevo

import (
	"time"
)

// mostContactIDs bounds the contacts whose ids are remembered beside those with a link.
var mostContactIDs = 200_000

const (
	// mostLinks bounds the links that wait in memory. Others wait in the backlog in the cache until there is room.
	mostLinks = 25_000
)

// take puts a message into the backlog in memory: what it says of a company over what older ones say, and each
// link in the place of an older one. b.mu is held.
func (b *companyBook) take(m *companyMessage, since time.Time) {
	if m.segment != nil && m.onlyLinks() {
		c := linkOf(m, since)
		c.order = b.arrival(m.segment, m.place)
		b.takeLink(c)
		return
	}
	arrival := b.arrival(m.segment, m.place)
	m.parts = 1 // given back at the end, so that it is settled once
	if m.action != actionLink {
		m.parts++
		b.takeCompany(m, since, arrival)
	}
	for _, ref := range m.order.link {
		b.takePart(m, &linkChange{contact: ref}, since, arrival)
	}
	for _, ref := range m.order.unlink {
		b.takePart(m, &linkChange{contact: ref, leaves: true}, since, arrival)
	}
	m.order = companyOrder{ext: m.order.ext}
	if m.segment != nil {
		m.m = nil
	}
	b.settle([]*companyMessage{m}, companyVerdict{})
}

func (b *companyBook) takePart(m *companyMessage, c *linkChange, since time.Time, arrival uint64) {
	m.parts++
	c.message, c.segment, c.company, c.time, c.order, c.since = m, m.segment, m.order.ext, m.time, arrival, since.UnixMilli()
	b.takeLink(c)
}

func (b *companyBook) takeCompany(m *companyMessage, since time.Time, arrival uint64) {
	ext := m.order.ext
	c := &companyChange{
		ext: ext, gone: m.action == actionDelete, company: m.order.company, time: m.time, order: arrival,
		when: m.time, messages: []*companyMessage{m},
	}
	if c.when == 0 {
		c.when = since.UnixMilli()
	}
	delivered := b.known.company(ext)
	if older(c.time, delivered.time, delivered.id == "" && delivered.time != 0) {
		b.settle(c.messages, companyVerdict{skip: skipOlder})
		return
	}
	if before := b.changes[ext]; before != nil {
		if older(c.time, before.time, before.gone) {
			b.settle(c.messages, companyVerdict{skip: skipOlder})
			return
		}
		if !before.gone && !c.gone {
			c.company = over(before.company, c.company)
		}
		c.time, c.when = max(c.time, before.time), max(c.when, before.when)
		c.sent, c.failed = before.sent, before.failed
		c.messages = append(before.messages, m)
	}
	b.changes[ext] = c
	b.arrived.note()
}

// The verdicts of links that are not made.
var (
	linkUnchanged = companyVerdict{}
	linkOlder     = companyVerdict{skip: skipOlder}
)

func (b *companyBook) takeLink(c *linkChange) {
	k := c.contact.key()
	linked, before := b.known.link(k), b.links[k]
	if older(c.time, linked.time, false) || before != nil && before.overrides(c) {
		b.settleLink(c, &linkOlder)
		return
	}
	if before != nil {
		if before.company == c.company && before.leaves == c.leaves {
			c.tries, c.until, c.since = before.tries, before.until, before.since
		}
		b.settleLink(before, &linkUnchanged)
	} else if c.from() == "" && c.to() == linked.company { // what is being made would stay, where there is one before
		b.known.noteTime(k, c.time)
		b.settleLink(c, &linkUnchanged)
		return
	}
	b.links[k] = c
	b.linkArrivals.note()
}

// overrides reports whether a link that waits is newer than one that comes: also one that waited in the cache
// meanwhile comes.
func (c *linkChange) overrides(other *linkChange) bool {
	return older(other.time, c.time, false) || other.order < c.order && !older(c.time, other.time, false)
}

// done takes a change out that was carried out, unless a newer one has taken its place, which then has its
// messages. b.mu is held.
func (b *companyBook) done(c *companyChange, v companyVerdict) {
	if b.changes[c.ext] == c {
		delete(b.changes, c.ext)
		b.settle(c.messages, v)
	}
}

// doneLink is done for a link. b.mu is held.
func (b *companyBook) doneLink(c *linkChange, v *companyVerdict) {
	if k := c.contact.key(); b.links[k] == c {
		delete(b.links, k)
		b.settleLink(c, v)
	}
}
