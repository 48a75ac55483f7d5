package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
)

// listCommand is Benthos' list, with a word on what each of our own components does: its text form has
// names only.
func listCommand(ctx context.Context, args []string) *cli.Command {
	return &cli.Command{
		Name:            "list",
		Usage:           "List all component types, ours with what they do",
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			code, err := service.RunCLIToCode(ctx, benthosOptions(ctx, args)...)
			if err != nil || code != 0 {
				return err
			}
			asked := c.Args().Slice()
			if slices.ContainsFunc(asked, func(arg string) bool { return strings.HasPrefix(arg, "-") && arg != "--format=text" }) {
				return nil // another form, or the help
			}
			env := service.GlobalEnvironment()
			show := func(kind string) func(string, *service.ConfigView) {
				return func(name string, view *service.ConfigView) {
					if ours(name) && (len(asked) == 0 || slices.Contains(asked, kind+"s")) {
						fmt.Fprintf(os.Stdout, "\n%s (%s): %s\n", name, kind, view.Summary())
					}
				}
			}
			env.WalkInputs(show("input"))
			env.WalkProcessors(show("processor"))
			env.WalkOutputs(show("output"))
			return nil
		},
	}
}
