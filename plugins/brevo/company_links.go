package brevo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// linkWrite is a link that is to be made, ended, or both.
type linkWrite struct {
	*linkChange
	contactID int64
	join      string // the ext_id of the company to link; empty for none, or when it is done
	leave     string // the ext_id of the company to leave
}

// companyLinks are those of one company.
type companyLinks struct {
	ext, id     string
	join, leave []*linkWrite
}

func contactIDs(writes []*linkWrite) (ids []int64) {
	for _, w := range writes {
		ids = append(ids, w.contactID)
	}
	return ids
}

// writeLinks makes and ends the links that wait: those of many companies by an import, else company by company.
func (b *companyBook) writeLinks(ctx context.Context) error {
	b.mu.Lock()
	b.linkArrivals.first = time.Time{}
	b.mu.Unlock()
	if err := b.attributes.ensure(ctx, b); err != nil {
		return err
	}
	if err := b.ensureAdopted(ctx); err != nil {
		return err
	}
	writes, err := b.linkWrites(ctx)
	if err != nil {
		return err
	}
	groups := b.byCompany(writes)
	for _, g := range groups {
		if len(g.leave) > 0 {
			if err := b.linkOne(ctx, g); err != nil {
				return err
			}
		}
	}
	joins := slices.DeleteFunc(groups, func(g *companyLinks) bool { return len(g.ready()) == 0 })
	if len(joins) >= few && b.state.LinksByImport != fails && !b.linksAlone && b.spare() > 0 {
		if err := b.importLinks(ctx, joins); err != nil {
			return err
		}
	}
	for _, g := range joins {
		if err := b.linkOne(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// ready are the contacts that may join: whoever changes company leaves one first.
func (g *companyLinks) ready() (writes []*linkWrite) {
	for _, w := range g.join {
		if w.leave == "" && w.join != "" {
			writes = append(writes, w)
		}
	}
	return writes
}

// byCompany groups the links by company.
func (b *companyBook) byCompany(writes []*linkWrite) []*companyLinks {
	b.mu.Lock()
	defer b.mu.Unlock()
	by, groups := map[string]*companyLinks{}, []*companyLinks{}
	group := func(ext string) *companyLinks {
		if by[ext] == nil {
			by[ext] = &companyLinks{ext: ext, id: b.known.company(ext).id}
			groups = append(groups, by[ext])
		}
		return by[ext]
	}
	for _, w := range writes {
		if w.leave != "" {
			group(w.leave).leave = append(group(w.leave).leave, w)
		}
		if w.join != "" {
			group(w.join).join = append(group(w.join).join, w)
		}
	}
	return groups
}

// linkOne makes and ends the links of one company by one call, if there is one left for it.
func (b *companyBook) linkOne(ctx context.Context, g *companyLinks) error {
	join := g.ready()
	if len(join)+len(g.leave) == 0 || b.spare() <= 0 {
		return nil
	}
	err := b.call(ctx, func() error { return b.client.LinkCompany(ctx, g.id, contactIDs(join), contactIDs(g.leave)) })
	if err == nil {
		defer func() { _ = b.flush(ctx) }()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.left(g.leave)
		b.joined(g.ext, join)
		g.leave = nil
	case ctx.Err() != nil:
		return ctx.Err()
	case rest.Is(err, rest.NotFound): // the company was deleted in Brevo
		b.known.setCompany(g.ext, companyEntry{})
		b.known.forgetLinks(g.ext)
		b.adopted = false
		b.putOff(g.join, skipNoCompany)
		b.left(g.leave)
		g.join, g.leave = nil, nil
	case rest.Is(err, rest.Refused):
		// A contact that is no more is the likely one.
		for _, w := range slices.Concat(join, g.leave) {
			k := w.contact.key()
			delete(b.contacts, k)
			if e := b.known.link(k); e.contact != 0 {
				e.contact = 0
				b.known.setLink(k, e)
			}
			if w.tries++; w.tries >= refusedTries {
				b.doneLink(w.linkChange, &companyVerdict{kind: "brevo", refusal: err})
			}
			w.until = time.Now().Add(firstLinkPause).UnixMilli()
		}
	default:
		return err
	}
	return nil
}

// joined notes that contacts are linked to a company. b.mu is held.
func (b *companyBook) joined(ext string, writes []*linkWrite) {
	for _, w := range writes {
		b.known.setLink(w.contact.key(), linkEntry{company: ext, contact: w.contactID, time: w.time})
		w.join = ""
		b.finished(w)
	}
}

// left notes that contacts have left a company. b.mu is held.
func (b *companyBook) left(writes []*linkWrite) {
	for _, w := range writes {
		k := w.contact.key()
		if e := b.known.link(k); e.company == w.leave || e.company == "" {
			b.known.setLink(k, linkEntry{contact: w.contactID, time: w.time})
		}
		w.leave = ""
		b.finished(w)
	}
}

func (b *companyBook) finished(w *linkWrite) {
	if w.join == "" && w.leave == "" {
		delete(b.contacts, w.contact.key()) // the map has it
		b.doneLink(w.linkChange, &companyDelivered)
	}
}

// importLinks makes the links of many companies by one import. Brevo does not say how a cell names several
// contacts, so that the first import's largest company is read once: where it does not have its contacts, links
// are made company by company from then on.
func (b *companyBook) importLinks(ctx context.Context, groups []*companyLinks) error {
	file := api.NewCompanyFile([]string{api.ColumnCompanyID, api.ColumnContacts})
	largest := groups[0]
	var taken []*companyLinks
	for _, g := range groups {
		if file.Len() > api.MaxImport-64<<10 {
			break
		}
		join := g.ready()
		cells := make([]string, len(join))
		for i, id := range contactIDs(join) {
			cells[i] = strconv.FormatInt(id, 10)
		}
		file.Add([]string{g.id, strings.Join(cells, ",")})
		taken = append(taken, g)
		if len(join) > len(largest.ready()) {
			largest = g
		}
	}
	process, err := b.runImport(ctx, file, api.CompanyImport{Update: true, Link: true}, len(taken))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case uncertain(err):
		return b.allQuiet(ctx) // twice is the same as once
	case err == nil && process.Status != "completed":
		err = fmt.Errorf("import %d of links ended as %s", process.ID, process.Status)
	case err == nil && b.state.LinksByImport == unknown:
		err = b.checkLinks(ctx, largest)
	}
	if errors.As(err, new(noCompanies)) {
		return err
	}
	if err != nil {
		b.log.Warnf("%v; links are made company by company", err)
		b.linksAlone = true
		if errors.Is(err, errLinksByImport) {
			b.state.LinksByImport = fails
			return b.keepState(ctx)
		}
		return nil
	}
	b.mu.Lock()
	for _, g := range taken {
		b.joined(g.ext, g.ready())
	}
	b.mu.Unlock()
	return b.flush(ctx)
}

var errLinksByImport = errors.New("an import of links did not make all of them")

// checkLinks reads whether a company has the contacts that an import linked to it.
func (b *companyBook) checkLinks(ctx context.Context, g *companyLinks) error {
	var found api.FoundCompany
	err := b.call(ctx, func() (err error) {
		found, err = b.client.Company(ctx, g.id)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range contactIDs(g.ready()) {
		if !slices.Contains(found.Contacts, id) {
			return errLinksByImport
		}
	}
	if len(g.ready()) > 1 {
		b.state.LinksByImport = holds
		return b.keepState(ctx)
	}
	return nil
}
