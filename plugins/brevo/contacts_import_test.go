package brevo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

var importMode = map[string]any{"mode": "import"}

// imports are the bodies of the imports that were sent.
func (w *world) imports() []map[string]any {
	var bodies []map[string]any
	for _, c := range w.tap.of(http.MethodPost, "/contacts/import") {
		bodies = append(bodies, c.object())
	}
	return bodies
}

func rowsOf(body map[string]any) int { return len(body["jsonBody"].([]any)) }

func TestContacts_AutoImportsFromAHundredContactsOn(t *testing.T) {
	t.Parallel()
	for n, wantImports := range map[int]int{importFrom - 1: 0, importFrom: 1} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": "auto"})
			require.NoError(t, w.send(persons(1, n)...))
			assert.Equal(t, n, w.Count())
			assert.Len(t, w.imports(), wantImports)
			if wantImports == 0 {
				assert.Len(t, w.tap.of(http.MethodPost, "/contacts"), n)
			}
			assert.EqualValues(t, n, w.counts.of("brevo_contacts_delivered upsert"))
		})
	}
}

func TestContacts_AutoAddsSmallBatchesToAnImportThatIsBeingPutTogether(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{ImportDelay: 300 * time.Millisecond}).start(map[string]any{"mode": "auto"})
	large := make(chan error, 1)
	go func() { large <- w.send(persons(1000, 100)...) }()
	eventually(t, func() bool { return len(w.tap.of(http.MethodGet, "/contacts/lists/60")) > 0 }, "the large batch is read")
	eventually(t, func() bool {
		return w.send(person(1, `,"listIds":[60]`)) == nil && len(w.imports()) > 0
	}, "small batches")
	require.NoError(t, <-large)
	rows := 0
	for _, body := range w.imports() {
		rows += rowsOf(body)
	}
	assert.Greater(t, rows, 100)
}

func TestContacts_EqualListSetsShareAnImportWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(importMode)
	require.NoError(t, w.send(
		person(1, `,"listIds":[60,61]`), person(2, `,"listIds":[61,60]`), person(3, `,"listIds":[60]`),
		person(4, `,"listIds":[61,60,61]`), person(5, `,"listIds":[60]`), person(6, `,"listIds":[61]`),
	))
	rows := map[string]int{}
	for _, body := range w.imports() {
		rows[fmt.Sprint(len(body["listIds"].([]any)), body["listIds"].([]any)[0])] += rowsOf(body)
	}
	assert.Equal(t, map[string]int{"2 60": 3, "1 60": 2, "1 61": 1}, rows)
	assert.Len(t, w.imports(), 3)
	assert.ElementsMatch(t, []int64{60, 61}, w.contact("p2@example.com").ListIDs)
	assert.Equal(t, []int64{60}, w.contact("p3@example.com").ListIDs)
}

// What rows of an import cannot say decides their company, or that they go singly.
func TestContacts_ImportTakesOnlyWhatARowCanSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ rest, call string }{
		"list":               {`,"listIds":[60]`, "POST /v3/contacts/import"},
		"blocked":            {`,"listIds":[60],"emailBlacklisted":true`, "POST /v3/contacts/import"},
		"blocked for SMS":    {`,"listIds":[60],"smsBlacklisted":true`, "POST /v3/contacts/import"},
		"re-subscribed":      {`,"listIds":[60],"emailBlacklisted":false`, "POST /v3/contacts"},
		"re-subscribed SMS":  {`,"listIds":[60],"smsBlacklisted":false`, "POST /v3/contacts"},
		"leaves a list":      {`,"listIds":[60],"unlinkListIds":[61]`, "PUT /v3/contacts/p1%40example.com?identifierType=email_id"},
		"no list":            {``, "POST /v3/contacts"},
		"no address":         {`,"listIds":[60],"email":null`, "POST /v3/contacts"},
		"fields of tomorrow": {`,"listIds":[60],"smtpBlacklistSender":["a@example.com"]`, "POST /v3/contacts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.PutContact(sandbox.Contact{Email: "p1@example.com", ExtID: "1", ListIDs: []int64{61}})
			w.start(importMode)
			require.NoError(t, w.send(person(1, c.rest)))
			assert.Equal(t, []string{c.call}, w.writes())
			assert.Equal(t, 1, w.Count())
			p1 := w.contact("p1@example.com")
			assert.Equal(t, name == "blocked", p1.EmailBlacklisted)
			assert.Equal(t, name == "blocked for SMS", p1.SMSBlacklisted)
			assert.Equal(t, name == "leaves a list", !contains(p1.ListIDs, 61))
			assert.Equal(t, name != "no list", contains(p1.ListIDs, 60))
		})
	}
}

