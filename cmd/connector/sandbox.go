package main

import (
	"fmt"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

func sandboxCommand() *cli.Command {
	return &cli.Command{
		Name:  "sandbox",
		Usage: "Play Pipedrive and Brevo on this machine",
		Description: "Both accept the token and key `sandbox`. Set PIPEDRIVE_BASE_URL and BREVO_BASE_URL to what is printed,\n" +
			"and run any pipeline against them.",
		Flags: append(companyFlags(1000),
			&cli.StringFlag{Name: "pipedrive-address", Value: "127.0.0.1:8081", Usage: "where Pipedrive listens; port 0 for a free one"},
			&cli.StringFlag{Name: "brevo-address", Value: "127.0.0.1:8082", Usage: "where Brevo listens, under /v3; port 0 for a free one"},
			&cli.BoolFlag{Name: "limits", Usage: "enforce the limits that both vendors publish for their smallest plans"},
			&cli.BoolFlag{Name: "faults", Usage: "fail now and then: 5xx, cut connections, stalls, empty bodies, 429s"},
		),
		Action: func(c *cli.Context) error {
			cfg := sandboxConfig(companyOf(c), c.Bool("limits"), c.Bool("faults"))
			cfg.PipedriveAddress, cfg.BrevoAddress = c.String("pipedrive-address"), c.String("brevo-address")
			sb, err := sandbox.Start(cfg)
			if err != nil {
				return err
			}
			defer sb.Close() //nolint:errcheck // the process ends
			fmt.Fprintf(c.App.Writer, `Pipedrive and Brevo are here, with %d persons, %d organizations, %d deals, %d activities and %d leads:

  export PIPEDRIVE_BASE_URL=%s PIPEDRIVE_API_TOKEN=%s
  export BREVO_BASE_URL=%s BREVO_API_KEY=%s

Ctrl-C ends them.
`, sb.Pipedrive.Count("person"), sb.Pipedrive.Count("organization"), sb.Pipedrive.Count("deal"),
				sb.Pipedrive.Count("activity"), sb.Pipedrive.Count("lead"),
				sb.PipedriveURL(), sandbox.Token, sb.BrevoURL(), sandbox.Token)
			ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			<-ctx.Done()
			return nil
		},
	}
}

// companyFlags say how large the seeded company is.
func companyFlags(persons int) []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "persons", Value: persons, Usage: "how many persons the company has"},
		&cli.IntFlag{Name: "deals", DefaultText: "one for two persons", Usage: "how many deals"},
		&cli.IntFlag{Name: "organizations", DefaultText: "one for four persons", Usage: "how many organizations"},
		&cli.IntFlag{Name: "activities", DefaultText: "one for two persons", Usage: "how many activities"},
		&cli.IntFlag{Name: "leads", DefaultText: "one for twenty persons", Usage: "how many leads"},
	}
}

// companyOf reads companyFlags. A 0 that was asked for is none, one that was not is the default.
func companyOf(c *cli.Context) seed.Company {
	number := func(name string) int {
		if n := c.Int(name); n != 0 || !c.IsSet(name) {
			return n
		}
		return -1
	}
	return seed.Company{
		Persons: c.Int("persons"), Deals: number("deals"), Organizations: number("organizations"),
		Activities: number("activities"), Leads: number("leads"),
	}
}

func sandboxConfig(company seed.Company, limits, faults bool) sandbox.Config {
	cfg := sandbox.Config{Persons: company.Persons, Company: company}
	if limits {
		cfg.Pipedrive.Limits, cfg.Brevo.Limits = pipedrive.PublishedLimits(), brevo.PublishedLimits()
	}
	if faults {
		cfg.Pipedrive.Faults, cfg.Brevo.Faults = pipedrive.DefaultFaults(), brevo.DefaultFaults()
	}
	return cfg
}
