package pipedrive

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestWebhook_EveryRecordedPayloadIsAnsweredAndDelivered(t *testing.T) {
	t.Parallel()
	bodies := payloads(t)
	if len(bodies) == 0 {
		t.Skip("../shared is not here")
	}
	in := listen(t, "")
	got := in.deliverAll()
	for name, body := range bodies {
		assert.Equal(t, 200, in.send(http.MethodPost, body).status, name)
	}
	assert.Len(t, got.messages(), len(bodies))
	for _, m := range got.messages() {
		record, err := m.AsStructured()
		require.NoError(t, err)
		for _, key := range []string{"pipedrive_object", "pipedrive_action", "pipedrive_time", "pipedrive_event_id"} {
			assert.NotEmpty(t, metaOf(m, key))
		}
		assert.Equal(t, "webhook", metaOf(m, "pipedrive_source"))
		assert.Contains(t, compact(t, record), `"id":`)
	}
}

func TestWebhook_MetadataSaysWhatHappened(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	got := in.deliverAll()
	require.Equal(t, 200, in.send(http.MethodPost, change(42, 1)).status)
	m := got.messages()[0]
	for key, want := range map[string]string{
		"pipedrive_object": "person", "pipedrive_id": "42", "pipedrive_action": "change", "pipedrive_time": "2026-11-02T10:11:12.345Z",
		"pipedrive_source": "webhook", "pipedrive_event_id": "00000001-0000-4000-8000-000000000000", "pipedrive_user_id": "7", "pipedrive_change_source": "app",
	} {
		assert.Equal(t, want, metaOf(m, key), key)
	}
	previous, ok := m.MetaGetMut("pipedrive_previous")
	require.True(t, ok)
	assert.Equal(t, map[string]any{"name": "Before"}, previous)
	_, merged := m.MetaGet("pipedrive_merged_to_id")
	assert.False(t, merged)
}

func TestWebhook_IsAnsweredOnlyWhenItIsDelivered(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	status := in.post(change(1, 1))
	_, ack := in.batch()
	select {
	case <-status:
		t.Fatal("answered before it was delivered")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, ack(t.Context(), nil))
	assert.Equal(t, 200, <-status)
}

func TestWebhook_WhatIsNotDeliveredIs503AndTakenAgainWhenPipedriveTriesAgain(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	status := in.post(change(1, 1))
	_, ack := in.batch()
	require.NoError(t, ack(t.Context(), assert.AnError))
	assert.Equal(t, 503, <-status)
	in.nothing()

	status = in.post(change(1, 1))
	batch, ack := in.batch()
	assert.Len(t, batch, 1)
	require.NoError(t, ack(t.Context(), nil))
	assert.Equal(t, 200, <-status)
}

func TestWebhook_WhatIsRepeatedIsHandedOnOnce(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	first := in.post(change(1, 1))
	_, ack := in.batch()
	retry := in.post(strings.Replace(change(1, 1), `"attempt":1`, `"attempt":2`, 1))
	in.nothing()
	require.NoError(t, ack(t.Context(), nil))
	assert.Equal(t, 200, <-first, "and the retry shares what becomes of it")
	assert.Equal(t, 200, <-retry)
	assert.Equal(t, 200, in.send(http.MethodPost, change(1, 1)).status)
	in.nothing()
}

func TestWebhook_ARetryWithAnotherIDIsStillTheSameDelivery(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	got := in.deliverAll()
	first := change(1, 1)
	for _, body := range []string{
		first, strings.NewReplacer(`"attempt":1`, `"attempt":2`, "00000001-0000", "00000009-0000").Replace(first),
		strings.Replace(first, "00000001-0000", "00000008-0000", 1), // no retry: two events can be alike
	} {
		assert.Equal(t, 200, in.send(http.MethodPost, body).status)
	}
	assert.Len(t, got.messages(), 2)
}

