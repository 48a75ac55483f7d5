package brevo

import (
	"context"
	"maps"
	"slices"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// importCompanies writes many companies by one import: all of them are new, or all are there. What does not fit
// into one stays for the next.
func (b *companyBook) importCompanies(ctx context.Context, writes []*companyWrite) error {
	file, taken := companyFile(writes)
	how := api.CompanyImport{Update: taken[0].id != ""}
	began := b.client.Now().Add(-clockMargin)
	if !how.Update {
		if err := b.posting(ctx); err != nil {
			return err
		}
	}
	process, err := b.runImport(ctx, file, how, len(taken))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case rest.Is(err, rest.Refused):
		b.log.Errorf("%v; its %d companies are written one by one", err, len(taken))
		b.alone(taken)
		return b.posted(ctx)
	case uncertain(err):
		// It may be under way: whatever comes of it is found before anything is sent again.
		b.log.Warnf("%v; it is looked for before it is sent again", err)
		if err := b.allQuiet(ctx); err != nil || how.Update {
			return err
		}
		if err := b.find(ctx, b.sincePosted, nil); err != nil {
			return err
		}
		return b.posted(ctx)
	case err != nil:
		return err
	}
	if process.Status != "completed" {
		b.log.Warnf("import %d of %d companies ended as %s", process.ID, len(taken), process.Status)
	}
	if how.Update {
		return b.updated(ctx, taken, process, began)
	}
	return b.readBack(ctx, taken, process)
}

// updated notes what an import of companies that are there came to. One that somebody deleted in Brevo it may have
// created anew, which Brevo does not say either way.
func (b *companyBook) updated(ctx context.Context, taken []*companyWrite, process api.Process, began time.Time) error {
	anew := map[string]string{} // ids by organization
	if key := b.attributes.key(); key != "" {
		err := b.walk(ctx, began, func(page []api.FoundCompany) bool {
			for _, c := range page {
				anew[c.Text(key)] = c.ID
			}
			return false
		})
		if err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range taken {
		id := w.id
		if other := anew[w.ext]; other != "" && other != id && b.known.company(w.ext).id == id {
			b.log.Warnf("the company of organization %s was deleted in Brevo, and is created again", w.ext)
			b.known.forgetLinks(w.ext)
			id = other
		}
		if process.Status == "completed" {
			b.wrote(w, id)
		} else {
			b.failed(w)
		}
	}
	return nil
}

// runImport sends an import and waits for its end.
func (b *companyBook) runImport(ctx context.Context, file *api.CompanyFile, how api.CompanyImport, rows int) (process api.Process, err error) {
	var id int64
	err = persist(ctx, b.client, b.log, func() error {
		id, err = b.client.ImportCompanies(ctx, file, how)
		if uncertain(err) {
			return lostImport{err} // not to be sent again at once
		}
		return openOrNot(err)
	})
	b.calls.note(ctx)
	if lost, ok := err.(lostImport); ok {
		return process, lost.error
	}
	if err != nil {
		return process, err
	}
	b.log.Debugf("import %d has %d rows of companies", id, rows)
	if !how.Update {
		b.state.Process = id
		if err := b.keepState(ctx); err != nil {
			return process, err
		}
	}
	return b.poller.waitForEnd(ctx, id)
}

// lostImport is an import whose answer did not come.
type lostImport struct{ error }

// readBack finds the ids of companies that an import created, and what it did not create.
func (b *companyBook) readBack(ctx context.Context, taken []*companyWrite, process api.Process) error {
	wanted := make(map[string]bool, len(taken))
	for _, w := range taken {
		wanted[w.ext] = true
	}
	for _, pause := range []time.Duration{0, time.Second, 5 * time.Second} {
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
		if err := b.find(ctx, b.sincePosted, wanted); err != nil {
			return err
		}
		b.mu.Lock()
		missing := 0
		for _, w := range taken {
			if id := b.known.company(w.ext).id; id != "" {
				b.wroteOnce(w, id)
			} else {
				missing++
			}
		}
		b.mu.Unlock()
		if missing == 0 || process.Status != "completed" {
			break
		}
	}
	b.mu.Lock()
	left := 0
	for _, w := range taken {
		if b.known.company(w.ext).id == "" {
			left++
			if process.Status == "completed" {
				w.sent = true
			} else {
				b.failed(w)
			}
		}
	}
	b.mu.Unlock()
	if left > 0 {
		b.log.Warnf("Brevo has no company of %d rows of import %d; they are written one by one", left, process.ID)
	}
	return b.posted(ctx)
}

// wroteOnce is wrote for a company that was created with what a change says, unless that was noted before. b.mu
// is held.
func (b *companyBook) wroteOnce(w *companyWrite, id string) {
	if b.known.company(w.ext).print != w.print {
		b.wrote(w, id)
	}
}

// failed lets a change have one more import, and then go alone. b.mu is held.
func (b *companyBook) failed(w *companyWrite) {
	w.companyChange.sent = w.companyChange.failed
	w.companyChange.failed = true
}

// alone makes changes be written one by one.
func (b *companyBook) alone(writes []*companyWrite) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range writes {
		w.companyChange.sent = true
	}
}

// companyFile is the import's file of as many changes as fit into one.
func companyFile(writes []*companyWrite) (file *api.CompanyFile, taken []*companyWrite) {
	columns := map[string]bool{}
	for _, w := range writes {
		for name := range w.cells {
			columns[name] = true
		}
	}
	header := slices.Sorted(maps.Keys(columns))
	update := writes[0].id != ""
	if update {
		header = append([]string{api.ColumnCompanyID}, header...)
	}
	file = api.NewCompanyFile(header)
	for _, w := range writes {
		if file.Len() > api.MaxImport-64<<10 {
			break
		}
		row := make([]string, len(header))
		for i, name := range header {
			if row[i] = w.cells[name]; name == api.ColumnCompanyID {
				row[i] = w.id
			}
		}
		file.Add(row)
		taken = append(taken, w)
	}
	return file, taken
}
