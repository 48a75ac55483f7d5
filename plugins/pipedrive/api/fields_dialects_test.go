package api_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

// said is one value of a custom field in every dialect of Pipedrive.
type said struct {
	kind  string
	name  string // of the case
	v2    any    // in custom_fields of v2
	v1    object // at the root of v1, by what follows the key
	hook  any    // in custom_fields of payloads 2.0, beside its type
	want  any    // in custom_fields of the record; v2 where it is nil
	named any    // in custom_fields_by_name; as in custom_fields where it is nil
	empty bool   // it is null in the record
}

var everyType = []said{
	{kind: "varchar", v2: "text", v1: object{"": "text"}, hook: object{"value": "text"}},
	{kind: "varchar", name: "digits", v2: "0711", v1: object{"": "0711"}, hook: object{"value": "0711"}},
	{kind: "varchar", name: "null", v2: nil, v1: object{"": nil}, hook: nil, empty: true},
	{kind: "varchar", name: "empty", v2: "", v1: object{"": ""}, hook: object{"value": ""}, empty: true},
	{kind: "varchar_auto", v2: "text", v1: object{"": "text"}, hook: object{"value": "text"}},
	{kind: "text", v2: "long\ntext", v1: object{"": "long\ntext"}, hook: object{"value": "long\ntext"}},
	{kind: "phone", v2: "+41 44 668 18 00", v1: object{"": "+41 44 668 18 00"}, hook: object{"value": "+41 44 668 18 00"}},
	{kind: "double", v2: 1.5, v1: object{"": 1.5}, hook: object{"value": 1.5}, want: json.Number("1.5")},
	{kind: "double", name: "zero", v2: 0, v1: object{"": 0}, hook: object{"value": 0}, want: n(0)},
	{kind: "double", name: "as text", v2: 10, v1: object{"": "10"}, hook: object{"value": "10"}, want: n(10)},
	{kind: "int", v2: 7, v1: object{"": 7}, hook: object{"value": 7}, want: n(7)},
	{kind: "boolean", v2: true, v1: object{"": 1}, hook: object{"value": true}},
	{kind: "boolean", name: "no", v2: false, v1: object{"": "0"}, hook: object{"value": false}, want: false},
	{
		kind: "monetary", v2: object{"value": 100, "currency": "EUR"}, v1: object{"": 100, "_currency": "EUR"},
		hook: object{"value": 100, "currency": "EUR"}, want: object{"value": n(100), "currency": "EUR"},
	},
	{
		kind: "monetary", name: "as text", v2: object{"value": 99.5, "currency": "EUR"}, v1: object{"": "99.5", "_currency": "EUR"},
		hook: object{"value": "99.5", "currency": "EUR"}, want: object{"value": json.Number("99.5"), "currency": "EUR"},
	},
	{
		kind: "monetary", name: "null", v2: object{"value": nil, "currency": "EUR"}, v1: object{"": nil, "_currency": "EUR"},
		hook: object{"value": nil, "currency": nil}, empty: true,
	},
	{kind: "enum", v2: 11, v1: object{"": "11"}, hook: object{"id": 11}, want: n(11), named: "Web form"},
	{kind: "enum", name: "otherwise", v2: 12, v1: object{"": 12}, hook: object{"id": "12"}, want: n(12), named: "Trade fair"},
	{kind: "enum", name: "null", v2: nil, v1: object{"": nil}, hook: nil, empty: true},
	{
		kind: "set", v2: list{11, 12}, v1: object{"": "11,12"}, hook: object{"values": list{object{"id": 11}, object{"id": 12}}},
		want: list{n(11), n(12)}, named: list{"Web form", "Trade fair"},
	},
	{kind: "set", name: "one", v2: list{12}, v1: object{"": "12"}, hook: object{"values": list{object{"id": 12}}}, want: list{n(12)}, named: list{"Trade fair"}},
	{kind: "set", name: "null", v2: list{}, v1: object{"": nil}, hook: object{"values": list{}}, empty: true},
	{kind: "user", v2: 5, v1: object{"": object{"id": 5, "name": "Mira", "value": 5}}, hook: object{"id": 5}, want: n(5)},
	{kind: "org", v2: 7, v1: object{"": object{"name": "Acme", "value": 7}}, hook: object{"id": 7}, want: n(7)},
	{kind: "people", v2: 9, v1: object{"": object{"name": "Ada", "value": 9}}, hook: object{"id": 9}, want: n(9)},
	{kind: "people", name: "plain", v2: 9, v1: object{"": 9}, hook: object{"id": "9"}, want: n(9)},
	{kind: "org", name: "as text", v2: 9, v1: object{"": "9"}, hook: object{"id": "9"}, want: n(9)},
	{kind: "date", v2: "2026-11-02", v1: object{"": "2026-11-02"}, hook: object{"value": "2026-11-02"}},
	{
		kind: "daterange", v2: object{"value": "2026-11-02", "until": "2026-11-09"}, v1: object{"": "2026-11-02", "_until": "2026-11-09"},
		hook: object{"from": "2026-11-02", "until": "2026-11-09"},
	},
	{
		kind: "daterange", name: "without an end", v2: object{"value": "2026-11-02", "until": nil}, v1: object{"": "2026-11-02", "_until": nil},
		hook: object{"from": "2026-11-02", "until": nil},
	},
	{
		kind: "daterange", name: "null", v2: object{"value": nil, "until": nil}, v1: object{"": nil, "_until": nil},
		hook: object{"from": nil, "until": nil}, empty: true,
	},
	{
		kind: "time", v2: object{"value": "10:30:00", "timezone_id": 296}, v1: object{"": "10:30:00", "_timezone_id": 296},
		hook: object{"value": "10:30:00", "timezone_id": 296}, want: object{"value": "10:30:00", "timezone_id": n(296)},
	},
	{
		kind: "timerange", v2: object{"value": "10:30:00", "until": "11:00:00", "timezone_id": 296},
		v1:   object{"": "10:30:00", "_until": "11:00:00", "_timezone_id": 296},
		hook: object{"from": "10:30:00", "until": "11:00:00", "timezone_id": 296},
		want: object{"value": "10:30:00", "until": "11:00:00", "timezone_id": n(296)},
	},
	{
		kind: "address", v2: object{"value": "Main St 1", "locality": "Bern", "route": nil, "formatted_address": "Main St 1, Bern"},
		v1:   object{"": "Main St 1", "_locality": "Bern", "_route": nil, "_formatted_address": "Main St 1, Bern"},
		hook: object{"value": "Main St 1", "locality": "Bern", "route": nil, "formatted_address": "Main St 1, Bern"},
	},
	{
		kind: "address", name: "null", v2: object{"value": nil, "locality": nil}, v1: object{"": nil, "_locality": nil, "_formatted_address": nil},
		hook: object{"value": nil, "locality": nil, "formatted_address": nil}, empty: true,
	},
}

