package brevo

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"connector/plugins/brevo/api"
)

// attributeSet is a set of attributes by their numbers in the ledger.
type attributeSet [4]uint64

// mostAttributes is how many attributes the ledger tells apart.
const mostAttributes = 256

func (s *attributeSet) add(n int)     { s[n/64] |= 1 << (n % 64) }
func (s attributeSet) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

func (s attributeSet) or(t attributeSet) attributeSet {
	return attributeSet{s[0] | t[0], s[1] | t[1], s[2] | t[2], s[3] | t[3]}
}

func (s attributeSet) and(t attributeSet) attributeSet {
	return attributeSet{s[0] & t[0], s[1] & t[1], s[2] & t[2], s[3] & t[3]}
}

func (s attributeSet) without(t attributeSet) attributeSet {
	return attributeSet{s[0] &^ t[0], s[1] &^ t[1], s[2] &^ t[2], s[3] &^ t[3]}
}

func (s attributeSet) empty() bool { return s == attributeSet{} }

// What goes into a fingerprint beside the attributes.
const (
	seedEmail uint64 = iota + 1
	seedExt
	seedAttribute
	seedList
	seedUnlink
	seedEmailBlock
	seedSMSBlock
	seedMore
	seedText
	seedNumber
	seedBool
	seedItems
	seedObject
	seedOther
)

// fingerprint is a hash of all that would be sent, the same in every run and whatever the order of
// attributes and lists; never 0. It says too which attributes have a value, and which are there
// without one: null, or "", with which Brevo empties them.
func fingerprint(c api.Contact, number func(name string) (int, bool)) (print uint64, given, blank attributeSet) {
	print = mix(seedEmail, addressHash(c.Email)) + mix(seedExt, xxhash.Sum64String(c.ExtID))
	for name, v := range c.Attributes {
		n, numbered := number(name)
		if v == nil || v == "" {
			if numbered {
				blank.add(n)
			}
			if v == nil {
				continue
			}
		} else if numbered {
			given.add(n)
		}
		print += mix(mix(seedAttribute, xxhash.Sum64String(name)), hashOf(v))
	}
	for _, id := range c.ListIDs {
		print += mix(seedList, uint64(id))
	}
	for _, id := range c.UnlinkListIDs {
		print += mix(seedUnlink, uint64(id))
	}
	print += hashOfFlag(seedEmailBlock, c.EmailBlacklisted) + hashOfFlag(seedSMSBlock, c.SMSBlacklisted)
	for name, v := range c.More {
		print += mix(mix(seedMore, xxhash.Sum64String(name)), hashOf(v))
	}
	return max(print, 1), given, blank
}

func hashOfFlag(seed uint64, flag *bool) uint64 {
	if flag == nil {
		return 0
	}
	return mix(seed, hashOf(*flag))
}

// hashOf is the same for a number in all forms in which Bloblang has it.
func hashOf(v any) uint64 {
	var buf [32]byte
	switch v := v.(type) {
	case string:
		return mix(seedText, xxhash.Sum64String(v))
	case bool:
		if v {
			return mix(seedBool, 1)
		}
		return mix(seedBool, 2)
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return hashOf(n)
		}
		if f, err := v.Float64(); err == nil {
			return hashOf(f)
		}
		return mix(seedNumber, xxhash.Sum64String(string(v)))
	case int64:
		return mix(seedNumber, xxhash.Sum64(strconv.AppendInt(buf[:0], v, 10)))
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return hashOf(int64(v))
		}
		return mix(seedNumber, xxhash.Sum64(strconv.AppendFloat(buf[:0], v, 'g', -1, 64)))
	case []any:
		sum := seedItems
		for _, item := range v {
			sum = mix(sum, hashOf(item))
		}
		return sum
	case map[string]any:
		sum := seedObject
		for name, item := range v {
			sum += mix(xxhash.Sum64String(name), hashOf(item))
		}
		return sum
	case nil:
		return seedOther
	case time.Time:
		return mix(seedText, xxhash.Sum64(v.AppendFormat(buf[:0], time.RFC3339Nano)))
	}
	if text, ok := numberText(v); ok {
		return hashOf(json.Number(text))
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return uint64(time.Now().UnixNano()) // it is like nothing else, and will be refused
	}
	return mix(seedOther, xxhash.Sum64(encoded))
}
