package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"connector/plugins/brevo/api"
)

// setupCommand prepares an account for the user's mappings.
func setupCommand() *cli.Command {
	return &cli.Command{
		Name:  "setup",
		Usage: "Prepare a Brevo account for your mappings",
		Subcommands: []*cli.Command{{
			Name:  "brevo",
			Usage: "Show which attributes and lists your mappings need in Brevo, and create those that are missing",
			Description: "It runs the mappings over sample records, holds what comes out against the account, and shows the plan.\n" +
				"Nothing is created before you agree: by answering y at a terminal, or with --yes. Without either it only\n" +
				"shows. Brevo chooses the ids of new lists, so creating lists changes mappings/lists.blobl (the former one\n" +
				"is kept as lists.blobl.bak); that is asked for on its own, or wants --lists beside --yes.\n\n" +
				"It ends with 0 if Brevo has all that the mappings need, and with 1 if anything is missing or amiss. It\n" +
				"can be run again at any time, and goes on where it stopped. What exists is never changed.\n\n" +
				"Credentials come from BREVO_API_KEY, and BREVO_BASE_URL. The folder of the pipelines is --pipelines, else\n" +
				"PIPELINES_DIR, else pipelines.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "pipelines", EnvVars: []string{pipelinesDir}, Value: "pipelines", Usage: "the folder with your mappings"},
				&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "create the missing attributes without asking"},
				&cli.BoolFlag{Name: "lists", Usage: "with --yes: create the missing lists too, and change lists.blobl"},
				&cli.StringSliceFlag{Name: "type", Usage: "NAME=float|text|date|boolean: the type of an attribute, where it is not what is shown"},
				&cli.StringFlag{Name: "tier", Value: "general", Usage: "the limits of the account: general, advanced or extended"},
			},
			Action: setupBrevo,
		}},
	}
}

func setupBrevo(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("setup brevo takes no %q: see connector setup brevo --help", c.Args().First())
	}
	need, err := readWanted(c.String("pipelines"))
	if err != nil {
		return err
	}
	if err := need.override(c.StringSlice("type")); err != nil {
		return err
	}
	file, err := readLists(c.String("pipelines"))
	if err != nil {
		return err
	}
	client, err := api.New(api.Config{
		APIKey: os.Getenv("BREVO_API_KEY"), BaseURL: os.Getenv("BREVO_BASE_URL"), Tier: c.String("tier"), Timeout: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	s := &setup{client: client, in: bufio.NewReader(os.Stdin), out: os.Stdout, yes: c.Bool("yes"), lists: c.Bool("lists"), terminal: isatty.IsTerminal(os.Stdin.Fd())}
	return s.run(c.Context, need, file)
}

// override takes the types that the user knows better.
func (w *wanted) override(types []string) error {
	for _, given := range types {
		name, kind, ok := strings.Cut(given, "=")
		if _, known := crmTypes[kind]; !ok || !known {
			return fmt.Errorf("--type %s: write NAME=float, NAME=text, NAME=date or NAME=boolean", given)
		}
		at := cmp.Or(w.contacts[name], w.companies[name])
		if at == nil {
			return fmt.Errorf("--type %s: no mapping sets %s", given, name)
		}
		at.kind, at.guessed = kind, false
	}
	return nil
}

// setup is one run of the command.
type setup struct {
	client     *api.Client
	in         *bufio.Reader
	out        io.Writer
	yes, lists bool // as the flags say
	terminal   bool // somebody can be asked
}

func (s *setup) run(ctx context.Context, need *wanted, file *listFile) error {
	plan, err := planSetup(ctx, s.client, need, file)
	if err != nil {
		return err
	}
	if err := plan.print(s.out); err != nil {
		return err
	}
	s.hint(plan)
	contacts, companies, lists := plan.count(missing)
	if contacts+companies > 0 && s.agreed(s.yes, fmt.Sprintf("Create %s in Brevo?", attributesText(contacts, companies))) {
		if err := s.createAttributes(ctx, plan, need); err != nil {
			return err
		}
	}
	if lists > 0 && s.agreed(s.yes && s.lists, fmt.Sprintf("Create or take up %s, and change %s?", counted(lists, "list"), plan.file.path)) {
		if err := s.createLists(ctx, plan); err != nil {
			return err
		}
	}
	return s.verdict(plan)
}

// agreed asks, unless the flags have answered.
func (s *setup) agreed(flagged bool, question string) bool {
	if flagged || s.yes || !s.terminal {
		return flagged
	}
	fmt.Fprintf(s.out, "%s [y/N] ", question)
	answer, err := s.in.ReadString('\n')
	if err != nil {
		fmt.Fprintln(s.out)
	}
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

// hint tells what to look at before agreeing: guesses, and what the plan costs of what Brevo allows.
func (s *setup) hint(plan *setupPlan) {
	contacts, companies, lists := plan.count(missing)
	if slices.ContainsFunc(slices.Concat(plan.contacts, plan.companies), func(at plannedAttribute) bool { return strings.HasSuffix(at.note, guessMark) }) {
		fmt.Fprintln(s.out, "A type is a guess where the values come from fields of your own. Brevo cannot change it later: --type NAME=float\n"+
			"(or text, date, boolean) says what it is.")
	}
	quota := func(there, more, most int, what string) {
		if more > 0 && there+more > most {
			fmt.Fprintf(s.out, "The account would have %d %s; Brevo allows %d below Enterprise.\n", there+more, what, most)
		}
	}
	quota(plan.contactsThere, contacts, api.MaxContactAttributes, "contact attributes of its own")
	quota(plan.listsThere, lists, api.MaxLists, "lists")
	if companies > 0 {
		fmt.Fprintf(s.out, "Company attributes take %d of the calls that Brevo allows in an hour besides contacts and events; %d are left by our own count.\n",
			companies+1, s.client.Left()["other"])
	}
}

// verdict is nil if Brevo has all that the mappings need.
func (s *setup) verdict(plan *setupPlan) error {
	contacts, companies, lists := plan.count(missing)
	var left []string
	if contacts+companies > 0 {
		left = append(left, fmt.Sprintf("Brevo lacks %s: --yes creates what is missing", attributesText(contacts, companies)))
	}
	if lists > 0 {
		left = append(left, fmt.Sprintf("Brevo lacks %s: --yes --lists creates what is missing and changes %s", counted(lists, "list"), listsFile))
	}
	contacts, companies, lists = plan.count(atOdds)
	if n := contacts + companies + lists; n > 0 {
		left = append(left, fmt.Sprintf("%d of the above cannot be mended from here: the plan says how", n))
	}
	if len(left) > 0 {
		return errors.New(strings.Join(left, "\n"))
	}
	fmt.Fprintln(s.out, "Brevo has all that the mappings need.")
	return nil
}

func attributesText(contacts, companies int) string {
	switch {
	case companies == 0:
		return counted(contacts, "contact attribute")
	case contacts == 0:
		return counted(companies, "company attribute")
	}
	return counted(contacts, "contact attribute") + " and " + counted(companies, "company attribute")
}
