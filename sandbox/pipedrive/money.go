package pipedrive

import (
	"maps"
	"strconv"
	"strings"
)

// What GET /v1/deals/summary says in value_converted. The file has it always; whether it is there in
// a company that has set no rates, or is 0, is not known.
const (
	ConversionsShown  = ""
	ConversionsAbsent = "absent"
	ConversionsZero   = "zero"
)

// DefaultRates are what one unit of a currency is worth in euros when Config.Rates is nil.
func DefaultRates() map[string]float64 {
	return map[string]float64{"USD": 0.9, "GBP": 1.15, "CHF": 1.05, "SEK": 0.09, "JPY": 0.006}
}

// money knows the company's currencies.
type money struct {
	currency string
	rates    map[string]float64
	shown    string
}

func newMoney(cfg Config) money {
	m := money{currency: cfg.Currency, rates: maps.Clone(cfg.Rates), shown: cfg.Conversions}
	if m.rates == nil {
		m.rates = DefaultRates()
	}
	m.rates[m.currency] = 1
	return m
}

// SetRates replaces Config.Rates, as an administrator does in the company's settings.
func (s *Server) SetRates(rates map[string]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.money = newMoney(Config{Currency: s.money.currency, Rates: rates, Conversions: s.money.shown})
}

// converted returns a value in the company's currency, 0 where there is no rate.
func (m money) converted(value float64, currency string) float64 {
	if m.shown != ConversionsShown {
		return 0
	}
	return cents(value * m.rates[currency])
}

// cents rounds to what money has.
func cents(value float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'f', 2, 64), 64)
	return rounded
}

var symbols = map[string]string{"EUR": "€", "USD": "US$", "GBP": "£", "JPY": "¥"}

// formatted is a value as the web app shows it: US$5,100.96, or the code where there is no symbol.
func formatted(value float64, currency string) string {
	digits := strconv.FormatFloat(value, 'f', 2, 64)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "00" {
		whole += "." + fraction
	}
	symbol, known := symbols[currency]
	if !known {
		symbol = currency + " "
	}
	return sign + symbol + whole
}
