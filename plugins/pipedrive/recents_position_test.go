package pipedrive

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestRecents_ThePositionIsSmallVersionedJSON(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, withCache+"objects: [persons, deals]")
		f.after(time.Minute)
		a.change("person", 3, "Changed")
		f.after(2 * time.Minute)
		var stored struct {
			V       int
			Objects map[string]struct {
				Full      any
				Watermark time.Time
			}
		}
		require.NoError(t, json.Unmarshal([]byte(s.position()), &stored))
		assert.Equal(t, 2, stored.V)
		assert.Len(t, stored.Objects, 2)
		assert.Nil(t, stored.Objects["person"].Full)
		assert.Equal(t, fakeStart.Add(time.Minute), stored.Objects["person"].Watermark, "the latest update_time, in whole seconds")
		assert.Less(t, len(s.position()), 1000)
		assert.NotContains(t, s.position(), "sandbox", "the token is not in it")
		f.end()
	})
}

func TestRecents_TheFirstReadGoesOnWhereItWasDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(95)
		s := newStore(t)
		var told []message
		for n := 0; ; n++ { // a restart between every two pages
			in := a.startRecents(s.resources, withCache+"checkpoint_limit: 1")
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			batch, ack, err := in.ReadBatch(ctx)
			cancel()
			if err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NoError(t, in.Close(t.Context()))
				break
			}
			told = append(told, messagesOf(t, batch)...)
			require.NoError(t, ack(t.Context(), nil))
			if n%3 == 0 {
				a.change("person", 1+n*7, "Changed")
			}
			require.NoError(t, in.Close(t.Context()))
			a.newProcess()
		}
		last := map[string]string{}
		for _, m := range told {
			last[m.meta["pipedrive_id"]] = m.text()
		}
		assert.Len(t, last, 95)
		for n := 0; n < 11; n += 3 {
			assert.Equal(t, "Changed", last[fmt.Sprint(1+n*7)], "person %d", 1+n*7)
		}
		calls, _ := a.asked("/api/v2/persons?", "limit=10")
		assert.Less(t, calls, 60)
	})
}

func TestRecents_ANackedPageIsDeliveredAgainBeforeThePositionMoves(t *testing.T) {
	t.Parallel()
	polled(t, "", func(t *testing.T, a *account, f *following) {
		stored := f.cache.position()
		watermark := func(p string) string {
			var s storedFollow
			require.NoError(t, json.Unmarshal([]byte(p), &s))
			return s.Objects["person"].Watermark + s.Objects["person"].Since + s.Objects["person"].Seen
		}
		f.refusing(true)
		a.change("person", 3, "Changed")
		assert.Empty(t, f.after(10*time.Minute))
		assert.Equal(t, watermark(stored), watermark(f.cache.position()))
		f.refusing(false)
		assert.Equal(t, []string{"change person 3"}, f.after(time.Minute))
		assert.NotEqual(t, watermark(stored), watermark(f.cache.position()))
	})
}

func TestRecents_AKilledRunTellsAgainWhatWasNotDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(10)
		s := newStore(t)
		f := a.follow(s, withCache)
		f.after(5 * time.Minute)
		f.refusing(true)
		a.change("person", 3, "Not delivered")
		f.after(2 * time.Minute)
		f.refusing(false)
		a.change("person", 4, "Delivered") // or the page before it, which comes again
		f.kill()
		a.newProcess()
		f = a.follow(s, withCache)
		assert.Subset(t, f.after(time.Minute), []string{"change person 3", "change person 4"})
		f.end()
	})
}

func TestRecents_APositionOfPaginatedIsMigrated(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		s.values["shared"] = []byte(`{"v":1,"query":"v2 filter=0","objects":{"person":{"next":"eyJmaWVsZCI6ImlkIn0"},"deal":{"done":true}}}`)
		conf := withCache + "checkpoint_cache_key: shared"
		f := a.follow(s, conf)
		assert.Equal(t, repeated("snapshot person", 1, 25), f.after(time.Minute), "all of it: when its records were read is not known")
		assert.True(t, s.logs.has("pipedrive_paginated"))
		f.end()
		assert.Contains(t, string(s.values["shared"]), `"v":2`)
		f = a.follow(s, conf)
		assert.Empty(t, f.after(time.Hour))
		f.end()
	})
}

