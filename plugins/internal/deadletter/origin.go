package deadletter

import (
	"github.com/redpanda-data/benthos/v4/public/service"
)

// MetaRecord is the metadata key of the record that a message was made of, as it was read: structured,
// in JSON's types. A mended mapping can be applied to it again.
const MetaRecord = "record"

// Origin gives the record that a message was made of, as it was before any mapping, in JSON's types
// (map[string]any, []any, …). The value is the caller's to change. It is called only when somebody asks
// for the record, at any time after the message was read and from any goroutine, so it should hold
// little: where the record can be decoded from again, rather than the record.
type Origin func() (any, error)

// WithOrigin gives the message the metadata record, and returns it. The origin is asked when a mapping
// reads @record, or @ as a whole, and when the message is refused; until then it costs nothing.
//
// It is in the metadata and not in the message's context, because Benthos 4.80 hands contexts around: a
// processor that drops, splits or groups messages gives each of those that are left the context of
// another one of its batch, by position.
func WithOrigin(m *service.Message, o Origin) *service.Message {
	m.MetaSetImmut(MetaRecord, lazyRecord{o})
	return m
}

// lazyRecord is a metadata value that comes to be when it is read: Benthos calls Copy for whoever may
// change the value, and passes on the lazyRecord itself where messages are copied.
type lazyRecord struct{ origin Origin }

// Copy returns the record, or nil if it cannot be had.
func (l lazyRecord) Copy() any {
	if record, err := l.origin(); err == nil {
		return record
	}
	return nil
}

// setRecord puts the record itself in the place of a lazy one, so that it is made once for all that
// read it. It reports false if it could not be had. A record that the pipeline has set itself stays.
func setRecord(letter *service.Message) bool {
	value, _ := letter.MetaGetImmut(MetaRecord)
	lazy, ok := value.(lazyRecord)
	if !ok {
		return true
	}
	if ofMany(letter) {
		letter.MetaDelete(MetaRecord)
		return true
	}
	record, err := lazy.origin()
	if err != nil {
		letter.MetaDelete(MetaRecord)
		return false
	}
	letter.MetaSetMut(MetaRecord, record)
	return true
}

// ofMany reports whether a message was made of several, as archive makes them. It has the metadata of
// the first, whose record would hide those of the others.
func ofMany(m *service.Message) bool {
	if (service.MessageBatch{m}).CollapsedCount() > 1 {
		return true
	}
	content, err := m.AsStructured()
	_, list := content.([]any)
	return err == nil && list
}
