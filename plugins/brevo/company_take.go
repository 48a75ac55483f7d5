package brevo

import (
	"time"
)

// mostContactIDs bounds the contacts whose ids are remembered beside those with a link.
const mostContactIDs = 200_000

// take puts a message into the backlog in memory: what it says of a company over what older ones say, and each
// link in the place of an older one. b.mu is held.
func (b *companyBook) take(m *companyMessage, since time.Time) {
	b.arrivals++
	m.parts = 1 // given back at the end, so that it is settled once
	company := m.action != actionLink
	if company {
		m.parts++
		b.takeCompany(m, since)
	}
	for _, ref := range m.order.link {
		b.takeLink(m, &linkChange{contact: ref, to: m.order.ext, since: since})
	}
	for _, ref := range m.order.unlink {
		b.takeLink(m, &linkChange{contact: ref, from: m.order.ext, since: since})
	}
	b.settle([]*companyMessage{m}, companyVerdict{})
}

func (b *companyBook) takeCompany(m *companyMessage, since time.Time) {
	ext := m.order.ext
	c := &companyChange{
		ext: ext, gone: m.action == actionDelete, company: m.order.company, time: m.time, order: b.arrivals,
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

func (b *companyBook) takeLink(m *companyMessage, c *linkChange) {
	m.parts++
	c.time, c.order, c.messages = m.time, b.arrivals, []*companyMessage{m}
	k := c.contact.key()
	linked := b.known.link(k)
	if older(c.time, linked.time, false) {
		b.settle(c.messages, companyVerdict{skip: skipOlder})
		return
	}
	if c.to == linked.company && c.to != "" || c.to == "" && c.from == "" && linked.company == "" && linked.contact != 0 {
		if before := b.links[k]; before != nil { // and not what it was to become meanwhile
			b.settle(before.messages, companyVerdict{})
			delete(b.links, k)
		}
		b.settle(c.messages, companyVerdict{})
		return
	}
	if before := b.links[k]; before != nil {
		if older(c.time, before.time, false) {
			b.settle(c.messages, companyVerdict{skip: skipOlder})
			return
		}
		if before.to == c.to && before.from == c.from {
			c.tries, c.until, c.since = before.tries, before.until, before.since
		}
		b.settle(before.messages, companyVerdict{})
	}
	b.links[k] = c
	b.linkArrivals.note()
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
func (b *companyBook) doneLink(c *linkChange, v companyVerdict) {
	if k := c.contact.key(); b.links[k] == c {
		delete(b.links, k)
		b.settle(c.messages, v)
	}
}
