package pipedrive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

func TestRecents_PollsAreSpacedSoThatTheTokensOfTheSmallestPlanLastTheDay(t *testing.T) {
	limits := sandbox.PublishedLimits()
	limits.DailyTokens = 30_000 // Lite, one seat
	inFakeTime(t, sandbox.Config{Limits: limits}, func(t *testing.T, a *account) {
		a.put("person", 1, "First", fakeStart.Add(-time.Hour))
		f := a.follow(newStore(t), withCache+"poll_interval: 60s\nobjects: [persons, deals, organizations, activities, leads]")
		f.after(10 * time.Minute)
		calls := a.Stats().ByPath["GET /api/v2/persons"]
		assert.InDelta(t, 11, calls, 1, "as long as there are enough, polls are as far apart as they should be")
		midnight := fakeStart.Truncate(24 * time.Hour).Add(24 * time.Hour)
		f.after(time.Until(midnight) - time.Hour)
		a.change("person", 1, "Late")
		assert.NotEmpty(t, f.after(20*time.Minute), "late in the day changes are still seen")
		f.after(30 * time.Minute)
		stats := a.Stats()
		assert.Zero(t, stats.Limited+stats.Violations)
		assert.Less(t, stats.Tokens, 30_000)
		f.after(time.Hour)
		calls = a.Stats().ByPath["GET /api/v2/persons"]
		f.after(10 * time.Minute)
		assert.InDelta(t, 10, a.Stats().ByPath["GET /api/v2/persons"]-calls, 1, "the next day begins anew")
		f.end()
	})
}
