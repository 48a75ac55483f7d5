package brevo

import (
	"fmt"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// settle says what has to be said about the verdicts, and returns the refused.
func (out *eventsOutput) settle(batch service.MessageBatch, events []*event) (refusals []deadletter.Refusal) {
	for _, e := range events {
		switch {
		case e.refusal != nil:
			out.log.Warnf("%s is refused: %s", e.subject(batch[e.index]), inPublic(e.refusal))
			refusals = append(refusals, deadletter.Refusal{Index: e.index, Reason: e.refusal})
		case e.action == actionSkip:
			out.log.Debugf("%s is skipped: %s", e.subject(batch[e.index]), e.skip)
		case e.before:
			out.log.Debugf("%s is not sent again", e.subject(batch[e.index]))
		}
	}
	return refusals
}

// subject names an event in the log: "the event deal_updated of deal 7". Never by personal data.
func (e *event) subject(m *service.Message) string {
	text := "an event"
	if name := e.name(); name != "" {
		text = "the event " + name
	}
	object, _ := m.MetaGet("pipedrive_object")
	if id, ok := m.MetaGet("pipedrive_id"); ok && object != "" {
		text += " of " + object + " " + id
	}
	return text
}

// eventTally counts the verdicts of an output, as metrics and for the summary at its end.
type eventTally struct {
	deliveredMetric, duplicateMetric, skippedMetric, refusedMetric *service.MetricCounter

	mu                                    sync.Mutex
	delivered, duplicate, skips, refusals int64
	skipped, refused                      map[string]int64
}

func newEventTally(res *service.Resources) *eventTally {
	m := res.Metrics()
	return &eventTally{
		deliveredMetric: m.NewCounter("brevo_events_delivered"),
		duplicateMetric: m.NewCounter("brevo_events_duplicate"),
		skippedMetric:   m.NewCounter("brevo_events_skipped", "reason"),
		refusedMetric:   m.NewCounter("brevo_events_refused", "reason"),
		skipped:         map[string]int64{}, refused: map[string]int64{},
	}
}

// add counts a batch. What Brevo took counts in any case; all else only where the batch was acknowledged,
// since it comes again where it was not.
func (t *eventTally) add(events []*event, acknowledged bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		switch {
		case e.delivered:
			t.delivered++
			t.deliveredMetric.Incr(1)
		case !acknowledged:
		case e.refusal != nil:
			t.refusals++
			t.refused[e.kind]++
			t.refusedMetric.Incr(1, e.kind)
		case e.action == actionSkip:
			t.skips++
			t.skipped[e.skip]++
			t.skippedMetric.Incr(1, e.skip)
		default:
			t.duplicate++
			t.duplicateMetric.Incr(1)
		}
	}
}

// String is the summary: "1950 delivered, 3 not sent again, 20 skipped (no contact 20), 0 refused". It is
// empty when there was nothing.
func (t *eventTally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delivered+t.duplicate+t.skips+t.refusals == 0 {
		return ""
	}
	return strings.Join([]string{
		fmt.Sprintf("%d delivered", t.delivered), fmt.Sprintf("%d not sent again", t.duplicate),
		reasons(t.skips, "skipped", t.skipped), reasons(t.refusals, "refused", t.refused),
	}, ", ")
}

// onceSaid remembers what was said. It is bounded, since the names of properties can come from the data.
type onceSaid struct {
	mu   sync.Mutex
	said map[string]bool
}

const mostSaid = 1000

// warnOnce warns, unless it has said the same before.
func (out *eventsOutput) warnOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s := &out.said
	s.mu.Lock()
	first := !s.said[text] && len(s.said) < mostSaid
	if first {
		if s.said == nil {
			s.said = map[string]bool{}
		}
		s.said[text] = true
	}
	s.mu.Unlock()
	if first {
		out.log.Warn(text)
	}
}
