package bloblang

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// parts are what attribute can be asked for instead of the whole value.
var parts = []string{
	"list", "currency", "from", "until", "id", "name",
	"country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality", "route", "street_number", "subpremise", "postal_code",
}

func init() {
	bloblang.MustRegisterMethodV2("attribute", bloblang.NewPluginSpec().
		Category("Connector").
		Description("What a Brevo attribute takes of a Pipedrive custom field, whatever its type: the number of a sum of money, the labels of several options "+
			"as text, both ends of a range as text, an address as one line, the name of a person, organization or user that has been looked up, else its id. "+
			"Texts, numbers, dates, times and booleans stay as they are; what is empty is null.").
		Param(bloblang.NewStringParam("part").Optional().
			Description("One part instead: `list` (the labels as a list, for a multiple-choice attribute), `currency`, `from` or `until` of a range, `id` or `name` "+
				"of a linked record, or a part of an address: `country`, `locality`, `postal_code`, `route`, `street_number`, … What has no such part is null.")).
		Example("Money", `root.BUDGET = this.budget.attribute()
root.BUDGET_CURRENCY = this.budget.attribute("currency")`,
			[2]string{`{"budget":{"value":1200,"currency":"EUR"}}`, `{"BUDGET":1200,"BUDGET_CURRENCY":"EUR"}`}).
		Example("Several options", `root.INTERESTS = this.interests.attribute()
root.INTEREST_CHOICES = this.interests.attribute("list")`,
			[2]string{`{"interests":["Pumps","Valves"]}`, `{"INTERESTS":"Pumps, Valves","INTEREST_CHOICES":["Pumps","Valves"]}`},
			[2]string{`{"interests":null}`, `{"INTERESTS":null,"INTEREST_CHOICES":null}`}).
		Example("A range of dates", `root.TRIAL = this.trial.attribute()
root.TRIAL_ENDS = this.trial.attribute("until")`,
			[2]string{`{"trial":{"value":"2026-11-02","until":"2026-11-16"}}`, `{"TRIAL":"2026-11-02 – 2026-11-16","TRIAL_ENDS":"2026-11-16"}`}),
		func(args *bloblang.ParsedParams) (bloblang.Method, error) {
			part, err := args.GetOptionalString("part")
			if err != nil {
				return nil, err
			}
			if part == nil {
				return func(v any) (any, error) { return attribute(v), nil }, nil
			}
			if !slices.Contains(parts, *part) {
				return nil, fmt.Errorf("a custom field has no part %q: it is one of %s", *part, strings.Join(parts, ", "))
			}
			return func(v any) (any, error) { return partOf(v, *part), nil }, nil
		})
}

// attribute tells the types apart by their parts: a value does not say which it is.
func attribute(v any) any {
	switch v := v.(type) {
	case string:
		return orNull(v)
	case []any:
		return orNull(strings.Join(texts(v), ", "))
	case map[string]any:
		return ofObject(v)
	}
	return v
}

func ofObject(v map[string]any) any {
	for _, key := range []string{"name", "title", "label", "formatted_address"} { // a record first: a deal has a value, too
		if s, _ := v[key].(string); s != "" {
			return s
		}
	}
	from, isValue := v["value"]
	until, isRange := v["until"]
	switch {
	case isRange:
		return orNull(strings.Join(texts([]any{from, until}), " – "))
	case isValue:
		return attribute(from)
	}
	for _, key := range []string{"amount", "id"} { // a lead's value, a record
		if v, ok := v[key]; ok {
			return v
		}
	}
	if len(v) == 0 {
		return nil
	}
	return text(v)
}

func partOf(v any, part string) any {
	if part == "list" {
		return labels(v)
	}
	object, ok := v.(map[string]any)
	if !ok {
		switch part {
		case "from": // a range without an end
			return attribute(v)
		case "id": // not looked up
			if _, isText := v.(string); !isText {
				return v
			}
		}
		return nil
	}
	if _, isRange := object["until"]; part == "from" && isRange {
		part = "value"
	}
	return attribute(object[part])
}

func labels(v any) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := []any{}
	for _, s := range texts(list) {
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// texts are the attributes of a list, as text and without those that are empty.
func texts(list []any) (out []string) {
	for _, item := range list {
		if item = attribute(item); item != nil {
			out = append(out, text(item))
		}
	}
	return out
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func orNull(s string) any {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return s
}
