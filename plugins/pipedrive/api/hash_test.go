package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

func record(t *testing.T, text string) api.Record {
	t.Helper()
	v, err := api.DecodeJSON([]byte(text))
	require.NoError(t, err)
	return v.(map[string]any)
}

func TestHash_IsOfTheContentAndNotOfItsOrder(t *testing.T) {
	one := record(t, `{"id":1,"name":"A","tags":["x","y"],"custom_fields":{"k":1,"l":null},"on":true}`)
	other := record(t, `{"on":true,"custom_fields":{"l":null,"k":1},"tags":["x","y"],"name":"A","id":1}`)
	assert.Equal(t, one.Hash(), other.Hash())
	assert.Equal(t, uint64(0x0), api.Record{}.Hash(), "and the same in the next process, which reads what this one stored")
	assert.Equal(t, fmt.Sprint(record(t, `{"id":1}`).Hash()), fmt.Sprint(api.Record{"id": json.Number("1")}.Hash()))
}

func TestHash_DiffersWithAnyChange(t *testing.T) {
	seen := map[uint64]string{}
	for _, text := range []string{
		`{"a":1}`, `{"a":2}`, `{"a":"1"}`, `{"a":true}`, `{"a":false}`, `{"a":null}`, `{}`, `{"b":1}`, `{"a":[]}`, `{"a":{}}`, `{"a":""}`,
		`{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":[[1],2]}`, `{"a":[[1,2]]}`, `{"a":{"b":1}}`, `{"a":{"b":2}}`, `{"a":[{"b":1}]}`,
		`{"a":1,"b":2}`, `{"a":2,"b":1}`, `{"a":1,"b":1}`, `{"a":{"x":1},"b":{"x":2}}`, `{"a":{"x":2},"b":{"x":1}}`,
		`{"a":[null]}`, `{"a":[null,null]}`, `{"a":[false,null]}`, `{"a":1.0}`, `{"a":"null"}`, `{"a":[{},{}]}`,
		`{"a":{"b":null}}`, `{"a":null,"b":null}`,
	} {
		h := record(t, text).Hash()
		assert.Empty(t, seen[h], "%s has the hash of %s", text, seen[h])
		seen[h] = text
	}
}

func TestHash_OfManySimilarRecordsDiffers(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range 200_000 {
		seen[api.Record{"id": json.Number(fmt.Sprint(i % 1000)), "n": json.Number(fmt.Sprint(i / 1000)), "m": "same"}.Hash()] = true
	}
	assert.Len(t, seen, 200_000)
}

func TestSecond_IsThatOfEveryFormOfTime(t *testing.T) {
	for text, want := range map[string]int64{
		"2026-11-01T08:00:00Z": 1793520000, "2026-11-01T08:00:00.999Z": 1793520000, "2026-11-01T09:00:00+01:00": 1793520000,
	} {
		second, ok := api.Record{"update_time": text}.Second()
		assert.True(t, ok, text)
		assert.Equal(t, want, second, text)
	}
	for _, v := range []any{nil, "", "yesterday", "0000-00-00 00:00:00", json.Number("7")} {
		_, ok := api.Record{"update_time": v}.Second()
		assert.False(t, ok, "%v", v)
	}
}
