package brevo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// tally counts the verdicts of an output, as metrics and for the summary at its end.
type tally struct {
	deliveredMetric, unchangedMetric, skippedMetric, refusedMetric, phonesMetric *service.MetricCounter

	mu                                                  sync.Mutex
	delivered, unchanged, withoutPhone, skips, refusals int64
	skipped, refused                                    map[string]int64
}

func newTally(res *service.Resources) *tally {
	m := res.Metrics()
	return &tally{
		deliveredMetric: m.NewCounter("brevo_contacts_delivered", "action"),
		unchangedMetric: m.NewCounter("brevo_contacts_unchanged"),
		skippedMetric:   m.NewCounter("brevo_contacts_skipped", "reason"),
		refusedMetric:   m.NewCounter("brevo_contacts_refused", "reason"),
		phonesMetric:    m.NewCounter("brevo_contacts_without_phone"),
		skipped:         map[string]int64{}, refused: map[string]int64{},
	}
}

// add counts a batch.
func (t *tally) add(writes []*write) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delivered := map[string]int64{}
	for _, w := range writes {
		switch {
		case w.refusal != nil:
			t.refusals++
			t.refused[w.kind]++
			t.refusedMetric.Incr(1, w.kind)
		case w.skips():
			t.skips++
			t.skipped[w.skip]++
			t.skippedMetric.Incr(1, w.skip)
		case w.unchanged:
			t.unchanged++
			t.unchangedMetric.Incr(1)
		default:
			delivered[w.action]++
		}
		if w.withoutPhone != nil {
			t.withoutPhone++
			t.phonesMetric.Incr(1)
		}
	}
	for action, n := range delivered {
		t.delivered += n
		t.deliveredMetric.Incr(n, action)
	}
}

// String is the summary: "1950 delivered (3 without their phone number), 12 unchanged, 20 skipped (no valid
// email 20), 0 refused". It is empty when there was nothing.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delivered+t.unchanged+t.skips+t.refusals == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d delivered", t.delivered)}
	if t.withoutPhone > 0 {
		parts[0] += fmt.Sprintf(" (%d without their phone number)", t.withoutPhone)
	}
	parts = append(parts, fmt.Sprintf("%d unchanged", t.unchanged))
	return strings.Join(append(parts, reasons(t.skips, "skipped", t.skipped), reasons(t.refusals, "refused", t.refused)), ", ")
}

func reasons(total int64, verdict string, counts map[string]int64) string {
	text := fmt.Sprintf("%d %s", total, verdict)
	if total == 0 {
		return text
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, counts[reason]))
	}
	return fmt.Sprintf("%s (%s)", text, strings.Join(parts, ", "))
}
