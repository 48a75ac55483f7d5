package api

import (
	"encoding/json"
	"math/bits"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Hash is the same for records of the same content, also in another process.
func (r Record) Hash() uint64 { return hashMap(r) }

const hashPrime = 0x9E3779B185EBCA87

func hashMap(m map[string]any) (sum uint64) {
	for key, v := range m { // in any order, hence a sum
		h := xxhash.Sum64String(key) ^ bits.RotateLeft64(hashValue(v)*hashPrime, 17)
		sum += (h ^ h>>29) * hashPrime
	}
	return sum
}

func hashValue(v any) uint64 {
	switch v := v.(type) {
	case string:
		return xxhash.Sum64String(v)
	case json.Number:
		return xxhash.Sum64String(string(v)) + 1
	case bool:
		if v {
			return 3
		}
		return 2
	case map[string]any:
		return hashMap(v) + 4
	case []any:
		h := uint64(5)
		for _, item := range v {
			h = bits.RotateLeft64(h, 5)*hashPrime + hashValue(item)
		}
		return h
	}
	return 1 // null
}

// Second is when the record was last updated, in unix seconds. It is false where update_time is null.
func (r Record) Second() (int64, bool) { return r.second("update_time") }

// AddedSecond is when the record was added, in unix seconds.
func (r Record) AddedSecond() (int64, bool) { return r.second("add_time") }

func (r Record) second(key string) (int64, bool) {
	s, ok := r[key].(string)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339, s) // with a fraction or without
	return t.Unix(), err == nil
}
