package brevo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/brevo"
)

func TestCompanies_ALinkThatIsToldAgainWhileItWaitsIsMadeAllTheSame(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(1)
	s := companiesIn(w, nil)
	s.send(org(1, ``), member(1, 1, "pipedrive_time", "2026-01-01T10:00:00.500Z"))
	assert.Eventually(t, func() bool { return len(w.Companies()) == 1 }, 20*time.Second, time.Millisecond, "%v", w.logs)
	s.send(member(1, 1, "pipedrive_time", "2026-01-01T10:00:00Z"))
	assert.Eventually(t, func() bool {
		all := w.Companies()
		return len(all) == 1 && len(all[0].ContactIDs) == 1
	}, 20*time.Second, 20*time.Millisecond, "%v", w.logs)
}
