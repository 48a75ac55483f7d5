package pipedrive_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/pipedrive"
)

// sold is an account with deals in three currencies; pounds are worth 1.2 euros, crowns nothing known.
func sold(t *testing.T, cfg pipedrive.Config) *account {
	cfg.Rates = map[string]float64{"GBP": 1.2}
	a := newAccount(t, cfg).withPersons(1)
	a.Put("stage", object{"id": 3, "name": "Late", "pipeline_id": 1, "order_nr": 3, "deal_probability": 50})
	for i, d := range []object{
		{"value": 100, "currency": "EUR", "status": "won", "owner_id": 7, "stage_id": 1},
		{"value": 50.25, "currency": "EUR", "status": "won", "stage_id": 2},
		{"value": 1000, "currency": "GBP", "status": "won", "stage_id": 1},
		{"value": 70, "currency": "SEK", "status": "won", "stage_id": 1},
		{"value": 30, "currency": "GBP", "status": "open", "stage_id": 3},
		{"value": 5, "currency": "GBP", "status": "lost", "stage_id": 1},
		{"value": 9000, "currency": "EUR", "status": "won", "is_deleted": true},
		{"value": 9000, "currency": "EUR", "status": "won", "is_archived": true},
	} {
		d["id"], d["title"], d["pipeline_id"] = i+1, "A deal", 1
		a.Put("deal", d)
	}
	return a
}

func TestSummary_AddsUpTheDealsOfEachCurrencyAndConvertsThem(t *testing.T) {
	a := sold(t, pipedrive.Config{})
	got := a.get("/v1/deals/summary?status=won").one(t)
	assert.Equal(t, object{
		"EUR": object{"count": 2.0, "value": 150.25, "value_formatted": "€150.25", "value_converted": 150.25, "value_converted_formatted": "€150.25"},
		"GBP": object{"count": 1.0, "value": 1000.0, "value_formatted": "£1,000", "value_converted": 1200.0, "value_converted_formatted": "€1,200"},
		"SEK": object{"count": 1.0, "value": 70.0, "value_formatted": "SEK 70", "value_converted": 0.0, "value_converted_formatted": "€0"},
	}, got["values_total"])
	assert.Equal(t, 4.0, got["total_count"])
	assert.Equal(t, 1350.25, got["total_currency_converted_value"])
	assert.Equal(t, "€1,350.25", got["total_currency_converted_value_formatted"])

	weighted := a.get("/v1/deals/summary").one(t)["weighted_values_total"].(object)["GBP"].(object)
	assert.Equal(t, object{"count": 3.0, "value": 1015.0, "value_formatted": "£1,015"}, weighted, "won counts in full, open by its stage, lost not at all")
}

func TestSummary_IsOfTheDealsThatAreAskedFor(t *testing.T) {
	a := sold(t, pipedrive.Config{})
	a.Put("filter", object{"id": 4, "name": "Two", "type": "deals", "ids": []any{1, 3}})
	for query, want := range map[string]float64{
		"": 6, "status=open": 1, "status=lost": 1, "stage_id=2": 1, "pipeline_id=1": 6, "pipeline_id=2": 0, "user_id=7": 1,
		"filter_id=4": 2, "filter_id=4&user_id=7": 2,
	} {
		assert.Equal(t, want, a.get("/v1/deals/summary?" + query).one(t)["total_count"], query)
	}
	assert.Equal(t, http.StatusNotFound, a.get("/v1/deals/summary?filter_id=9").status)
	assert.Equal(t, http.StatusBadRequest, a.get("/v1/deals/summary?status=gone").status)
}

func TestSummary_PlaysCompaniesWithoutConversions(t *testing.T) {
	pounds := func(conversions string) object {
		got := sold(t, pipedrive.Config{Conversions: conversions}).get("/v1/deals/summary?status=won").one(t)
		return got["values_total"].(object)["GBP"].(object)
	}
	assert.NotContains(t, pounds(pipedrive.ConversionsAbsent), "value_converted")
	assert.Equal(t, 0.0, pounds(pipedrive.ConversionsZero)["value_converted"])
}

func TestSummary_FollowsNewRatesAndAnotherDefaultCurrency(t *testing.T) {
	a := sold(t, pipedrive.Config{Currency: "GBP"})
	a.SetRates(map[string]float64{"EUR": 0.8})
	got := a.get("/v1/deals/summary?status=won").one(t)
	assert.Equal(t, 1120.2, got["total_currency_converted_value"])
	assert.Equal(t, "GBP", a.do("POST", "/api/v2/deals", object{"title": "Another deal"}).one(t)["currency"])
}
