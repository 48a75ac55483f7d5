package brevo

import (
	"context"
	"errors"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// companyWrite is a change as it is sent.
type companyWrite struct {
	*companyChange
	id      string // Brevo's; empty if the company is to be created
	company api.Company
	print   uint64
	blank   []string          // attributes that were delivered and have no value any more
	cells   map[string]string // by column; nil if an import cannot say it
}

// writeCompanies carries out what waits, as far as the hour's calls go: many by imports, few one by one, the
// newest first.
func (b *companyBook) writeCompanies(ctx context.Context) error {
	b.mu.Lock()
	b.arrived.first = time.Time{}
	b.mu.Unlock()
	if err := b.attributes.ensure(ctx, b); err != nil {
		return err
	}
	if err := b.ensureAdopted(ctx); err != nil {
		return err
	}
	if err := b.importBlanks(ctx, b.writes()); err != nil {
		return err
	}
	var creates, updates []*companyWrite
	for _, w := range b.writes() {
		switch {
		case w.gone || w.cells == nil || w.sent:
		case w.id == "":
			creates = append(creates, w)
		default:
			updates = append(updates, w)
		}
	}
	for _, several := range [][]*companyWrite{creates, updates} {
		if len(several) >= few && b.spare() > 0 {
			if err := b.importCompanies(ctx, several); err != nil {
				return err
			}
		}
	}
	return b.writeSingly(ctx)
}

// ensureAdopted makes sure that companies which Brevo has are known before any is created.
func (b *companyBook) ensureAdopted(ctx context.Context) error {
	if !b.adopted {
		if err := b.find(ctx, time.Time{}, nil); err != nil {
			return err
		}
		if err := b.flush(ctx); err != nil {
			return err
		}
		b.adopted = true
		// By name only those are found that wait, so that a run begins by looking.
		if b.state.Adopted = b.attributes.key() != ""; b.state.Adopted {
			return b.keepState(ctx)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.attributes.key() == "" {
		b.claimNames()
	}
	return nil
}

// writes are the changes to be sent, newest first, after those that need no call have their verdict.
func (b *companyBook) writes() []*companyWrite {
	now := b.attributes.now.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	changes := make([]*companyChange, 0, len(b.changes))
	for _, c := range b.changes {
		changes = append(changes, c)
	}
	newestFirst(changes)
	var sole map[string]*companyChange
	if now.key == "" {
		sole = b.soleNames()
	}
	writes := make([]*companyWrite, 0, len(changes))
	for _, c := range changes {
		e := b.known.company(c.ext)
		w := &companyWrite{companyChange: c, id: e.id}
		if c.gone {
			if e.id == "" {
				b.deleted(c, false) // or it never was
				continue
			}
			writes = append(writes, w)
			continue
		}
		w.company, w.blank = b.attributes.fit(c, now)
		w.blank = b.known.delivered(e, w.blank)
		w.print = companyPrint(w.company)
		switch {
		case e.id != "" && e.print == w.print && len(w.blank) == 0:
			e.given = e.given.or(b.known.given(w.company))
			b.known.setCompany(c.ext, e)
			b.unchanged(c, e)
			continue
		case e.id == "" && w.company.Name == "":
			b.done(c, companyVerdict{kind: "name", refusal: errors.New("the company has no name, and Brevo does not have it yet: give it one")})
			continue
		case len(w.blank) > 0: // an empty cell says nothing
		case e.id != "" || now.key != "" || sole[c.company.Name] == c && len(b.namesakes[c.company.Name]) == 0:
			w.cells = cellsOfCompany(w.company)
		}
		writes = append(writes, w)
	}
	return writes
}

// unchanged is for what was delivered already. b.mu is held.
func (b *companyBook) unchanged(c *companyChange, e companyEntry) {
	if c.time > e.time {
		e.time = c.time
		b.known.setCompany(c.ext, e)
	}
	b.done(c, companyVerdict{})
}

// deleted notes that a company is no more. b.mu is held.
func (b *companyBook) deleted(c *companyChange, was bool) {
	b.known.setCompany(c.ext, companyEntry{time: max(c.time, 1)})
	b.known.forgetLinks(c.ext)
	b.done(c, companyVerdict{delivered: was})
}

// wrote notes that a company has what a change says. b.mu is held.
func (b *companyBook) wrote(w *companyWrite, id string) {
	e := b.known.company(w.ext)
	e.id, e.print, e.time = id, w.print, max(e.time, w.time)
	e.given = e.given.or(b.known.given(w.company)).without(b.known.numbers(w.blank))
	b.known.setCompany(w.ext, e)
	b.done(w.companyChange, companyDelivered)
}

// writeSingly carries out changes one by one, the newest first, while there are calls.
func (b *companyBook) writeSingly(ctx context.Context) error {
	for b.spare() > 0 {
		writes := b.writes()
		if len(writes) == 0 {
			break
		}
		if many(writes) {
			break // the next round imports them
		}
		if err := b.writeOne(ctx, writes[0]); err != nil {
			return err
		}
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	return b.posted(ctx)
}

// many reports whether an import would do for what is left.
func many(writes []*companyWrite) bool {
	creates, updates := 0, 0
	for _, w := range writes {
		switch {
		case w.gone || w.cells == nil || w.sent:
		case w.id == "":
			creates++
		default:
			updates++
		}
	}
	return creates >= few || updates >= few
}

func (b *companyBook) writeOne(ctx context.Context, w *companyWrite) error {
	id, err := w.id, error(nil)
	switch {
	case w.gone:
		err = b.call(ctx, func() error {
			err := b.client.DeleteCompany(ctx, w.id)
			if rest.Is(err, rest.Unauthorized) && statusOf(err) == 403 { // of a company that others own
				return notAllowed{err}
			}
			return err
		})
	case w.id != "":
		err = b.update(ctx, w)
	default:
		id, err = b.create(ctx, w)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case rest.Is(err, rest.NotFound): // somebody deleted it in Brevo
		b.known.setCompany(w.ext, companyEntry{})
		b.known.forgetLinks(w.ext)
		b.adopted = false // an import may have made another one
	case err == nil && w.gone:
		b.deleted(w.companyChange, true)
	case err == nil:
		b.wrote(w, id)
	case rest.Is(err, rest.Refused) || errors.As(err, new(notAllowed)):
		b.done(w.companyChange, companyVerdict{kind: "brevo", refusal: err})
	default:
		return err
	}
	return nil
}

// create creates a company once. Where its answer is lost it is looked for before it is created again.
func (b *companyBook) create(ctx context.Context, w *companyWrite) (id string, err error) {
	if !b.adopted {
		if err := b.ensureAdopted(ctx); err != nil {
			return "", err
		}
		if id := b.found(w.ext); id != "" {
			return id, b.call(ctx, func() error { return b.client.UpdateCompany(ctx, id, w.company) })
		}
	}
	if err := b.posting(ctx); err != nil {
		return "", err
	}
	lost := false
	err = b.call(ctx, func() (err error) {
		if lost {
			if err := b.find(ctx, b.sincePosted, map[string]bool{w.ext: true}); err != nil {
				return err
			}
			if id = b.found(w.ext); id != "" {
				return nil
			}
		}
		id, err = b.client.CreateCompany(ctx, w.company)
		lost = lost || uncertain(err)
		return err
	})
	return id, err
}

func statusOf(err error) int {
	var e *rest.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// cellsOfCompany are a company's cells by column; nil where an import cannot say it all.
func cellsOfCompany(c api.Company) map[string]string {
	for field := range c.More {
		// The number says its country itself.
		if phone, ok := c.Attributes["phone_number"].(string); field != "countryCode" || !ok || phone == "" || phone[0] != '+' {
			return nil
		}
	}
	cells := map[string]string{}
	if c.Name != "" {
		cells["name"] = c.Name
	}
	for name, v := range c.Attributes {
		cell, ok := cellOf(v)
		if !ok {
			return nil
		}
		if cell != "" {
			cells[name] = cell
		}
	}
	return cells
}
