package bloblang_test

import (
	"encoding/json"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAttribute_OfEveryType(t *testing.T) {
	for name, c := range map[string]struct{ value, want any }{
		"text":                              {"Hello", "Hello"},
		"empty text":                        {"", nil},
		"blank text":                        {" ", nil},
		"number":                            {1.5, 1.5},
		"zero":                              {0, 0},
		"number as it was sent":             {json.Number("0.10"), json.Number("0.10")},
		"boolean":                           {false, false},
		"null":                              {nil, nil},
		"date":                              {"2026-11-02", "2026-11-02"},
		"money":                             {object{"value": 1200.5, "currency": "EUR"}, 1200.5},
		"no money":                          {object{"value": 0, "currency": "EUR"}, 0},
		"money without a sum":               {object{"value": nil, "currency": "EUR"}, nil},
		"a lead's value":                    {object{"amount": 900, "currency": "EUR"}, 900},
		"option":                            {"Web form", "Web form"},
		"option without a label":            {int64(13), int64(13)},
		"option with its id":                {object{"id": 11, "label": "Web form"}, "Web form"},
		"set":                               {list{"Pumps", "Valves"}, "Pumps, Valves"},
		"set of one":                        {list{"Pumps"}, "Pumps"},
		"empty set":                         {list{}, nil},
		"set with an option without label":  {list{"Pumps", json.Number("13"), float64(14)}, "Pumps, 13, 14"},
		"range of dates":                    {object{"value": "2026-11-02", "until": "2026-11-09"}, "2026-11-02 – 2026-11-09"},
		"range without an end":              {object{"value": "2026-11-02", "until": nil}, "2026-11-02"},
		"range without a start":             {object{"value": nil, "until": "2026-11-09"}, "2026-11-09"},
		"range of nothing":                  {object{"value": nil, "until": nil}, nil},
		"time":                              {object{"value": "10:30:00", "timezone_id": 1, "timezone_name": "UTC"}, "10:30:00"},
		"range of times":                    {object{"value": "10:30:00", "until": "11:00:00", "timezone_id": 1}, "10:30:00 – 11:00:00"},
		"address":                           {object{"value": "main st 1 bern", "formatted_address": "Main St 1, Bern", "locality": "Bern"}, "Main St 1, Bern"},
		"address that is not formatted":     {object{"value": "main st 1 bern", "formatted_address": nil}, "main st 1 bern"},
		"address that is empty":             {object{"value": "", "formatted_address": ""}, nil},
		"linked record":                     {7, 7},
		"linked record, looked up":          {object{"id": 7, "name": "Ada", "value": 3}, "Ada"},
		"linked deal, looked up":            {object{"id": 7, "title": "Pumps", "value": 100, "currency": "EUR"}, "Pumps"},
		"linked record without a name":      {object{"id": 7, "name": nil}, 7},
		"nothing at all":                    {object{}, nil},
		"a type that is not known here yet": {object{"depth": 3}, `{"depth":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, result(t, `root = this.value.attribute()`, object{"value": c.value}))
		})
	}
	assert.Nil(t, result(t, `root = this.custom_fields_by_name.none.attribute()`, object{}), "a field that the record does not have")
}

func TestAttribute_OnePart(t *testing.T) {
	address := object{"value": "Main St 1", "locality": "Bern", "country": nil}
	dates := object{"value": "2026-11-02", "until": "2026-11-09"}
	for _, c := range []struct {
		part        string
		value, want any
	}{
		{"currency", object{"value": 1, "currency": "EUR"}, "EUR"},
		{"currency", object{"amount": 1, "currency": "EUR"}, "EUR"},
		{"currency", nil, nil},
		{"currency", 7, nil},
		{"list", list{"Pumps", "Valves"}, list{"Pumps", "Valves"}},
		{"list", list{"Pumps", 13}, list{"Pumps", "13"}},
		{"list", "Pumps", list{"Pumps"}},
		{"list", list{}, nil},
		{"list", nil, nil},
		{"from", dates, "2026-11-02"},
		{"until", dates, "2026-11-09"},
		{"from", object{"value": nil, "until": "x"}, nil},
		{"until", object{"value": "x", "until": nil}, nil},
		{"from", "2026-11-02", "2026-11-02"},
		{"until", "2026-11-02", nil},
		{"from", address, nil},
		{"locality", address, "Bern"},
		{"country", address, nil},
		{"postal_code", address, nil},
		{"postal_code", "Main St 1", nil},
		{"id", 7, 7},
		{"id", object{"id": 7, "name": "Ada"}, 7},
		{"id", "text", nil},
		{"name", object{"id": 7, "name": "Ada"}, "Ada"},
		{"name", 7, nil},
		{"name", nil, nil},
	} {
		assert.Equal(t, c.want, result(t, `root = this.value.attribute("`+c.part+`")`, object{"value": c.value}), "%s of %v", c.part, c.value)
	}
}

func TestAttribute_AnUnknownPartIsAMistakeOfTheMapping(t *testing.T) {
	_, err := bloblang.Parse(`root = this.attribute("curency")`)
	require.Error(t, err)
	assert.ErrorContains(t, err, `no part "curency"`)
	assert.ErrorContains(t, err, "currency")
}
