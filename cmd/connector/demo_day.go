package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"

	"connector/sandbox/page"
)

// followADay changes in Pipedrive what sales people change, lets the connector follow, and shows what has
// arrived of all kinds of data. The first read tells no events: these are the first.
func (d *demo) followADay(ctx context.Context, work string, first *synced) (*synced, error) {
	if err := d.sellSomething(); err != nil {
		return nil, fmt.Errorf("changing things in the sandbox: %w", err)
	}
	fmt.Fprintln(d.out, "\nSales people work for a moment: a deal is won, another moves, a lead comes in, one becomes a deal, an activity is\nlogged and one is done, an organization gets another name. The connector follows:")
	fmt.Fprintln(d.out)
	result, err := d.sync(ctx, work)
	if err != nil {
		return nil, err
	}
	result.WithoutPhone += first.WithoutPhone
	result.differences = d.compare(result)
	w := tabwriter.NewWriter(d.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tin Pipedrive\tin Brevo")
	for _, line := range page.Kinds(d.sb) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", line.Kind, line.From, line.To)
	}
	_ = w.Flush() // to a terminal or a test's buffer
	d.printDifferences(result, "\nBoth sides agree again.")
	return result, nil
}

// sellSomething does as users of Pipedrive do, with the first records that suit.
func (d *demo) sellSomething() error {
	pd := d.sb.Pipedrive
	var person map[string]any
	for _, r := range pd.Records("person", 0, walk) {
		if contact, found := d.sb.Brevo.Contact(addressOf(r)); found && contact.ExtID == strconv.Itoa(wholeOf(r["id"])) {
			person = r
			break
		}
	}
	if person == nil {
		return nil // nobody to sell to
	}
	type change struct {
		method, path string
		body         map[string]any
	}
	id := wholeOf(person["id"])
	changes := []change{
		{"POST", "/api/v2/activities", map[string]any{
			"subject": "Call about the offer", "type": "call", "due_date": "2026-12-01", "duration": "00:30:00",
			"participants": []any{map[string]any{"person_id": id, "primary": true}}, "note": "<p>Wants <b>ten desks</b> &amp; chairs</p>",
		}},
		{"POST", "/v1/leads", map[string]any{"title": "Asked for a price list", "person_id": id, "value": map[string]any{"amount": 900, "currency": "EUR"}}},
		{"PATCH", "/api/v2/persons/" + strconv.Itoa(id), map[string]any{"name": fmt.Sprint(person["name"]) + " (VIP)"}},
	}
	each := func(object, path string, take func(map[string]any) map[string]any) {
		for _, r := range pd.Records(object, 0, walk) {
			if body := take(r); body != nil {
				changes = append(changes, change{"PATCH", path + strconv.Itoa(wholeOf(r["id"])), body})
				return
			}
		}
	}
	open := func(r map[string]any) bool {
		return r["status"] == "open" && wholeOf(r["person_id"]) != 0 && r["is_deleted"] != true && r["is_archived"] != true
	}
	won := ""
	each("deal", "/api/v2/deals/", func(r map[string]any) map[string]any {
		if !open(r) {
			return nil
		}
		won = fmt.Sprint(r["id"])
		return map[string]any{"status": "won"}
	})
	each("deal", "/api/v2/deals/", func(r map[string]any) map[string]any {
		if !open(r) || fmt.Sprint(r["id"]) == won || wholeOf(r["stage_id"]) != 1 {
			return nil
		}
		return map[string]any{"stage_id": 3}
	})
	each("activity", "/api/v2/activities/", func(r map[string]any) map[string]any {
		if r["done"] != false || wholeOf(r["person_id"]) == 0 {
			return nil
		}
		return map[string]any{"done": true}
	})
	each("organization", "/api/v2/organizations/", func(r map[string]any) map[string]any {
		return map[string]any{"name": fmt.Sprint(r["name"]) + " Group"}
	})
	for _, c := range changes {
		if _, err := pd.AsUser(c.method, c.path, c.body); err != nil {
			return err
		}
	}
	for _, lead := range pd.Records("lead", 0, walk) {
		if wholeOf(lead["person_id"]) != 0 && lead["is_archived"] != true {
			_, err := pd.AsUser("POST", "/api/v2/leads/"+fmt.Sprint(lead["id"])+"/convert/deal", map[string]any{})
			return err
		}
	}
	return nil
}
