package brevo

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// entry is what was last delivered for certain of one contact, or when another record last wrote one.
type entry struct {
	key     key
	address uint64 // addressHash; 0 where none was delivered. Of an addressKey: who has the address
	print   uint64 // fingerprint; 0 where it is not certain
	time    int64  // pipedrive_time in milliseconds; 0 where it is not known
	given   attributeSet
	flags   entryFlags
}

type entryFlags uint8

const (
	// flagDeleted marks a contact that was deleted: what is older does not bring it back.
	flagDeleted entryFlags = 1 << iota
	// flagBlockEmail and flagBlockSMS mark a contact whose address is being changed and that has to be
	// on the blocklist afterwards, as before.
	flagBlockEmail
	flagBlockSMS
	// flagGone marks a contact that is still there, but whose person is not: its address is free.
	flagGone

	flagsToBlock = flagBlockEmail | flagBlockSMS
)

// known reports whether the ledger knows under what address the contact is in Brevo.
func (e entry) known() bool { return e.address != 0 && e.flags&flagDeleted == 0 }

// owns reports whether the contact's person keeps others from its address.
func (e entry) owns() bool { return e.known() && e.flags&flagGone == 0 }

// chunk is some neighbouring entries, ascending by key: what is read and written at a time.
type chunk struct {
	entries []entry
	dirty   bool   // not in the cache yet
	used    uint64 // when, by the ledger's clock
}

func (c *chunk) find(k key) (int, bool) {
	if n := len(c.entries); n > 0 && c.entries[n-1].key < k {
		return n, false // records come in order of their ids
	}
	return slices.BinarySearchFunc(c.entries, k, func(e entry, k key) int { return cmp.Compare(e.key, k) })
}

// ledgerVersion is the first byte of all values of a ledger.
const ledgerVersion = 1

// The parts of an encoded entry that are there.
const (
	hasAddress = 1 << iota
	hasPrint
	hasTime
	hasGiven
	flagsShift = 4
)

// encode writes a version, the number of entries, the entries, each with the difference to the key
// before it, and a checksum.
func (c *chunk) encode() []byte {
	b := make([]byte, 0, 16+32*len(c.entries))
	b = append(b, ledgerVersion)
	b = binary.AppendUvarint(b, uint64(len(c.entries)))
	last := key(0)
	for i := range c.entries {
		b = appendEntry(b, &c.entries[i], last)
		last = c.entries[i].key
	}
	return sealed(b)
}

func appendEntry(b []byte, e *entry, last key) []byte {
	b = binary.AppendUvarint(b, uint64(e.key-last))
	parts := byte(e.flags) << flagsShift
	at := len(b)
	b = append(b, 0)
	if e.address != 0 {
		parts |= hasAddress
		b = binary.LittleEndian.AppendUint64(b, e.address)
	}
	if e.print != 0 {
		parts |= hasPrint
		b = binary.LittleEndian.AppendUint64(b, e.print)
	}
	if e.time != 0 {
		parts |= hasTime
		b = binary.AppendVarint(b, e.time)
	}
	if !e.given.empty() {
		parts |= hasGiven
		words := len(e.given)
		for e.given[words-1] == 0 {
			words--
		}
		b = append(b, byte(words))
		for _, word := range e.given[:words] {
			b = binary.AppendUvarint(b, word)
		}
	}
	b[at] = parts
	return b
}

func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, uint32(xxhash.Sum64(b)))
}

// newerLedger means that a later version of this program wrote the ledger.
type newerLedger struct{ version byte }

func (e newerLedger) Error() string {
	return fmt.Sprintf("the ledger was written by a newer version of this program (its format is %d, this one knows %d): "+
		"use that version, or name another ledger_cache_key to begin a new ledger", e.version, ledgerVersion)
}

var errCorrupt = errors.New("it is damaged: restore it, or delete all keys of this ledger; what it knew is then learned again by working")

// unsealed checks version and checksum and returns what is between them.
func unsealed(b []byte) ([]byte, error) {
	if len(b) > 0 && b[0] > ledgerVersion {
		return nil, newerLedger{b[0]}
	}
	if len(b) < 1+4 || b[0] != ledgerVersion {
		return nil, errCorrupt
	}
	body := b[:len(b)-4]
	if uint32(xxhash.Sum64(body)) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, errCorrupt
	}
	return body[1:], nil
}

func decodeChunk(b []byte) (*chunk, error) {
	body, err := unsealed(b)
	if err != nil {
		return nil, err
	}
	r := &fieldReader{b: body}
	n := r.uvarint()
	if n > uint64(len(body)) {
		return nil, errCorrupt
	}
	c := &chunk{entries: make([]entry, 0, n+n/8)}
	last := key(0)
	for range n {
		e := r.entry(last)
		last = e.key
		c.entries = append(c.entries, e)
	}
	return c, r.end()
}

// fieldReader reads what the Append functions wrote. What is missing reads as 0, and end tells.
type fieldReader struct {
	b   []byte
	bad bool
}

func (r *fieldReader) entry(last key) (e entry) {
	e.key = last + key(r.uvarint())
	parts := r.byte()
	e.flags = entryFlags(parts >> flagsShift)
	if parts&hasAddress != 0 {
		e.address = r.uint64()
	}
	if parts&hasPrint != 0 {
		e.print = r.uint64()
	}
	if parts&hasTime != 0 {
		e.time = r.varint()
	}
	if parts&hasGiven != 0 {
		words := int(r.byte())
		for i := range min(words, len(e.given)) {
			e.given[i] = r.uvarint()
		}
		r.bad = r.bad || words > len(e.given)
	}
	return e
}

func (r *fieldReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *fieldReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *fieldReader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *fieldReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		n = -1
	}
	r.take(n)
	return v
}

func (r *fieldReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		n = -1
	}
	r.take(n)
	return v
}

func (r *fieldReader) text() string { return string(r.take(int(min(r.uvarint(), 1<<20)))) }

// end reports whether all was there, and nothing else.
func (r *fieldReader) end() error {
	if r.bad || len(r.b) > 0 {
		return errCorrupt
	}
	return nil
}