func contains(ids []int64, id int64) bool { return strings.Contains(fmt.Sprint(ids), fmt.Sprint(id)) }

func TestContacts_ImportBodyIsWhatBrevoDocuments(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(importMode)
	require.NoError(t, w.send(
		message(`{"email":"ann+x@example.com","ext_id":"7","attributes":{"FIRSTNAME":"Ann","LASTNAME":null,"LTV":2.5},"listIds":[61,60],"emailBlacklisted":true}`),
		message(`{"email":"bob@example.com","listIds":[60,61],"emailBlacklisted":true}`),
	))
	calls := w.tap.of(http.MethodPost, "/contacts/import")
	require.Len(t, calls, 1)
	assert.JSONEq(t, `{"listIds":[61,60],"updateExistingContacts":true,"disableNotification":true,"emailBlacklist":true,"jsonBody":[
		{"email":"ann+x@example.com","attributes":{"EXT_ID":"7","FIRSTNAME":"Ann","LTV":2.5}},
		{"email":"bob@example.com","attributes":{}}]}`, string(calls[0].body))
}

func TestContacts_ImportIsSplitAtEightMegabytes(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(importMode)
	note := strings.Repeat("n", 100_000)
	batch := make([]*service.Message, 170)
	for i := range batch {
		batch[i] = message(fmt.Sprintf(`{"email":"p%d@example.com","attributes":{"NOTE":"%s"},"listIds":[60]}`, i, note))
	}
	require.NoError(t, w.send(batch...))
	calls := w.tap.of(http.MethodPost, "/contacts/import")
	require.Len(t, calls, 3)
	for _, c := range calls {
		assert.LessOrEqual(t, len(c.body), 8<<20)
	}
	assert.Greater(t, len(calls[0].body), 7_800_000)
	assert.Equal(t, len(batch), w.Count())
}

func TestContacts_BatchingWithoutAPeriodStillEnds(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": "single", "batching": map[string]any{"count": 1000}})
	require.NoError(t, w.send(persons(1, 3)...))
}

func TestContacts_ImportsKeepThePublishedLimits(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{Limits: sandbox.PublishedLimits(), ImportDelay: 400 * time.Millisecond}).
		start(map[string]any{"mode": "import", "requests_per_second": nil, "max_in_flight": 64})
	for round := range 3 {
		w.sendAll(
			persons(1000*round, 100), persons(1000*round+100, 100), persons(1000*round+200, 100),
			[]*service.Message{person(1000*round+900, `,"listIds":[61]`)}, []*service.Message{person(1000*round+901, `,"listIds":[62]`)},
			[]*service.Message{person(1000*round+902, `,"listIds":[61]`)}, []*service.Message{person(1000*round+903, `,"listIds":[62,61]`)},
		)
	}
	stats := w.Stats()
	assert.Zero(t, stats.Limited)
	assert.Zero(t, stats.Violations)
	assert.Equal(t, 3*304, w.Count())
	assert.Len(t, w.imports(), 12)
	assert.LessOrEqual(t, stats.Buckets["other"], 24, "questions about 12 imports, out of 100 an hour")
}

func TestContacts_CloseDuringAnImportReturnsPromptlyAndAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]bool{"while it is put together": false, "while it is under way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{ImportDelay: time.Hour})
			out := w.output(importMode)
			written := make(chan error, 1)
			go func() { written <- out.WriteBatch(t.Context(), persons(1, 3)) }()
			if sent {
				eventually(t, func() bool { return len(w.imports()) == 1 }, "the import is sent")
			} else {
				eventually(t, out.importer.busy, "an import is open")
			}
			start := time.Now()
			require.NoError(t, out.Close(context.Background()))
			assert.Error(t, <-written)
			assert.Less(t, time.Since(start), 2*time.Second)
			assert.NoError(t, out.Close(context.Background()), "Close can be called twice")
		})
	}
}

func TestContacts_StoppingTheStreamDuringAnImportAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{ImportDelay: time.Hour}).start(importMode)
	acked := atomic.Bool{}
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		acked.Store(w.produce(ctx, persons(1, 3)) == nil)
	}()
	eventually(t, func() bool { return len(w.imports()) == 1 }, "the import is sent")
	start := time.Now()
	_ = w.stream.StopWithin(time.Second)
	assert.Less(t, time.Since(start), 3*time.Second)
	cancel()
	<-sent
	assert.False(t, acked.Load())
	assert.Empty(t, w.letters.all())
}
