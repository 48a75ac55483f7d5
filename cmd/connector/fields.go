package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"connector/plugins/pipedrive/api"
)

// fieldObjects are the objects whose fields a mapping may want.
var fieldObjects = []string{"persons", "deals", "organizations", "activities", "leads", "products"}

// fieldsCommand shows the fields of an object: what a mapping calls them, and what they hold.
func fieldsCommand() *cli.Command {
	cmd := &cli.Command{
		Name:        "fields",
		Usage:       "List the custom fields of your Pipedrive company, and what a mapping calls them",
		Description: "Credentials come from PIPEDRIVE_API_TOKEN, and PIPEDRIVE_COMPANY_DOMAIN or PIPEDRIVE_BASE_URL. Leads have the fields of deals.",
		ArgsUsage:   strings.Join(fieldObjects, "|"),
		Action: func(c *cli.Context) error {
			return fmt.Errorf("name the object first, and flags behind it: connector fields %s [--all] [--json]", strings.Join(fieldObjects, "|"))
		},
	}
	for _, plural := range fieldObjects {
		cmd.Subcommands = append(cmd.Subcommands, &cli.Command{
			Name: plural, Usage: "List the fields of " + plural,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "all", Usage: "also those that every company has"},
				&cli.BoolFlag{Name: "json", Usage: "as JSON"},
			},
			Action: withPipedrive(func(c *cli.Context, client *api.Client) error { return listFields(c, client, plural) }),
		})
	}
	return cmd
}

// listedField is a field as --json has it.
type listedField struct {
	Name      string         `json:"name"`
	Key       string         `json:"key"`
	ByName    string         `json:"by_name,omitempty"`     // in custom_fields_by_name
	ByKeyOnly bool           `json:"by_key_only,omitempty"` // a custom field that shares its name
	Type      string         `json:"type"`
	Custom    bool           `json:"custom"`
	Options   []listedOption `json:"options,omitempty"`
}

type listedOption struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

func listFields(c *cli.Context, client *api.Client, plural string) error {
	if c.Args().Present() {
		return fmt.Errorf("%q is one too many: connector fields %s [--all] [--json]", c.Args().First(), plural)
	}
	o, err := api.ObjectOf(plural)
	if err != nil {
		return err
	}
	fields, err := client.FieldsOf(c.Context, o)
	if err != nil {
		return err
	}
	listed := []listedField{}
	for _, custom := range []bool{true, false} {
		if !custom && !c.Bool("all") {
			break
		}
		for _, f := range fields.All {
			if f.Custom == custom {
				listed = append(listed, asListed(fields, f))
			}
		}
	}
	if c.Bool("json") {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(listed)
	}
	if len(listed) == 0 {
		fmt.Fprintf(os.Stdout, "%s have no custom fields; --all shows the others\n", plural)
		return nil
	}
	return fieldTable(os.Stdout, listed)
}

func asListed(fields *api.Fields, f *api.Field) listedField {
	l := listedField{Name: f.Name, Key: f.Key, Type: f.Type, Custom: f.Custom, ByName: fields.NameOf(f)}
	l.ByKeyOnly = f.Custom && l.ByName == ""
	for _, choice := range f.Choices {
		l.Options = append(l.Options, listedOption(choice))
	}
	return l
}

func fieldTable(out io.Writer, listed []listedField) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("NAME", "IN MAPPINGS", "TYPE", "KEY", "OPTIONS")
	example := listedField{}
	for _, f := range listed {
		name := quotedPath(f.ByName)
		switch {
		case f.ByKeyOnly:
			name = "by key only"
		case !f.Custom:
			name = "-"
		default:
			example = f
		}
		var options []string
		for _, o := range f.Options {
			options = append(options, o.ID+"="+oneLine(o.Label))
		}
		row(oneLine(f.Name), name, f.Type, f.Key, cmp.Or(strings.Join(options, ", "), "-"))
	}
	if err := w.Flush(); err != nil || example.ByName == "" {
		return err
	}
	_, err := fmt.Fprintf(out, "\nIn a mapping: this.custom_fields_by_name.%s.attribute(), or by key: this.custom_fields.%q.attribute()\n",
		quotedPath(example.ByName), example.Key)
	return err
}

var plainPath = regexp.MustCompile(`^[a-zA-Z0-9_]*$`)

// quotedPath is a name as it stands in a path of Bloblang.
func quotedPath(name string) string {
	if plainPath.MatchString(name) {
		return name
	}
	return `"` + name + `"`
}

// oneLine keeps what people typed from breaking the table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
