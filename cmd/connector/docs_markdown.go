package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const written = "<!-- Written by `connector docs` from what the code says of itself. Change that, and run it again. -->\n\n"

func indexPage(pages []documented, methods []bloblang.TemplateMethodData) string {
	var b strings.Builder
	b.WriteString(written + "# Reference\n\nThe components that `connector` adds to Benthos. " +
		"Everything of [Benthos](https://github.com/redpanda-data/benthos) itself can be used beside them: `connector list` names all.\n\n" +
		"| component | kind | what it does |\n| --- | --- | --- |\n")
	for _, p := range pages {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s | %s |\n", p.name, p.path(), strings.ReplaceAll(p.kind, "_", " "), cell(p.summary))
	}
	b.WriteString("\n| Bloblang method | what it gives |\n| --- | --- |\n")
	for _, m := range methods {
		first, _, _ := strings.Cut(m.Description, ". ")
		fmt.Fprintf(&b, "| [`%s`](%s#%s) | %s |\n", m.Name, methodsPath, m.Name, cell(strings.TrimSuffix(first, ".")+"."))
	}
	return b.String()
}

func componentPage(p documented, view *service.ConfigView) (string, error) {
	data, err := view.TemplateData()
	if err != nil {
		return "", err
	}
	required, err := requiredFields(view)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s of `connector`", written, p.name, sentence(strings.ReplaceAll(p.kind, "_", " ")))
	if data.Status != "stable" {
		fmt.Fprintf(&b, " (%s)", data.Status)
	}
	b.WriteString(". " + linkless(data.Summary) + "\n")
	paragraph(&b, data.Description)
	if len(data.Examples) == 0 {
		fenced(&b, "yaml", data.CommonConfigYAML)
	}
	b.WriteString("\n## Fields\n\n| field | type | default | what |\n| --- | --- | --- | --- |\n")
	for _, f := range data.Fields {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.FullName, fieldType(f), fieldDefault(f, required[f.FullName]), cell(fieldText(f)))
	}
	if len(data.Examples) > 0 {
		b.WriteString("\n## Examples\n")
	}
	for _, e := range data.Examples {
		fmt.Fprintf(&b, "\n### %s\n", e.Title)
		paragraph(&b, e.Summary)
		fenced(&b, "yaml", e.Config)
	}
	paragraph(&b, data.Footnotes)
	return b.String(), nil
}

func fieldType(f service.TemplateDataPluginField) string {
	kind := map[string]string{"array": "list"}[f.Type]
	if kind == "" {
		kind = f.Type
	}
	if f.IsInterpolated {
		kind += ", interpolated"
	}
	if f.IsSecret {
		kind += ", **secret**"
	}
	return kind
}

func fieldDefault(f service.TemplateDataPluginField, required bool) string {
	switch {
	case f.DefaultMarshalled != "":
		return cell("`" + f.DefaultMarshalled + "`")
	case required:
		return "required"
	}
	return "–"
}

func fieldText(f service.TemplateDataPluginField) string {
	text := f.Description
	var options []string
	for _, o := range f.Options {
		options = append(options, "`"+o+"`")
	}
	for _, o := range f.AnnotatedOptions {
		options = append(options, "`"+o[0]+"` ("+strings.TrimSuffix(o[1], ".")+")")
	}
	if len(options) > 0 {
		text += " One of " + strings.Join(options, ", ") + "."
	}
	if example := fieldExample(f); example != "" {
		text += " Example: `" + example + "`."
	}
	return text
}

// fieldExample is the first one where it is short: a text, a number or a list of them.
func fieldExample(f service.TemplateDataPluginField) string {
	if len(f.Examples) == 0 {
		return ""
	}
	if text, ok := f.Examples[0].(string); ok {
		return text
	}
	example, err := json.Marshal(f.Examples[0])
	if err != nil || strings.Contains(string(example), "{") {
		return ""
	}
	return string(example)
}

// requiredFields are those that have no default and may not be left out, by their full name.
func requiredFields(view *service.ConfigView) (map[string]bool, error) {
	type field struct {
		Name     string  `json:"name"`
		Kind     string  `json:"kind"`
		Default  *any    `json:"default"`
		Optional bool    `json:"is_optional"`
		Children []field `json:"children"`
	}
	var spec struct {
		Config field `json:"config"`
	}
	body, err := view.FormatJSON()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &spec); err != nil {
		return nil, err
	}
	required := map[string]bool{}
	var walk func(path string, fields []field)
	walk = func(path string, fields []field) {
		for _, f := range fields {
			required[path+f.Name] = f.Default == nil && !f.Optional && len(f.Children) == 0
			walk(path+f.Name+map[string]string{"array": "[]", "2darray": "[][]", "map": ".<name>"}[f.Kind]+".", f.Children)
		}
	}
	walk("", spec.Config.Children)
	return required, nil
}

func methodsPage(methods []bloblang.TemplateMethodData) string {
	var b strings.Builder
	b.WriteString(written + "# Bloblang methods\n\nMethods that `connector` adds to Bloblang, for the mappings in `pipelines/mappings`.\n")
	for _, m := range methods {
		fmt.Fprintf(&b, "\n## %s\n", m.Name)
		paragraph(&b, m.Description)
		for _, c := range m.Categories {
			paragraph(&b, c.Description)
		}
		if len(m.Params.Definitions) > 0 {
			b.WriteString("\n| argument | type | default | what |\n| --- | --- | --- | --- |\n")
		}
		for _, p := range m.Params.Definitions {
			given := "required"
			if p.DefaultMarshalled != "" {
				given = cell("`" + p.DefaultMarshalled + "`")
			} else if p.IsOptional {
				given = "–"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, p.ValueType, given, cell(p.Description))
		}
		for _, e := range m.Examples {
			paragraph(&b, strings.TrimSuffix(e.Summary, ".")+map[bool]string{true: ":", false: ""}[e.Summary != ""])
			lines := e.Mapping + "\n"
			for _, r := range e.Results {
				lines += "\n# In:  " + r[0] + "\n# Out: " + r[1] + "\n"
			}
			fenced(&b, "coffee", lines)
		}
	}
	return b.String()
}

func paragraph(b *strings.Builder, text string) {
	if text = strings.TrimSpace(text); text != "" {
		b.WriteString("\n" + linkless(text) + "\n")
	}
}

func fenced(b *strings.Builder, language, text string) {
	fmt.Fprintf(b, "\n```%s\n%s\n```\n", language, strings.Trim(text, "\n"))
}

// cell is text in a cell of a table.
func cell(text string) string {
	text = strings.ReplaceAll(linkless(strings.TrimSpace(text)), "|", `\|`)
	return strings.ReplaceAll(text, "\n", "<br>")
}

// Links of Benthos' own texts lead to files that are not here.
var links = regexp.MustCompile(`xref:[^\[\]]*\[([^\]]*)\]|\[([^\]]*)\]\(/[^)]*\)`)

func linkless(text string) string { return links.ReplaceAllString(text, "$1$2") }

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
