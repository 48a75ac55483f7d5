package brevo

import (
	"context"
	"errors"
)

// phoneNames are the attributes that a contact may be written without.
var phoneNames = []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"}

// deliver keeps what became of a round's writes, while its contacts are still locked: whose the
// addresses are, when each record was delivered, and the ledger's entries. Its error is the context's,
// or that of a ledger that cannot be read.
func (out *contactsOutput) deliver(ctx context.Context, round []*write) error {
	var failed []error
	for _, w := range round {
		failed = append(failed, out.keepOwners(w))
		if w.delivered || w.unchanged {
			print := uint64(otherPrint)
			if w.own && w.action == actionUpsert {
				print = w.print
			} else if here := w.printHere(); here != 0 {
				print = here
			}
			out.book.times.note(w.subject, moment{w.time, w.action == actionDelete, print})
		}
	}
	if err := errors.Join(failed...); err != nil || out.ledger == nil {
		return err
	}
	changes := make([]change, 0, len(round)+8)
	for _, w := range round {
		var err error
		if changes, err = out.changes(ctx, changes, w); err != nil {
			return err
		}
	}
	return out.ledger.commit(ctx, out.store, changes)
}

// keepOwners lets nobody own an address who was not written with it.
func (out *contactsOutput) keepOwners(w *write) error {
	if !w.delivered && !w.unchanged {
		if !w.claimed {
			return nil
		}
		if err := out.unclaim(w); err != nil || w.owner == "" {
			return err
		}
		// Brevo said whose it is.
		owner, _ := numberOf(w.owner)
		return out.book.own(w.claim.address, owner)
	}
	id, numbered := w.contactKey.person()
	switch {
	case !numbered:
		return nil
	case w.gone || w.action == actionDelete: // then the address is free for the next person
		return errors.Join(out.book.owners.release(w.entry.address, id), out.book.owners.release(w.address, id))
	case w.former != 0 && w.former != w.address:
		return out.book.owners.release(w.former, id)
	}
	return nil
}

// unclaim takes back what was asked for and not used.
func (out *contactsOutput) unclaim(w *write) error {
	if !w.claimed {
		return nil
	}
	w.claimed = false
	return out.book.owners.undo(w.claim)
}

// changes adds what a write changes in the ledger.
func (out *contactsOutput) changes(ctx context.Context, to []change, w *write) ([]change, error) {
	switch {
	case w.refusal != nil && !w.blockFailed && w.pending != w.entry.flags&flagsToBlock:
		return append(to, change{w.contactKey, w, noteNotMoved}), nil
	case w.unchanged:
		return append(to, change{w.subject, w, noteTime}), nil
	case !w.delivered || w.absent:
		return to, nil
	}
	if w.withoutPhone != nil {
		var phones attributeSet
		for _, name := range phoneNames {
			if n, ok := out.ledger.number(name); ok {
				phones.add(n)
			}
		}
		w.given = w.given.without(phones)
	}
	to = append(to, change{w.contactKey, w, noteDelivered})
	if w.subject != w.contactKey && w.time != 0 {
		to = append(to, change{w.subject, w, noteTime})
	}
	return out.rivals(ctx, to, w)
}

// rivals adds what becomes of other entries for the same address: Brevo has one contact for it, and
// that has just become this one.
func (out *contactsOutput) rivals(ctx context.Context, to []change, w *write) ([]change, error) {
	if w.address == 0 || !w.own && w.action == actionUpdate {
		return to, nil
	}
	if w.claimed && w.claim.former != nobody {
		to = append(to, change{key(w.claim.former), w, noteLost})
	}
	_, numbered := w.contactKey.person()
	if !numbered {
		holder, err := out.book.owners.holder(w.address)
		if err != nil {
			return to, err
		}
		if holder != nobody {
			to = append(to, change{key(holder), w, noteDoubt})
		}
	}
	at := addressKey(w.address)
	under, err := out.ledger.entry(ctx, out.store, at)
	if err != nil {
		return to, err
	}
	if at == w.contactKey {
		under = w.entry // as it was before
	}
	switch other := key(under.address); {
	case under.address != 0 && under.address != w.address && other != w.contactKey:
		to = append(to, change{other, w, noteDoubt})
	case under.address == 0 && numbered:
		return to, nil // owners know
	}
	if at != w.contactKey && w.action == actionUpsert {
		to = append(to, change{at, w, noteHolder})
	}
	return to, nil
}

// The changes of entries. Each may be made twice.

func noteDelivered(e *entry, w *write) {
	if w.subject == w.contactKey {
		e.time = max(e.time, w.time)
	}
	if w.action == actionDelete {
		*e = entry{key: e.key, time: e.time, flags: flagDeleted}
		return
	}
	e.flags = 0
	if w.blockFailed {
		e.flags = w.pending
	}
	if w.gone {
		e.flags |= flagGone
	}
	switch {
	case w.own && w.action == actionUpsert:
		e.print = w.print
	case w.own:
		e.print = 0
	}
	if w.address != 0 && (w.own || e.address == 0) {
		e.address = w.address
	}
	e.given = e.given.or(w.given).without(w.blank)
}

// noteDoubt is for a contact that is being written, or that somebody else wrote: what it says now is
// not certain.
func noteDoubt(e *entry, w *write) {
	e.print = 0
	if e.address != 0 && e.key == w.contactKey {
		e.given = e.given.or(w.given)
	}
}

// noteLost is for a contact whose address, and with it Brevo's contact, went to another one.
func noteLost(e *entry, _ *write) { e.print, e.address = 0, 0 }

// noteHolder is for an address: who has it.
func noteHolder(e *entry, w *write) { e.address, e.print = uint64(w.contactKey), 0 }

func noteTime(e *entry, w *write) {
	e.time = max(e.time, w.time)
	if w.subject != w.contactKey && e.key == w.subject {
		e.print = w.printHere()
	}
}

func noteToBlock(e *entry, w *write) { e.flags |= w.pending }

// noteNotMoved is for a contact whose change of address Brevo refused, so that it is blocked as before.
func noteNotMoved(e *entry, w *write) {
	e.flags = e.flags&^flagsToBlock | w.entry.flags&flagsToBlock
}
