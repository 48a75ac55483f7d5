package brevo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
	sandbox "connector/sandbox/brevo"
)

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
			w.PutContact(sandbox.Contact{Email: "former@example.com", ExtID: "2007"})
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
			assert.Equal(t, []string{"9001", "9002", "9003", "9004"}, w.letters.ids())
			for _, one := range w.letters.all() {
				assert.Contains(t, one.reason, "the address is not valid [import report invalid_emails]", one.id)
			}
			assert.Equal(t, 200, w.Count(), "the one that was there has its new address")
			assert.Equal(t, "2007", w.contact("p2007@example.com").ExtID)
			assert.EqualValues(t, 200, w.counts.of("brevo_contacts_delivered upsert"))
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

func TestPoller_AsksLessThanAHundredTimesAnHour(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{10 * time.Minute, 20 * time.Minute, time.Hour} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoller(nil, nil)
				p.left = func() int { return 100 }
				start, questions := time.Now(), 0
				for time.Since(start) < time.Hour { // imports one after the other
					p.waiting[1] = &waiting{since: time.Now(), done: make(chan struct{})}
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
