package redrive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// letter is one dead letter as it is in the file.
type letter struct {
	record   json.RawMessage
	metadata map[string]any
	err      error // why it is none; then the record is the line
}

// fingerprint is the same for letters that are the same in record and metadata.
type fingerprint [16]byte

// lettersIn reads a line. Two processes that wrote at one moment, or one that was killed while it
// wrote, can have put several letters on it. What is none is kept as it is.
func lettersIn(line []byte) (letters []letter) {
	dec := json.NewDecoder(bytes.NewReader(line))
	for {
		start := dec.InputOffset()
		var value json.RawMessage
		err := dec.Decode(&value)
		if errors.Is(err, io.EOF) {
			return letters
		}
		if err != nil {
			text, _ := json.Marshal(string(bytes.TrimSpace(line[start:])))
			return append(letters, letter{record: text, err: errors.New("the line is not JSON")})
		}
		letters = append(letters, letterOf(value))
	}
}

// letterOf reads the JSON value of one letter.
func letterOf(value json.RawMessage) letter {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil || fields == nil {
		return letter{record: value, err: errors.New("the line is no dead letter: it is not an object")}
	}
	record, has := fields["record"]
	if !has {
		return letter{record: value, err: errors.New("the line is no dead letter: it has no record")}
	}
	l := letter{record: record}
	if metadata, has := fields["metadata"]; has {
		v, err := decode(metadata)
		l.metadata, has = v.(map[string]any)
		if err != nil || !has {
			return letter{record: value, err: errors.New("the line is no dead letter: its metadata is not an object")}
		}
	}
	if !bytes.HasPrefix(record, []byte("{")) {
		l.err = errors.New("the record of the dead letter is not an object")
	}
	return l
}

// message is the letter's record with its metadata. The record in the metadata is what a second refusal
// writes.
func (l letter) message() *service.Message {
	m := service.NewMessage(l.record)
	for key, value := range l.metadata {
		m.MetaSetImmut(key, service.ImmutableAny{V: value}) // the next try has it too
	}
	m = deadletter.WithOrigin(m, func() (any, error) { return decode(l.record) })
	if l.err != nil {
		m.SetError(l.err)
	}
	return m
}

// fingerprint does not depend on the order of keys, nor on when and why it was refused.
func (l letter) fingerprint() (f fingerprint) {
	record, err := decode(l.record)
	if err != nil {
		record = string(l.record)
	}
	text, err := json.Marshal([]any{record, l.metadata})
	if err != nil {
		text = l.record
	}
	sum := sha256.Sum256(text)
	copy(f[:], sum[:])
	return f
}

// decode keeps numbers as they are written.
func decode(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}
