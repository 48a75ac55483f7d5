package brevo

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// keptMessage is a message in a segment, other than a link.
type keptMessage struct {
	Action string            `json:"action"`
	Body   json.RawMessage   `json:"body"`
	Meta   map[string]string `json:"meta,omitempty"`
	Record any               `json:"record,omitempty"` // for the dead letters
	Since  int64             `json:"since"`            // milliseconds
}

// keptMeta are the metadata keys that a dead letter tells of a message which is refused after it was acknowledged.
var keptMeta = []string{
	"pipedrive_object", "pipedrive_id", "pipedrive_action", "pipedrive_time", "pipedrive_read", "pipedrive_source", "pipedrive_event_id",
	metaSkipReason,
}

// encodeSegment writes a version, when the messages came, how many there are, the messages, and a checksum.
func encodeSegment(messages []*companyMessage, since time.Time) ([]byte, error) {
	b := make([]byte, 1, 64*len(messages))
	b[0] = ledgerVersion
	b = binary.AppendUvarint(b, uint64(since.UnixMilli()))
	b = binary.AppendUvarint(b, uint64(len(messages)))
	for _, m := range messages {
		if m.onlyLinks() {
			b = appendLink(b, linkOf(m, since))
			continue
		}
		kept, err := keptOf(m, since)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(kept)
		if err != nil {
			return nil, fmt.Errorf("writing the backlog of companies: %w", err)
		}
		b = append(binary.AppendUvarint(append(b, 0), uint64(len(value))), value...)
	}
	return sealed(b), nil
}

func keptOf(m *companyMessage, since time.Time) (kept keptMessage, err error) {
	kept = keptMessage{Action: m.action, Meta: map[string]string{}, Since: since.UnixMilli()}
	if kept.Body, err = m.m.AsBytes(); err != nil {
		return kept, err
	}
	for _, key := range keptMeta { // and no walk through all, which would make the record
		if value, ok := m.m.MetaGet(key); ok {
			kept.Meta[key] = value
		}
	}
	if m.action != actionLink {
		kept.Record, _ = m.m.MetaGetMut(deadletter.MetaRecord)
	}
	return kept, nil
}

// segmentContent is a segment as it is in the cache.
type segmentContent struct {
	since int64
	items []segmentItem
}

// segmentItem is a link, or another message.
type segmentItem struct {
	link    *linkChange
	message *companyMessage
	since   int64
}

func (s segmentContent) onlyLinks() bool {
	for _, item := range s.items {
		if item.link == nil {
			return false
		}
	}
	return true
}

// readSegment reads a segment. It has no items if it is not there.
func (b *companyBook) readSegment(ctx context.Context, segment *companySegment) (kept segmentContent, err error) {
	value, err := b.store.get(ctx, segment.key())
	if err != nil || value == nil {
		return kept, err
	}
	if kept, err = decodeSegment(value); err != nil {
		return kept, b.store.damaged(segment.key(), err)
	}
	return kept, nil
}

func decodeSegment(value []byte) (kept segmentContent, err error) {
	if value[0] == '[' { // as earlier versions wrote it
		var messages []keptMessage
		if err := json.Unmarshal(value, &messages); err != nil {
			return kept, err
		}
		for _, k := range messages {
			if err := kept.add(k); err != nil {
				return kept, err
			}
		}
		return kept, nil
	}
	body, err := unsealed(value)
	if err != nil {
		return kept, err
	}
	r := &fieldReader{b: body}
	kept.since = int64(r.uvarint())
	for range min(r.uvarint(), uint64(len(body))) {
		if kind := r.byte(); kind != 0 {
			kept.items = append(kept.items, segmentItem{link: r.link(kind)})
			continue
		}
		var k keptMessage
		if err := json.Unmarshal(r.take(int(min(r.uvarint(), uint64(len(body))))), &k); err != nil {
			return kept, errCorrupt
		}
		if err := kept.add(k); err != nil {
			return kept, err
		}
	}
	return kept, r.end()
}

func (s *segmentContent) add(k keptMessage) (err error) {
	m := &companyMessage{index: len(s.items), place: len(s.items), action: k.Action, m: k.message()}
	m.time, m.who = knownUntil(m.m), whoOf(m.m)
	if m.order, err = companyOrderOf(m.m); err == nil {
		s.items = append(s.items, segmentItem{message: m, since: k.Since})
	}
	return err
}

func (k keptMessage) message() *service.Message {
	m := service.NewMessage(k.Body)
	for key, value := range k.Meta {
		m.MetaSetMut(key, value)
	}
	if k.Record != nil {
		m.MetaSetMut(deadletter.MetaRecord, k.Record)
	}
	return m
}

// asMessage is a message of the backlog as it came, for the dead letters.
func (i segmentItem) asMessage() *service.Message {
	if i.link == nil {
		return i.message.m
	}
	m := service.NewMessage(nil)
	m.SetStructuredMut(i.link.body())
	m.MetaSetMut("action", actionLink)
	if object, id, ok := strings.Cut(i.link.who, " "); ok {
		m.MetaSetMut("pipedrive_object", object)
		m.MetaSetMut("pipedrive_id", id)
	}
	if i.link.time != 0 {
		m.MetaSetMut("pipedrive_time", time.UnixMilli(i.link.time).UTC().Format(time.RFC3339Nano))
	}
	return m
}
