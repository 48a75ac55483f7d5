package brevo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
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

// Reports come in forms that nobody documents. In each, exactly the rows that they name are refused,
// also when many pages share the import.
func TestContacts_ManyPagesShareAnImportAndExactlyItsRefusedRowsAreDeadLettered(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]sandbox.Quirks{
		"default":         {},
		"header Email":    {ReportHeader: "Email"},
		"comma":           {ReportSeparator: ','},
		"tab":             {ReportSeparator: '\t', ReportExtraColumns: true},
		"bar":             {ReportSeparator: '|', ReportExtraColumns: true},
		"no header":       {ReportNoHeader: true},
		"extra columns":   {ReportExtraColumns: true, ReportSeparator: ','},
		"anchors":         {ReportAnchors: true},
		"info by id only": {InfoOnlyByID: true},
		"all at once":     {InfoOnlyByID: true, ReportAnchors: true, ReportNoHeader: true, ReportExtraColumns: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{Quirks: quirks})
			w.PutContact(sandbox.Contact{Email: "other@example.com", ExtID: "2007"})
			w.start(importMode)
			bad := func(id int, email string) []*service.Message {
				return []*service.Message{message(fmt.Sprintf(`{"email":%q,"ext_id":"%d","listIds":[60]}`, email, id), "pipedrive_id", strconv.Itoa(id))}
			}
			w.sendAll(
				append(persons(1000, 40), bad(9001, `BAD@`)...),
				persons(2000, 40),
				append(bad(9002, `a@example.com, p1000@example.com`), persons(3000, 40)...),
				append(persons(4000, 40), bad(9003, `x;"y"@example.com`)...),
				append(bad(9004, `ünï@exämple.com`), persons(5000, 40)...),
			)
			assert.Len(t, w.imports(), 1, "all pages share one import")
			assert.Equal(t, []string{"2007", "9001", "9002", "9003", "9004"}, w.letters.ids())
			for _, one := range w.letters.all() {
				want := "the address is not valid [import report invalid_emails]"
				if one.id == "2007" {
					want = "the ext_id belongs to another contact in Brevo [import report duplicate_ext_id]"
				}
				assert.Contains(t, one.reason, want, one.id)
			}
			assert.Equal(t, 200, w.Count(), "199 persons, and the one that was there")
			assert.EqualValues(t, 199, w.counts.of("brevo_contacts_delivered upsert"))
			assert.EqualValues(t, 4, w.counts.of("brevo_contacts_refused invalid_emails"))
			assert.Empty(t, w.logs.with("ERROR"))
		})
	}
}

func TestContacts_RowsOfAnImportThatBrevoRefusesAsAWholeAreWrittenOneByOne(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/contacts/import") && answer(rw, http.StatusBadRequest, `{"code":"invalid_parameter","message":"one bad row"}`)
	}
	w.start(importMode)
	bad := message(`{"email":"no..body@example.com","ext_id":"2","listIds":[60]}`)
	bad.MetaSetMut("pipedrive_id", "2")
	require.NoError(t, w.send(person(1, `,"listIds":[60]`), bad, person(3, `,"listIds":[60]`)))
	require.Equal(t, []string{"2"}, w.letters.ids(), "exactly that and no other")
	assert.Contains(t, w.letters.all()[0].reason, "email")
	assert.Equal(t, 2, w.Count())
	assert.Len(t, w.logs.with("its 3 contacts are written one by one"), 1)
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

// process answers for the state of imports, of which the first ones end badly.
func processes(w *world, bad int64, status string) {
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		id, err := strconv.ParseInt(strings.TrimPrefix(c.uri, "/v3/processes/"), 10, 64)
		return c.method == http.MethodGet && err == nil && id <= bad &&
			answer(rw, http.StatusOK, fmt.Sprintf(`{"id":%d,"name":"IMPORTUSER","status":%q}`, id, status))
	}
}

