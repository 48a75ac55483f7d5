package brevo

import (
	"encoding/binary"
	"iter"
)

// packed holds the attribute values of one contact in one string: number of the attribute, length,
// text. Maps would cost several times the memory, and an account holds half a million contacts.
type packed string

// change is the new text of one attribute; "" removes it.
type change struct {
	attribute int
	text      string
}

// all yields the number and the text of every attribute that has a value.
func (p packed) all() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for len(p) > 0 {
			attribute, n := uvarint(p)
			p = p[n:]
			size, n := uvarint(p)
			p = p[n:]
			if !yield(int(attribute), string(p[:size])) {
				return
			}
			p = p[size:]
		}
	}
}

func (p packed) get(attribute int) string {
	for a, text := range p.all() {
		if a == attribute {
			return text
		}
	}
	return ""
}

// with returns the values after the changes; of two changes of one attribute the last one counts.
func (p packed) with(changes []change) packed {
	var room [512]byte
	buf := room[:0]
	for a, text := range p.all() {
		if !changed(changes, a) {
			buf = appendValue(buf, a, text)
		}
	}
	for i, c := range changes {
		if c.text != "" && !changed(changes[i+1:], c.attribute) {
			buf = appendValue(buf, c.attribute, c.text)
		}
	}
	return packed(buf)
}

func changed(changes []change, attribute int) bool {
	for _, c := range changes {
		if c.attribute == attribute {
			return true
		}
	}
	return false
}

func appendValue(buf []byte, attribute int, text string) []byte {
	buf = binary.AppendUvarint(buf, uint64(attribute))
	buf = binary.AppendUvarint(buf, uint64(len(text)))
	return append(buf, text...)
}

func uvarint(p packed) (value uint64, size int) {
	for shift := 0; ; shift += 7 {
		b := p[size]
		size++
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value, size
		}
	}
}
