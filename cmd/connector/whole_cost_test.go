package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// spending is what a change has cost both vendors.
type spending struct {
	lookups         int // Pipedrive's calls beside those that look for changes
	imports, writes int // of contacts
	companies       int // calls of Brevo's 100 an hour that write companies
}

// looksForChanges tells polls from other calls. A poll of leads reads all of them where a page holds them.
func looksForChanges(c pipedrive.Call) bool {
	return strings.Contains(c.RawQuery, "updated_since") || c.Path == "/v1/leads" && strings.Contains(c.RawQuery, "sort=update_time")
}

func spent(sb *sandbox.Sandbox) (s spending) {
	for _, c := range sb.Pipedrive.Calls() {
		if !looksForChanges(c) {
			s.lookups++
		}
	}
	for route, n := range sb.Brevo.Stats().Routes {
		switch {
		case strings.HasPrefix(route, "POST /v3/contacts/import"):
			s.imports += n
		case strings.HasPrefix(route, "PUT /v3/contacts/"), route == "POST /v3/contacts":
			s.writes += n
		case strings.HasPrefix(route, "PATCH /v3/companies"), strings.HasPrefix(route, "POST /v3/companies"):
			s.companies += n
		}
	}
	return s
}

func TestWholeFollow_AnOrganizationOf300PersonsThatChangesCostsALookupAndAnImport(t *testing.T) {
	for name, args := range map[string][]string{
		"by polls":              {"-c", repoFile(t, "pipelines/pipedrive.yaml")},
		"by webhooks and polls": {"streams", repoFile(t, "pipelines/pipedrive.yaml"), repoFile(t, "pipelines/webhooks.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sb := startSandbox(t, sandbox.Config{Persons: 400, Company: seed.Company{Organizations: 10, Deals: -1, Leads: -1}})
			for id := 51; id <= 350; id++ {
				_, err := sb.Pipedrive.AsUser("PATCH", pathOf("persons", id), record{"org_id": 1})
				require.NoError(t, err)
			}
			f := &following{t: t, sb: sb, args: args, settings: append(webhooked(t, sb), "POLL_INTERVAL=1s")}
			f.start()
			f.agrees(t)
			f.polled(t)

			before := spent(sb)
			f.asUser(t, "PATCH", pathOf("organizations", 1), record{"name": "All of them"})
			f.agrees(t)
			f.polled(t)
			after := spent(sb)
			lookups, imports, writes := after.lookups-before.lookups, after.imports-before.imports, after.writes-before.writes
			t.Logf("%d lookups, %d imports, %d writes, %d calls for companies", lookups, imports, writes, after.companies-before.companies)
			assert.LessOrEqual(t, lookups, 3)
			if imports > 0 {
				assert.Equal(t, 1, imports)
				assert.LessOrEqual(t, writes, 10, "and a few that no import can say")
			} else {
				assert.LessOrEqual(t, writes, 310)
			}
			assert.Equal(t, 1, after.companies-before.companies)
		})
	}
}
