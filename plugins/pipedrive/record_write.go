package pipedrive

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// recordWrite is what a message asks to be written, and what becomes of it.
type recordWrite struct {
	index  int
	action string
	record map[string]any
	id     string // empty where it is not known

	value   string // of the field that identifies the record; empty with an id
	address string // of a person, where the message has it for the match

	refusal error
	verdict string
	answer  *api.Answer
}

// read turns messages into writes. Those that cannot be read are refused at once.
func (out *writeOutput) read(batch service.MessageBatch) []*recordWrite {
	action := batch.InterpolationExecutor(out.action)
	writes := make([]*recordWrite, len(batch))
	for i, m := range batch {
		w := &recordWrite{index: i}
		writes[i] = w
		if err := m.GetError(); err != nil {
			w.refusal = processingError{err}
			continue
		}
		var err error
		if w.action, err = action.TryString(i); err == nil {
			err = checkAction(w.action)
		}
		if err == nil {
			err = out.identify(w, m)
		}
		w.refusal = err
	}
	return writes
}

// identify reads the record, and by what it is known.
func (out *writeOutput) identify(w *recordWrite, m *service.Message) error {
	content, err := m.AsStructured()
	record, ok := content.(map[string]any)
	if !ok && !(w.action == writeDelete && out.id != nil) {
		return cmp.Or(err, errors.New("the message is not an object"))
	}
	w.record = maps.Clone(record)
	id := record[matchID]
	if out.id != nil {
		if id, err = queryValue(m, out.id); err != nil {
			return fmt.Errorf("the id cannot be read: %w", err)
		}
	}
	if out.id != nil || out.match == matchID {
		if w.id, err = idOf(id); err != nil {
			return fmt.Errorf("the id cannot be read: %w", err)
		}
		if _, err := strconv.ParseUint(w.id, 10, 63); err != nil && w.id != "" && out.object.Name != "lead" {
			return errors.New("the id is not a number")
		}
	}
	if w.action == writeCreate {
		w.id = ""
	}
	if out.match != matchID {
		w.value = strings.TrimSpace(out.matchValue(w.record))
		if out.match == matchEmail {
			w.address, _ = w.record["email"].(string)
			delete(w.record, "email")
		}
	}
	switch {
	case w.id != "", w.action == writeCreate:
		w.value = ""
	case w.value != "", w.action == writeUpsert && out.match == matchID:
	default:
		return fmt.Errorf("the message has no %s: without it the record cannot be found", out.match)
	}
	return nil
}

// matchValue is what a record has in the field that identifies it.
func (out *writeOutput) matchValue(record map[string]any) string {
	if out.match == matchEmail {
		if address, ok := record["email"].(string); ok {
			return address
		}
		return primary(record["emails"])
	}
	if v, ok := record[out.match]; ok {
		return plainText(v)
	}
	for _, place := range []string{"custom_fields_by_name", "custom_fields"} {
		custom, _ := record[place].(map[string]any)
		for name, v := range custom {
			if name == out.match || api.SnakeCase(name) == api.SnakeCase(out.match) {
				return plainText(v)
			}
		}
	}
	return ""
}

// plainText is a value as text; of an address or money its value.
func plainText(v any) string {
	if m, ok := v.(map[string]any); ok {
		v = m["value"]
	}
	text, err := idOf(v)
	if err != nil {
		return ""
	}
	return text
}

// primary is the primary address of a list, else the first.
func primary(emails any) (address string) {
	list, _ := emails.([]any)
	for _, entry := range list {
		e, _ := entry.(map[string]any)
		value, _ := e["value"].(string)
		if e["primary"] == true && value != "" {
			return value
		}
		address = cmp.Or(address, value)
	}
	return address
}

// created is the record as it is created. The address by which a person was looked for is its own then; of
// one that there is it may be one of several, which stay.
func (w *recordWrite) created() map[string]any {
	if w.address == "" || w.record["emails"] != nil {
		return w.record
	}
	record := maps.Clone(w.record)
	record["emails"] = []any{map[string]any{"value": w.address, "primary": true}}
	return record
}

// key tells the records of writes apart; empty where a write shares its record with none.
func (w *recordWrite) key() string {
	switch {
	case w.id != "":
		return "id/" + w.id
	case w.value != "":
		return "value/" + strings.ToLower(w.value)
	}
	return ""
}

// chains gathers the writes of one record, in their order.
func chains(writes []*recordWrite) (all [][]*recordWrite) {
	places := map[string]int{}
	for _, w := range writes {
		key := w.key()
		if at, known := places[key]; known && key != "" {
			all[at] = append(all[at], w)
			continue
		}
		places[key] = len(all)
		all = append(all, []*recordWrite{w})
	}
	return all
}

// processingError is what a processor left on a message.
type processingError struct{ err error }

func (e processingError) Error() string { return "a processor failed on the message: " + e.err.Error() }
func (e processingError) Unwrap() error { return e.err }

// settle says what has to be said about the verdicts, keeps the answers in the messages, and returns the
// refused.
func (out *writeOutput) settle(batch service.MessageBatch, writes []*recordWrite) (refusals []deadletter.Refusal) {
	for _, w := range writes {
		m := batch[w.index]
		m.MetaDelete(metaStatus)
		if w.refusal != nil {
			var refusal *rest.Error
			if errors.As(w.refusal, &refusal) && refusal.Status > 0 {
				m.MetaSetMut(metaStatus, strconv.Itoa(refusal.Status))
			}
			out.verdicts.Incr(1, out.object.Name, "refused")
			out.log.Warnf("%s is refused: %s", out.subject(w), inPublic(w.refusal))
			refusals = append(refusals, deadletter.Refusal{Index: w.index, Reason: w.refusal})
			continue
		}
		out.verdicts.Incr(1, out.object.Name, w.verdict)
		out.log.Debugf("%s is %s", out.subject(w), w.verdict)
		if w.answer != nil {
			m.MetaSetMut(metaStatus, strconv.Itoa(w.answer.Status))
		}
		if w.id != "" {
			m.MetaSetMut("pipedrive_id", w.id)
		}
		if out.propagate {
			out.reply(m, w)
		}
	}
	return refusals
}

// reply sends the record as it is now back to where the message came from, if that waits for it.
func (out *writeOutput) reply(m *service.Message, w *recordWrite) {
	answer := m.Copy()
	answer.SetStructuredMut(nil)
	if w.answer != nil {
		answer.SetStructuredMut(w.answer.Data)
	}
	if err := answer.AddSyncResponse(); err != nil {
		out.log.Debugf("nobody waits for the answer: %v", err)
	}
}

// subject names a write in the log by object and id, never by personal data.
func (out *writeOutput) subject(w *recordWrite) string {
	if w.id != "" {
		return out.object.Name + " " + w.id
	}
	return "a record of " + out.object.Plural
}

// inPublic is a reason without what it may quote of the record: Pipedrive's message, or a processor's. The
// dead letter has it whole.
func inPublic(reason error) string {
	var e *rest.Error
	var uncertain *api.Uncertain
	if errors.As(reason, &uncertain) {
		return "its creation was sent and not answered; it may have been carried out"
	}
	if errors.As(reason, new(processingError)) {
		return "a processor failed on the message"
	}
	if errors.As(reason, &e) {
		return strings.TrimSuffix(fmt.Sprintf("Pipedrive answered %d [%s]", e.Status, e.Code), " []")
	}
	return reason.Error()
}
