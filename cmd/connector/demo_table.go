package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"connector/sandbox/page"
)

// leastOf is what a full read and write cannot do without: Pipedrive's pages of 500, and one import.
type leastOf struct{ pages, tokens, contacts, processes int }

func (d *demo) least(read int) leastOf {
	pages := (read + 499) / 500
	return leastOf{pages: pages, tokens: 10 * max(pages, 1), contacts: 1, processes: 1}
}

// print shows the table at the end.
func (d *demo) print(result *synced) {
	pd, br := d.sb.Pipedrive.Stats(), d.sb.Brevo.Stats()
	least := d.least(result.Read)
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
	row("Pipedrive calls", pd.Calls, least.pages, "pages of 500 persons")
	row("Pipedrive tokens", pd.Tokens, least.tokens, "with the credentials' check and the field definitions on top")
	row("Brevo calls for contacts", br.Buckets["contacts"], least.contacts, counted(br.Routes["POST /v3/contacts/import"], "import"))
	row("Brevo calls of 100 an hour", br.Buckets["other"], least.processes, "to ask what became of the imports")
	row("limits exceeded", pd.Violations+br.Violations, 0)
	row("opt-outs undone", br.Resubscribed, 0)
	_ = w.Flush() // to a terminal or a test's buffer

	fmt.Fprintln(d.out)
	const shown = 20
	for _, difference := range result.differences[:min(len(result.differences), shown)] {
		fmt.Fprintln(d.out, "  "+difference)
	}
	if n := len(result.differences); n > 0 {
		fmt.Fprintf(d.out, "The two sides differ in %d places.\n", n)
		return
	}
	fmt.Fprintln(d.out, "Both sides agree: each person is a contact with the same data, or there is a reason why not.")
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
