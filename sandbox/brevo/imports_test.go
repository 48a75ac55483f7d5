package brevo

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// report reads a report of a completed import, without a key; "" when it is null.
func (a *account) report(process got, kind string) string {
	a.t.Helper()
	address, _ := process.json["info"].(map[string]any)["import"].(map[string]any)[kind].(string)
	if address == "" {
		return ""
	}
	resp, err := http.Get(regexp.MustCompile(`http://[^"]+`).FindString(address))
	require.NoError(a.t, err)
	defer resp.Body.Close()
	require.Equal(a.t, http.StatusOK, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return string(text)
}

func TestImport_GoesFromQueuedToCompletedAndThenHasItsReports(t *testing.T) {
	c := start(t, Config{ImportDelay: 60 * time.Millisecond})
	a := c.post("/contacts/import", `{"jsonBody":[{"email":"ann@example.com"}],"listIds":[60]}`)
	require.Equal(t, http.StatusAccepted, a.status)
	assert.Equal(t, map[string]any{"processId": 1.0}, a.json)
	first := c.get("/processes/1")
	assert.Equal(t, "IMPORTUSER", first.json["name"])
	assert.NotContains(t, first.json, "info")
	seen := map[any]bool{first.json["status"]: true}
	require.Eventually(t, func() bool {
		status := c.get("/processes/1").json["status"]
		seen[status] = true
		return status == "completed"
	}, 5*time.Second, time.Millisecond)
	assert.Equal(t, map[any]bool{"queued": true, "in_process": true, "completed": true}, seen)
	reports := c.get("/processes/1").json["info"].(map[string]any)["import"].(map[string]any)
	assert.Len(t, reports, len(reportKinds))
	for kind, address := range reports {
		assert.Nil(t, address, kind)
	}
}

func TestImport_UpsertsRowsIntoTheListAndReportsTheOnesItRefused(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ExtID: "1", Attributes: map[string]any{"FIRSTNAME": "Ann", "SMS": "33612345678"}})
	p := c.finish(`{"listIds":[60],"jsonBody":[
		{"email":"Ann@example.com","attributes":{"LASTNAME":"Lee","FIRSTNAME":"","NOPE":"x","LTV":2}},
		{"email":"new@example.com","attributes":{"EXT_ID":"2","SMS":"+33687654321"}},
		{"email":"bad..one@example.com"},
		{"attributes":{"FIRSTNAME":"nobody"}},
		{"email":"phone@example.com","attributes":{"SMS":"33612345678"}},
		{"email":"ext@example.com","attributes":{"EXT_ID":"1"}},
		{"attributes":{"EXT_ID":"2","FIRSTNAME":"New"}},
		{"email":"short@example.com","attributes":{"SMS":"06","FIRSTNAME":"Kept"}}]}`)
	assert.Equal(t, "completed", p.json["status"])
	assert.Equal(t, "EMAIL\nbad..one@example.com\n\n", c.report(p, "invalid_emails"))
	assert.Equal(t, "EMAIL\nphone@example.com\n", c.report(p, "duplicate_phone_id"))
	assert.Equal(t, "EMAIL\next@example.com\n", c.report(p, "duplicate_ext_id"))
	assert.Empty(t, c.report(p, "duplicate_email_id"))

	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann", "LASTNAME": "Lee", "LTV": 2.0, "SMS": "33612345678"}, ann.Attributes)
	assert.Equal(t, []int64{60}, ann.ListIDs)
	fresh, _ := c.Contact("new@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "New", "SMS": "33687654321"}, fresh.Attributes)
	short, found := c.Contact("short@example.com")
	assert.True(t, found, "an invalid phone is left out, the row is imported")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Kept"}, short.Attributes)
	assert.Equal(t, 3, c.Count())
	assert.Equal(t, 2, c.Stats().Created)
}

func TestImport_FileBodyIsCSVWithSemicolons(t *testing.T) {
	c := start(t, Config{})
	c.finish(`{"listIds":[60],"fileBody":"FIRSTNAME;EMAIL;LTV;BORN;VIP\nAnn;ann@example.com;12.5;11/02/1989;yes\n\"B;b\";bob@example.com;much;;"}`)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann", "LTV": 12.5, "BORN": "1989-02-11", "VIP": true}, ann.Attributes)
	bob, _ := c.Contact("bob@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "B;b"}, bob.Attributes)
}

func TestImport_FileURLIsReadFromLoopbackOnlyAndMayFail(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/rows.json":
			fmt.Fprint(w, `[{"email":"ann@example.com"}]`)
		case "/rows.csv":
			fmt.Fprint(w, "EMAIL\nbob@example.com\n")
		default:
			http.NotFound(w, r)
		}
	}))
	defer files.Close()
	c := start(t, Config{})
	assert.Equal(t, "completed", c.finish(`{"listIds":[60],"fileUrl":"` + files.URL + `/rows.json"}`).json["status"])
	assert.Equal(t, "completed", c.finish(`{"listIds":[60],"fileUrl":"` + files.URL + `/rows.csv"}`).json["status"])
	assert.Equal(t, "failed", c.finish(`{"listIds":[60],"fileUrl":"` + files.URL + `/absent.csv"}`).json["status"])
	assert.Equal(t, 2, c.Count())
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/import", `{"listIds":[60],"fileUrl":"http://192.0.2.1/rows.csv"}`).status)
}

