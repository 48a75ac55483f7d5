package brevo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// send gives each event its verdict. Its only errors are those that are none. No other batch sends events of
// the same contacts meanwhile.
func (out *eventsOutput) send(ctx context.Context, events []*event) error {
	open := inTime(events)
	var contacts []key
	for _, e := range open {
		contacts = append(contacts, e.contacts...)
	}
	unlock, err := out.book.locks.lock(ctx, contacts)
	if err != nil {
		return err
	}
	defer unlock()
	if err := out.recognize(ctx, open); err != nil {
		return err
	}
	open = slices.DeleteFunc(open, func(e *event) bool { return !e.open() })
	for _, e := range open {
		out.dropOutdated(e)
	}
	for _, chunk := range chunks(open) {
		if err := out.sendTogether(ctx, chunk); err != nil {
			return err
		}
	}
	for _, e := range events {
		if e.twin != nil {
			e.refusal, e.kind, e.before = e.twin.refusal, e.twin.kind, e.twin.refusal == nil
		}
	}
	return nil
}

// inTime are the open events in the order of their times. One without a time stays behind the one before it.
func inTime(events []*event) []*event {
	times := make(map[*event]int64, len(events))
	var open []*event
	var last int64
	for _, e := range events {
		if e.open() {
			last = cmp.Or(e.time, last)
			times[e] = last
			open = append(open, e)
		}
	}
	slices.SortStableFunc(open, func(a, b *event) int { return cmp.Compare(times[a], times[b]) })
	return open
}

// recognize finds the events that were delivered before, and those that are in the batch twice.
func (out *eventsOutput) recognize(ctx context.Context, open []*event) error {
	first := make(map[eventID]*event, len(open))
	for _, e := range open {
		if e.id == (eventID{}) {
			continue
		}
		if e.before = out.book.has(e.id); !e.before && first[e.id] != nil {
			e.twin = first[e.id]
			continue
		}
		first[e.id] = e
		if e.before || out.slots == nil {
			continue
		}
		var err error
		if e.before, err = out.slots.has(ctx, e.id); err != nil {
			return err
		}
	}
	return nil
}

// dropOutdated takes the contact_properties out of an event that is older than the last one that gave its
// contact some.
func (out *eventsOutput) dropOutdated(e *event) {
	if e.body["contact_properties"] == nil {
		return
	}
	for _, contact := range e.contacts {
		if last := out.book.times.last(contact); older(e.time, last.time, false) {
			delete(e.body, "contact_properties")
			_ = e.encode() // it was encoded before
			return
		}
	}
}

// chunks splits events into what one call takes.
func chunks(events []*event) (all [][]*event) {
	const around = len(`{"events":[]}`)
	size := around
	for i, e := range events {
		n := len(e.encoded) + len(",")
		if i == 0 || len(all[len(all)-1]) == api.MostEvents || size+n > api.MostEventBytes {
			all, size = append(all, nil), around
		}
		all[len(all)-1] = append(all[len(all)-1], e)
		size += n
	}
	return all
}

// sendTogether sends events by one call. Where Brevo refuses it as a whole, parts of it are sent, down to
// single events, so that nothing is refused for what is wrong with another one.
func (out *eventsOutput) sendTogether(ctx context.Context, events []*event) error {
	if len(events) == 1 || !out.book.batches() {
		return out.sendSingly(ctx, events)
	}
	bodies := make([][]byte, len(events))
	for i, e := range events {
		bodies[i] = e.encoded
	}
	var sent api.SentEvents
	var slow error
	err := persist(ctx, out.client, out.log, func() (err error) {
		sent, err = out.client.SendEvents(ctx, bodies)
		if isSlow(err) {
			slow, err = err, nil
		}
		return err
	})
	var e *rest.Error
	switch {
	case slow != nil:
		out.withoutBatches("Brevo limits calls for several more than those for one (429)")
		return out.sendSingly(ctx, events)
	case err == nil:
		if sent.Hourly {
			out.withoutBatches("Brevo counts calls for several towards the 100 an hour, which imports need")
		}
		return out.deliver(ctx, events, sent.Refused)
	case ctx.Err() != nil || !errors.As(err, &e):
		return err
	case e.Kind == rest.NotFound || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented:
		out.withoutBatches(fmt.Sprintf("Brevo does not take several in one call here (%d)", e.Status))
		return out.sendSingly(ctx, events)
	case e.Code == "" && e.Status == http.StatusBadRequest: // each of them has failed; singly they are told why
		return out.sendSingly(ctx, events)
	}
	half := len(events) / 2
	if err := out.sendTogether(ctx, events[:half]); err != nil {
		return err
	}
	return out.sendTogether(ctx, events[half:])
}

// isSlow tells a limit that is not over within seconds: calls for several events may have another one than
// calls for one.
func isSlow(err error) bool {
	var e *rest.Error
	return errors.As(err, &e) && e.Kind == rest.RateLimited && time.Until(e.Until) > 30*time.Second
}

func (out *eventsOutput) withoutBatches(why string) {
	out.book.goSingly()
	out.warnOnce("events are sent one by one, and tried together again in an hour: %s", why)
}

// eventWriters is how many events are sent singly at a time. The rate is the limits' affair.
const eventWriters = 8

// sendSingly sends each event by a call of its own, those of one contact one after the other.
func (out *eventsOutput) sendSingly(ctx context.Context, events []*event) error {
	for _, round := range apart(events) {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(eventWriters)
		for _, e := range round {
			group.Go(func() error {
				err := persist(ctx, out.client, out.log, func() error { return out.client.SendEvent(ctx, e.encoded) })
				if err != nil && ctx.Err() != nil {
					return err
				}
				return out.deliver(ctx, []*event{e}, map[int]error{0: err})
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// apart splits events into rounds in which no contact is twice.
func apart(events []*event) (rounds [][]*event) {
	next := map[key]int{}
	for _, e := range events {
		n := 0
		for _, contact := range e.contacts {
			n = max(n, next[contact])
		}
		for _, contact := range e.contacts {
			next[contact] = n + 1
		}
		if n == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[n] = append(rounds[n], e)
	}
	return rounds
}

// deliver gives events that were sent their verdicts, and remembers those that Brevo took.
func (out *eventsOutput) deliver(ctx context.Context, events []*event, refused map[int]error) error {
	var ids []eventID
	for i, e := range events {
		if why := refused[i]; why != nil {
			e.refuse("brevo", why)
			continue
		}
		e.delivered = true
		if e.id != (eventID{}) {
			ids = append(ids, e.id)
		}
		if e.body["contact_properties"] != nil {
			for _, contact := range e.contacts {
				out.book.times.note(contact, moment{time: e.time})
			}
		}
	}
	out.book.add(ids)
	if out.slots == nil {
		return nil
	}
	return out.slots.add(ctx, ids)
}
