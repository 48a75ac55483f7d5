package brevo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// followJournal follows the imports that the run before left on their way. Until they have ended nothing
// is written: an import that Brevo still works on would overwrite what is newer. Its error is the
// context's, or that of a value that cannot be read.
func (out *contactsOutput) followJournal(ctx context.Context, l *ledger) error {
	left := l.journal.orphans()
	if len(left) > 0 {
		out.log.Infof("imports of the run before are followed to their reports first (%d); nothing is written until Brevo has ended them", len(left))
	}
	for _, n := range left {
		if err := out.followLeft(ctx, l, n); err != nil {
			return err
		}
	}
	return nil
}

func (out *contactsOutput) followLeft(ctx context.Context, l *ledger, n journaled) error {
	var value []byte
	if err := insist(ctx, out.log, func() (err error) {
		value, err = out.store.get(ctx, n.name())
		return err
	}); err != nil {
		return err
	}
	var rows []entry
	if value != nil {
		var err error
		if rows, err = decodeRows(value); err != nil {
			return out.store.damaged(n.name(), err)
		}
	}
	keys := make([]key, 0, 2*len(rows))
	for _, row := range rows {
		keys = append(keys, row.key, addressKey(row.address))
	}
	unlock, err := out.book.locks.lock(ctx, keys)
	if err != nil {
		return err
	}
	defer unlock()

	taken, err := out.rowsTaken(ctx, n, rows)
	if err != nil {
		return err
	}
	if err := l.commit(ctx, out.store, out.leftChanges(rows, taken)); err != nil {
		return err
	}
	return insist(ctx, out.log, func() error { return l.journal.strike(ctx, out.store, n.number) })
}

// rowsTaken waits for the end of an import and says which rows it took for certain. What is not certain
// will be sent again.
func (out *contactsOutput) rowsTaken(ctx context.Context, n journaled, rows []entry) (taken []bool, err error) {
	taken = make([]bool, len(rows))
	if n.process == 0 { // it is not known whether Brevo has it at all
		return taken, out.allQuiet(ctx)
	}
	process, err := out.importer.poller.wait(ctx, n.process)
	if err != nil {
		return nil, err
	}
	if process.Status != "completed" {
		out.log.Warnf("import %d of the run before ended as %s; its %d contacts are sent again", n.process, process.Status, len(rows))
		return taken, nil
	}
	reports, err := out.importer.fetch(process)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		out.log.Warnf("%v; its %d contacts are sent again", err, len(rows))
		return taken, nil
	}
	named, all := namedRows(rows, reports)
	if !all {
		out.log.Warnf("a report of import %d names contacts in a form that this program does not know; its %d contacts are sent again", n.process, len(rows))
		return taken, nil
	}
	for i := range rows {
		taken[i] = !named[i]
	}
	out.log.Infof("import %d of the run before is done: %d of its %d contacts are delivered", n.process, len(rows)-len(named), len(rows))
	return taken, nil
}

// namedRows finds the rows that reports name, by address or ext_id, and says whether each line that
// names somebody was understood.
func namedRows(rows []entry, reports reportLines) (named map[int]bool, all bool) {
	byAddress, byKey := make(map[uint64]int, len(rows)), make(map[key]int, len(rows))
	for i, row := range rows {
		byAddress[row.address], byKey[row.key] = i, i
	}
	named = map[int]bool{}
	for _, lines := range reports {
		for _, cells := range lines {
			if !hasIdentifier(cells) {
				continue // a header
			}
			i, ok := -1, false
			for _, cell := range cells {
				if i, ok = byAddress[addressHash(cell)]; ok {
					break
				}
			}
			isAddress := func(cell string) bool { return strings.Contains(cell, "@") }
			if !ok && !slices.ContainsFunc(cells, isAddress) {
				for _, cell := range cells {
					if i, ok = byKey[extIDKey(cell)]; ok {
						break
					}
				}
			}
			if !ok {
				return nil, false
			}
			named[i] = true
		}
	}
	return named, true
}

// leftChanges are what the ledger learns of an import that another run sent.
func (out *contactsOutput) leftChanges(rows []entry, taken []bool) []change {
	changes := make([]change, 0, len(rows))
	for i, row := range rows {
		w := &write{entry: row, delivered: taken[i]}
		changes = append(changes, change{row.key, w, noteLeft})
		person, numbered := row.key.person()
		if !numbered || row.address == 0 {
			continue
		}
		c, err := out.book.owners.claim(row.address, person)
		if err != nil || !c.granted() {
			continue
		}
		if c.former != nobody {
			changes = append(changes, change{key(c.former), w, noteLost})
		}
		if !taken[i] {
			_ = out.book.owners.undo(c)
		}
	}
	return changes
}

// noteLeft is for a row of an import that another run sent: w.entry is what it wrote, if it was
// delivered. What is newer in the ledger stays.
func noteLeft(e *entry, w *write) {
	row := w.entry
	if e.flags&flagDeleted != 0 && e.time >= row.time || e.time > row.time {
		return
	}
	switch {
	case !w.delivered, e.print != 0 && e.print != row.print && row.time <= e.time:
		e.print = 0
	default:
		if e.address = row.address; row.print != 0 {
			e.print = row.print
		}
		e.flags &^= flagDeleted
		e.time = max(e.time, row.time)
	}
	if e.address != 0 {
		e.given = e.given.or(row.given)
	}
}

const (
	firstQuiet   = 200 * time.Millisecond
	longestQuiet = 45 * time.Second
)

// allQuiet waits until Brevo works on nothing: an import of which only the intention is known would be
// among it.
func (out *contactsOutput) allQuiet(ctx context.Context) error {
	for pause := firstQuiet; ; pause = min(2*pause, longestQuiet) {
		var processes []api.Process
		err := out.call(ctx, func() (err error) {
			processes, err = out.client.Processes(ctx)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.log.Warnf("it is not known whether Brevo took the last import of the run before: %v", err)
			return nil
		}
		if !slices.ContainsFunc(processes, func(p api.Process) bool { return !p.Done() }) {
			return nil
		}
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}
