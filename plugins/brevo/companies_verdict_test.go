package brevo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestCompanies_AreCreatedUpdatedAndDeletedOneByOneWhereThereAreFew(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, orgs(1, 2, `,"attributes":{"domain":"a.example"}`))
	assert.Len(t, w.tap.of(http.MethodPost, "/companies"), 2)
	w.run(nil, []*service.Message{org(1, `,"attributes":{"domain":"b.example","revenue":null}`)}, []*service.Message{org(2, "", "action", "delete")})
	all := w.byOrg()
	require.Len(t, all, 1)
	assert.Equal(t, "b.example", all["1"].Attributes["domain"])
	s := w.run(nil, []*service.Message{org(2, "", "action", "delete")})
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_unchanged"), "what is gone is deleted once")
}

func TestCompanies_OlderNeverOverwritesNewer(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	newer, older := "2026-11-01T10:00:02Z", "2026-11-01T10:00:00Z"
	s := w.run(nil, []*service.Message{at(org(1, `,"attributes":{"domain":"new.example"}`), newer)}, []*service.Message{at(org(1, `,"attributes":{"domain":"old.example"}`), older)})
	assert.Equal(t, "new.example", w.byOrg()["1"].Attributes["domain"])
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_skipped "+skipOlder))
	w.run(nil, []*service.Message{at(org(1, `,"attributes":{"domain":"old.example"}`), older)})
	assert.Equal(t, "new.example", w.byOrg()["1"].Attributes["domain"], "nor after a restart")
	w.run(nil, []*service.Message{at(org(1, "", "action", "delete"), newer)})
	w.run(nil, []*service.Message{at(org(1, ""), older)})
	assert.Empty(t, w.Companies(), "what was deleted does not come back")
}

func TestCompanies_WhatBrevoRefusesTakesTheWayOfTheDeadLettersWhateverWasAcknowledged(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/companies") && strings.Contains(string(c.body), "Org 2") &&
			answer(rw, http.StatusBadRequest, `{"code":"invalid_parameter","message":"no such owner of Org 2"}`)
	}
	s := w.run(nil, []*service.Message{
		org(1, ""), org(2, ""), message(`{"name":"no id"}`, "pipedrive_id", "3"), message(`{"ext_id":4}`, "pipedrive_id", "4"),
		message(`{"ext_id":5,"name":5}`, "pipedrive_id", "5"), org(6, "", "action", "upsurt"), org(7, "", "action", "skip", "skip_reason", "a test"),
	})
	assert.Len(t, w.byOrg(), 1)
	assert.Equal(t, []string{"2", "3", "4", "5", "6"}, s.letters.ids())
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_refused brevo"))
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_refused name"))
	assert.EqualValues(t, 3, s.counts.of("brevo_companies_refused message"))
	assert.EqualValues(t, 1, s.counts.of("brevo_companies_skipped a test"))
	assert.NotEmpty(t, w.logs.with("organization 2 is refused"))
	assert.Empty(t, w.logs.with("no such owner"), "a message of Brevo's may quote the record")
	assert.NotEmpty(t, w.logs.with("companies: 1 delivered", "1 skipped (a test 1)", "5 refused (brevo 1, message 3, name 1)"), w.logs)
}

func TestCompanies_WithoutDeadLettersWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	s := companiesIn(w, map[string]any{"dead_letter": nil})
	assert.ErrorContains(t, s.try(message(`{"name":"no id"}`)), "ext_id")
}

func TestCompanies_AttributesThatBrevoLacksOrThatDoNotFitAreNamedOnceAndNotSent(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.PutCompanyAttribute("size", "single-select", "small", "large")
	w.PutCompanyAttribute("vip", "boolean")
	w.run(nil, orgs(1, 5, `,"attributes":{"Domain":"x","colour":"red","revenue":"much","created_at":"2026-01-01","size":"large","vip":true,"industry":5}`))
	for _, c := range w.byOrg() {
		assert.Equal(t, "2", c.Attributes["size"], "the option's key is sent")
		assert.Equal(t, true, c.Attributes["vip"])
		assert.Equal(t, "5", c.Attributes["industry"])
		assert.NotContains(t, c.Attributes, "revenue")
	}
	assert.Len(t, w.logs.with("no company attribute colour", "connector setup brevo"), 1)
	assert.Len(t, w.logs.with("no company attribute Domain, but domain"), 1)
	assert.Len(t, w.logs.with("revenue is of type number", "text"), 1)
	assert.Len(t, w.logs.with("created_at"), 1)
	assert.Empty(t, w.Stats().Dropped, "Brevo gets nothing that it would drop")
}

