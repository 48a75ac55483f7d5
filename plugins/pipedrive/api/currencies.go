package api

import (
	"context"
	"encoding/json"
	"net/http"

	"connector/plugins/internal/rest"
)

// Rates are the company's own exchange rates: how much of the default currency one unit of another is
// worth. Pipedrive lists no rates, but it sums up deals in both currencies; it is known of those
// currencies in which there are deals.
//
// GET /v1/deals/summary, 40 tokens.
// Source: developers.pipedrive.com/docs/api/v1/Deals#getDealsSummary
func (c *Client) Rates(ctx context.Context) (map[string]float64, error) {
	var rates map[string]float64
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /v1/deals/summary", Doing: "reading the rates of currencies", Method: http.MethodGet, Path: "/v1/deals/summary",
		Bucket: bucketCalls, Cost: 40,
		Decode: func(body []byte) error {
			var answer struct {
				Data struct {
					Totals map[string]struct {
						Value     float64 `json:"value"`
						Converted float64 `json:"value_converted"`
					} `json:"values_total"`
				} `json:"data"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			rates = map[string]float64{}
			for code, total := range answer.Data.Totals {
				if total.Value > 0 && total.Converted > 0 {
					rates[code] = total.Converted / total.Value
				}
			}
			return nil
		},
	})
	return rates, err
}

// DefaultCurrency is the code of the currency in which the company's sums are; empty where Pipedrive does not
// say. It is known from Me.
func (c *Client) DefaultCurrency(ctx context.Context) (string, error) {
	if code := c.currency.Load(); code != nil {
		return *code, nil
	}
	if err := c.Me(ctx); err != nil {
		return "", err
	}
	return *c.currency.Load(), nil
}
