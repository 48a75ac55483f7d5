package brevo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
)

// write is one message on its way to a verdict.
type write struct {
	index   int
	action  string
	contact api.Contact

	withoutPhone error // why it was written without its phone numbers

	skip    string // why it is not written
	owner   string // skipShared: the ext_id whose address it is
	refusal error  // why it never will be
	kind    string // the refusal's class, for metrics
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

// skips reports whether the message is not to be written, or belongs to another contact's owner.
func (w *write) skips() bool { return w.action == actionSkip || w.owner != "" }

// open reports whether the write still has to be done.
func (w *write) open() bool { return w.refusal == nil && !w.skips() }

// refusedList is the class of refusals for a list that Brevo does not have.
const refusedList = "list"

// inPublic is a reason without what it may quote of the contact: a vendor's message, or a processor's.
// The dead letter has it whole.
func inPublic(reason error) string {
	var e *rest.Error
	var processing processingError
	switch {
	case errors.As(reason, &e):
		return strings.TrimSuffix(fmt.Sprintf("Brevo answered %d [%s]", e.Status, strings.Join(append(e.Duplicates, e.Code), ", ")), " []")
	case errors.As(reason, &processing):
		return "a processor failed on the message"
	}
	return reason.Error()
}

// processingError is what a processor left on a message.
type processingError struct{ err error }

func (e processingError) Error() string { return "a processor failed on the message: " + e.err.Error() }
func (e processingError) Unwrap() error { return e.err }

// settle says what has to be said about the verdicts, and returns the refused.
func (out *contactsOutput) settle(batch service.MessageBatch, writes []*write) (refusals []deadletter.Refusal) {
	for _, w := range writes {
		m := batch[w.index]
		switch {
		case w.refusal != nil:
			if w.kind != refusedList { // told once
				out.log.Warnf("%s is refused: %s", subject(m, w.contact), inPublic(w.refusal))
			}
			refusals = append(refusals, deadletter.Refusal{Index: w.index, Reason: w.refusal})
		case w.owner != "":
			out.log.Infof("%s is skipped: its address belongs to the contact with ext_id %s", subject(m, w.contact), w.owner)
		case w.skips():
			out.log.Debugf("%s is skipped: %s", subject(m, w.contact), w.skip)
		}
		if w.withoutPhone != nil {
			out.log.Warnf("%s is written without its phone number: %s", subject(m, w.contact), inPublic(w.withoutPhone))
		}
	}
	return refusals
}

// subject names a message in the log by object and id, never by personal data.
func subject(m *service.Message, c api.Contact) string {
	object, _ := m.MetaGet("pipedrive_object")
	if id, ok := m.MetaGet("pipedrive_id"); ok && object != "" {
		return object + " " + id
	}
	if c.ExtID != "" {
		return "the contact with ext_id " + c.ExtID
	}
	return "a contact"
}