func TestCompanies_TheKeyAttributeIsCreatedOnce(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(map[string]any{"key_attribute": "org_number"}, orgs(1, 4, ""))
	w.kept.lose()
	w.run(map[string]any{"key_attribute": "org_number"}, orgs(1, 4, ""))
	assert.Len(t, w.tap.of(http.MethodPost, "/crm/attributes"), 1)
	assert.Len(t, w.logs.with("INFO created Brevo's company attribute org_number"), 1)
	assert.Len(t, w.Companies(), 4)
	assert.Equal(t, "Org "+w.Companies()[0].Attributes["org_number"].(string), w.Companies()[0].Attributes["name"])
}

func TestCompanies_WithoutTheKeyAttributeTheyAreToldByUniqueNames(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		return c.is(http.MethodPost, "/crm/attributes") && answer(rw, http.StatusForbidden, `{"code":"permission_denied","message":"no"}`)
	}
	twins := func() []*service.Message {
		return []*service.Message{message(`{"ext_id":8,"name":"Twin"}`), message(`{"ext_id":9,"name":"Twin"}`)}
	}
	w.run(nil, append(orgs(1, 5, ""), twins()...))
	assert.Len(t, w.Companies(), 7)
	assert.Len(t, w.tap.of(http.MethodPost, "/companies"), 2, "namesakes are created one by one")
	assert.Len(t, w.logs.with("connector setup brevo", "told by their names"), 1)
	w.kept.lose()
	w.run(nil, orgs(1, 5, `,"attributes":{"domain":"a.example"}`))
	assert.Len(t, w.Companies(), 7)
	assert.Equal(t, "a.example", w.Companies()[0].Attributes["domain"])
}

func TestCompanies_ACompanyThatWasDeletedInBrevoIsCreatedAgainOnce(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.run(nil, []*service.Message{org(1, "")})
	w.Server.ServeHTTP(discard{}, request(call{method: http.MethodDelete, uri: "/v3/companies/" + w.Companies()[0].ID, header: http.Header{"Api-Key": {"sandbox"}}}))
	require.Empty(t, w.Companies())
	w.run(nil, []*service.Message{org(1, `,"attributes":{"domain":"a.example"}`)})
	assert.Len(t, w.byOrg(), 1)
}

func TestCompanies_PagesAreReadHoweverBrevoCountsThem(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]sandbox.Quirks{
		"from 1": {MostCompanies: 50}, "from 0": {MostCompanies: 50, CompanyPagesFromZero: true}, "by index": {MostCompanies: 50, CompanyPagesByIndex: true},
		"cut": {MostCompanies: 100, CutCompanyPages: true}, "cut, from 0": {MostCompanies: 100, CutCompanyPages: true, CompanyPagesFromZero: true},
	} {
		w := sandboxed(t, sandbox.Config{Quirks: quirks})
		w.run(nil, orgs(1, 230, ""))
		require.Len(t, w.byOrg(), 230, name)
		w.kept.lose()
		w.run(nil, orgs(1, 230, `,"attributes":{"domain":"a.example"}`))
		assert.Len(t, w.Companies(), 230, name)
	}
}

func TestCompanies_BadConfigurationIsFoundBeforeItRuns(t *testing.T) {
	t.Parallel()
	lint := func(yaml string) error {
		b := service.NewStreamBuilder()
		return b.AddOutputYAML("brevo_companies:\n  api_key: x\n  " + yaml)
	}
	assert.NoError(t, lint("key_attribute: org_number"))
	assert.Error(t, lint("key_attribute: Org Number"))
	assert.Error(t, lint("no_such_field: 1"))
	for field, fields := range map[string]map[string]any{"id_cache": {"id_cache": "nowhere"}, "id_cache_key": {"id_cache": "state", "id_cache_key": ""}, "dead_letter": {"dead_letter": "nowhere"}} {
		fields["api_key"] = "x"
		conf, err := companiesSpec().ParseYAML(encode(t, fields), nil)
		require.NoError(t, err)
		_, err = newCompaniesOutput(conf, resourcesWith(newKept()))
		assert.ErrorContains(t, err, field)
	}
}
