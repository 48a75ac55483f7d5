package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
)

// docsCommand writes docs/ from the specs of our components. It is for those who change one.
func docsCommand() *cli.Command {
	return &cli.Command{
		Name:      "docs",
		Usage:     "Write the reference of our components as Markdown",
		ArgsUsage: "[FOLDER]",
		Hidden:    true,
		Action: func(c *cli.Context) error {
			folder := "docs"
			if c.Args().Present() {
				folder = c.Args().First()
			}
			files, err := docs()
			if err != nil {
				return err
			}
			return writeDocs(folder, files)
		},
	}
}

// ours tells our components from Benthos' own.
func ours(name string) bool {
	return strings.HasPrefix(name, "pipedrive") || strings.HasPrefix(name, "brevo") || name == "dead_letters"
}

// kinds are those of components in the order of the index.
var kinds = []string{"input", "processor", "output", "cache", "buffer", "rate_limit"}

// docs are the files by their path in the folder.
func docs() (map[string]string, error) {
	env := service.GlobalEnvironment()
	files, pages, failed := map[string]string{}, []documented{}, error(nil)
	for i, walk := range []func(func(string, *service.ConfigView)){
		env.WalkInputs, env.WalkProcessors, env.WalkOutputs, env.WalkCaches, env.WalkBuffers, env.WalkRateLimits,
	} {
		walk(func(name string, view *service.ConfigView) {
			if !ours(name) {
				return
			}
			p := documented{name: name, kind: kinds[i], summary: view.Summary()}
			text, err := componentPage(p, view)
			if err != nil {
				failed = fmt.Errorf("reading the spec of %s: %w", name, err)
			}
			files[p.path()] = text
			pages = append(pages, p)
		})
	}
	slices.SortStableFunc(pages, func(a, b documented) int {
		if a.kind == b.kind {
			return strings.Compare(a.name, b.name)
		}
		return slices.Index(kinds, a.kind) - slices.Index(kinds, b.kind)
	})
	var methods []bloblang.TemplateMethodData
	bloblang.GlobalEnvironment().WalkMethods(func(_ string, view *bloblang.MethodView) {
		m := view.TemplateData()
		if len(m.Categories) > 0 && m.Categories[0].Category == "Connector" {
			methods = append(methods, m)
		}
	})
	slices.SortFunc(methods, func(a, b bloblang.TemplateMethodData) int { return strings.Compare(a.Name, b.Name) })
	files[methodsPath] = methodsPage(methods)
	files["README.md"] = indexPage(pages, methods)
	return files, failed
}

// documented is what the index knows of a component.
type documented struct{ name, kind, summary string }

func (p documented) path() string { return "components/" + p.kind + "_" + p.name + ".md" }

const methodsPath = "components/bloblang_methods.md"

// writeDocs also removes the pages of components that are gone.
func writeDocs(folder string, files map[string]string) error {
	if err := os.MkdirAll(filepath.Join(folder, "components"), 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, "components", "*.md"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, kept := files["components/"+filepath.Base(name)]; !kept {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(folder, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stdout, "%d files written to %s\n", len(files), folder)
	return nil
}
