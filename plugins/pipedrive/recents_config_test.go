package pipedrive

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestRecents_RefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	for conf, problem := range map[string]string{
		"start_from: yesterday":                      `"yesterday": it must be beginning, now, or a time`,
		"start_from: 2026-11-01":                     "2026-11-01T00:00:00Z",
		"poll_interval: 999ms":                       "at least 1s",
		"poll_interval: 0s":                          "at least 1s",
		"sweep_interval: 30s":                        "at least 1m",
		"sweep_interval: -1h":                        "at least 1m",
		"checkpoint_cache: nowhere":                  `no cache resource "nowhere"`,
		"objects: [people]":                          `no object "people"`,
		"objects: [persons, deals]\nfilter_id: 7":    "single kind",
		"include_fields: [products_counted]":         `"products_counted"`,
		"source: recents\nobjects: [persons, leads]": "has no leads",
	} {
		_, err := a.openRecents(newResources(t), conf)
		assert.ErrorContains(t, err, problem, conf)
	}
}

func TestRecents_IncludeFieldsAreInEveryRead(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(3)
		f := a.follow(newStore(t), withCache+"include_fields: [won_deals_count]")
		for _, m := range f.messages(5 * time.Minute) {
			assert.Contains(t, m.record, "won_deals_count")
		}
		a.change("person", 2, "Changed")
		got := f.messages(time.Minute)
		if assert.Len(t, got, 1) {
			assert.Contains(t, got[0].record, "won_deals_count")
		}
		f.end()
	})
}

func TestRecents_AFilterNarrowsTheFirstReadAndTheChanges(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.filled(10)
		a.Put("filter", map[string]any{"id": 7, "name": "Some", "type": "people", "ids": []any{2, 3}})
		f := a.follow(newStore(t), withCache+"filter_id: 7")
		assert.Equal(t, repeated("snapshot person", 2, 3), f.after(5*time.Minute))
		a.change("person", 3, "Changed")
		a.change("person", 4, "Changed")
		assert.Equal(t, []string{"change person 3"}, f.after(5*time.Minute))
		f.end()
	})
}

func TestRecents_Lint(t *testing.T) {
	t.Parallel()
	for conf, problem := range map[string]string{
		"{}":                  "",
		"start_from: now":     "",
		"sweep_interval: 24h": "",
		"source: webhooks":    "webhooks",
		"page_size: 501":      "between 1 and 500",
		"objects: [people]":   "no object people",
		"checkpoint_limit: 0": "at least 1",
		"poll_intervall: 5m":  "poll_intervall",
		"api_version: v1":     "api_version",
	} {
		lints, err := service.NewEnvironment().NewComponentConfigLinter().LintInputYAML([]byte("pipedrive_recents:\n  " + conf))
		require.NoError(t, err)
		if problem == "" {
			assert.Empty(t, lints, conf)
			continue
		}
		if assert.NotEmpty(t, lints, conf) {
			assert.Contains(t, lints[0].Error(), problem)
		}
	}
}

func TestRecents_ItsDocumentationNamesEveryFieldAndItsExamplesLint(t *testing.T) {
	t.Parallel()
	view, ok := service.GlobalEnvironment().GetInputConfig("pipedrive_recents")
	require.True(t, ok)
	docs, err := view.TemplateData()
	require.NoError(t, err)
	var names []string
	for _, f := range docs.Fields {
		names = append(names, f.FullName)
		assert.NotEmpty(t, f.Description, f.FullName)
		assert.Equal(t, f.FullName == "api_token", f.IsSecret, f.FullName)
	}
	for _, name := range []string{"objects", "start_from", "poll_interval", "follow", "source", "sweep_interval", "page_size", "filter_id",
		"include_fields", "checkpoint_cache", "checkpoint_cache_key", "api_token", "company_domain", "base_url", "burst_limit", "daily_budget", "timeout"} {
		assert.True(t, slices.Contains(names, name), "the contract has a field %s", name)
	}
	require.NotEmpty(t, docs.Examples)
	for _, example := range docs.Examples {
		lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(example.Config))
		require.NoError(t, err)
		assert.Empty(t, lints, example.Title)
	}
}

func TestRecents_ConnectTellsAWrongToken(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{Token: "another"}, 0)
	in, err := a.openRecents(newResources(t), "")
	require.NoError(t, err)
	err = in.Connect(t.Context())
	assert.ErrorContains(t, err, "PIPEDRIVE_API_TOKEN")
	assert.False(t, strings.Contains(err.Error(), "api_token: sandbox"))
	_, _, err = in.ReadBatch(t.Context())
	assert.ErrorIs(t, err, service.ErrNotConnected)
	require.NoError(t, in.Close(t.Context()))
	results := in.BatchInput.(*recentsInput).ConnectionTest(t.Context())
	require.Len(t, results, 1)
	assert.Error(t, results[0].Err)
}
