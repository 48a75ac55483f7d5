package pipedrive

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

// bulk changes records 1 to n within one second.
func (a *account) bulk(object string, n int, text string) {
	at := time.Now().Truncate(time.Second)
	for i := 1; i <= n; i++ {
		a.put(object, i, text, at)
	}
}

func distinct(told []message) map[string]int {
	ids := map[string]int{}
	for _, m := range told {
		ids[m.meta["pipedrive_id"]+" "+m.text()]++
	}
	return ids
}

func assertEachOnce(t *testing.T, told []message, n int) {
	t.Helper()
	ids := distinct(told)
	assert.Len(t, ids, n)
	assert.Len(t, told, n, "none is told twice")
}

// assertIdle asserts that polls cost a call each, and tell nothing.
func assertIdle(t *testing.T, a *account, f *following, objects int) {
	t.Helper()
	before := len(a.Calls())
	assert.Empty(t, f.after(5*time.Minute))
	assert.Equal(t, 5*objects, len(a.Calls())-before, "calls of five idle polls")
}

const many = 10_000

func TestRecents_ManyOfOneSecondAreReadOnceInTheFirstRead(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"person", "lead"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.bulk(object, many, "First")
				f := a.follow(newStore(t), withCache+"page_size: 500\nobjects: ["+object+"s]")
				assertEachOnce(t, f.messages(2*time.Minute), many)
				assertIdle(t, a, f, 1)
				f.end()
			})
		})
	}
}

func TestRecents_ABulkChangeOfOneSecondIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"person", "lead"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.put(object, 1, "First", fakeStart.Add(-time.Hour))
				s := newStore(t)
				f := a.follow(s, withCache+"page_size: 500\nobjects: ["+object+"s]")
				f.after(5*time.Minute - 7*time.Second)
				a.bulk(object, many, "Second")
				assertEachOnce(t, f.messages(3*time.Minute), many)
				assertIdle(t, a, f, 1)
				assert.Less(t, len(s.position()), 10_000, "bytes of position")
				f.end()
			})
		})
	}
}

// The poll comes while the second is not over: what joins it later is told, too.
func TestRecents_ABulkChangeThatIsUnderWayAtThePollIsToldToItsEnd(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		f := a.follow(newStore(t), withCache+"page_size: 50\npoll_interval: 1s\nobjects: [persons]")
		f.after(20 * time.Second)
		at := time.Now().Truncate(time.Second)
		for i := 1; i <= 600; i++ {
			if i%100 == 0 {
				time.Sleep(150 * time.Millisecond)
			}
			a.put("person", i, "Bulk", at)
		}
		time.Sleep(5 * time.Second)
		a.put("person", 601, "Late to be seen", at)
		assertEachOnce(t, f.messages(2*time.Minute), 601)
		f.end()
	})
}

func TestRecents_AKilledRunGoesOnInTheMiddleOfABulkChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		first bool // in the first read, else while it follows
	}{{"first read", true}, {"following", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{Latency: 2 * time.Second}, func(t *testing.T, a *account) {
				s, conf := newStore(t), withCache+"page_size: 500\ncheckpoint_limit: 500"
				if c.first {
					a.bulk("person", many, "Bulk")
				}
				var told []message
				f := a.follow(s, conf)
				if !c.first {
					f.after(5 * time.Minute)
					a.bulk("person", many, "Bulk")
				}
				runs := 0
				for ; len(distinct(told)) < many && runs < 20; runs++ {
					told = append(told, f.messages(11*time.Second)...)
					f.kill()
					a.newProcess()
					f = a.follow(s, conf)
				}
				assert.Greater(t, runs, 1)
				told = append(told, f.messages(5*time.Minute)...)
				assert.Len(t, distinct(told), many)
				assert.LessOrEqual(t, len(told), many+500*runs, "no more than a page is told again after each kill")
				assertIdle(t, a, f, 1)
				f.end()
			})
		})
	}
}

func TestRecents_AStoppedRunGoesOnWithoutTellingAnythingTwice(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{Latency: 2 * time.Second}, func(t *testing.T, a *account) {
		s, conf := newStore(t), withCache+"page_size: 500"
		f := a.follow(s, conf)
		f.after(5 * time.Minute)
		a.bulk("person", many, "Bulk")
		var told []message
		for range 12 {
			told = append(told, f.messages(17*time.Second)...)
			f.end()
			a.newProcess()
			f = a.follow(s, conf)
		}
		told = append(told, f.messages(5*time.Minute)...)
		assertEachOnce(t, told, many)
		f.end()
	})
}

func TestRecents_AFewChangesAmongManyRecordsCostTwoPagesAtMost(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		const all = 20_000
		objects := []string{"person", "deal", "organization"}
		for _, o := range objects {
			for i := 1; i <= all; i++ {
				a.put(o, i, "First", fakeStart.Add(-time.Duration(all-i)*time.Second/3))
			}
		}
		s, conf := newStore(t), withCache+"page_size: 500\nobjects: [persons, deals, organizations]"
		f := a.follow(s, conf+"\nfollow: false")
		<-f.ended
		assert.Len(t, f.after(0), 3*all)
		f.end()

		time.Sleep(10 * time.Minute)
		for i := range 500 {
			for _, o := range objects {
				a.put(o, 1+i*39, "Second", time.Now().Add(-time.Duration(500-i)*time.Second/2))
			}
		}
		a.ForgetCalls()
		f = a.follow(s, conf+"\nfollow: false")
		<-f.ended
		assert.Len(t, f.after(0), 1500)
		f.end()
		for _, plural := range []string{"persons", "deals", "organizations"} {
			calls, _ := a.asked("/" + plural + "?")
			assert.LessOrEqual(t, calls, 2, plural)
		}
		time.Sleep(10 * time.Minute)
		a.ForgetCalls()
		f = a.follow(s, conf+"\nfollow: false")
		<-f.ended
		assert.Empty(t, f.after(0))
		f.end()
		for _, plural := range []string{"persons", "deals", "organizations"} {
			calls, _ := a.asked("/" + plural + "?")
			assert.Equal(t, 1, calls, plural)
		}
	})
}

// Nobody says in which order Pipedrive lists what was updated in one second.
func TestRecents_AnOrderThatIsNeverTheSameIsNotWalkedForEver(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{Latency: 100 * time.Millisecond}, func(t *testing.T, a *account) {
		f := a.follow(newStore(t), withCache+"objects: [leads]")
		f.after(5 * time.Minute)
		a.bulk("lead", 40, "Bulk")
		calls := 0
		a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1/leads" {
				return false
			}
			calls++
			r.Header.Del("Accept-Encoding")
			answer := httptest.NewRecorder()
			a.Server.ServeHTTP(answer, r)
			var body map[string]any
			_ = json.Unmarshal(answer.Body.Bytes(), &body)
			if data, _ := body["data"].([]any); calls%2 == 0 {
				slices.Reverse(data)
			}
			_ = json.NewEncoder(w).Encode(body)
			return true
		})
		told := f.messages(10 * time.Minute)
		assert.Len(t, distinct(told), 40)
		assert.Less(t, calls, 200, "calls in ten minutes, at 20 tokens each")
		f.end()
	})
}
