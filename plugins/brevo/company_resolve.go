package brevo

import (
	"context"
	"errors"
	"slices"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// clockMargin is by how much clocks may differ, and an answer be late.
const clockMargin = 2 * time.Minute

// posting notes, before companies are created, that they may be: a process that is killed before their ids are
// in the map looks for them before it creates others.
func (b *companyBook) posting(ctx context.Context) error {
	if b.state.Posted == 0 {
		b.sincePosted = b.client.Now().Add(-clockMargin)
		b.state.Posted = b.sincePosted.UnixMilli()
		return b.keepState(ctx)
	}
	return nil
}

// posted notes that all that was created is in the map.
func (b *companyBook) posted(ctx context.Context) error {
	if b.state.Posted == 0 {
		return nil
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	b.state.Posted, b.state.Process, b.sincePosted = 0, 0, time.Time{}
	return b.keepState(ctx)
}

// resolve looks for what the run before may have created.
func (b *companyBook) resolve(ctx context.Context) error {
	since := time.UnixMilli(b.state.Posted)
	b.log.Infof("the run before ended while it created companies; those that Brevo has since %s UTC are looked for first", since.UTC().Format(time.TimeOnly))
	if err := b.attributes.ensure(ctx, b); err != nil {
		return err
	}
	if b.state.Process != 0 {
		if _, err := b.poller.waitForEnd(ctx, b.state.Process); err != nil {
			return err
		}
	} else if err := b.allQuiet(ctx); err != nil {
		return err
	}
	if err := b.find(ctx, since, nil); err != nil {
		return err
	}
	b.sincePosted = since
	return b.posted(ctx)
}

// allQuiet waits until Brevo works on nothing: an import of which only the intention is known would be among
// it.
func (b *companyBook) allQuiet(ctx context.Context) error {
	for pause := firstQuiet; ; pause = min(2*pause, longestQuiet) {
		var processes []api.Process
		err := persist(ctx, b.client, b.log, func() (err error) {
			processes, err = b.client.Processes(ctx)
			return err
		})
		b.calls.note(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(processes, func(p api.Process) bool { return !p.Done() }) {
			return nil
		}
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// uncertain reports whether a call that is not to be made twice may have been carried out.
func uncertain(err error) bool {
	var e *rest.Error
	return errors.As(err, &e) && rest.Is(err, rest.Unreachable, rest.Malformed, rest.Unavailable) && e.Status != 425
}

// found is a change's company in Brevo, which it may have by now.
func (b *companyBook) found(ext string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known.company(ext).id
}

// find reads the companies that Brevo has since a time, or all, and puts those of organizations into the map.
// It ends once it has all of wanted, if it is not nil.
func (b *companyBook) find(ctx context.Context, since time.Time, wanted map[string]bool) error {
	if b.attributes.key() == "" {
		return b.findByName(ctx, since)
	}
	key, missing := b.attributes.key(), len(wanted)
	return b.walk(ctx, since, func(page []api.FoundCompany) (enough bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range page {
			ext := c.Text(key)
			if ext == "" {
				continue
			}
			if wanted[ext] {
				wanted[ext] = false
				missing--
			}
			b.adopt(ext, c.ID)
		}
		return wanted != nil && missing == 0
	})
}

// adopt puts a company that Brevo has into the map. b.mu is held.
func (b *companyBook) adopt(ext, id string) {
	e := b.known.company(ext)
	if e.id != "" {
		if e.id != id {
			b.log.Warnf("Brevo has two companies of the organization %s: %s and %s; the first is kept up to date, delete the other in Brevo", ext, e.id, id)
		}
		return
	}
	e.id, e.print = id, 0
	b.known.setCompany(ext, e)
}

// findByName is find where nothing but the name tells whose a company is: it has to be the name of one
// organization that waits and of one company.
func (b *companyBook) findByName(ctx context.Context, since time.Time) error {
	b.mu.Lock()
	known := b.known.known()
	b.mu.Unlock()
	found := map[string][]string{}
	err := b.walk(ctx, since, func(page []api.FoundCompany) bool {
		for _, c := range page {
			if name := c.Text("name"); name != "" && !known[c.ID] {
				found[name] = append(found[name], c.ID)
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	for name, ids := range found {
		b.namesakes[name] = ids
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claimNames()
	return nil
}

// claimNames gives changes the companies that have their names. b.mu is held.
func (b *companyBook) claimNames() {
	for name, c := range b.soleNames() {
		if ids := b.namesakes[name]; len(ids) == 1 && b.known.company(c.ext).id == "" {
			b.adopt(c.ext, ids[0])
			delete(b.namesakes, name)
		}
	}
}

// soleNames are the changes without a company by name, of names that only one of them has. b.mu is held.
func (b *companyBook) soleNames() map[string]*companyChange {
	sole, often := map[string]*companyChange{}, map[string]bool{}
	for _, c := range b.changes {
		name := c.company.Name
		if name == "" || b.known.company(c.ext).id != "" {
			continue
		}
		if sole[name] != nil {
			often[name] = true
		}
		sole[name] = c
	}
	for name := range often {
		delete(sole, name)
	}
	return sole
}
