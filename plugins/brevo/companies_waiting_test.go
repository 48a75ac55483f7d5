package brevo

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/deadletter"
	sandbox "connector/sandbox/brevo"
)

// companiesOut is an output that is connected, without a stream around it.
func companiesOut(w *world, room int) *companiesOutput {
	w.t.Helper()
	conf, err := companiesSpec().ParseYAML(encode(w.t, map[string]any{
		"api_key": "sandbox", "base_url": w.url + "/v3", "requests_per_second": 5000, "id_cache": "state",
		"action": `${! @action.or("upsert") }`,
	}), nil)
	require.NoError(w.t, err)
	out, err := newCompaniesOutput(conf, resourcesWith(w.kept))
	require.NoError(w.t, err)
	require.NoError(w.t, out.Connect(w.t.Context()))
	out.book.mu.Lock()
	out.book.room = room
	out.book.mu.Unlock()
	return out
}

// heap is what is in use, without what the cache holds.
func (w *world) heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	kept := 0
	for _, key := range w.kept.keys("") {
		kept += len(key) + cap(w.kept.values[key])
	}
	return int64(m.HeapAlloc) - int64(kept)
}

// pageOfMembers are persons as their input reads them: each can still be made of the page.
func pageOfMembers(from, n, companies int) []*service.Message {
	page := []byte(strings.Repeat("{} ", 240_000))
	messages := make([]*service.Message, n)
	for i := range messages {
		m := member(from+i, (from+i)%companies+1, "pipedrive_action", "snapshot", "pipedrive_source", "recents")
		messages[i] = deadletter.WithOrigin(at(m, "2026-11-01T10:00:00Z"), func() (any, error) {
			panic(fmt.Sprintf("a page of %d bytes is decoded for a link", len(page)))
		})
	}
	return messages
}

// Not parallel: others would be measured with it.
func TestCompanies_ALinkThatWaitsTakesSome200BytesAndBeyondABoundNone(t *testing.T) {
	w := limited(t, reserve) // no call for companies
	out := companiesOut(w, 50_000)
	defer out.book.leave(out)
	before := w.heap()
	for from := 1; from < 50_000; from += 500 {
		require.NoError(t, out.WriteBatch(t.Context(), pageOfMembers(from, 500, 9000)))
	}
	full := w.heap() - before
	t.Logf("%d bytes a link", full/50_000)
	assert.Less(t, full/50_000, int64(250))
	for from := 50_001; from < 80_000; from += 500 {
		require.NoError(t, out.WriteBatch(t.Context(), pageOfMembers(from, 500, 9000)))
	}
	more := w.heap() - before - full
	t.Logf("%d bytes a link beyond", more/30_000)
	assert.Less(t, more/30_000, int64(10))
	_, links := out.book.waiting()
	assert.Equal(t, 80_000, links)
	kept := 0
	for _, key := range w.kept.keys("brevo_companies/backlog/") {
		kept += len(w.kept.values[key])
	}
	t.Logf("%d bytes a link in the cache", kept/80_000)
	assert.Less(t, kept/80_000, 60)
}

func TestCompanies_WhatIsKnownOfAMillionContactsTakesLessThan60MB(t *testing.T) {
	w := sandboxed(t, sandbox.Config{})
	before := w.heap()
	m := newCompanyMap()
	for i := range 1_000_000 {
		m.setLink(extLinkKey(fmt.Sprint(i)), linkEntry{company: fmt.Sprint(i % 10_000), contact: int64(5_000_000_000 + i), time: 1_793_000_000_000})
	}
	took := w.heap() - before
	t.Logf("%d bytes a contact", took/1_000_000)
	assert.Less(t, took, int64(60<<20))
	assert.Equal(t, linkEntry{company: "7", contact: 5_000_000_007, time: 1_793_000_000_000}, m.link(extLinkKey("7")))
}

func TestCompanies_LinksThatWaitInTheCacheOnlyAreMadeInOrder(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(300)
	w.SetLimits(sandbox.Limits{OtherPerHour: reserve})
	out := companiesOut(w, 20)
	require.NoError(t, out.WriteBatch(t.Context(), orgs(1, 3, "")))
	for from := 1; from <= 300; from += 10 {
		var page []*service.Message
		for i := range 10 {
			page = append(page, member(from+i, 1))
		}
		require.NoError(t, out.WriteBatch(t.Context(), page))
	}
	require.NoError(t, out.WriteBatch(t.Context(), []*service.Message{member(5, 2), member(299, 3), at(member(7, 3), "2026-11-01T10:00:02Z")}))
	require.NoError(t, out.WriteBatch(t.Context(), []*service.Message{member(299, 2), at(member(7, 2), "2026-11-01T10:00:00Z")}))
	out.book.mu.Lock()
	inMemory := len(out.book.links)
	out.book.mu.Unlock()
	assert.LessOrEqual(t, inMemory, 20)
	out.book.leave(out)

	w.anHourLater()
	out = companiesOut(w, 20)
	out.book.finish(t.Context())
	out.book.leave(out)
	companies := w.byOrg()
	assert.Len(t, companies["1"].ContactIDs, 297)
	assert.ElementsMatch(t, []int64{w.contactID("5"), w.contactID("299")}, companies["2"].ContactIDs)
	assert.Equal(t, []int64{w.contactID("7")}, companies["3"].ContactIDs)
	assert.Empty(t, w.kept.keys("brevo_companies/backlog/"))
}

func TestCompanies_ALinkThatIsRefusedLateIsMadeAgainForTheDeadLetters(t *testing.T) {
	t.Parallel()
	c := linkOf(&companyMessage{who: "person 12", time: 1_793_000_000_500, order: companyOrder{ext: "7", link: []contactRef{{email: "p12@example.com", extID: "12"}}}}, time.Now())
	value := sealed(appendLink([]byte{ledgerVersion, 1, 1}, c))
	kept, err := decodeSegment(value)
	require.NoError(t, err)
	m := kept.items[0].asMessage()
	body, err := m.AsBytes()
	require.NoError(t, err)
	assert.JSONEq(t, `{"ext_id":"7","linkContacts":[{"email":"p12@example.com","ext_id":"12"}]}`, string(body))
	for key, value := range map[string]string{"pipedrive_object": "person", "pipedrive_id": "12", "action": "link"} {
		text, _ := m.MetaGet(key)
		assert.Equal(t, value, text)
	}
	assert.EqualValues(t, 1_793_000_000_500, timeOf(m))
}
