package pipedrive

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

// refuseCursors lets cursors expire at the given calls with one: they are refused from then on, until a
// walk begins anew.
func (a *account) refuseCursors(at ...int) {
	calls, expired := 0, false
	a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("cursor") == "" {
			expired = expired && r.URL.Path != "/api/v2/persons"
			return false
		}
		calls++
		if expired = expired || slices.Contains(at, calls); !expired {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"success":false,"error":"Parameter validation failed","code":"ERR_SCHEMA_VALIDATION_FAILED"}`)
		return true
	})
}

func TestRecents_ARefusedCursorInTheFirstReadBeginsItAnew(t *testing.T) {
	t.Parallel()
	for name, at := range map[string][]int{"once": {2}, "twice": {2, 6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.filled(55)
				a.refuseCursors(at...)
				s := newStore(t)
				f := a.follow(s, withCache)
				assert.Len(t, distinct(f.messages(5*time.Minute)), 55)
				assert.True(t, s.logs.has("no longer valid"))
				a.change("person", 3, "Changed")
				assert.Equal(t, []string{"change person 3"}, f.after(time.Minute))
				f.end()
			})
		})
	}
}

func TestRecents_ARefusedCursorInTheStoredPositionBeginsTheFirstReadAnew(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		s.values["pipedrive_recents"] = []byte(`{"v":2,"query":"filter=0","objects":{"person":` +
			`{"full":{"started":1793523600,"next":"rubbish"},"watermark":"2026-11-01T00:00:00Z","since":"2026-11-01T00:00:00Z"}}}`)
		f := a.follow(s, withCache)
		assert.Equal(t, repeated("snapshot person", 1, 25), f.after(time.Minute))
		assert.Empty(t, f.after(time.Hour))
		f.end()
	})
}

func TestRecents_ARefusedCursorInAPollReadsOnFromTheLastChange(t *testing.T) {
	t.Parallel()
	for name, at := range map[string][]int{"once": {2}, "twice": {2, 3}, "every time": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				f := a.follow(newStore(t), withCache)
				f.after(5 * time.Minute)
				for i := 1; i <= 55; i++ {
					a.put("person", i, "Bulk", time.Now().Add(time.Duration(i-60)*time.Second))
				}
				a.refuseCursors(at...)
				assertEachOnce(t, f.messages(2*time.Hour), 55)
				f.end()
			})
		})
	}
}

// A page whose records all share a second gives nothing to read on from but the cursor.
func TestRecents_ARefusedCursorWithinABulkChangeLosesNothing(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		f := a.follow(newStore(t), withCache)
		f.after(5 * time.Minute)
		a.bulk("person", 55, "Bulk")
		a.refuseCursors(2, 5)
		assertEachOnce(t, f.messages(2*time.Hour), 55)
		f.end()
	})
}
