package brevo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"connector/plugins/brevo/api"
)

const (
	// importFrom is how many contacts make an import pay: fewer are written one by one within
	// seconds, while an import has to be asked about out of a budget of 100 calls an hour.
	importFrom = 100

	// writers is how many contacts of a batch are written at a time. The rate is the limits' affair.
	writers = 8
)

// rounds splits writes so that no contact is in one round twice: what comes later for a contact is
// written later.
func rounds(writes []*write) [][]*write {
	var all [][]*write
	seen := make(map[key]int, 2*len(writes))
	for _, w := range writes {
		if !w.open() {
			continue
		}
		n := 0
		keys, count := keysOf(w.contact)
		for _, key := range keys[:count] {
			n = max(n, seen[key])
		}
		for _, key := range keys[:count] {
			seen[key] = n + 1
		}
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], w)
	}
	return all
}

// writeRound writes contacts that are all different ones. No other batch writes them meanwhile.
func (out *contactsOutput) writeRound(ctx context.Context, round []*write) error {
	keys := make([]key, 0, 2*len(round))
	for _, w := range round {
		own, count := keysOf(w.contact)
		keys = append(keys, own[:count]...)
	}
	unlock, err := out.locks.lock(ctx, keys)
	if err != nil {
		return err
	}
	defer unlock()

	var rows, singles []*write
	for _, w := range round {
		if w.action == actionUpsert {
			owner, err := out.owners.claim(w.contact)
			if err != nil {
				return err
			}
			if owner != "" {
				w.skip, w.owner = skipShared, owner
				continue
			}
			if out.mode != modeSingle && importable(w.contact) {
				rows = append(rows, w)
				continue
			}
		}
		singles = append(singles, w)
	}
	if out.mode == modeAuto && len(rows) < importFrom && !out.importer.busy() {
		singles, rows = append(singles, rows...), nil
	}

	var both sync.WaitGroup
	var importErr error
	both.Go(func() { importErr = out.writeByImport(ctx, rows) })
	singleErr := out.writeSingly(ctx, singles)
	both.Wait()
	return errors.Join(importErr, singleErr)
}

// writeSingly writes contacts one by one. Its only errors are those that are not a verdict.
func (out *contactsOutput) writeSingly(ctx context.Context, singles []*write) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, w := range singles {
		group.Go(func() error {
			err := persist(ctx, out.log, func() error {
				switch w.action {
				case actionDelete:
					return out.client.Delete(ctx, w.contact)
				case actionUpdate:
					return w.wrote(out.client.Update(ctx, w.contact))
				}
				return w.wrote(out.client.Upsert(ctx, w.contact))
			})
			if err != nil && ctx.Err() == nil {
				w.refuse("brevo", err)
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// writeByImport writes contacts through imports, and then those singly, or by one more import, that
// were refused for their phone numbers. Where an import leaves open what became of its rows, each is
// written singly, which gives each its own verdict.
func (out *contactsOutput) writeByImport(ctx context.Context, rows []*write) error {
	open, err := out.importRows(ctx, rows)
	if err != nil {
		return err
	}
	var again []*write
	for _, w := range rows {
		var report *reportedRow
		if !errors.As(w.refusal, &report) || !report.aboutPhone() {
			continue
		}
		without, had := w.contact.WithoutPhones()
		if !had {
			continue
		}
		w.withoutPhone = report
		w.contact, w.refusal = without, nil
		again = append(again, w)
	}
	if len(again) > repairsSingly {
		stillOpen, err := out.importRows(ctx, again)
		if err != nil {
			return err
		}
		again = stillOpen
	}
	return out.writeSingly(ctx, append(open, again...))
}

// repairsSingly is how many contacts are repaired one by one rather than by an import of their own.
const repairsSingly = 5

// importRows waits for the verdict of each row. It returns those that have none, since something was
// wrong with the import as a whole.
func (out *contactsOutput) importRows(ctx context.Context, rows []*write) (open []*write, err error) {
	tickets := make([]ticket, len(rows))
	for i, w := range rows {
		target := api.Target{
			ListIDs: w.contact.ListIDs, EmailBlacklist: isTrue(w.contact.EmailBlacklisted), SMSBlacklist: isTrue(w.contact.SMSBlacklisted),
		}
		if tickets[i], err = out.importer.add(target, w.contact); err != nil {
			w.refuse("message", fmt.Errorf("the contact cannot be encoded: %w", err))
		}
	}
	for i, w := range rows {
		if w.refusal != nil {
			continue
		}
		err := tickets[i].verdict(ctx)
		var report *reportedRow
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.Canceled):
			return nil, err
		case errors.As(err, &report):
			w.refuse(report.kind, report)
		case err != nil:
			open = append(open, w)
		}
	}
	return open, nil
}
