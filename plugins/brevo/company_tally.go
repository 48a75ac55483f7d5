package brevo

import (
	"fmt"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// companyTally counts the verdicts of an output, as metrics and for the summary at its end.
type companyTally struct {
	deliveredMetric, unchangedMetric, skippedMetric, refusedMetric *service.MetricCounter
	backlogMetric                                                  *service.MetricGauge

	mu                                            sync.Mutex
	delivered, linked, unchanged, skips, refusals int64
	skipped, refused                              map[string]int64
}

func newCompanyTally(res *service.Resources) *companyTally {
	m := res.Metrics()
	return &companyTally{
		deliveredMetric: m.NewCounter("brevo_companies_delivered", "action"),
		unchangedMetric: m.NewCounter("brevo_companies_unchanged"),
		skippedMetric:   m.NewCounter("brevo_companies_skipped", "reason"),
		refusedMetric:   m.NewCounter("brevo_companies_refused", "reason"),
		backlogMetric:   m.NewGauge("brevo_companies_backlog"),
		skipped:         map[string]int64{}, refused: map[string]int64{},
	}
}

// add counts a message that has its verdict.
func (t *companyTally) add(m *companyMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case m.refusal != nil:
		t.refusals++
		t.refused[m.kind]++
		t.refusedMetric.Incr(1, m.kind)
	case m.delivered:
		if m.action == actionLink {
			t.linked++
		} else {
			t.delivered++
		}
		t.deliveredMetric.Incr(1, m.action)
	case m.action == actionSkip || m.skip != "":
		t.skips++
		t.skipped[m.skip]++
		t.skippedMetric.Incr(1, m.skip)
	default:
		t.unchanged++
		t.unchangedMetric.Incr(1)
	}
}

// String is the summary: "1000 delivered, 5000 links, 12 unchanged, 20 skipped (no name 20), 0 refused". It is
// empty when there was nothing.
func (t *companyTally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delivered+t.linked+t.unchanged+t.skips+t.refusals == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d delivered", t.delivered)}
	if t.linked > 0 {
		parts = append(parts, fmt.Sprintf("%d links", t.linked))
	}
	parts = append(parts, fmt.Sprintf("%d unchanged", t.unchanged))
	return strings.Join(append(parts, reasons(t.skips, "skipped", t.skipped), reasons(t.refusals, "refused", t.refused)), ", ")
}
