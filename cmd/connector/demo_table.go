package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"connector/sandbox/page"
)

// leastTokens is what the run could not do without: the pages of all that it has read, one look at what
// has changed meanwhile, the definitions of custom fields and what the mappings look up, each once.
func (d *demo) leastTokens(result *synced) (calls, tokens int) {
	called := result.pipedrive.ByPath
	for _, o := range []struct {
		path, object string
		page, fields int
	}{
		{"GET /api/v2/persons", "person", 10, 10}, {"GET /api/v2/deals", "deal", 10, 10}, {"GET /api/v2/organizations", "organization", 10, 10},
		{"GET /v1/leads", "lead", 20, 0}, {"GET /api/v2/activities", "", 10, 10}, // of activities only what is new
	} {
		if called[o.path] == 0 {
			continue
		}
		pages := 1
		if o.object != "" {
			pages += (d.sb.Pipedrive.Count(o.object) + 499) / 500
		}
		calls, tokens = calls+pages, tokens+pages*o.page+o.fields
		if o.fields > 0 {
			calls++
		}
	}
	for path, cost := range map[string]int{"GET /v1/users/me": 2, "GET /api/v2/stages": 5, "GET /v1/leadLabels": 10, "GET /v1/deals/summary": 40} {
		if called[path] > 0 {
			calls, tokens = calls+1, tokens+cost
		}
	}
	return calls, tokens
}

// leastOfTheHour is how many of the 100 calls an hour the run could not do without: an import and the
// question what became of it, for contacts, and for companies and their links; with what attributes these
// have, and their ids.
func (d *demo) leastOfTheHour(result *synced) int {
	if result.brevo.Routes["POST /v3/companies/import"] == 0 {
		return 1
	}
	return 1 + 2 + 2 + 1 + (len(d.sb.Brevo.Companies())+999)/1000
}

// print shows the table at the end.
func (d *demo) print(result *synced) {
	pd, br := result.pipedrive, result.brevo
	leastCalls, leastTokens := d.leastTokens(result)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		texts := make([]string, len(cells))
		for i, cell := range cells {
			texts[i] = fmt.Sprint(cell)
		}
		fmt.Fprintln(w, strings.Join(texts, "\t"))
	}
	row("records read", result.Read, fmt.Sprintf("in %.1f s", result.Elapsed.Seconds()))
	row("contacts delivered", result.Delivered, noted(result.WithoutPhone, "without a phone number that Brevo did not take"))
	if result.Unchanged > 0 {
		row("unchanged", result.Unchanged, "as Brevo already has them")
	}
	rowReasons(row, "skipped", result.Skipped)
	rowReasons(row, "refused", result.Refused)
	for _, attribute := range result.dropped {
		row("not sent", attribute.Count, "values of "+attribute.Text+", which Brevo does not have")
	}
	row()
	row("", "spent", "least possible")
	row("Pipedrive calls", pd.Calls, leastCalls, "pages of 500, the definitions of fields, and a look at what changed meanwhile")
	row("Pipedrive tokens", pd.Tokens, leastTokens)
	row("Brevo calls for contacts", br.Buckets["contacts"], 1, counted(br.Routes["POST /v3/contacts/import"], "import"))
	row("Brevo calls of 100 an hour", br.Buckets["other"], d.leastOfTheHour(result), "companies, and what became of the imports")
	row("limits exceeded", pd.Violations+br.Violations, 0)
	row("opt-outs undone", br.Resubscribed, 0)
	_ = w.Flush() // to a terminal or a test's buffer
	d.printDifferences(result, "\nBoth sides agree: each person is a contact with the same data, or there is a reason why not.")
}

// printDifferences says what differs, or that nothing does.
func (d *demo) printDifferences(result *synced, agree string) {
	if len(result.differences) == 0 {
		fmt.Fprintln(d.out, agree)
		return
	}
	fmt.Fprintln(d.out)
	const shown = 20
	for _, difference := range result.differences[:min(len(result.differences), shown)] {
		fmt.Fprintln(d.out, "  "+difference)
	}
	fmt.Fprintf(d.out, "The two sides differ in %d places.\n", len(result.differences))
}

func rowReasons(row func(...any), verdict string, reasons []page.Reason) {
	row(verdict, total(reasons))
	for _, r := range reasons {
		row("", r.Count, r.Text)
	}
}

func noted(n int, text string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, text)
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