func TestContacts_AProcessMayLeaveOutItsIDAndWriteWhatIsEmptyAsAList(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no id": `{"status":"completed"}`, "another id": `{"id":999,"status":"completed"}`,
		"info is a list": `{"id":1,"status":"completed","info":[]}`, "import is a list": `{"id":1,"status":"completed","info":{"import":[]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			w.tap.instead = func(rw http.ResponseWriter, c call) bool {
				return strings.HasPrefix(c.uri, "/v3/processes") && answer(rw, http.StatusOK, body)
			}
			w.start(importMode)
			require.NoError(t, w.send(persons(1, 3)...))
			assert.EqualValues(t, 3, w.counts.of("brevo_contacts_delivered upsert"))
		})
	}
}

func TestContacts_BatchingWithoutAPeriodStillEnds(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": "single", "batching": map[string]any{"count": 1000}})
	require.NoError(t, w.send(persons(1, 3)...))
}

func TestContacts_ImportThatEndsBadlyIsSentOnceMore(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"failed", "cancelled"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			processes(w, 1, status)
			w.start(importMode)
			require.NoError(t, w.send(persons(1, 3)...))
			assert.Len(t, w.imports(), 2)
			assert.Equal(t, w.imports()[0], w.imports()[1])
			assert.Len(t, w.logs.with("import 1 of 3 contacts ended as "+status+"; it is sent again"), 1)
			assert.Empty(t, w.letters.all())
			assert.EqualValues(t, 3, w.counts.of("brevo_contacts_delivered upsert"))
		})
	}
}

func TestContacts_RowsOfAnImportThatEndsBadlyTwiceAreWrittenOneByOne(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	processes(w, 2, "failed")
	w.start(importMode)
	require.NoError(t, w.send(persons(1, 3)...))
	assert.Len(t, w.imports(), 2)
	assert.Len(t, w.logs.with("ended as failed twice; its 3 contacts are written one by one"), 1)
	assert.Empty(t, w.letters.all())
	assert.EqualValues(t, 3, w.counts.of("brevo_contacts_delivered upsert"))
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

func TestPoller_AsksLessThanAHundredTimesAnHour(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{10 * time.Minute, 20 * time.Minute, time.Hour} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoller(nil, nil)
				start, questions := time.Now(), 0
				for time.Since(start) < time.Hour { // imports one after the other
					p.waiting[1] = &waiting{since: time.Now(), answer: make(chan api.Process, 1)}
					for end := time.Now().Add(takes); time.Now().Before(end) && time.Since(start) < time.Hour; questions++ {
						pause, ids := p.plan()
						require.Len(t, ids, 1)
						time.Sleep(pause)
					}
					p.heard(api.Process{ID: 1, Status: "completed"})
				}
				assert.LessOrEqual(t, questions, 100)
			})
		})
	}
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

func TestContacts_ReportWithNothingButAHeaderRefusesNobody(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "EMAIL\n", "\ufeff\"email\";\"EXT_ID\";\"SMS\"\r\n"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{})
			completed(w, file)
			w.start(importMode)
			require.NoError(t, w.send(persons(1, 3)...))
			assert.Empty(t, w.letters.all())
			assert.Empty(t, w.logs.with("ERROR"))
		})
	}
}

func TestContacts_ReportThatNamesNoRowOfTheImportIsToldAsAnError(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	completed(w, "EMAIL\nsomebody-else@example.com\n")
	w.start(importMode)
	require.NoError(t, w.send(persons(1, 3)...))
	assert.Len(t, w.logs.with("ERROR", "names no row of the import", "invalid_emails"), 1)
}

// completed ends every import with a report.
func completed(w *world, report string) {
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		if strings.HasPrefix(c.uri, "/reports/") {
			return answer(rw, http.StatusOK, report)
		}
		return strings.HasPrefix(c.uri, "/v3/processes/") && answer(rw, http.StatusOK,
			`{"id":1,"name":"IMPORTUSER","status":"completed","info":{"import":{"invalid_emails":"`+w.url+`/reports/1.csv"}}}`)
	}
}
