package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocs_SayWhatTheCodeSays(t *testing.T) {
	const mend = "docs/ is not what the code says: run `go run ./cmd/connector docs`"
	files, err := docs()
	require.NoError(t, err)
	for path, text := range files {
		there, err := os.ReadFile(repoFile(t, filepath.Join("docs", path)))
		if assert.NoError(t, err, mend) {
			assert.Equal(t, text, string(there), mend)
		}
	}
	there, err := filepath.Glob(repoFile(t, "docs/components/*"))
	require.NoError(t, err)
	for _, name := range there {
		assert.Contains(t, files, "components/"+filepath.Base(name), mend)
	}
}

func TestDocs_NameEveryFieldWithItsDefaultAndSecretsAndTheEnvironment(t *testing.T) {
	files, err := docs()
	require.NoError(t, err)
	contacts := files["components/output_brevo_contacts.md"]
	for _, want := range []string{
		"# brevo_contacts\n", "| `mode` | string | `\"auto\"` |", "One of `auto`, `single`, `import`.", "| `api_key` | string, **secret** | – |", "`BREVO_API_KEY`",
		"| `batching.count` | int | `0` |", `${! @action.or("upsert") }`, "## Examples", "```yaml",
	} {
		assert.Contains(t, contacts, want)
	}
	assert.Contains(t, files["components/bloblang_methods.md"], "## valid_email")
	for path, text := range files {
		assert.NotContains(t, text, "xref:", path)
		assert.NotContains(t, text, "missing documentation", path)
		assert.Contains(t, files["README.md"], strings.TrimPrefix(path, "README.md"), "the index names every page")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "| ") {
				cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
				assert.Contains(t, []int{2, 3, 4}, cells, "%s: %s", path, line)
			}
		}
	}
}

func TestDocs_OfAFieldThatIsRequiredAndHasLinesAndPipes(t *testing.T) {
	env := service.NewEmptyEnvironment()
	spec := service.NewConfigSpec().Summary("Does a | b.").Fields(
		service.NewStringField("must").Description("One line\nor `a|b`, see xref:x.adoc[there]."),
		service.NewStringAnnotatedEnumField("choice", map[string]string{"x": "The first."}).Default("x"),
		service.NewObjectListField("list", service.NewIntField("inner").Description("Deep.")).Description("Deeper.").Optional(),
	)
	require.NoError(t, env.RegisterBatchInput("pipedrive_odd", spec, nil))
	text := ""
	env.WalkInputs(func(name string, view *service.ConfigView) {
		var err error
		text, err = componentPage(documented{name: name, kind: "input"}, view)
		require.NoError(t, err)
	})
	for _, want := range []string{
		"| `must` | string | required | One line<br>or `a\\|b`, see there. |\n", "One of `x` (The first).", "| `list` | list | – | Deeper. |", "| `list[].inner` | int | required |",
	} {
		assert.Contains(t, text, want)
	}
}

func TestDocs_OfAComponentThatIsGoneAreRemoved(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, writeDocs(folder, map[string]string{"README.md": "index", "components/a.md": "a", "components/b.md": "b"}))
	require.NoError(t, writeDocs(folder, map[string]string{"README.md": "index", "components/b.md": "c"}))
	left, err := filepath.Glob(filepath.Join(folder, "components/*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(folder, "components/b.md")}, left)
}
