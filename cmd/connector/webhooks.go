package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"connector/plugins/pipedrive/api"
)

// webhooksCommand shows the webhooks of the Pipedrive company, and deletes them. Pipedrive cannot change
// one, and pipedrive_webhook creates them.
func webhooksCommand() *cli.Command {
	return &cli.Command{
		Name:        "webhooks",
		Usage:       "List or delete the webhooks of your Pipedrive company",
		Description: "Credentials come from PIPEDRIVE_API_TOKEN, and PIPEDRIVE_COMPANY_DOMAIN or PIPEDRIVE_BASE_URL.",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "List all webhooks, and how their last deliveries went", Action: withPipedrive(listWebhooks)},
			{
				Name: "delete", Usage: "Delete one webhook, or with --ours those that the connector made", ArgsUsage: "[ID]",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "ours", Usage: "all that the connector made, and no others"}},
				Action: withPipedrive(deleteWebhooks),
			},
		},
	}
}

func withPipedrive(do func(*cli.Context, *api.Client) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		client, err := api.New(api.Config{
			APIToken: os.Getenv("PIPEDRIVE_API_TOKEN"), CompanyDomain: os.Getenv("PIPEDRIVE_COMPANY_DOMAIN"), BaseURL: os.Getenv("PIPEDRIVE_BASE_URL"),
			BurstLimit: 20, Timeout: 30 * time.Second,
		})
		if err != nil {
			return err
		}
		defer client.Close()
		return do(c, client)
	}
}

func listWebhooks(c *cli.Context, client *api.Client) error {
	hooks, err := client.Webhooks(c.Context)
	if err != nil {
		return err
	}
	if len(hooks) == 0 {
		fmt.Fprintln(os.Stdout, "there are no webhooks")
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for _, cell := range cells {
			_, _ = io.WriteString(w, cell+"\t") // to a terminal or a test's buffer
		}
		_, _ = io.WriteString(w, "\n")
	}
	row("ID", "EVENT", "VERSION", "STATE", "LAST DELIVERY", "ANSWER", "OURS", "NAME", "URL")
	for _, h := range hooks {
		state, ours := "active", "no"
		if !h.Active {
			state = "off"
		}
		if h.Own() {
			ours = "yes"
		}
		row(h.ID, h.Event(), h.Version, state, cmp.Or(h.LastDelivery, "-"), cmp.Or(h.LastStatus, "-"), ours, h.Name, withoutSecrets(h.URL))
	}
	return w.Flush()
}

// withoutSecrets leaves out what others put into the addresses of their webhooks.
func withoutSecrets(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "?"
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.String()
}

func deleteWebhooks(c *cli.Context, client *api.Client) error {
	ids := c.Args().Slice()
	if ours := c.Bool("ours"); ours == (len(ids) == 1) || len(ids) > 1 {
		return errors.New("name the ID of one webhook (connector webhooks list), or --ours")
	}
	hooks, err := client.Webhooks(c.Context)
	if err != nil {
		return err
	}
	deleted := 0
	for _, h := range hooks {
		if c.Bool("ours") && !h.Own() || len(ids) == 1 && h.ID != ids[0] {
			continue
		}
		if err := client.DeleteWebhook(c.Context, h.ID); err != nil {
			return err
		}
		deleted++
		fmt.Fprintf(os.Stdout, "deleted webhook %s (%s, %s)\n", h.ID, h.Event(), h.Name)
	}
	if deleted == 0 && len(ids) == 1 {
		return fmt.Errorf("there is no webhook %s: see connector webhooks list", ids[0])
	}
	if deleted == 0 {
		fmt.Fprintln(os.Stdout, "the connector has no webhooks")
	}
	return nil
}
