package brevo

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// write is one message on its way to a verdict.
type write struct {
	index   int
	action  string
	contact api.Contact

	// What it is about.
	contactKey key    // its contact
	subject    key    // the record whose time it has: the contact itself, or a deal and the like
	address    uint64 // addressHash; 0 if it says none
	former     uint64 // the contact's address in the ledger, where it is another one
	own        bool   // it is the contact's own record, not another that writes something to it
	snapshot   bool   // a list read found it in a first full read
	gone       bool   // its own record was deleted, whatever becomes of the contact
	isChange   bool   // it says that it is a change
	time       int64  // pipedrive_time in milliseconds; 0 if not known

	// What the ledger has to know.
	print        uint64
	given, blank attributeSet
	entry        entry // what was delivered before

	claim       claim      // to its address; claimed says whether it was made
	claimed     bool       //
	unfamiliar  bool       // neither the contact nor who has its address is known
	moveBecause error      // an import's report: Brevo has the ext_id under another address
	pending     entryFlags // the contact has to be on the blocklist, whatever became of it
	blockFailed bool       // and is not
	absent      bool       // there is no such contact, and nothing had to be done

	// The verdict.
	delivered    bool
	unchanged    bool   // what would be sent was delivered already
	withoutPhone error  // why it was written without its phone numbers
	skip         string // why it is not written
	owner        string // skipShared: the ext_id whose address it is
	refusal      error  // why it never will be
	kind         string // the refusal's class, for metrics
}

func (w *write) refuse(kind string, why error) {
	w.kind, w.refusal, w.withoutPhone = kind, why, nil
}

// wrote notes what a call came to, and returns its error.
func (w *write) wrote(written api.Written, err error) error {
	if written.WithoutPhone != nil {
		w.withoutPhone = written.WithoutPhone
	}
	return err
}

// skips reports whether the message is not to be written.
func (w *write) skips() bool { return w.action == actionSkip || w.skip != "" }

// open reports whether the write still has to be done.
func (w *write) open() bool { return w.refusal == nil && !w.skips() && !w.unchanged }

// keys are what keeps writes apart that have to be done one after the other.
func (w *write) keys() []key {
	keys := make([]key, 0, 4)
	keys = append(keys, w.contactKey, w.subject)
	if w.address != 0 {
		keys = append(keys, addressKey(w.address))
	}
	if w.former != 0 {
		keys = append(keys, addressKey(w.former))
	}
	return keys
}

// identify says what a message is about.
func (w *write) identify(m *service.Message) {
	w.contactKey = contactKey(w.contact)
	if w.contact.Email != "" {
		w.address = addressHash(w.contact.Email)
	}
	w.time = knownUntil(m)
	action, isChange := m.MetaGet("pipedrive_action")
	w.snapshot, w.isChange = action == "snapshot", isChange && action != "snapshot"
	object, hasObject := m.MetaGet("pipedrive_object")
	id, hasID := m.MetaGet("pipedrive_id")
	w.own = !hasObject || object == "person" && w.contact.ExtID == id
	w.gone = w.own && (action == "delete" || w.action == actionDelete)
	if w.own || !hasID {
		w.subject = w.contactKey
		return
	}
	w.subject = recordKey(object, id)
	if _, isPerson := w.subject.person(); !isPerson { // such as an organization, which speaks of many contacts
		w.subject = recordKey(object, fmt.Sprintf("%s/%x", id, uint64(w.contactKey)))
	}
}

// printHere is the fingerprint of what a record other than the contact's own says of it, next to what its own
// said last: only as long as that is the same, saying it again changes nothing. It is 0 where that is not certain.
func (w *write) printHere() uint64 {
	if w.own || w.action != actionUpsert || w.print == 0 || w.entry.print == 0 || len(w.contact.UnlinkListIDs) > 0 {
		return 0
	}
	return mix(w.print, w.entry.print) | 2 // never otherPrint
}

// consult asks the ledger about the contact, before its lock is held: for the address that it gives up,
// which nobody may ask for meanwhile.
func (out *contactsOutput) consult(ctx context.Context, w *write) error {
	if out.ledger == nil {
		return nil
	}
	if w.action != actionDelete {
		w.print, w.given, w.blank = fingerprint(w.contact, out.ledger.number)
	}
	e, err := out.ledger.entry(ctx, out.store, w.contactKey)
	w.former = w.givesUp(e)
	return err
}

// givesUp is the address that the contact has in the ledger and is not to have any more; 0 for none.
func (w *write) givesUp(e entry) uint64 {
	if !e.known() || w.contact.ExtID == "" || w.action != actionDelete && (!w.own || w.address == 0 || w.address == e.address) {
		return 0
	}
	return e.address
}

