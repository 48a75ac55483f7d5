package brevo

import (
	"cmp"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// companyMessage is one message on its way to a verdict. It is the book's once it is in the backlog.
type companyMessage struct {
	out    *companiesOutput
	m      *service.Message // nil once it is in the backlog in the cache
	called string           // then its subject
	index  int              // in its batch, then in its segment
	action string
	order  companyOrder
	time   int64 // pipedrive_time in milliseconds; 0 if not known

	segment *companySegment // of the backlog; nil where there is none
	done    chan struct{}   // closed with the verdict, for who waits for it; nil where nobody does
	parts   int             // what of it is still to be done

	// The verdict.
	delivered bool
	skip      string // why it is not written
	refusal   error  // why it never will be
	kind      string // the refusal's class, for metrics
}

func (m *companyMessage) refuse(kind string, why error) { m.kind, m.refusal = kind, why }

// subject names a message in the log by object and id, never by personal data.
func (m *companyMessage) subject() string {
	if m.m == nil {
		return m.called
	}
	object, _ := m.m.MetaGet("pipedrive_object")
	if id, ok := m.m.MetaGet("pipedrive_id"); ok && object != "" {
		return object + " " + id
	}
	if m.order.ext != "" {
		return "the company with ext_id " + m.order.ext
	}
	return "a company"
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

// linkChange is what waits to be done to a contact's link.
type linkChange struct {
	contact  contactRef
	to       string // the company's ext_id; empty for none
	from     string // where to is empty: the company to leave; empty for whichever it is
	time     int64
	order    uint64
	since    time.Time // when it was first waited for
	messages []*companyMessage

	tries int       // how often its contact or company was not there
	until time.Time // when it is to be tried again
}

// companyVerdict is what became of a part of a message.
type companyVerdict struct {
	delivered bool
	skip      string
	kind      string
	refusal   error
}

var companyDelivered = companyVerdict{delivered: true}

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
			b.settled = append(b.settled, m)
		}
	}
}
