package page

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
)

// demo is a page over a sandbox, and the progress that it is told.
type demo struct {
	*sandbox.Sandbox
	t        *testing.T
	url      string
	progress Progress
	polled   func(times int) // before each answer
}

func start(t *testing.T, persons int) *demo {
	sb, err := sandbox.Start(sandbox.Config{Persons: persons})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sb.Close()) })
	d := &demo{Sandbox: sb, t: t, progress: Progress{State: "running"}, polled: func(int) {}}
	times := 0
	server := httptest.NewServer(Handler(sb, func() Progress {
		times++
		d.polled(times)
		return d.progress
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *demo) request(method, path string) (*http.Response, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, nil)
	require.NoError(d.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp, string(body)
}

func (d *demo) state(query string) stateView {
	d.t.Helper()
	resp, body := d.request(http.MethodGet, "/state.json?"+query)
	require.Equal(d.t, http.StatusOK, resp.StatusCode, body)
	var view stateView
	require.NoError(d.t, json.Unmarshal([]byte(body), &view))
	return view
}

func (d *demo) row(id int64) rowView {
	d.t.Helper()
	for _, row := range d.state(fmt.Sprintf("q=%d", id)).Rows.Items {
		if row.ID == id {
			return row
		}
	}
	require.Fail(d.t, "no row", "person %d", id)
	return rowView{}
}

// deliver puts the contact of a person as a sync would.
func (d *demo) deliver(id int64) {
	d.t.Helper()
	page := d.Pipedrive.Records("person", id-1, 1)
	require.Len(d.t, page, 1)
	p := personOf(page[0])
	old, _ := d.Brevo.Contact(p.address())
	d.Brevo.PutContact(brevo.Contact{
		Email: p.address(), ExtID: fmt.Sprint(id), EmailBlacklisted: old.EmailBlacklisted, ListIDs: append(old.ListIDs, 60),
		Attributes: map[string]any{"FULLNAME": p.name, "WON_DEALS": p.won, "OPEN_DEALS": p.open, "SMS": "+3361234" + fmt.Sprintf("%04d", id)},
	})
}

func ids(view stateView) []int64 {
	out := []int64{}
	for _, row := range view.Rows.Items {
		out = append(out, row.ID)
	}
	return out
}

func TestState_APersonHasTheContactThatBearsItsID(t *testing.T) {
	d := start(t, 60)
	assert.Nil(t, d.row(30).Contact)
	assert.Empty(t, d.row(30).Why, "it may still come")

	d.deliver(30)

	row := d.row(30)
	require.NotNil(t, row.Contact)
	assert.Equal(t, row.Name, row.Contact.Name)
	assert.Equal(t, strings.ToLower(row.Email), row.Contact.Email)
	assert.Equal(t, "33612340030", row.Contact.Phone)
	assert.InDelta(t, row.Won, row.Contact.Won, 0)
	assert.Equal(t, []string{"All contacts"}, row.Contact.Lists)
	assert.False(t, row.Contact.OptedOut)
}

func TestState_AContactWithAnotherIDIsNobodyElses(t *testing.T) {
	d := start(t, 60)
	d.Brevo.PutContact(brevo.Contact{Email: d.row(30).Email, ExtID: "31"})
	assert.Nil(t, d.row(30).Contact)
	assert.NotNil(t, d.row(31).Contact, "the id decides, not the address")
}

func TestState_AContactThatExistedBeforeIsFoundOnceItBearsTheID(t *testing.T) {
	d := start(t, 60)
	assert.Nil(t, d.row(27).Contact)
	d.deliver(27)
	require.NotNil(t, d.row(27).Contact)
	assert.True(t, d.row(27).Contact.OptedOut)
	assert.Equal(t, []int64{27}, ids(d.state("show=opted-out")))
}

func TestState_ReasonsThatFollowFromTheRecordAreKnownDuringTheRun(t *testing.T) {
	d := start(t, 60)
	for id, why := range map[int64]string{
		2: "no e-mail", 3: "no valid e-mail", 4: "", 8: "", 9: "shares its address with person 8",
		12: "shares its address with person 10", 25: "",
	} {
		assert.Equal(t, why, d.row(id).Why, "person %d", id)
	}
	d.progress.State = "starting"
	assert.Empty(t, d.row(2).Why, "nothing is decided before the run")
}

func TestState_InTheEndWhoeverIsMissingWasRefused(t *testing.T) {
	d := start(t, 60)
	d.progress.State = "done"
	assert.Equal(t, "refused by Brevo", d.row(30).Why)
	assert.Equal(t, "refused by Brevo: two dots in a row in the e-mail", d.row(25).Why)
	assert.Equal(t, "its address is in Brevo without this person's id", d.row(27).Why)
	d.progress.State = "failed"
	assert.Equal(t, "the run ended before its turn", d.row(30).Why)
}

func TestState_DeletedPersonsAreToldAndOwnNoAddress(t *testing.T) {
	d := start(t, 60)
	eight := d.Pipedrive.Records("person", 7, 1)[0]
	eight["is_deleted"] = true
	d.Pipedrive.Put("person", eight)
	assert.Equal(t, "deleted in Pipedrive", d.row(8).Why)
	assert.Empty(t, d.row(9).Why, "the address is free for the next person")
}

func TestState_SearchFindsNamesAddressesAndIDs(t *testing.T) {
	d := start(t, 60)
	forty := d.row(40)
	for _, q := range []string{
		"40", "%2340", strings.ToUpper(forty.Email), strings.ReplaceAll(strings.ToLower(forty.Name), " ", "+"),
	} {
		assert.Contains(t, ids(d.state("q="+q)), int64(40), q)
	}
	assert.Equal(t, []int64{4}, ids(d.state("q=4")), "an id is not part of another id")
	assert.Equal(t, []int64{4}, ids(d.state("q=none%40")), "also an address that is not valid")
	nobody := d.state("q=nobody-at-all").Rows
	assert.Empty(t, nobody.Items)
	assert.Equal(t, pageView{Page: 1, Pages: 1, Known: 60, Items: []rowView{}}, nobody)
}

func TestState_FiltersAndSearchWorkTogether(t *testing.T) {
	d := start(t, 60)
	for id := int64(30); id <= 60; id++ {
		d.deliver(id)
	}
	odd := ids(d.state("show=odd"))
	assert.Subset(t, odd, []int64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 28, 29})
	assert.NotContains(t, odd, int64(1))
	assert.Len(t, ids(d.state("show=missing")), 29)
	assert.Equal(t, []int64{9}, ids(d.state("show=missing&q=9")))
	assert.Empty(t, ids(d.state("show=missing&q=40")))
}

func TestState_APageHasFiftyRowsAndOneBeyondTheLastIsTheLast(t *testing.T) {
	d := start(t, 120)
	first, third, beyond := d.state("").Rows, d.state("page=3").Rows, d.state("page=99").Rows
	assert.Len(t, first.Items, 50)
	assert.Equal(t, []int{1, 3, 1, 120}, []int{first.Page, first.Pages, first.First, first.Matches})
	assert.Len(t, third.Items, 20)
	assert.Equal(t, 101, third.First)
	assert.EqualValues(t, 101, third.Items[0].ID)
	assert.Equal(t, third, beyond)
}

func TestState_NewChangedAndPurgedRecordsShowUp(t *testing.T) {
	d := start(t, 60)
	d.deliver(40)
	require.Equal(t, 60, d.state("").Rows.Matches)

	d.Pipedrive.Put("person", map[string]any{"id": 61, "name": "New Person"})
	assert.Equal(t, []int64{61}, ids(d.state("q=new+person")), "new ones at once")

	d.Pipedrive.Put("person", map[string]any{"id": 50, "name": "Renamed Person"})
	d.Pipedrive.Remove("person", "51")
	assert.Eventually(t, func() bool { return len(ids(d.state("q=renamed"))) == 1 && d.state("").Rows.Matches == 60 },
		5*time.Second, sweepPause/2, "what changed with the next sweep")
}

func TestState_TellsTheBooksOfBothVendorsAndTheProgress(t *testing.T) {
	d := start(t, 60)
	d.progress = Progress{State: "running", Read: 7, Refused: []Reason{{"invalid phone", 2}}, Elapsed: time.Second}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.PipedriveURL()+"/api/v2/persons?limit=5", nil)
	require.NoError(t, err)
	req.Header.Set("x-api-token", sandbox.Token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()

	view := d.state("")
	assert.Equal(t, pipedriveView{Persons: 60, Calls: 1, Tokens: 10, MaxBurst: 1}, view.Pipedrive)
	assert.Equal(t, brevoView{Contacts: d.Brevo.Count()}, view.Brevo)
	assert.Equal(t, d.progress, view.Progress)
}

func TestPerson_ShowsBothRecordsInFull(t *testing.T) {
	d := start(t, 60)
	d.deliver(40)
	_, body := d.request(http.MethodGet, "/person.json?id=40")
	var both recordsView
	require.NoError(t, json.Unmarshal([]byte(body), &both))
	assert.Contains(t, both.Person, "custom_fields")
	assert.Equal(t, "40", both.Contact["ext_id"])

	_, body = d.request(http.MethodGet, "/person.json?id=2")
	assert.Contains(t, body, `"contact":null`)
	assert.Contains(t, body, "no e-mail")
}

func TestHandler_RefusesWhatItDoesNotServe(t *testing.T) {
	d := start(t, 0)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPost, "/", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/state.json", http.StatusMethodNotAllowed},
		{http.MethodGet, "/assets/page.html", http.StatusNotFound},
		{http.MethodGet, "/page.html", http.StatusNotFound},
		{http.MethodGet, "/person.json?id=1", http.StatusNotFound},
		{http.MethodGet, "/person.json?id=x", http.StatusBadRequest},
		{http.MethodGet, "/state.json?show=some", http.StatusBadRequest},
		{http.MethodGet, "/state.json?page=0", http.StatusBadRequest},
		{http.MethodGet, "/", http.StatusOK},
		{http.MethodGet, "/page.js", http.StatusOK},
		{http.MethodGet, "/deals", http.StatusOK},
		{http.MethodGet, "/deals.js", http.StatusOK},
		{http.MethodGet, "/deals.html", http.StatusNotFound},
		{http.MethodGet, "/move.json", http.StatusMethodNotAllowed},
		{http.MethodGet, "/board.json?deal=x", http.StatusBadRequest},
	} {
		resp, _ := d.request(c.method, c.path)
		assert.Equal(t, c.status, resp.StatusCode, "%s %s", c.method, c.path)
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	}
}

func TestPage_AsksNobodyElseForAnything(t *testing.T) {
	d := start(t, 0)
	for _, path := range []string{"/", "/page.css", "/page.js", "/deals", "/deals.css", "/deals.js"} {
		_, body := d.request(http.MethodGet, path)
		assert.NotRegexp(t, `(?i)https?://|@import|url\(`, body, path)
		assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(`, body, "%s writes text only", path)
	}
}
