package pipedrive

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestConnect_TellsWhatIsWrong(t *testing.T) {
	a := newAccount(t, sandbox.Config{CompanyDomain: "other"}, 1)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct {
		conf  string
		parts []string
	}{
		"wrong token":   {"base_url: " + a.url + "\napi_token: hunter2", []string{"401", "unauthorized access", "PIPEDRIVE_API_TOKEN"}},
		"wrong company": {"base_url: " + a.url + "\napi_token: sandbox\ncompany_domain: acme", []string{"other", "acme", "PIPEDRIVE_COMPANY_DOMAIN"}},
		"unreachable":   {"base_url: " + closed.URL + "\napi_token: hunter2", []string{strings.TrimPrefix(closed.URL, "http://"), "can be reached"}},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := paginatedSpec().ParseYAML(c.conf, nil)
			require.NoError(t, err)
			in, err := newPaginatedInput(conf, newResources(t).Resources)
			require.NoError(t, err)
			start := time.Now()
			err = in.Connect(t.Context())
			assert.Less(t, time.Since(start), 10*time.Second)
			results := in.ConnectionTest(t.Context())
			require.Len(t, results, 1)
			for _, part := range c.parts {
				assert.ErrorContains(t, err, part)
				assert.ErrorContains(t, results[0].Err, part)
			}
			assert.NotContains(t, err.Error(), "hunter2")
			_, _, err = in.ReadBatch(t.Context())
			assert.ErrorIs(t, err, service.ErrNotConnected)
			assert.NoError(t, in.Close(t.Context()))
		})
	}
}

func TestConnectionTest_SucceedsWithTheRightToken(t *testing.T) {
	in, err := newAccount(t, sandbox.Config{}, 1).open(newResources(t), "")
	require.NoError(t, err)
	results := in.BatchInput.(*paginatedInput).ConnectionTest(t.Context())
	require.Len(t, results, 1)
	assert.NoError(t, results[0].Err)
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	a := newAccount(t, sandbox.Config{}, 0)
	for name, c := range map[string]struct{ conf, problem string }{
		"unknown object":           {"objects: [people]", `no object "people": it is one of activities, deals`},
		"no object":                {"objects: []", "at least one object"},
		"page too large":           {"page_size: 501", "between 1 and 500"},
		"page too small":           {"page_size: 0", "between 1 and 500"},
		"filter with two objects":  {"objects: [persons, deals]\nfilter_id: 7", "single kind"},
		"field that no object has": {"objects: [persons]\ninclude_fields: [products_counted]", `"products_counted"`},
		"cache that there is not":  {"checkpoint_cache: nowhere", `no cache resource "nowhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			conf := "base_url: " + a.url + "\napi_token: sandbox\n" + c.conf
			parsed, err := paginatedSpec().ParseYAML(conf, nil)
			require.NoError(t, err)
			_, err = newPaginatedInput(parsed, newResources(t).Resources)
			assert.ErrorContains(t, err, c.problem)
		})
	}
}

func TestNew_ReadsTheConnectionFromTheEnvironment(t *testing.T) {
	a := newAccount(t, sandbox.Config{Token: "from-env"}, 3)
	t.Setenv("PIPEDRIVE_API_TOKEN", "from-env")
	t.Setenv("PIPEDRIVE_BASE_URL", a.url)
	t.Setenv("PIPEDRIVE_COMPANY_DOMAIN", "sandbox")
	conf, err := paginatedSpec().ParseYAML("", nil)
	require.NoError(t, err)
	in, err := newPaginatedInput(conf, newResources(t).Resources)
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	assert.Equal(t, numbers(1, 3), (&input{in, t}).readToEnd())
	require.NoError(t, in.Close(t.Context()))
}

func TestNew_WithoutATokenSaysWhereToFindOne(t *testing.T) {
	t.Setenv("PIPEDRIVE_API_TOKEN", "")
	conf, err := paginatedSpec().ParseYAML("", nil)
	require.NoError(t, err)
	_, err = newPaginatedInput(conf, newResources(t).Resources)
	assert.ErrorContains(t, err, "PIPEDRIVE_API_TOKEN")
}

func TestComponents_WithTheSameCredentialsShareOneClient(t *testing.T) {
	a, b := newAccount(t, sandbox.Config{}, 1), newAccount(t, sandbox.Config{}, 1)
	one, err := a.open(newResources(t), "")
	require.NoError(t, err)
	two, err := a.open(newResources(t), "objects: [deals]")
	require.NoError(t, err)
	other, err := b.open(newResources(t), "")
	require.NoError(t, err)
	assert.Same(t, one.client(), two.client())
	assert.NotSame(t, one.client(), other.client())
}

func TestLint(t *testing.T) {
	for name, c := range map[string]struct{ conf, problem string }{
		"all defaults":     {"{}", ""},
		"all objects":      {"objects: [persons, deals, organizations, activities, leads, pipelines, stages, users, notes, products]", ""},
		"unknown object":   {"objects: [persons, people]", "no object people"},
		"no object":        {"objects: []", "at least one object"},
		"page too large":   {"page_size: 501", "between 1 and 500"},
		"page too small":   {"page_size: 0", "between 1 and 500"},
		"version":          {"api_version: v3", "v3"},
		"burst too small":  {"burst_limit: 2", "at least 3"},
		"budget":           {"daily_budget: -1", "negative"},
		"checkpoint limit": {"checkpoint_limit: 0", "at least 1"},
		"unknown field":    {"page_sizes: 5", "page_sizes"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := "pipedrive_paginated:\n  " + strings.ReplaceAll(c.conf, "\n", "\n  ")
			lints, err := service.NewEnvironment().NewComponentConfigLinter().LintInputYAML([]byte(conf))
			require.NoError(t, err)
			if c.problem == "" {
				assert.Empty(t, lints)
				return
			}
			require.NotEmpty(t, lints)
			assert.Contains(t, lints[0].Error(), c.problem)
		})
	}
}

func TestSpec_DescribesEveryFieldAndItsExamplesLint(t *testing.T) {
	view, ok := service.GlobalEnvironment().GetInputConfig("pipedrive_paginated")
	require.True(t, ok)
	docs, err := view.TemplateData()
	require.NoError(t, err)
	assert.NotEmpty(t, docs.Summary)
	var names []string
	for _, f := range docs.Fields {
		names = append(names, f.FullName)
		assert.NotEmpty(t, f.Description, f.FullName)
		assert.Equal(t, f.FullName == "api_token", f.IsSecret, f.FullName)
	}
	for _, name := range []string{"objects", "page_size", "filter_id", "include_fields", "api_version", "checkpoint_cache",
		"api_token", "company_domain", "base_url", "burst_limit", "daily_budget", "timeout"} {
		assert.True(t, slices.Contains(names, name), "the contract has a field %s", name)
	}
	require.NotEmpty(t, docs.Examples)
	for _, example := range docs.Examples {
		lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(example.Config))
		require.NoError(t, err)
		assert.Empty(t, lints, example.Title)
	}
}
