package brevo

import (
	"regexp"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"

	sandbox "connector/sandbox/brevo"
)

func TestContacts_ConnectionTestChecksTheKey(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	out := w.output(nil)
	for _, result := range out.ConnectionTest(t.Context()) {
		assert.NoError(t, result.Err)
	}
	w.SetKey("another")
	results := out.ConnectionTest(t.Context())
	require.Len(t, results, 1)
	assert.ErrorContains(t, results[0].Err, "401")
	assert.ErrorContains(t, results[0].Err, "check api_key (BREVO_API_KEY")
}

func TestContacts_EveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	view, found := service.GlobalEnvironment().GetOutputConfig("brevo_contacts")
	require.True(t, found)
	data, err := view.TemplateData()
	require.NoError(t, err)
	assert.NotEmpty(t, data.Summary)
	assert.NotEmpty(t, data.Examples)
	named := map[string]bool{}
	for _, f := range data.Fields {
		named[f.FullName] = true
		assert.NotEmpty(t, f.Description, f.FullName)
	}
	for _, name := range []string{"action", "mode", "dead_letter", "batching", "max_in_flight", "ledger_cache", "ledger_cache_key", "api_key", "base_url", "tier", "timeout"} {
		assert.True(t, named[name], name)
	}
}

func TestContacts_ExamplesLint(t *testing.T) {
	t.Parallel()
	view, _ := service.GlobalEnvironment().GetOutputConfig("brevo_contacts")
	data, err := view.TemplateData()
	require.NoError(t, err)
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for _, example := range data.Examples {
		lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(example.Config))
		assert.NoError(t, err, example.Title)
		assert.Empty(t, lints, example.Title)
	}
	for config, lint := range map[string]string{
		`{brevo_contacts: {}}`:                          ``,
		`{brevo_contacts: {mode: import}}`:              ``,
		`{brevo_contacts: {mode: bulk}}`:                `value bulk is not a valid option for this field`,
		`{brevo_contacts: {tier: enterprise}}`:          `value enterprise is not a valid option`,
		`{brevo_contacts: {requests_per_second: -1}}`:   `requests_per_second cannot be negative`,
		`{brevo_contacts: {deadletter: x}}`:             `field deadletter not recognised`,
		`{brevo_contacts: {timeout: soon}}`:             ``,
		`{brevo_contacts: {action: "${! this is not"}}`: ``,
	} {
		lints, err := linter.LintOutputYAML([]byte(config))
		require.NoError(t, err)
		if lint == "" {
			continue
		}
		require.Len(t, lints, 1, config)
		assert.Contains(t, lints[0].Error(), lint)
	}
}

// What is wrong in a configuration is told at the start, by name and with the remedy, and never with
// the key.
func TestContacts_WrongConfigurationIsToldAtTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		fields map[string]any
		says   []string
	}{
		"dead_letter":    {map[string]any{"dead_letter": "nowhere"}, []string{`dead_letter: there is no output resource "nowhere"`}},
		"no key":         {map[string]any{"api_key": nil}, []string{"api_key is empty", "BREVO_API_KEY"}},
		"plain http":     {map[string]any{"base_url": "http://brevo.example/v3"}, []string{"http://brevo.example would send the credential in clear", "https"}},
		"no URL":         {map[string]any{"base_url": "brevo"}, []string{"base_url", "no host"}},
		"key in the URL": {map[string]any{"base_url": "https://u:secret@api.brevo.com/v3"}, []string{"must not hold a user or password"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("BREVO_API_KEY", "")
			w := sandboxed(t, sandbox.Config{})
			b := service.NewStreamBuilder()
			require.NoError(t, b.AddInputYAML(`{generate: {count: 1, mapping: "root.email = \"a@b.co\""}}`))
			require.NoError(t, b.AddOutputYAML(encode(t, map[string]any{"brevo_contacts": w.fields(c.fields)})))
			if name != "dead_letter" {
				require.NoError(t, b.AddResourcesYAML(`{output_resources: [{label: letters, drop: {}}]}`))
			}
			stream, err := b.Build()
			if err == nil {
				err = stream.Run(t.Context())
			}
			require.Error(t, err)
			for _, says := range c.says {
				assert.ErrorContains(t, err, says)
			}
			assert.NotContains(t, err.Error(), "secret")
			assert.Empty(t, w.tap.all())
		})
	}
}

func TestContacts_ConnectionIsReadFromTheEnvironmentWhereItIsLeftOut(t *testing.T) {
	w := sandboxed(t, sandbox.Config{})
	t.Setenv("BREVO_API_KEY", "sandbox")
	t.Setenv("BREVO_BASE_URL", w.url+"/v3")
	w.start(map[string]any{"api_key": nil, "base_url": nil})
	require.NoError(t, w.send(person(1, "")))
	assert.Equal(t, 1, w.Count())
}

func TestContacts_ComponentsOfOneAccountShareOneClient(t *testing.T) {
	t.Parallel()
	w, other := sandboxed(t, sandbox.Config{}), sandboxed(t, sandbox.Config{})
	assert.Same(t, w.output(nil).client, w.output(map[string]any{"mode": "import"}).client)
	assert.NotSame(t, w.output(nil).client, other.output(nil).client)
}

func TestContacts_UnreachableHostIsToldByName(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.start(map[string]any{"base_url": "http://127.0.0.1:1/v3"})
	eventually(t, func() bool {
		return len(w.logs.with("ERROR", "reading Brevo's contact attributes", "127.0.0.1:1", "can be reached from here")) > 0
	}, "it is told")
}

func TestContacts_MessagesAreGatheredIntoBatchesUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(map[string]any{"batching": nil, "mode": "auto", "max_in_flight": nil})
	var single [][]*service.Message
	for id := range 150 {
		single = append(single, []*service.Message{person(id+1, `,"listIds":[60]`)})
	}
	w.sendAll(single...)
	assert.Equal(t, 150, w.Count())
	assert.NotEmpty(t, w.imports(), "messages that come one by one make a batch")
}

func TestContacts_KeyIsInNoLogAndInNoAddress(t *testing.T) {
	t.Parallel()
	const key = "xkeysib-0123456789"
	w := sandboxed(t, sandbox.Config{Key: key})
	w.start(map[string]any{"api_key": key, "mode": "import"})
	require.NoError(t, w.send(person(1, `,"listIds":[60,99]`), person(2, `,"listIds":[60]`), message(`{"email":"BAD@","listIds":[60]}`)))
	for _, c := range w.tap.all() {
		assert.NotContains(t, c.uri, key)
		assert.Equal(t, !strings.HasPrefix(c.uri, "/reports/"), c.header.Get("api-key") == key, c.uri)
	}
	assert.Empty(t, w.logs.with(key))
	assert.NotRegexp(t, regexp.MustCompile(`[a-z0-9]+@example\.com`), w.logs.String())
}