func TestImport_BlanksEraseOnlyWhenAskedAndExistingContactsAreKeptWhenAsked(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", Attributes: map[string]any{"FIRSTNAME": "Ann", "LASTNAME": "Lee"}})
	c.finish(`{"listIds":[60],"updateExistingContacts":false,"emptyContactsAttributes":true,"jsonBody":[{"email":"ann@example.com","attributes":{"FIRSTNAME":"","LASTNAME":"X"}}]}`)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann", "LASTNAME": "Lee"}, ann.Attributes)
	assert.Equal(t, []int64{60}, ann.ListIDs)
	c.finish(`{"listIds":[60],"emptyContactsAttributes":true,"jsonBody":[{"email":"ann@example.com","attributes":{"FIRSTNAME":""}}]}`)
	ann, _ = c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"LASTNAME": "Lee"}, ann.Attributes)
}

func TestImport_NewListIsCreatedAndNotifyUrlIsCalled(t *testing.T) {
	called := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		called <- string(body)
	}))
	defer hook.Close()
	c := start(t, Config{})
	c.finish(`{"newList":{"listName":"Fresh","folderId":1},"notifyUrl":"` + hook.URL + `","jsonBody":[{"email":"ann@example.com"}]}`)
	assert.JSONEq(t, `{"process_id":1,"status":"completed"}`, <-called)
	assert.Equal(t, List{62, 1, "Fresh", 1, 0}, c.Lists()[2])
}

func TestImport_RefusesWhatTheDocumentsForbid(t *testing.T) {
	c := start(t, Config{})
	row := `[{"email":"ann@example.com"}]`
	big := strings.Repeat("x", importLimit)
	for name, body := range map[string]string{
		"no list":           `{"jsonBody":` + row + `}`,
		"no source":         `{"listIds":[60]}`,
		"two sources":       `{"listIds":[60],"jsonBody":` + row + `,"fileBody":"EMAIL\nann@example.com"}`,
		"list without home": `{"newList":{"listName":"x"},"jsonBody":` + row + `}`,
		"unknown list":      `{"listIds":[99],"jsonBody":` + row + `}`,
		"object":            `{"listIds":[60],"jsonBody":{}}`,
		"empty":             `{"listIds":[60],"jsonBody":[]}`,
		"header only":       `{"listIds":[60],"fileBody":"EMAIL"}`,
		"over 10 MB":        `{"listIds":[60],"fileBody":"EMAIL\n` + big + `"}`,
	} {
		a := c.post("/contacts/import", body)
		assert.Equal(t, http.StatusBadRequest, a.status, name)
	}
	assert.EqualValues(t, 0, c.get("/processes").json["count"])
}

func TestImport_ReportVariants(t *testing.T) {
	body := `{"listIds":[60],"jsonBody":[{"email":"bad@","attributes":{"EXT_ID":"7","SMS":"33612345678"}}]}`
	for want, quirks := range map[string]Quirks{
		"EMAIL\nbad@\n":                          {},
		"email\nbad@\n":                          {ReportHeader: "email"},
		"bad@\n":                                 {ReportNoHeader: true},
		"EMAIL,EXT_ID,SMS\nbad@,7,33612345678\n": {ReportSeparator: ',', ReportExtraColumns: true},
		"EMAIL;EXT_ID;SMS\nbad@;7;33612345678\n": {ReportExtraColumns: true, ReportAnchors: true},
	} {
		c := start(t, Config{Quirks: quirks})
		assert.Equal(t, want, c.report(c.finish(body), "invalid_emails"))
	}
}

func TestImport_SwitchesForPhonesAndRepeatedAddresses(t *testing.T) {
	body := `{"listIds":[60],"jsonBody":[
		{"email":"dup@example.com","attributes":{"SMS":"33612345678","FIRSTNAME":"Dup"}},
		{"email":"bad@example.com","attributes":{"SMS":"1"}},
		{"email":"dup@example.com","attributes":{"FIRSTNAME":"Again"}}]}`
	c := start(t, Config{Quirks: Quirks{SkipDuplicatePhone: true, RefuseInvalidPhone: true, ReportRepeatedEmails: true, InfoOnlyByID: true}})
	c.PutContact(Contact{Email: "ann@example.com", Attributes: map[string]any{"SMS": "33612345678"}})
	p := c.finish(body)
	dup, found := c.Contact("dup@example.com")
	assert.True(t, found)
	assert.Equal(t, map[string]any{"FIRSTNAME": "Dup"}, dup.Attributes)
	_, found = c.Contact("bad@example.com")
	assert.False(t, found)
	assert.Equal(t, "EMAIL\ndup@example.com\n", c.report(p, "duplicate_phone_id"))
	assert.Equal(t, "EMAIL\ndup@example.com\n", c.report(p, "duplicate_email_id"))
	listed := c.get("/processes?limit=1").json["processes"].([]any)[0]
	assert.NotContains(t, listed, "info")
}

func TestProcesses_UnknownIs404WithInvalidParameter(t *testing.T) {
	a := start(t, Config{}).get("/processes/9")
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Equal(t, map[string]any{"code": "invalid_parameter", "message": "processId is invalid"}, a.json)
}
