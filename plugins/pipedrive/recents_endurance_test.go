package pipedrive

import (
	"fmt"

	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/pipedrive"
)

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

const megabyte = 1 << 20

// Not parallel: the heap is that of the process.
func TestRecents_MemoryIsFlatOverADayOfPolling(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		objects := []string{"person", "deal", "organization", "activity", "lead", "note", "pipeline"}
		for _, o := range objects {
			for i := 1; i <= 200; i++ {
				a.put(o, i, "First", fakeStart.Add(-time.Duration(i)*time.Minute))
			}
		}
		s := newStore(t)
		f := a.follow(s, withCache+"page_size: 500\nsweep_interval: 6h\nobjects: [persons, deals, organizations, activities, leads, notes, pipelines]")
		told, want := len(f.after(30*time.Second)), 7*200
		missing := map[string]bool{}
		hour := func(n int) {
			for i := range 20 {
				o := objects[i%len(objects)]
				id := 1 + (n*20+i)%200
				a.change(o, id, fmt.Sprint("hour ", n, " ", i))
				want++
				missing[fmt.Sprint("hour ", n, " ", i)] = true
				for _, m := range f.messages(3 * time.Minute) {
					told++
					delete(missing, m.text())
				}
			}
			a.ForgetCalls()
			s.logs.mu.Lock()
			s.logs.text.Reset()
			s.logs.mu.Unlock()
		}
		hour(0)
		hour(1)
		after2, position2 := heap(), len(s.position())
		for n := 2; n < 24; n++ {
			hour(n)
		}
		after24, position24 := heap(), len(s.position())
		told += len(f.after(5 * time.Minute))
		assert.Empty(t, missing)
		assert.Equal(t, want, told)
		assert.Less(t, after24-after2, int64(2*megabyte), "bytes more at hour 24 than at hour 2")
		assert.Less(t, position2, 10_000, "bytes of position; a pipeline is known by its content, and 12 bytes")
		assert.InDelta(t, position2, position24, 1000)
		f.end()
	})
}

// While the other side is down, what is read may not pile up, nor what is remembered of idle polls.
func TestRecents_MemoryIsFlatWhileNothingIsDelivered(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		for i := 1; i <= 390; i++ {
			a.put("person", i, "First", fakeStart.Add(-time.Duration(i)*time.Second/4))
		}
		s := newStore(t)
		f := a.follow(s, withCache+"page_size: 500\npoll_interval: 10s")
		f.after(10 * time.Minute)
		f.refusing(true)
		for i := 1; i <= 390; i++ {
			a.put("person", i, "Second", time.Now().Add(-time.Duration(i)*time.Second/4))
		}
		calm := func() int64 {
			a.ForgetCalls()
			s.logs.mu.Lock()
			s.logs.text.Reset()
			s.logs.mu.Unlock()
			return heap()
		}
		f.after(10 * time.Minute)
		before := calm()
		f.after(3 * time.Hour)
		grown := calm() - before
		f.refusing(false)
		assert.Less(t, grown, int64(megabyte), "bytes more after a thousand polls")
		assert.Len(t, f.after(time.Minute), 390)
		f.end()
	})
}

func TestRecents_NoPublishedLimitIsEverExceeded(t *testing.T) {
	t.Parallel()
	limits := sandbox.PublishedLimits()
	limits.DailyTokens *= 5 // seats; that the day's tokens end is another test
	inFakeTime(t, sandbox.Config{Limits: limits}, func(t *testing.T, a *account) {
		objects := []string{"person", "deal", "organization", "activity", "lead", "note", "product"}
		for _, o := range objects {
			for i := 1; i <= 300; i++ {
				a.put(o, i, "First", fakeStart.Add(-time.Hour))
			}
		}
		s := newStore(t)
		conf := withCache + "page_size: 20\npoll_interval: 30s\nburst_limit: 20\nsweep_interval: 20m\n" +
			"objects: [persons, deals, organizations, activities, leads, notes, products, pipelines, stages, users]"
		a.warm(s, conf)
		f := a.follow(s, conf)
		told := 0
		for i := range 120 {
			for _, o := range objects {
				for n := range i % 30 {
					a.change(o, 1+(i*7+n)%300, fmt.Sprint(i))
				}
			}
			told += len(f.after(time.Minute))
		}
		stats := a.Stats()
		assert.Zero(t, stats.Violations)
		assert.Greater(t, stats.MaxBurst, 15, "or this run shows nothing")
		assert.Greater(t, told, 7*300)
		f.end()
	})
}

func TestRecents_ParksWhenTheDaysTokensEndAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits sandbox.Limits
		conf   string
	}{
		"as Pipedrive says":    {sandbox.Limits{Burst: 20, SearchBurst: 10, DailyTokens: 150}, ""},
		"as daily_budget says": {sandbox.Limits{}, "daily_budget: 150\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{Limits: c.limits}, func(t *testing.T, a *account) {
				for i := 1; i <= 50; i++ {
					a.put("person", i, "First", fakeStart.Add(-time.Hour))
					a.put("deal", i, "First", fakeStart.Add(-time.Hour))
				}
				f := a.follow(newStore(t), withCache+c.conf+"poll_interval: 1m\nburst_limit: 20\npage_size: 5\nobjects: [persons, deals]")
				first := len(f.after(time.Hour))
				assert.Less(t, first, 100, "the tokens end in the middle of the first read")
				assert.Empty(t, f.after(6*time.Hour))
				assert.LessOrEqual(t, a.Stats().Tokens, 150)
				assert.LessOrEqual(t, a.Stats().Limited, 40, "it is asked again now and then")
				assert.Equal(t, 100, first+len(f.after(10*time.Hour)), "the next day")
				f.end()
			})
		})
	}
}

func TestRecents_FaultsLoseNothing(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(100)
		f := a.follow(newStore(t), withCache)
		f.after(time.Second)
		a.SetFaults(sandbox.Faults{Rate: 0.25, Seed: 5})
		have := map[string]bool{}
		for i := range 60 {
			for n := range 20 {
				a.change("person", 1+(i*20+n)%100, fmt.Sprint("v", i))
			}
			for _, m := range f.messages(3 * time.Minute) {
				have[m.meta["pipedrive_id"]+" "+m.text()] = true
			}
		}
		for _, m := range f.messages(2 * time.Hour) {
			have[m.meta["pipedrive_id"]+" "+m.text()] = true
		}
		for i := 55; i < 60; i++ {
			for n := range 20 {
				assert.True(t, have[fmt.Sprint(1+(i*20+n)%100, " v", i)])
			}
		}
		assert.Positive(t, a.Stats().Faults)
		f.end()
	})
}
