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

const (
	// refusedList is the class of refusals for a list that Brevo does not have.
	refusedList = "list"
	// refusedAddress is the class of refusals for an address that another contact has in Brevo.
	refusedAddress = "address"
)

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
		if object == "organization" && c.ExtID != "" { // which is about many contacts
			return "what organization " + id + " says of person " + c.ExtID
		}
		return object + " " + id
	}
	if c.ExtID != "" {
		return "the contact with ext_id " + c.ExtID
	}
	return "a contact"
}