func TestWebhook_DeduplicationSurvivesARestartWithACache(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 0), newResources(t)
	in := a.startHook(res, "dedupe_cache: state\n")
	got := in.deliverAll()
	require.Equal(t, 200, in.send(http.MethodPost, change(1, 1)).status)
	require.NoError(t, in.Close(t.Context()))
	assert.Len(t, got.messages(), 1)

	again := a.startHook(res, "dedupe_cache: state\n")
	assert.Equal(t, 200, again.send(http.MethodPost, change(1, 1)).status)
	again.nothing()
}

func TestWebhook_TheCacheIsNotAskedForWhatHappenedSinceTheStart(t *testing.T) {
	t.Parallel()
	a, res := newAccount(t, sandbox.Config{}, 0), newResources(t)
	old := time.Now().Add(-time.Hour)
	in := a.startHook(res, "dedupe_cache: state\n")
	in.seen.started.Store(&old)
	got := in.deliverAll()
	at := func(event int, t time.Time) string {
		return strings.Replace(change(1, event), "2026-11-02T10:11:12.345Z", t.UTC().Format(time.RFC3339), 1)
	}
	for i, c := range []struct {
		at    time.Time
		asked bool
	}{{old.Add(-time.Minute), true}, {old.Add(time.Second), true}, {old.Add(time.Minute), false}} {
		d, err := in.client.ReadDelivery(t.Context(), []byte(at(i, c.at)))
		require.NoError(t, err)
		in.seen.store(t.Context(), d.Key())
		require.Equal(t, 200, in.send(http.MethodPost, at(i, c.at)).status)
		assert.Equal(t, c.asked, len(got.messages()) == 0)
	}
}

func TestWebhook_ACacheThatFailsFailsNoDelivery(t *testing.T) {
	t.Parallel()
	res := newResourcesWith(t, brokenCache(t), "broken: {}")
	in := newAccount(t, sandbox.Config{}, 0).startHook(res, "dedupe_cache: state\n")
	got := in.deliverAll()
	for i := range 3 {
		assert.Equal(t, 200, in.send(http.MethodPost, change(1, i)).status)
	}
	assert.Len(t, got.messages(), 3)
	assert.Equal(t, 1, res.logs.count("dedupe_cache"))
}

func TestWebhook_WhatWaitsIsOneBatchInOrderOfArrival(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	var all []<-chan int
	for i := 1; i <= 5; i++ {
		all = append(all, in.post(change(i, i)))
		require.Eventually(t, func() bool { return in.waiting() == i }, 5*time.Second, time.Millisecond)
	}
	batch, ack := in.batch()
	require.Len(t, batch, 5)
	for i, m := range batch {
		assert.Equal(t, strconv.Itoa(i+1), metaOf(m, "pipedrive_id"))
	}
	require.NoError(t, ack(t.Context(), nil))
	for _, status := range all {
		assert.Equal(t, 200, <-status)
	}
}

func TestWebhook_OfOneRecordTheNextWaitsUntilTheOneBeforeIsDelivered(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	one := in.post(change(1, 1))
	_, first := in.batch()
	two := in.post(change(1, 2))
	require.Eventually(t, func() bool { return in.waiting() == 1 }, 5*time.Second, time.Millisecond)
	in.nothing()
	other := in.post(change(2, 3))
	batch, ack := in.batch()
	assert.Equal(t, "2", metaOf(batch[0], "pipedrive_id"), "others go on")
	require.NoError(t, ack(t.Context(), nil))
	require.NoError(t, first(t.Context(), nil))
	batch, ack = in.batch()
	assert.Contains(t, metaOf(batch[0], "pipedrive_event_id"), "00000002")
	require.NoError(t, ack(t.Context(), nil))
	for _, status := range []<-chan int{one, two, other} {
		assert.Equal(t, 200, <-status)
	}
}

