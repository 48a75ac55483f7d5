package brevo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// The backlog lies in the cache: a segment for the links that one batch brought, and one for what else it
// brought, until all of it has its verdict. A run that begins reads what is left of it, in order.
const (
	keyBacklog = "backlog"    // which segments there may be
	keySegment = "backlog/%d" // one of them
)

// companySegment is a batch's part of the backlog.
type companySegment struct {
	number uint64
	open   int // messages without a verdict
	out    *companiesOutput
}

func (s *companySegment) key() string { return fmt.Sprintf(keySegment, s.number) }

// segmentRange is between which numbers there may be segments: Next is the first that is free.
type segmentRange struct {
	First uint64 `json:"first"`
	Next  uint64 `json:"next"`
}

// keep writes messages to the backlog in the cache, and returns those that are to be taken into memory, once all
// are there: where many links wait, others wait in the cache only.
func (b *companyBook) keep(ctx context.Context, messages []*companyMessage) (taken []*companyMessage, err error) {
	if b.store == nil || len(messages) == 0 {
		return messages, nil
	}
	var links, others []*companyMessage
	for _, m := range messages {
		if m.onlyLinks() {
			links = append(links, m)
		} else {
			others = append(others, m)
		}
	}
	b.segmentsMu.Lock()
	defer b.segmentsMu.Unlock()
	next := b.segments.Next
	for _, part := range [][]*companyMessage{others, links} {
		if len(part) == 0 {
			continue
		}
		segment := &companySegment{number: b.segments.Next, open: len(part), out: part[0].out}
		value, err := encodeSegment(part, time.Now())
		if err == nil {
			err = insist(ctx, b.log, func() error { return b.store.set(ctx, segment.key(), value) })
		}
		if err != nil {
			b.segments.Next = next // its messages come again
			return nil, err
		}
		b.segments.Next++
		for i, m := range part {
			m.segment, m.place = segment, i
		}
	}
	if err := b.writeSegments(ctx); err != nil {
		b.segments.Next = next
		return nil, err
	}
	for ; next < b.segments.Next; next++ {
		b.openSegments[next] = true
	}
	if len(links) > 0 && b.park(links[0].segment) {
		return others, nil
	}
	return messages, nil
}

// park leaves a segment of links in the cache where there is no room for them in memory, or where older ones wait
// there.
func (b *companyBook) park(segment *companySegment) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.parked) == 0 && len(b.links) < b.room {
		return false
	}
	b.parked = append(b.parked, segment)
	b.parkedLinks += segment.open
	return true
}

// unpark takes links into memory that wait in the cache, as far as there is room.
func (b *companyBook) unpark(ctx context.Context) error {
	for {
		b.mu.Lock()
		if len(b.parked) == 0 || len(b.links) > 0 && len(b.links)+b.parked[0].open > b.room {
			b.mu.Unlock()
			return nil
		}
		segment := b.parked[0]
		b.mu.Unlock()
		var kept segmentContent
		err := insist(ctx, b.log, func() (err error) {
			kept, err = b.readSegment(ctx, segment)
			return err
		})
		if err != nil {
			return err
		}
		b.mu.Lock()
		b.parked = b.parked[1:]
		b.parkedLinks -= segment.open
		b.takeSegment(segment, kept)
		b.mu.Unlock()
	}
}

// takeSegment takes what a segment has. b.mu is held.
func (b *companyBook) takeSegment(segment *companySegment, kept segmentContent) {
	for i, item := range kept.items {
		if c := item.link; c != nil {
			c.segment, c.since, c.order = segment, kept.since, b.arrival(segment, i)
			b.takeLink(c)
			continue
		}
		m := item.message
		m.out, m.segment, m.place = segment.out, segment, i
		b.take(m, time.UnixMilli(item.since))
	}
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
		if err := insist(ctx, b.log, func() error { return b.store.remove(ctx, segment.key()) }); err != nil {
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
		segment := &companySegment{number: n, out: out}
		kept, err := b.readSegment(ctx, segment)
		if err != nil {
			return err
		}
		if segment.open = len(kept.items); segment.open == 0 {
			continue
		}
		b.openSegments[n] = true
		left += segment.open
		if kept.onlyLinks() && b.park(segment) {
			continue
		}
		b.mu.Lock()
		b.takeSegment(segment, kept)
		b.mu.Unlock()
	}
	if left > 0 {
		b.log.Infof("%d messages of companies are left of the run before; they are done first", left)
	}
	return nil
}
