package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"connector/plugins/internal/patience"
	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// write does one write. Its error is the context's, or why the write is refused.
func (out *writeOutput) write(ctx context.Context, w *recordWrite) error {
	key := w.key()
	if key != "" {
		key = out.object.Name + "/" + out.match + "/" + key
	}
	unlock, err := out.known.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if w.action == writeDelete {
		return out.remove(ctx, w, key)
	}
	if w.action == writeCreate {
		return out.create(ctx, w)
	}
	body, err := out.body(ctx, w.record, false)
	if err != nil {
		return err
	}
	given := w.id != ""
	current, err := out.current(ctx, w, key)
	switch {
	case err != nil:
		return err
	case current != nil:
		return out.change(ctx, w, body, current)
	case w.action == writeUpdate || given:
		return fmt.Errorf("there is no such record in %s, or the token's user may not see it: create it, or mend the %s", out.object.Plural, map[bool]string{true: "id", false: out.match}[given])
	}
	return out.createKnown(ctx, w, key)
}

// body is what is sent of a record.
func (out *writeOutput) body(ctx context.Context, record map[string]any, create bool) (body map[string]any, err error) {
	err = out.persist(ctx, func() (err error) {
		body, err = out.client.Body(ctx, out.object, record, create)
		return err
	})
	return body, err
}

// persist does calls however long it takes. Its error is the context's, or a refusal.
func (out *writeOutput) persist(ctx context.Context, do func() error) error {
	return patience.Persist(ctx, out.client, out.log, do)
}

// current reads the record that is to be changed, and sets the write's id; nil where there is none.
func (out *writeOutput) current(ctx context.Context, w *recordWrite, key string) (api.Record, error) {
	if w.id != "" {
		return out.get(ctx, w.id)
	}
	if w.value == "" {
		return nil, nil
	}
	if id, ok := out.known.id(key); ok {
		record, err := out.get(ctx, id)
		if err != nil {
			return nil, err
		}
		if record != nil && out.hasValue(ctx, record, w.value) {
			w.id = id
			return record, nil
		}
		out.known.forget(key) // it was deleted, merged, or changed
	}
	id, err := out.find(ctx, w)
	if err != nil || id == "" {
		return nil, err
	}
	record, err := out.get(ctx, id)
	if record != nil { // else the index does not know yet that it is deleted
		out.known.remember(key, id)
		w.id = id
	}
	return record, err
}

// get reads a record; nil where there is none, or where it is deleted.
func (out *writeOutput) get(ctx context.Context, id string) (record api.Record, err error) {
	err = out.persist(ctx, func() error {
		page, err := out.client.Get(ctx, out.object, id)
		if err != nil || page == nil {
			return err
		}
		records, err := page.Records(ctx, out.client)
		if err == nil && len(records) == 1 && !deleted(records[0]) {
			record = records[0]
		}
		return err
	})
	return record, err
}

// find searches for the one record that has the value; empty where none has it.
func (out *writeOutput) find(ctx context.Context, w *recordWrite) (id string, err error) {
	var ids []string
	err = out.persist(ctx, func() (err error) {
		ids, err = out.client.Find(ctx, out.object, out.match, w.value)
		return err
	})
	switch {
	case err != nil || len(ids) == 0:
		return "", err
	case len(ids) > 1:
		return "", fmt.Errorf("%d %s have this %s, and which of them is meant cannot be told: merge them, or give the id (%s)", len(ids), out.object.Plural, out.match, joined(ids))
	}
	return ids[0], nil
}

// hasValue reports whether a record still has the value by which it was found.
func (out *writeOutput) hasValue(ctx context.Context, record api.Record, value string) bool {
	same, err := out.client.Matches(ctx, out.object, record, out.match, value)
	return err == nil && same
}

// change writes what differs.
func (out *writeOutput) change(ctx context.Context, w *recordWrite, body map[string]any, current api.Record) error {
	body = out.object.Differing(body, current)
	if len(body) == 0 {
		w.verdict, w.answer = "unchanged", &api.Answer{Status: http.StatusOK, Data: map[string]any(current)}
		return nil
	}
	call, err := out.object.Change(w.id, body)
	if err != nil {
		return err
	}
	if err := out.do(ctx, w, call); err != nil {
		return err
	}
	w.verdict = "updated"
	return nil
}

func (out *writeOutput) create(ctx context.Context, w *recordWrite) error {
	body, err := out.body(ctx, w.created(), true)
	if err != nil {
		return err
	}
	call, err := out.object.Create(body)
	if err != nil {
		return err
	}
	if err := out.do(ctx, w, call); err != nil {
		return err
	}
	w.id, w.verdict = w.answer.ID, "created"
	return nil
}

// createKnown creates a record that may be asked for again. Where the answer is lost, it is looked for.
func (out *writeOutput) createKnown(ctx context.Context, w *recordWrite, key string) error {
	err := out.create(ctx, w)
	if errors.As(err, new(*api.Uncertain)) && w.value != "" {
		lost := err
		if w.id, err = out.afterLoss(ctx, w); err == nil && w.id == "" {
			err = lost
		}
		w.verdict, w.answer = "created", nil
	}
	if err != nil {
		return err
	}
	if key != "" && w.id != "" {
		out.known.remember(key, w.id)
	}
	return nil
}

// afterLoss looks for a record that may have been created, for as long as the index may take.
func (out *writeOutput) afterLoss(ctx context.Context, w *recordWrite) (id string, err error) {
	for pause := range lossPauses {
		if err := rest.Sleep(ctx, time.Duration(pause)*time.Second); err != nil {
			return "", err
		}
		if id, err = out.find(ctx, w); id != "" || err != nil {
			return id, err
		}
	}
	return "", nil
}

// lossPauses is how often a record is looked for whose creation was not answered: at once, then after 1, 2, …
// seconds more.
const lossPauses = 4

func (out *writeOutput) remove(ctx context.Context, w *recordWrite, key string) error {
	w.verdict = "deleted"
	if w.id == "" {
		if current, err := out.current(ctx, w, key); err != nil || current == nil {
			return err
		}
	}
	out.known.forget(key)
	call, err := out.object.Delete(w.id)
	if err != nil {
		return err
	}
	err = out.do(ctx, w, call)
	if rest.Is(err, rest.NotFound) {
		w.answer, err = gone(err), nil
	}
	return err
}

// do makes the call of a write. A record on which Pipedrive fails again and again, while it can be read, is
// refused: it would hold up all others.
func (out *writeOutput) do(ctx context.Context, w *recordWrite, call *api.Call) error {
	failures := 0
	err := out.persist(ctx, func() (err error) {
		w.answer, err = out.client.Do(ctx, call, "")
		var e *rest.Error
		if !errors.As(err, &e) || e.Status != http.StatusInternalServerError || w.id == "" {
			return err
		}
		if failures++; failures < mostFailures {
			return err
		}
		if _, notReadable := out.client.Get(ctx, out.object, w.id); notReadable != nil {
			return err
		}
		return failing{err}
	})
	if err == nil {
		forget(out.client, out.object, w.id, w.answer.ID)
	}
	return err
}

// mostFailures is how often Pipedrive may fail on one record, some minutes in all.
const mostFailures = 5

// failing is a record on which Pipedrive fails. It does not unwrap to the failure, which waiting would mend.
type failing struct{ reason error }

func (e failing) Error() string {
	return e.reason.Error() + ": it fails on this record alone, time and again; look at what is unusual in it"
}