// moves reports whether Brevo has the contact under another address than it is to have.
func (w *write) moves() bool { return w.action != actionDelete && w.givesUp(w.entry) != 0 }

// empties are the attributes that are to have no value any more, but were delivered with one.
func (w *write) empties() attributeSet { return w.blank.and(w.entry.given) }

// decide settles what needs no call: the older, the shared, the unchanged. Its locks are held. Its error
// is the context's, or that of a ledger that cannot be read.
func (out *contactsOutput) decide(ctx context.Context, w *write) error {
	last := out.book.times.last(w.subject)
	if out.ledger != nil {
		var err error
		if w.entry, err = out.ledger.entry(ctx, out.store, w.contactKey); err != nil {
			return err
		}
		w.former = w.givesUp(w.entry)
		if last, err = out.lastDelivered(ctx, w, last); err != nil {
			return err
		}
	}
	if older(w.time, last.time, last.deleted) {
		w.skip = skipOlder
		return nil
	}
	if w.action == actionDelete {
		return nil
	}
	if w.entry.known() && !w.own && w.contact.ExtID != "" && w.entry.address != w.address {
		// Another record may have an old idea of the address; the contact's own knows it.
		w.contact.Email, w.address = "", 0
	}
	w.pending = w.entry.flags & flagsToBlock
	if w.action != actionUpsert {
		out.emptied(w)
		return nil
	}
	if err := out.claimAddress(w); err != nil || w.skips() {
		return err
	}
	// An output with a ledger of its own, in this process, may have written something else meanwhile.
	overwritten := last.print != 0 && last.print != w.print
	if print := w.printHere(); print != 0 && print == last.print && w.pending == 0 {
		w.unchanged = true
		return nil
	}
	if w.own && !overwritten && w.pending == 0 && w.print != 0 && w.entry.known() && w.entry.print == w.print && w.entry.address == w.address && w.empties().empty() {
		same, err := out.stillIts(ctx, w)
		if w.unchanged = same; err != nil || same {
			return err
		}
	}
	out.emptied(w)
	return nil
}

// lastDelivered adds what the ledger knows of when the record was last delivered.
func (out *contactsOutput) lastDelivered(ctx context.Context, w *write, last moment) (moment, error) {
	e := w.entry
	if w.subject != w.contactKey && last.time == 0 {
		var err error
		if e, err = out.ledger.entry(ctx, out.store, w.subject); err != nil {
			return last, err
		}
	} else if w.subject != w.contactKey {
		return last, nil
	}
	if e.time > last.time {
		last = moment{e.time, e.flags&flagDeleted != 0, last.print}
		if w.subject != w.contactKey {
			last.print = e.print
		}
	}
	return last, nil
}

// claimAddress asks for the address of a person, which the one with the lowest id has.
func (out *contactsOutput) claimAddress(w *write) error {
	id, numbered := numberOf(w.contact.ExtID)
	if !numbered || w.address == 0 {
		return nil // there is no lowest
	}
	var err error
	if w.claim, err = out.book.owners.claim(w.address, id); err != nil {
		return err
	}
	if !w.claim.granted() {
		w.skip, w.owner = skipShared, strconv.FormatUint(w.claim.owner, 10)
		return nil
	}
	w.claimed = true
	w.unfamiliar = out.ledger != nil && w.claim.fresh && !w.entry.known() && !w.snapshot
	return nil
}

// stillIts reports whether nobody else was delivered under the contact's address since.
func (out *contactsOutput) stillIts(ctx context.Context, w *write) (bool, error) {
	at := addressKey(w.address)
	if at == w.contactKey {
		return true, nil
	}
	holder, err := out.ledger.entry(ctx, out.store, at)
	if _, numbered := w.contactKey.person(); numbered {
		return holder.address == 0 || holder.address == uint64(w.contactKey), err
	}
	return holder.address == uint64(w.contactKey), err
}

// emptied puts "" in the place of the nulls of attributes that were delivered with a value: Brevo
// empties what is "", and what null does is not documented.
func (out *contactsOutput) emptied(w *write) {
	empties := w.empties()
	if empties.empty() {
		return
	}
	attributes := make(map[string]any, len(w.contact.Attributes))
	for name, v := range w.contact.Attributes {
		if n, ok := out.ledger.number(name); v == nil && ok && empties.has(n) {
			v = ""
		}
		attributes[name] = v
	}
	w.contact.Attributes = attributes
}
