// Package sandbox is Pipedrive and Brevo on localhost: for the demo, for tests, and for trying a
// mapping without an account. It is written from both vendors' published documents, and meets the
// connector over HTTP only.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// Token is the API token and the API key that the sandbox accepts by default.
const Token = "sandbox"

// Config describes a sandbox. The zero value is two empty accounts on free ports, without limits.
type Config struct {
	PipedriveAddress string // "127.0.0.1:8081"; empty for a free port
	BrevoAddress     string
	Persons          int          // how many the seeded company has; 0 for empty accounts
	Company          seed.Company // how much of the rest it has; its Persons are those above

	Pipedrive pipedrive.Config
	Brevo     brevo.Config
}

// Sandbox is both vendors, listening.
type Sandbox struct {
	Pipedrive *pipedrive.Server
	Brevo     *brevo.Server

	servers   []*http.Server
	listeners []net.Listener
}

// Start fills both accounts and listens.
func Start(cfg Config) (*Sandbox, error) {
	s := &Sandbox{Pipedrive: pipedrive.New(cfg.Pipedrive), Brevo: brevo.New(cfg.Brevo)}
	if cfg.Persons > 0 {
		cfg.Company.Persons = cfg.Persons
		cfg.Company.Fill(s.Pipedrive)
		seed.Account(s.Brevo, seed.OptedOut(cfg.Persons))
	}
	for _, v := range []struct {
		name, address string
		handler       http.Handler
	}{
		{"Pipedrive", cfg.PipedriveAddress, s.Pipedrive},
		{"Brevo", cfg.BrevoAddress, s.Brevo},
	} {
		if v.address == "" {
			v.address = "127.0.0.1:0"
		}
		l, err := net.Listen("tcp", v.address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the sandbox's %s cannot listen: %w", v.name, err), s.Close())
		}
		server := &http.Server{Handler: v.handler, ReadHeaderTimeout: 10 * time.Second}
		s.servers, s.listeners = append(s.servers, server), append(s.listeners, l)
		go server.Serve(l) //nolint:errcheck // it ends with Close
	}
	return s, nil
}

// PipedriveURL is the base URL for PIPEDRIVE_BASE_URL.
func (s *Sandbox) PipedriveURL() string { return "http://" + s.listeners[0].Addr().String() }

// BrevoURL is the base URL for BREVO_BASE_URL.
func (s *Sandbox) BrevoURL() string { return "http://" + s.listeners[1].Addr().String() + "/v3" }

// Close ends both servers and the deliveries to webhooks.
func (s *Sandbox) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	errs := []error{s.Pipedrive.Close()}
	for _, server := range s.servers {
		if server.Shutdown(ctx) != nil {
			errs = append(errs, server.Close())
		}
	}
	return errors.Join(errs...)
}
