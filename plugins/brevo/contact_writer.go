package brevo

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

const (
	// importFrom is how many contacts make an import pay: fewer are written one by one within
	// seconds, while an import has to be asked about out of a budget of 100 calls an hour.
	importFrom = 100

	// firstReadFrom is the same in a first read, where many more are about to come.
	firstReadFrom = 25

	// writers is how many contacts of a batch are written at a time. The rate is the limits' affair.
	writers = 8
)

// writeRound writes contacts that are all different ones. No other batch writes them meanwhile.
func (out *contactsOutput) writeRound(ctx context.Context, round []*write) error {
	keys := make([]key, 0, 3*len(round))
	for _, w := range round {
		keys = append(keys, w.keys()...)
	}
	unlock, err := out.book.locks.lock(ctx, keys)
	if err != nil {
		return err
	}
	defer unlock()

	var rows, singles []*write
	for _, w := range round {
		if err := out.decide(ctx, w); err != nil {
			return err
		}
		switch {
		case !w.open():
		case out.goesByImport(w):
			rows = append(rows, w)
		default:
			singles = append(singles, w)
		}
	}
	if out.mode == modeAuto && len(rows) < enough(rows) && !out.importer.busy() {
		singles, rows = append(singles, rows...), nil
	}

	var both sync.WaitGroup
	var importErr error
	var tickets []ticket
	both.Go(func() { importErr = out.writeByImport(ctx, rows, &tickets) })
	singleErr := out.writeSingly(ctx, singles)
	both.Wait()
	if err := errors.Join(importErr, singleErr); err != nil {
		return err
	}
	if err := out.deliver(ctx, round); err != nil {
		return err
	}
	return out.importer.settle(ctx, tickets)
}

func enough(rows []*write) int {
	if len(rows) > 0 && rows[0].snapshot {
		return firstReadFrom
	}
	return importFrom
}

// goesByImport reports whether a row of an import can do what the write has to.
func (out *contactsOutput) goesByImport(w *write) bool {
	return w.action == actionUpsert && out.mode != modeSingle && importable(w.contact) &&
		!w.moves() && w.pending == 0 && w.empties().empty() && // an import empties nothing
		!(w.unfamiliar && w.isChange)
}

// writeSingly writes contacts one by one. Its only errors are those that are not a verdict.
func (out *contactsOutput) writeSingly(ctx context.Context, singles []*write) error {
	if err := out.doubt(ctx, singles); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, w := range singles {
		group.Go(func() error {
			err := out.writeOne(ctx, w)
			var report *reportedRow
			switch {
			case ctx.Err() != nil && err != nil:
				return err
			case errors.As(err, new(takenError)):
				w.refuse(refusedAddress, err)
			case errors.As(err, &report):
				w.refuse(report.kind, err)
			case err != nil:
				w.refuse("brevo", err)
			case !w.skips():
				w.delivered = true
			}
			return nil
		})
	}
	return group.Wait()
}

// doubt takes the fingerprints of contacts out of the ledger until what is written now is certain.
func (out *contactsOutput) doubt(ctx context.Context, singles []*write) error {
	if out.ledger == nil {
		return nil
	}
	var changes []change
	for _, w := range singles {
		if w.own && (w.entry.known() || w.entry.print != 0) {
			changes = append(changes, change{w.contactKey, w, noteDoubt})
		}
	}
	return out.ledger.commit(ctx, out.store, changes)
}

// writeOne does one write. Its error is the context's, or why the write is refused.
func (out *contactsOutput) writeOne(ctx context.Context, w *write) error {
	if w.action == actionDelete {
		return out.call(ctx, func() error { return out.client.Delete(ctx, w.contact) })
	}
	w.sayBlocked()
	var err error
	if w.moves() || w.moveBecause != nil {
		err = out.move(ctx, w, w.moveBecause)
	} else if err = out.writePlainly(ctx, w); api.DuplicateExtID(err) && w.contact.ExtID != "" && w.contact.Email != "" {
		err = out.move(ctx, w, err) // it is ours, under the address that it had before
	}
	if err != nil || w.skips() || w.absent {
		return err
	}
	err = out.verifyBlocked(ctx, w)
	w.blockFailed = w.blockFailed || err != nil
	return err
}