func TestCustomFields_OfEveryTypeAreTheSameInEveryDialect(t *testing.T) {
	k := hash('a')
	for _, c := range everyType {
		want, named := c.want, c.named
		if want == nil && !c.empty {
			want = c.v2
		}
		if named == nil {
			named = want
		}
		root := object{"id": 1}
		for suffix, v := range c.v1 {
			root[k+suffix] = v
		}
		hook := c.hook
		if parts, ok := c.hook.(object); ok {
			typed := maps.Clone(parts)
			typed["type"] = c.kind
			hook = typed
		}
		lead := maps.Clone(root)
		lead["id"] = "35b0d604-eb0d-42d0-be11-eac8832051f0"
		a := newAccount(t).
			with("/v1/deals", root).with("/v1/leads", lead).with("/v1/dealFields", both(k, "Odd Thing", c.kind)).
			with("/api/v2/deals", object{"id": 1, "custom_fields": object{k: c.v2}}).with("/api/v2/dealFields", both(k, "Odd Thing", c.kind))
		client := a.client()
		for dialect, read := range map[string]func(*testing.T) api.Record{
			"v2":    func(t *testing.T) api.Record { return readOne(t, a.client(), "deals", v2) },
			"v1":    func(t *testing.T) api.Record { return readOne(t, a.client(), "deals", v1) },
			"leads": func(t *testing.T) api.Record { return readOne(t, a.client(), "leads", v2) },
			"payload 2.0": func(t *testing.T) api.Record {
				return delivered(t, client, delivery2("change", object{"id": 1, "custom_fields": object{k: hook}}, nil))
			},
			"payload 1.0": func(t *testing.T) api.Record { return delivered(t, client, delivery1(root)) },
		} {
			t.Run(c.kind+" "+c.name+"/"+dialect, func(t *testing.T) {
				r := read(t)
				assert.Equal(t, object{k: want}, r["custom_fields"])
				assert.Equal(t, object{"odd_thing": named}, r["custom_fields_by_name"])
				assert.NotContains(t, r, k)
			})
		}
	}
}

func delivered(t *testing.T, c *api.Client, body []byte) api.Record {
	t.Helper()
	d, err := c.ReadDelivery(t.Context(), body)
	require.NoError(t, err)
	return d.Record
}

// delivery1 is a delivery of a deal's change in payload 1.0.
func delivery1(current object) []byte {
	body, err := json.Marshal(object{
		"v": 1, "event": "updated.deal", "current": current, "previous": nil,
		"meta": object{"v": 1, "action": "updated", "object": "deal", "id": 1, "timestamp": 1700000000},
	})
	if err != nil {
		panic(err)
	}
	return body
}

func TestCustomFields_OfPayloads2KnowTheirFormerValuesAndTypesOfTomorrow(t *testing.T) {
	k := hash('a')
	c := newAccount(t).with("/api/v2/dealFields", both(k, "Some Field", "hologram")).client()
	was := object{"custom_fields": object{k: object{"type": "hologram", "depth": 2}}}
	d, err := c.ReadDelivery(t.Context(), delivery2("change", object{"id": 8, "custom_fields": object{k: object{"type": "hologram", "depth": 3}}}, was))
	require.NoError(t, err)
	assert.Equal(t, object{"some_field": object{"depth": n(3)}}, d.Record["custom_fields_by_name"])
	assert.Equal(t, object{"some_field": object{"depth": int64(2)}}, d.Previous["custom_fields_by_name"])
	assert.Equal(t, object{k: object{"depth": int64(2)}}, d.Previous["custom_fields"])
}
