package brevo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// contactID is the id that Brevo has for a person.
func (w *world) contactID(person string) int64 { return w.contact("p" + person + "@example.com").ID }

func TestCompanies_WhoChangesOrganizationLeavesTheFormerCompany(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(3)
	w.run(nil, orgs(1, 2, ""), []*service.Message{member(1, 1), member(2, 1), message(`{"ext_id":1,"linkContacts":["p3@example.com"]}`, "action", "link")})
	assert.ElementsMatch(t, []int64{w.contactID("1"), w.contactID("2"), w.contactID("3")}, w.byOrg()["1"].ContactIDs)
	w.tap.forget()
	w.run(nil, []*service.Message{member(1, 2)}, []*service.Message{member(2, 0)})
	assert.Equal(t, []int64{w.contactID("3")}, w.byOrg()["1"].ContactIDs)
	assert.Equal(t, []int64{w.contactID("1")}, w.byOrg()["2"].ContactIDs)
	assert.Len(t, w.spent(), 2, "one call a company: %v", w.spent())
	w.tap.forget()
	s := w.run(nil, []*service.Message{member(1, 2)}, []*service.Message{member(2, 0)})
	assert.Empty(t, w.spent())
	assert.EqualValues(t, 2, s.counts.of("brevo_companies_unchanged"))
}

func TestCompanies_WhoSwapOrganizationsAreBothMoved(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(2)
	w.run(nil, orgs(1, 2, ""), []*service.Message{member(1, 1), member(2, 2)})
	w.run(nil, []*service.Message{member(1, 2), member(2, 1)})
	assert.Equal(t, []int64{w.contactID("2")}, w.byOrg()["1"].ContactIDs)
	assert.Equal(t, []int64{w.contactID("1")}, w.byOrg()["2"].ContactIDs)
}

func TestCompanies_AnOlderLinkDoesNotUndoANewerOne(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(1)
	w.run(nil, orgs(1, 2, ""), []*service.Message{at(member(1, 2), "2026-11-01T10:00:02Z")})
	s := w.run(nil, []*service.Message{at(member(1, 1), "2026-11-01T10:00:00Z")}, []*service.Message{at(member(1, 0), "2026-11-01T10:00:00Z")})
	assert.Len(t, w.byOrg()["2"].ContactIDs, 1)
	assert.Empty(t, w.byOrg()["1"].ContactIDs)
	assert.EqualValues(t, 2, s.counts.of("brevo_companies_skipped "+skipOlder))
}

func TestCompanies_AnOlderLinkDoesNotUndoWhatWasToldOnceMore(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(2)
	out := companiesOut(w, mostLinks)
	defer out.book.leave(out)
	told := func(messages ...*service.Message) {
		t.Helper()
		require.NoError(t, out.WriteBatch(t.Context(), messages))
		out.book.finish(t.Context())
	}
	told(orgs(1, 2, "")...)
	told(at(member(1, 1), "2026-11-01T10:00:01Z"))
	told(at(member(1, 1), "2026-11-01T10:00:05Z"), at(member(2, 0), "2026-11-01T10:00:05Z"))
	told(at(member(1, 2), "2026-11-01T10:00:03Z"), at(member(2, 2), "2026-11-01T10:00:03Z"))
	assert.Equal(t, []int64{w.contactID("1")}, w.byOrg()["1"].ContactIDs)
	assert.Empty(t, w.byOrg()["2"].ContactIDs)
}

func TestCompanies_AChangeThatIsTakenBackWhileItIsMadeIsTakenBack(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(1)
	began, goOn := make(chan struct{}), make(chan struct{})
	calls := 0
	w.tap.instead = func(_ http.ResponseWriter, c call) bool {
		if strings.Contains(c.uri, "/companies/link-unlink/") {
			if calls++; calls == 2 { // it leaves the first company
				close(began)
				<-goOn
			}
		}
		return false
	}
	out := companiesOut(w, mostLinks)
	defer out.book.leave(out)
	require.NoError(t, out.WriteBatch(t.Context(), append(orgs(1, 2, ""), member(1, 1))))
	out.book.finish(t.Context())
	require.NoError(t, out.WriteBatch(t.Context(), []*service.Message{member(1, 2)}))
	done := make(chan struct{})
	go func() { defer close(done); out.book.finish(t.Context()) }()
	<-began
	require.NoError(t, out.WriteBatch(t.Context(), []*service.Message{member(1, 1)}))
	close(goOn)
	<-done
	out.book.finish(t.Context())
	assert.Equal(t, []int64{w.contactID("1")}, w.byOrg()["1"].ContactIDs)
	assert.Empty(t, w.byOrg()["2"].ContactIDs)
}

