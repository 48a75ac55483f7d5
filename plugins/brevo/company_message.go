package brevo

import (
	"cmp"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// companyMessage is one message on its way to a verdict. It is the book's once it is in the backlog.
type companyMessage struct {
	out    *companiesOutput
	m      *service.Message // nil once the backlog in the cache has it: it may hold a whole page of its input
	who    string           // what it is made of, as "organization 7"; empty if it does not say
	index  int              // in its batch
	action string
	order  companyOrder // once it is taken the ext_id alone
	time   int64        // pipedrive_time in milliseconds; 0 if not known

	segment *companySegment // of the backlog; nil where there is none
	place   int             // in its segment
	done    chan struct{}   // closed with the verdict, for who waits for it; nil where nobody does
	parts   int             // what of it is still to be done

	// The verdict.
	delivered bool
	skip      string // why it is not written
	refusal   error  // why it never will be
	kind      string // the refusal's class, for metrics
	told      bool   // and the dead letters have it
}

func (m *companyMessage) refuse(kind string, why error) { m.kind, m.refusal = kind, why }

// whoOf names what a message is made of, by object and id.
func whoOf(m *service.Message) string {
	object, _ := m.MetaGet("pipedrive_object")
	if id, ok := m.MetaGet("pipedrive_id"); ok && object != "" {
		return object + " " + id
	}
	return ""
}

// subject names a message in the log by object and id, never by personal data.
func (m *companyMessage) subject() string {
	switch {
	case m.who != "":
		return m.who
	case m.order.ext != "":
		return "the company with ext_id " + m.order.ext
	}
	return "a company"
}

// onlyLinks reports whether a message is one of the very many that are made of persons.
func (m *companyMessage) onlyLinks() bool {
	return m.action == actionLink && len(m.order.link)+len(m.order.unlink) == 1
}

// companyChange is what waits to be done to a company: that of the newest message, and what older ones say
// beside it.
type companyChange struct {
	ext      string
	gone     bool // it is to be deleted
	company  api.Company
	time     int64  // of the newest message; 0 if not known
	when     int64  // the same, or when it came
	order    uint64 // of arrival
	messages []*companyMessage

	sent   bool // an import had it and Brevo has no company of it: it goes alone
	failed bool // its import failed once
}

// newestFirst sorts changes.
func newestFirst(changes []*companyChange) {
	slices.SortFunc(changes, func(a, c *companyChange) int {
		return cmp.Or(cmp.Compare(c.when, a.when), cmp.Compare(c.order, a.order))
	})
}

// companyVerdict is what became of a part of a message.
type companyVerdict struct {
	delivered bool
	skip      string
	kind      string
	refusal   error
}

var companyDelivered = companyVerdict{delivered: true}

// settled is a message that has its verdict, and that flush has not seen.
type settled struct {
	message *companyMessage // nil for a link that is one by itself
	link    *linkChange
	verdict *companyVerdict
}

// whole is the message of a settled link, where it has none.
func (s settled) whole() *companyMessage {
	if s.message != nil {
		return s.message
	}
	c, v := s.link, s.verdict
	return &companyMessage{
		out: c.segment.out, who: c.who, action: actionLink, order: companyOrder{ext: c.company}, segment: c.segment, place: c.place(),
		delivered: v.delivered, skip: v.skip, refusal: v.refusal, kind: v.kind,
	}
}

// settle gives a part of each message its verdict. Those that have all of theirs are settled by flush.
// b.mu is held.
func (b *companyBook) settle(messages []*companyMessage, v companyVerdict) {
	for _, m := range messages {
		m.delivered = m.delivered || v.delivered
		if v.skip != "" {
			m.skip = v.skip
		}
		if v.refusal != nil && m.refusal == nil {
			m.refuse(v.kind, v.refusal)
		}
		if m.parts--; m.parts == 0 {
			b.settled = append(b.settled, settled{message: m})
		}
	}
}

// settleLink is settle for a link. b.mu is held.
func (b *companyBook) settleLink(c *linkChange, v *companyVerdict) {
	if c.message != nil {
		b.settle([]*companyMessage{c.message}, *v)
		return
	}
	b.settled = append(b.settled, settled{link: c, verdict: v})
}

// arrival counts what comes; the place in the backlog does, also across runs.
func (b *companyBook) arrival(segment *companySegment, place int) uint64 {
	if segment == nil {
		b.arrivals++
		return b.arrivals
	}
	return segment.number<<placeBits | uint64(place)
}

// placeBits is room for the messages of one segment.
const placeBits = 24
