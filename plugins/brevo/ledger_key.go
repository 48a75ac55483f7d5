package brevo

import (
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"connector/plugins/brevo/api"
)

// key stands for a contact, for another record of Pipedrive that writes contacts, or for an address.
// It is the same in every run, since the ledger is kept by it:
//
//	a numeric ext_id below 2^48, which is a person's id    the number
//	another record with such an id                         15 bits of its object's hash, and the number
//	everything else                                        63 bits of a hash, and the top bit
//
// Two that share one by chance wait for each other, and the ledger takes them for one; with 63 bits that
// does not happen.
type key uint64

const (
	hashed     key = 1 << 63
	numberBits     = 48

	// Records that come one after the other share chunks of the ledger, so that a page of them touches
	// few. What is hashed is spread over a fixed number of chunks.
	chunkBits          = 8
	hashedChunks   key = 1 << 12
	seedExtID          = 0x9e3779b97f4a7c15
	seedAddressKey     = 0xc2b2ae3d27d4eb4f
)

// chunkID names the chunk that holds a key.
type chunkID uint64

func (k key) chunk() chunkID {
	if k&hashed != 0 {
		return chunkID(hashed | k&(hashedChunks-1))
	}
	return chunkID(k >> chunkBits)
}

// person returns the number of a key that is a numeric ext_id's.
func (k key) person() (uint64, bool) { return uint64(k), k < 1<<numberBits }

// holdsPersons reports whether the chunk's keys are numeric ext_ids.
func (c chunkID) holdsPersons() bool { return c < 1<<(numberBits-chunkBits) }

// numberOf is a text that is a number as Pipedrive writes its ids: "7" and not "07".
func numberOf(text string) (uint64, bool) {
	if text == "" || len(text) > 15 || text[0] == '0' && len(text) > 1 || text[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n < 1<<numberBits
}

func extIDKey(extID string) key {
	if n, ok := numberOf(extID); ok {
		return key(n)
	}
	return hashed | key(mix(xxhash.Sum64String(extID), seedExtID))>>1
}

// addressHash is what the ledger and the owners know an address by; never 0. An address in clear is
// kept nowhere.
func addressHash(email string) uint64 { return max(xxhash.Sum64String(strings.ToLower(email)), 1) }

// addressKey is the key of a contact that is known by its address alone, and of who has an address.
func addressKey(hash uint64) key { return hashed | key(mix(hash, seedAddressKey))>>1 }

// contactKey is the key of the contact that c writes.
func contactKey(c api.Contact) key {
	switch {
	case c.ExtID != "":
		return extIDKey(c.ExtID)
	case c.Email != "":
		return addressKey(addressHash(c.Email))
	}
	value, kind := c.Phone()
	return hashed | key(mix(xxhash.Sum64String(kind), xxhash.Sum64String(value)))>>1
}

// recordKey is the key of a record of Pipedrive. A person has that of the contact with its id.
func recordKey(object, id string) key {
	if n, ok := numberOf(id); ok {
		if object == "person" {
			return key(n)
		}
		tag := 1 + key(xxhash.Sum64String(object))%(1<<15-1)
		return tag<<numberBits | key(n)
	}
	return hashed | key(mix(xxhash.Sum64String(object), xxhash.Sum64String(id)))>>1
}

// mix puts two hashes into one, in which their order counts.
func mix(a, b uint64) uint64 {
	x := a ^ b*0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 29
	return x
}