func TestRecents_APositionThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	for stored, problem := range map[string]string{
		`{"v":99,"query":"filter=0","objects":{}}`: "newer version of this program (format 99",
		`2026-01-01T00:00:00Z`:                     "not one of this input",
		`{}`:                                       "not one of this input",
		`{"v":2,"query":"filter=0","objects":[]}`:                                                                                        "cannot be read",
		`{"v":2,"query":"filter=0","objects":{"person":{"watermark":"yesterday"}}}`:                                                      "cannot be read",
		`{"v":2,"query":"filter=0","objects":{"person":{}}}`:                                                                             "cannot be read",
		`{"v":2,"query":"filter=0","objects":{"person":{"watermark":"2026-01-01T00:00:00Z","since":"2026-01-01T00:00:00Z","seen":"!"}}}`: "cannot be read",
	} {
		t.Run(stored, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				s := newStore(t)
				s.values["pipedrive_recents"] = []byte(stored)
				in, err := a.openRecents(s.resources, withCache)
				require.NoError(t, err)
				err = in.Connect(t.Context())
				require.ErrorContains(t, err, problem)
				assert.ErrorContains(t, err, "checkpoint_cache_key", "it says what to do")
				require.NoError(t, in.Close(t.Context()))
				assert.Equal(t, stored, s.position(), "it is left as it was")
			})
		})
	}
}

func TestRecents_APositionOfOtherSettingsOrAnotherAccountIsNotUsed(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(25)
		s := newStore(t)
		f := a.follow(s, withCache)
		f.after(time.Minute)
		f.end()
		var p map[string]any
		require.NoError(t, json.Unmarshal([]byte(s.position()), &p))
		for key, other := range map[string]string{"account": "another", "query": "filter=7"} {
			was := p[key]
			p[key] = other
			raw, err := json.Marshal(p)
			require.NoError(t, err)
			s.values["pipedrive_recents"] = raw
			p[key] = was
			f = a.follow(s, withCache)
			assert.Len(t, f.after(time.Minute), 25, key)
			assert.True(t, s.logs.has("other settings or another account"))
			f.end()
		}
	})
}

func TestRecents_TwoInputsShareACacheByTwoKeys(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(15)
		a.put("deal", 1, "Deal", time.Now())
		s := newStore(t)
		confs := []string{withCache, withCache + "checkpoint_cache_key: deals\nobjects: [deals]"}
		persons, deals := a.follow(s, confs[0]), a.follow(s, confs[1])
		assert.Len(t, persons.after(time.Minute), 15)
		assert.Len(t, deals.after(0), 1)
		persons.end()
		deals.end()
		a.change("person", 2, "Changed")
		a.change("deal", 1, "Changed")
		persons, deals = a.follow(s, confs[0]), a.follow(s, confs[1])
		assert.Equal(t, []string{"change person 2"}, persons.after(time.Minute))
		assert.Equal(t, []string{"change deal 1"}, deals.after(0))
		persons.end()
		deals.end()
	})
}

func TestRecents_AnObjectThatIsNewInTheConfigurationIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(15)
		a.put("deal", 1, "Deal", time.Now().Add(-time.Hour))
		s := newStore(t)
		f := a.follow(s, withCache)
		f.after(time.Minute)
		f.end()
		f = a.follow(s, withCache+"objects: [persons, deals]")
		assert.Equal(t, []string{"snapshot deal 1"}, f.after(time.Minute))
		f.end()
		f = a.follow(s, withCache+"objects: [deals]") // without persons for once
		assert.Empty(t, f.after(time.Minute))
		f.end()
		a.change("person", 3, "Changed")
		f = a.follow(s, withCache+"objects: [persons, deals]")
		assert.Equal(t, []string{"change person 3"}, f.after(time.Minute), "the position of persons is still there")
		f.end()
	})
}
