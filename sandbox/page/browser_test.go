package page

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/brevo"
)

// How long the tests wait for what must come, and how often they look.
const (
	patience = 10 * time.Second
	tick     = 20 * time.Millisecond
)

// chromium finds a browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium, chromium-browser or google-chrome in PATH: the page was not rendered")
	return ""
}

// quiet are the flags of a browser that minds its own business.
func quiet(t *testing.T) []string {
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(),
	}
}

// render returns the DOM of a page after some seconds of the browser's own time, and what it wrote
// to the console.
func render(t *testing.T, url string, after time.Duration) (dom string, console []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), chromium(t), append(quiet(t), "--enable-logging=stderr",
		fmt.Sprintf("--virtual-time-budget=%d", after.Milliseconds()), "--dump-dom", url)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	require.NoError(t, cmd.Run(), log.String())
	for line := range strings.SplitSeq(log.String(), "\n") {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	return out.String(), console
}

// rowOf cuts one person's row out of a DOM.
func rowOf(t *testing.T, dom, id string) string {
	t.Helper()
	_, rest, found := strings.Cut(dom, `<tr data-id="`+id+`">`)
	require.True(t, found, "no row of person %s", id)
	row, _, _ := strings.Cut(rest, "</tr>")
	return row
}

func TestBrowser_RowsFillInWhileThePageIsOpen(t *testing.T) {
	d := start(t, 60)
	for _, id := range []int64{1, 27} {
		d.deliver(id)
	}
	d.polled = func(times int) {
		if times == 2 {
			d.deliver(30)
			d.progress = Progress{State: "done", Read: 60, Delivered: 3, Refused: []Reason{{"invalid phone", 57}}, Verdict: "Both sides agree."}
		}
	}
	dom, console := render(t, d.url, 4*time.Second)
	assert.Empty(t, console)

	assert.Equal(t, pageSize, strings.Count(dom, "<tr data-id="))
	filled := rowOf(t, dom, "30")
	assert.Contains(t, filled, "33612340030")
	assert.Contains(t, filled, "fresh", "it came while the page was open")
	assert.NotContains(t, rowOf(t, dom, "1"), "fresh", "it was there before")
	assert.Contains(t, rowOf(t, dom, "27"), "opted out – kept")
	assert.Equal(t, 1, strings.Count(dom, "opted out – kept"))
	assert.Contains(t, rowOf(t, dom, "9"), "shares its address with person 8")
	assert.Contains(t, rowOf(t, dom, "31"), "refused by Brevo")

	assert.Contains(t, dom, `data-state="done">Done<`)
	assert.Contains(t, dom, ">Both sides agree.<")
	assert.Contains(t, dom, "<b>57</b>invalid phone")
	assert.Contains(t, dom, "limits never exceeded")
	assert.Contains(t, dom, ">1–50 of 60<")
}

func TestBrowser_AddressOfThePageHoldsSearchFilterAndPage(t *testing.T) {
	d := start(t, 60)
	dom, console := render(t, d.url+"/?show=odd&q=jansma", time.Second)
	assert.Empty(t, console)
	assert.Equal(t, 3, strings.Count(dom, "<tr data-id="))
	dom, _ = render(t, d.url+"/?page=2", time.Second)
	assert.Equal(t, 10, strings.Count(dom, "<tr data-id="))
	assert.Contains(t, dom, ">51–60 of 60<")
}

func TestBrowser_NamesAreTextWhateverTheyLookLike(t *testing.T) {
	d := start(t, 0)
	const hostile = `<img src=x onerror="document.title='owned'">`
	d.Pipedrive.Put("person", map[string]any{
		"id": 1, "name": hostile, "emails": []any{map[string]any{"value": hostile + "@mail.example.org", "primary": true}},
	})
	d.Brevo.PutContact(brevo.Contact{
		Email: "one@mail.example.org", ExtID: "1", ListIDs: []int64{7}, Attributes: map[string]any{"FULLNAME": hostile, "SMS": hostile},
	})
	d.Brevo.PutList(7, hostile)
	d.progress = Progress{State: "done", Verdict: hostile, Skipped: []Reason{{hostile, 1}}}

	_, body := d.request(http.MethodGet, "/state.json")
	assert.NotContains(t, body, "<")
	dom, console := render(t, d.url, 2*time.Second)
	assert.Empty(t, console)
	assert.Contains(t, rowOf(t, dom, "1"), "&lt;img src=x")
	assert.NotContains(t, dom, "<img")
	assert.Contains(t, dom, "<title>Pipedrive to Brevo</title>")
}