// writePlainly creates or updates a contact where Brevo has it under the address that it is to have, or
// not at all.
func (out *contactsOutput) writePlainly(ctx context.Context, w *write) error {
	if w.action == actionUpdate {
		err := out.call(ctx, func() error { return w.wrote(out.client.Update(ctx, w.contact)) })
		if rest.Is(err, rest.NotFound) && onlyLeaves(w.contact) {
			w.absent = true // whoever is not there is on no list
			return nil
		}
		return err
	}
	if w.unfamiliar {
		owner, err := out.sharedWith(ctx, w)
		if err != nil {
			return err
		}
		if owner != nobody {
			w.skip, w.owner = skipShared, strconv.FormatUint(owner, 10)
			return nil
		}
	}
	return out.call(ctx, func() error { return w.wrote(out.client.Upsert(ctx, w.contact)) })
}

// onlyLeaves reports whether a contact does nothing but leave lists.
func onlyLeaves(c api.Contact) bool {
	for _, v := range c.Attributes {
		if v != nil {
			return false
		}
	}
	return len(c.UnlinkListIDs) > 0 && len(c.ListIDs) == 0 && c.EmailBlacklisted == nil && c.SMSBlacklisted == nil && len(c.More) == 0
}

// call does one call of Brevo, until it succeeds or is refused.
func (out *contactsOutput) call(ctx context.Context, do func() error) error {
	return persist(ctx, out.client, out.log, do)
}

// writeByImport writes contacts through imports, and then those singly, or by one more import, that
// were refused for their phone numbers or their ext_ids. Where an import leaves open what became of its rows, each is
// written singly, which gives each its own verdict.
func (out *contactsOutput) writeByImport(ctx context.Context, rows []*write, tickets *[]ticket) error {
	if len(rows) == 0 {
		return nil
	}
	open, err := out.importRows(ctx, rows, tickets)
	if err != nil {
		return err
	}
	again, moved := repairs(rows)
	if len(again) > repairsSingly {
		stillOpen, err := out.importRows(ctx, again, tickets)
		if err != nil {
			return err
		}
		_, stillMoved := repairs(again)
		again, moved = stillOpen, append(moved, stillMoved...)
	}
	open = append(open, moved...)
	return out.writeSingly(ctx, append(open, again...))
}

// repairs takes back the refusals of rows that can be written in another way: without their phone
// numbers, or as a change of address.
func repairs(rows []*write) (withoutPhone, moved []*write) {
	for _, w := range rows {
		var report *reportedRow
		if !errors.As(w.refusal, &report) {
			continue
		}
		if report.kind == reportedExtID { // it is ours, under the address that it had before
			w.moveBecause, w.refusal = report, nil
			moved = append(moved, w)
			continue
		}
		without, had := w.contact.WithoutPhones()
		if !had || !report.aboutPhone() {
			continue
		}
		w.withoutPhone = report
		w.contact, w.refusal = without, nil
		withoutPhone = append(withoutPhone, w)
	}
	return withoutPhone, moved
}

// repairsSingly is how many contacts are repaired one by one rather than by an import of their own.
const repairsSingly = 5

// importRows waits for the verdict of each row. It returns those that have none, since something was
// wrong with the import as a whole.
func (out *contactsOutput) importRows(ctx context.Context, rows []*write, all *[]ticket) (open []*write, err error) {
	tickets := out.importer.add(rows)
	defer out.importer.done(len(rows))
	for i, w := range rows {
		if w.refusal != nil {
			continue
		}
		*all = append(*all, tickets[i])
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
		default:
			w.delivered = true
		}
	}
	return open, nil
}
