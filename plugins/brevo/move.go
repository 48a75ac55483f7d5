package brevo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// move writes a contact that Brevo has under another address than it is to have; refused is the answer
// that said so, nil where the ledger did. Brevo re-subscribes on a change of address, so whoever was on
// the blocklist is put back on it before the write counts as done. Its error is the context's, or why the
// write is refused.
func (out *contactsOutput) move(ctx context.Context, w *write, refused error) error {
	there, err := out.find(ctx, w.contact.ExtID, api.ByExtID)
	if rest.Is(err, rest.NotFound) {
		if refused != nil {
			return refused
		}
		return out.writePlainly(ctx, w) // it is gone
	}
	if err != nil {
		return err
	}
	if !w.own || strings.EqualFold(there.Email, w.contact.Email) {
		if !w.own { // another record's idea of the address may be old
			if err := out.unclaim(w); err != nil {
				return err
			}
			w.address = 0
		}
		w.contact.Email = ""
		return out.call(ctx, func() error { return w.wrote(out.client.Update(ctx, w.contact)) })
	}
	if there.Email != "" {
		w.former = addressHash(there.Email)
	}
	if err := out.keepBlocked(ctx, w, there); err != nil {
		return err
	}
	err = out.call(ctx, func() error { return w.wrote(out.client.ChangeAddress(ctx, w.contact)) })
	switch {
	case rest.Is(err, rest.NotFound):
		return out.writePlainly(ctx, w)
	case api.DuplicateEmail(err):
		return out.addressTaken(ctx, w, there)
	}
	return err
}

// keepBlocked sees to it that a contact which is on a blocklist, or is to be, is on it after its change
// of address. The ledger has to know before, for the case that this process ends in the middle.
func (out *contactsOutput) keepBlocked(ctx context.Context, w *write, there api.Found) error {
	if there.EmailBlacklisted || isTrue(w.contact.EmailBlacklisted) {
		w.pending |= flagBlockEmail
	}
	if there.SMSBlacklisted || isTrue(w.contact.SMSBlacklisted) {
		w.pending |= flagBlockSMS
	}
	w.sayBlocked()
	if out.ledger == nil || w.pending == w.entry.flags&flagsToBlock {
		return nil
	}
	return out.ledger.commit(ctx, out.store, []change{{w.contactKey, w, noteToBlock}})
}

// sayBlocked puts what has to be blocked into the contact. A message that literally says false wins.
func (w *write) sayBlocked() {
	yes := true
	if isFalse(w.contact.EmailBlacklisted) {
		w.pending &^= flagBlockEmail
	}
	if isFalse(w.contact.SMSBlacklisted) {
		w.pending &^= flagBlockSMS
	}
	if w.pending&flagBlockEmail != 0 {
		w.contact.EmailBlacklisted = &yes
	}
	if w.pending&flagBlockSMS != 0 {
		w.contact.SMSBlacklisted = &yes
	}
}

// blockAttempts is how often a contact is put on the blocklist before it is told that Brevo does not
// do it.
const blockAttempts = 3

// verifyBlocked asks Brevo whether the contact is on the blocklists on which it has to be, and puts it
// there. Its error is the context's, or Brevo's.
func (out *contactsOutput) verifyBlocked(ctx context.Context, w *write) error {
	if w.pending == 0 {
		return nil
	}
	if out.ledger == nil { // nothing but this process knows of it
		var cancel context.CancelFunc
		ctx, cancel = outliving(ctx, 5*time.Second)
		defer cancel()
	}
	by := api.Contact{ExtID: w.contact.ExtID}
	identifier, kind := by.ExtID, api.ByExtID
	if by.ExtID == "" {
		by.Email = w.contact.Email
		identifier, kind = by.Email, api.ByEmail
	}
	by.EmailBlacklisted, by.SMSBlacklisted = w.contact.EmailBlacklisted, w.contact.SMSBlacklisted
	for attempt := 0; ; attempt++ {
		there, err := out.find(ctx, identifier, kind)
		if err != nil {
			return err
		}
		if (w.pending&flagBlockEmail == 0 || there.EmailBlacklisted) && (w.pending&flagBlockSMS == 0 || there.SMSBlacklisted) {
			return nil
		}
		if attempt == blockAttempts {
			w.blockFailed = true
			out.log.Errorf("contact %d was on the blocklist, and Brevo does not put it back on it: block it in Brevo by hand", there.ID)
			return nil
		}
		if err := out.call(ctx, func() error { _, err := out.client.Update(ctx, by); return err }); err != nil {
			return err
		}
	}
}

// outliving is a context that ends some time after another one.
func outliving(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() { stop(); cancel() }
}

// addressTaken is why a contact does not get its new address: two contacts of Brevo would have to be
// made one, and that is for a person to decide.
func (out *contactsOutput) addressTaken(ctx context.Context, w *write, there api.Found) error {
	other := "another contact"
	switch found, err := out.find(ctx, w.contact.Email, api.ByEmail); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && found.ExtID != "":
		other = fmt.Sprintf("contact %d, whose ext_id is %s", found.ID, found.ExtID)
	case err == nil:
		other = fmt.Sprintf("contact %d, which has no ext_id", found.ID)
	}
	return takenError(fmt.Sprintf("the new address of ext_id %s (contact %d in Brevo) belongs to %s: "+
		"merge the two in Brevo, or correct the address in Pipedrive", w.contact.ExtID, there.ID, other))
}

// takenError says whose the address is, by ids.
type takenError string

func (e takenError) Error() string { return string(e) }

// sharedWith asks Brevo about an address of which nothing is known, and returns the person with a lower
// id that has it there. A ledger that is new or lost learns so.
func (out *contactsOutput) sharedWith(ctx context.Context, w *write) (owner uint64, err error) {
	there, err := out.find(ctx, w.contact.Email, api.ByEmail)
	if rest.Is(err, rest.NotFound, rest.Refused) { // what is no address is refused when it is written
		return nobody, nil
	}
	if err != nil {
		return nobody, err
	}
	id, numbered := numberOf(there.ExtID)
	if !numbered || id >= w.claim.person {
		return nobody, nil
	}
	if holder, err := out.ledger.entry(ctx, out.store, key(id)); err != nil || holder.flags&flagGone != 0 {
		return nobody, err
	}
	return id, nil
}

func (out *contactsOutput) find(ctx context.Context, identifier, kind string) (there api.Found, err error) {
	err = out.call(ctx, func() error {
		there, err = out.client.Contact(ctx, identifier, kind)
		return err
	})
	return there, err
}
