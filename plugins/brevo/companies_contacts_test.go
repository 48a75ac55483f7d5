package brevo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"

	sandbox "connector/sandbox/brevo"
)

func members(from, n, org int) (links []*service.Message) {
	for i := range n {
		links = append(links, member(from+i, org))
	}
	return links
}

// Not parallel: the bound is that of all.
func TestCompanies_MoreContactsThanAreRememberedAreLinkedAllTheSame(t *testing.T) {
	defer func(was int) { mostContactIDs = was }(mostContactIDs)
	mostContactIDs = 1500
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(2500)
	s := companiesIn(w, nil)
	s.send(orgs(1, 2, "")...)
	for org, from := range map[int]int{1: 1, 2: 2400} {
		s.send(members(from, 30, org)...)
	}
	s.end()
	assert.Len(t, w.byOrg()["1"].ContactIDs, 30)
	assert.Len(t, w.byOrg()["2"].ContactIDs, 30)
}

func TestCompanies_ContactsThatWereReadAreNotReadAgain(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(3500)
	s := companiesIn(w, nil)
	s.send(orgs(1, 2, "")...)
	s.send(members(1, 30, 1)...)
	eventually(t, func() bool { return len(w.byOrg()["1"].ContactIDs) == 30 }, "the first are linked")
	w.tap.forget()
	s.send(members(101, 30, 2)...)
	s.end()
	assert.Len(t, w.byOrg()["2"].ContactIDs, 30)
	for _, c := range w.tap.all() {
		assert.False(t, c.method == http.MethodGet && strings.HasPrefix(c.uri, "/v3/contacts"), c.uri)
	}
}

func TestCompanies_AnAddressThatHasBecomeAnothersLinksTheOther(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	put := func(method, uri, body string) {
		w.Server.ServeHTTP(discard{}, request(call{method: method, uri: uri, body: []byte(body), header: http.Header{"Api-Key": {"sandbox"}}}))
	}
	put(http.MethodPost, "/v3/contacts", `{"email":"p500@example.com"}`) // a subscriber without ext_id
	w.putPersons(40)
	s := companiesIn(w, nil)
	s.send(orgs(1, 2, "")...)
	s.send(members(1, 30, 1)...)
	eventually(t, func() bool { return len(w.byOrg()["1"].ContactIDs) == 30 }, "all contacts are read")
	put(http.MethodPut, "/v3/contacts/p500@example.com", `{"attributes":{"EMAIL":"moved@example.com"}}`)
	put(http.MethodPost, "/v3/contacts", `{"email":"p500@example.com","ext_id":"500"}`)
	s.send(member(500, 2))
	s.end()
	assert.Equal(t, []int64{w.contact("p500@example.com").ID}, w.byOrg()["2"].ContactIDs)
}