func TestCompanies_ALateWebhookDoesNotUndoWhatAPollOfItsSecondTold(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(2)
	late := func(m *service.Message) *service.Message { return at(m, "2026-01-01T10:00:05.382Z") }
	w.run(nil, []*service.Message{polled(10, org(1, ""))},
		[]*service.Message{polled(10, member(1, 1)), polled(10, member(2, 1))}, []*service.Message{late(member(1, 0))})
	assert.Len(t, w.byOrg()["1"].ContactIDs, 2, "while the link waits")
	s := w.run(nil, []*service.Message{late(member(2, 0)), late(message(`{"ext_id":1,"name":"Former"}`))})
	assert.Len(t, w.byOrg()["1"].ContactIDs, 2, "once it is made")
	assert.Equal(t, "Org 1", w.byOrg()["1"].Attributes["name"])
	assert.EqualValues(t, 2, s.counts.of("brevo_companies_skipped "+skipOlder))
}

func TestCompanies_ATrickleOfOthersDoesNotHoldALinkUpForMinutes(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(99)
	s := companiesIn(w, nil)
	s.send(orgs(1, 99, "")...)
	person := 0
	assert.Eventually(t, func() bool {
		person++
		assert.NoError(t, s.try(member(person, person)))
		return len(w.byOrg()["1"].ContactIDs) == 1
	}, 40*time.Second, 500*time.Millisecond)
	assert.Less(t, len(w.spent()), 15, "%v", w.spent())
}

func TestCompanies_ALinkWaitsForItsContactAndItsCompany(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, []*service.Message{member(1, 1)})
	assert.NotEmpty(t, w.logs.with("0 companies and 1 links are not written"))
	w.putPersons(1)
	w.run(nil, []*service.Message{org(1, "")})
	assert.Len(t, w.byOrg()["1"].ContactIDs, 1)
}

func TestCompanies_LinksInACompanysOwnMessageAreMadeToo(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(2)
	w.run(nil, []*service.Message{org(1, `,"linkContacts":["p1@example.com",{"ext_id":2}]`)})
	assert.Len(t, w.byOrg()["1"].ContactIDs, 2)
	w.run(nil, []*service.Message{org(1, `,"unlinkContacts":["p1@example.com"]`)})
	assert.Equal(t, []int64{w.contactID("2")}, w.byOrg()["1"].ContactIDs)
}

func TestCompanies_ASharedAddressDoesNotLinkAnotherPersonsContact(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(1)
	w.run(nil, []*service.Message{org(1, ""), message(`{"ext_id":1,"linkContacts":[{"ext_id":7,"email":"p1@example.com"}]}`, "action", "link")})
	assert.Empty(t, w.byOrg()["1"].ContactIDs)
}

func TestCompanies_WhereAnImportLinksOneContactARowLinksAreMadeCompanyByCompany(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{Quirks: sandbox.Quirks{OneContactPerRow: true}})
	w.putPersons(8)
	var links []*service.Message
	for i := range 8 {
		links = append(links, member(i+1, i/2+1))
	}
	w.run(nil, orgs(1, 4, ""), links)
	for id, c := range w.byOrg() {
		assert.Len(t, c.ContactIDs, 2, id)
	}
	w.putPersons(16)
	w.tap.forget()
	links = nil
	for i := range 8 {
		links = append(links, member(i+9, i/2+1))
	}
	w.run(nil, links)
	assert.Empty(t, w.tap.of(http.MethodPost, "/companies/import"), "that is remembered")
	for id, c := range w.byOrg() {
		require.Len(t, c.ContactIDs, 4, id)
	}
}
