package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/urfave/cli/v2"
)

// healthCommand is for containers that have no shell and no curl.
func healthCommand() *cli.Command {
	return &cli.Command{
		Name:  "health",
		Usage: "Ask a running connector on this machine whether it is ready; exits with 0 if it is",
		Flags: []cli.Flag{&cli.StringFlag{Name: "address", EnvVars: []string{"HTTP_ADDRESS"}, Value: "127.0.0.1:4195", Usage: "its http.address"}},
		Action: func(c *cli.Context) error {
			client := http.Client{Timeout: 5 * time.Second}
			resp, err := client.Get("http://" + c.String("address") + "/ready")
			if err != nil {
				return fmt.Errorf("the connector does not answer: %w", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("the connector is not ready: it answers %s; its log says why", resp.Status)
			}
			fmt.Fprintln(os.Stdout, "ready")
			return nil
		},
	}
}
