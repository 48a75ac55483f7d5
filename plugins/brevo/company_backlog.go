package brevo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// The backlog lies in the cache as it came: a segment for what one batch brought, until all of it has its
// verdict. A run that begins reads what is left of it, in order.
const (
	keyBacklog = "backlog"    // which segments there may be
	keySegment = "backlog/%d" // one of them
)

// companySegment is a batch's part of the backlog.
type companySegment struct {
	number uint64
	open   int // messages without a verdict
}

// segmentRange is between which numbers there may be segments: Next is the first that is free.
type segmentRange struct {
	First uint64 `json:"first"`
	Next  uint64 `json:"next"`
}

// keptMessage is a message in a segment.
type keptMessage struct {
	Action string            `json:"action"`
	Body   json.RawMessage   `json:"body"`
	Meta   map[string]string `json:"meta,omitempty"`
	Record any               `json:"record,omitempty"` // for the dead letters
	Since  int64             `json:"since"`            // milliseconds
}

// keptMeta are the metadata keys that a dead letter tells of a message which was refused in a later run.
var keptMeta = []string{
	"pipedrive_object", "pipedrive_id", "pipedrive_action", "pipedrive_time", "pipedrive_source", "pipedrive_event_id", metaSkipReason,
}

// keep writes messages to the backlog in the cache, and returns once they are there.
func (b *companyBook) keep(ctx context.Context, messages []*companyMessage) error {
	if b.store == nil || len(messages) == 0 {
		return nil
	}
	kept := make([]keptMessage, len(messages))
	for i, m := range messages {
		body, err := m.m.AsBytes()
		if err != nil {
			return err
		}
		kept[i] = keptMessage{Action: m.action, Body: body, Meta: map[string]string{}, Since: time.Now().UnixMilli()}
		for _, key := range keptMeta { // and no walk through all, which would make the record
			if value, ok := m.m.MetaGet(key); ok {
				kept[i].Meta[key] = value
			}
		}
		if m.action != actionLink { // of which there is one for each person
			kept[i].Record, _ = m.m.MetaGetMut(deadletter.MetaRecord)
		}
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("writing the backlog of companies: %w", err)
	}
	b.segmentsMu.Lock()
	defer b.segmentsMu.Unlock()
	segment := &companySegment{number: b.segments.Next, open: len(messages)}
	if err := insist(ctx, b.log, func() error { return b.store.set(ctx, fmt.Sprintf(keySegment, segment.number), value) }); err != nil {
		return err
	}
	b.segments.Next++
	if err := b.writeSegments(ctx); err != nil {
		b.segments.Next-- // its messages come again
		return err
	}
	b.openSegments[segment.number] = true
	for i, m := range messages {
		m.segment, m.index = segment, i
		m.called, m.m = m.subject(), nil
		// Read anew, since its texts may be parts of a page of Pipedrive's, which would stay in memory with them.
		if m.order, err = companyOrderOf(kept[i].message()); err != nil {
			return fmt.Errorf("reading the backlog of companies: %w", err)
		}
	}
	return nil
}

// kept is a message as it lies in the backlog in the cache.
func (b *companyBook) kept(ctx context.Context, m *companyMessage) (*service.Message, error) {
	key := fmt.Sprintf(keySegment, m.segment.number)
	value, err := b.store.get(ctx, key)
	if err != nil {
		return nil, err
	}
	var kept []keptMessage
	if err := json.Unmarshal(value, &kept); err != nil || m.index >= len(kept) {
		return nil, b.store.damaged(key, errCorrupt)
	}
	return kept[m.index].message(), nil
}

// drop takes segments out of which each message has its verdict. It is called when all that came of them is
// in the cache.
func (b *companyBook) drop(ctx context.Context, done []*companySegment) error {
	if len(done) == 0 {
		return nil
	}
	b.segmentsMu.Lock()
	defer b.segmentsMu.Unlock()
	for _, segment := range done {
		if err := insist(ctx, b.log, func() error { return b.store.remove(ctx, fmt.Sprintf(keySegment, segment.number)) }); err != nil {
			return err
		}
		delete(b.openSegments, segment.number)
	}
	first := b.segments.First
	for first < b.segments.Next && !b.openSegments[first] {
		first++
	}
	if first == b.segments.First {
		return nil
	}
	b.segments.First = first
	return b.writeSegments(ctx)
}

func (b *companyBook) writeSegments(ctx context.Context) error {
	value, err := json.Marshal(b.segments)
	if err != nil {
		return err
	}
	return insist(ctx, b.log, func() error { return b.store.set(ctx, keyBacklog, value) })
}

// restore reads the backlog that the run before left, as messages of out.
func (b *companyBook) restore(ctx context.Context, out *companiesOutput) error {
	value, err := b.store.get(ctx, keyBacklog)
	if err != nil {
		return err
	}
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(value, &b.segments); err != nil {
		return b.store.damaged(keyBacklog, err)
	}
	left := 0
	for n := b.segments.First; n < b.segments.Next; n++ {
		key := fmt.Sprintf(keySegment, n)
		value, err := b.store.get(ctx, key)
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		var kept []keptMessage
		if err := json.Unmarshal(value, &kept); err != nil {
			return b.store.damaged(key, err)
		}
		segment := &companySegment{number: n, open: len(kept)}
		b.openSegments[n] = true
		left += len(kept)
		for i, k := range kept {
			m := &companyMessage{out: out, index: i, action: k.Action, m: k.message(), segment: segment}
			m.time = timeOf(m.m)
			if m.order, err = companyOrderOf(m.m); err != nil {
				return b.store.damaged(key, err)
			}
			b.take(m, time.UnixMilli(k.Since))
		}
	}
	if left > 0 {
		b.log.Infof("%d messages of companies are left of the run before; they are done first", left)
	}
	return nil
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
