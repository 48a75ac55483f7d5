package brevo

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// flush writes what changed of the map, then the dead letters, and then takes what is settled out of the
// backlog: in this order a process that is killed does something twice rather than not at all.
func (b *companyBook) flush(ctx context.Context) error {
	b.mu.Lock()
	settled := b.settled
	b.settled = nil
	b.gauge.Set(int64(len(b.changes) + len(b.links) + b.parkedLinks))
	b.mu.Unlock()
	if err := b.writeMap(ctx); err != nil {
		return b.again(settled, err)
	}
	if err := b.refuseLate(ctx, settled); err != nil {
		return b.again(settled, err)
	}
	var done []*companySegment
	for _, s := range settled {
		m := s.whole()
		out := b.outFor(m.out)
		out.tally.add(m)
		out.say(m)
		if m.segment != nil {
			if m.segment.open--; m.segment.open == 0 {
				done = append(done, m.segment)
			}
		}
		if m.done != nil {
			close(m.done)
		}
	}
	return b.drop(ctx, done)
}

// again leaves settled messages to the next flush, or the next run.
func (b *companyBook) again(settled []settled, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = append(settled, b.settled...)
	return err
}

// writeMap writes the parts of the map that changed, one after the other: together they may be large.
func (b *companyBook) writeMap(ctx context.Context) error {
	for {
		b.mu.Lock()
		key, value := b.known.changed(b.store != nil)
		b.mu.Unlock()
		if key == "" {
			return nil
		}
		if err := insist(ctx, b.log, func() error { return b.store.set(ctx, key, value) }); err != nil {
			b.mu.Lock()
			b.known.dirty[key] = true
			b.mu.Unlock()
			return err
		}
	}
}

// refuseLate takes messages to the dead letters that are acknowledged already. The backlog has them.
func (b *companyBook) refuseLate(ctx context.Context, all []settled) error {
	var segment *companySegment
	var kept segmentContent
	for _, s := range all {
		if s.message == nil && s.verdict.refusal == nil {
			continue
		}
		m := s.whole()
		out := b.outFor(m.out)
		if m.done != nil || m.refusal == nil || !out.hasLetters || m.told {
			continue // whoever waits for it refuses it, or the log has it
		}
		err := insist(ctx, b.log, func() (err error) {
			if segment != m.segment {
				kept, err = b.readSegment(ctx, m.segment)
			}
			return err
		})
		if err != nil {
			return err
		}
		if segment = m.segment; m.place >= len(kept.items) {
			continue
		}
		letter := service.MessageBatch{kept.items[m.place].asMessage()}
		err = insist(ctx, b.log, func() error {
			return out.letters.Refuse(ctx, letter, []deadletter.Refusal{{Index: 0, Reason: m.refusal}})
		})
		if err != nil {
			return err
		}
		m.told = true
	}
	return nil
}

// say says what has to be said about a verdict.
func (out *companiesOutput) say(m *companyMessage) {
	switch {
	case m.refusal != nil && (out.hasLetters || m.done != nil):
		out.log.Warnf("%s is refused: %s", m.subject(), inPublic(m.refusal))
	case m.refusal != nil:
		out.log.Errorf("%s is refused, and without dead_letter it is kept nowhere: %s", m.subject(), inPublic(m.refusal))
	case !m.delivered && m.skip != "":
		out.log.Debugf("%s is skipped: %s", m.subject(), m.skip)
	}
}

// finish waits until the worker has done what can be done without waiting for the hour.
func (b *companyBook) finish(ctx context.Context) {
	b.mu.Lock()
	b.finishing++
	if b.still == nil {
		b.still = make(chan struct{})
	}
	still := b.still
	for _, c := range b.links {
		c.until = 0 // what was missing may be there now
	}
	b.mu.Unlock()
	b.nudge()
	select {
	case <-still:
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.finishing--
	b.mu.Unlock()
}

// nudge makes the worker look what there is to do.
func (b *companyBook) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// waiting is how much is not done.
func (b *companyBook) waiting() (changes, links int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.changes), len(b.links) + b.parkedLinks
}