func TestWebhook_OrderHoldsWhileTheDefinitionsAreRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	in := a.startHook(newResources(t), "")
	reading, goOn := make(chan struct{}), make(chan struct{})
	a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/personFields") {
			close(reading)
			<-goOn
		}
		return false
	})
	for i := 1; i <= 4; i++ {
		in.post(change(1, i))
		require.Eventually(t, func() bool { return in.waiting() == i }, 5*time.Second, time.Millisecond)
	}
	<-reading
	in.nothing()
	close(goOn)
	require.Eventually(t, func() bool { return in.line.filled() == 4 }, 5*time.Second, time.Millisecond)
	batch, ack := in.batch()
	require.Len(t, batch, 4)
	for i, m := range batch {
		assert.Contains(t, metaOf(m, "pipedrive_event_id"), "0000000"+strconv.Itoa(i+1))
	}
	require.NoError(t, ack(t.Context(), nil))
}

func TestWebhook_WhileTheDefinitionsCannotBeReadItIs503(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	in := a.startHook(newResources(t), "")
	a.SetToken("another")
	assert.Equal(t, 503, in.send(http.MethodPost, change(1, 1)).status)
	assert.True(t, in.res.logs.has("PIPEDRIVE_API_TOKEN"))
	a.SetToken("sandbox")
	got := in.deliverAll()
	assert.Equal(t, 200, in.send(http.MethodPost, change(1, 1)).status)
	assert.Len(t, got.messages(), 1)
}

func TestWebhook_BothDeliveriesOfAMergeSayWhatBecameOfWhom(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	got := in.deliverAll()
	survivor := strings.Replace(change(1, 1), `"attempt":1`, `"merged_from_id":"2"`, 1)
	gone := strings.NewReplacer(`"change",`, `"delete",`, `"attempt":1`, `"merged_to_id":"1"`, `"data":{`, `"data":null,"previous":{`, `,"previous":{"name":"Before"}`, "").Replace(change(2, 1))
	require.Equal(t, 200, in.send(http.MethodPost, survivor).status)
	require.Equal(t, 200, in.send(http.MethodPost, gone).status)
	messages := got.messages()
	require.Len(t, messages, 2)
	assert.Equal(t, "merge 2", metaOf(messages[0], "pipedrive_action")+" "+metaOf(messages[0], "pipedrive_merged_from_id"))
	assert.Equal(t, "delete 1", metaOf(messages[1], "pipedrive_action")+" "+metaOf(messages[1], "pipedrive_merged_to_id"))
	record, err := messages[1].AsStructured()
	require.NoError(t, err)
	assert.Equal(t, true, record.(map[string]any)["is_deleted"])
	assert.Equal(t, "Person 2, 1", record.(map[string]any)["name"])
}

func TestWebhook_CloseAnswers503ToWhatNobodyReadAndWaitsForTheRest(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	reading := in.post(change(1, 1))
	_, ack := in.batch()
	waiting := in.post(change(2, 2))
	require.Eventually(t, func() bool { return in.waiting() == 1 }, 5*time.Second, time.Millisecond)
	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- in.Close(t.Context()) }()
	}
	assert.Equal(t, 503, <-waiting)
	require.NoError(t, ack(t.Context(), nil))
	assert.Equal(t, 200, <-reading)
	require.NoError(t, <-closed)
	require.NoError(t, <-closed)
	_, _, err := in.ReadBatch(t.Context())
	assert.ErrorIs(t, err, service.ErrEndOfInput)
	assert.Error(t, in.send(http.MethodPost, change(3, 3)).err, "nobody listens")
}

func TestWebhook_CloseDoesNotWaitForEverForWhatIsNeverAcknowledged(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	status := in.post(change(1, 1))
	_, ack := in.batch()
	start := time.Now()
	require.NoError(t, in.Close(t.Context()))
	assert.Less(t, time.Since(start), closeTimeout+3*time.Second)
	assert.Equal(t, 503, <-status)
	assert.NoError(t, ack(t.Context(), nil), "an acknowledgement that comes late does no harm")
}
