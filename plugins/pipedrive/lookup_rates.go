package pipedrive

import (
	"context"

	"connector/plugins/pipedrive/api"
)

// fetchRates gives currencies with what one unit of them is worth in the company's default currency. As long
// as only that one is asked for, there is nothing to ask Pipedrive.
func (l *lookups) fetchRates(ctx context.Context, codes []string, take func(id string, r api.Record)) error {
	var standard string
	err := l.insist(ctx, func() (err error) {
		standard, err = l.client.DefaultCurrency(ctx)
		return err
	})
	if err != nil {
		return err
	}
	rates := map[string]float64{}
	if len(codes) > 1 || codes[0] != standard {
		err := l.insist(ctx, func() (err error) {
			rates, err = l.client.Rates(ctx)
			return err
		})
		if err != nil {
			return err
		}
	}
	// It is the user's, and hardly ever another than the company's, which is what Pipedrive converts into.
	if _, known := rates[standard]; !known && standard != "" {
		rates[standard] = 1
	}
	for code, rate := range rates { // one call for all
		take(code, api.Record{"id": code, "rate": rate, "default_currency": standard})
	}
	for _, code := range codes {
		if _, known := rates[code]; !known {
			l.log.Warnf("Pipedrive says no rate from %s to %s: what is in %s is left out of sums in %s", code, standard, code, standard)
		}
	}
	return nil
}
