package brevo

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

// flush writes what changed of the map, then the dead letters, and then takes what is settled out of the
// backlog: in this order a process that is killed does something twice rather than not at all.
func (b *companyBook) flush(ctx context.Context) error {
	b.mu.Lock()
	parts := b.known.changed()
	settled := b.settled
	b.settled = nil
	b.gauge.Set(int64(len(b.changes) + len(b.links)))
	b.mu.Unlock()
	if b.store != nil {
		for key, value := range parts {
			if err := insist(ctx, b.log, func() error { return b.store.set(ctx, key, value) }); err != nil {
				return b.again(settled, err)
			}
		}
	}
	for i, m := range settled {
		if m.done != nil || m.refusal == nil {
			continue // whoever waits for it refuses it
		}
		if err := b.refuseLate(ctx, m); err != nil {
			return b.again(settled[i:], err)
		}
	}
	var done []*companySegment
	for _, m := range settled {
		m.out.tally.add(m)
		m.out.say(m)
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
func (b *companyBook) again(settled []*companyMessage, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = append(settled, b.settled...)
	return err
}

// refuseLate takes a message to the dead letters that is acknowledged already.
func (b *companyBook) refuseLate(ctx context.Context, m *companyMessage) error {
	if !m.out.hasLetters {
		return nil // the log has it
	}
	return insist(ctx, b.log, func() (err error) {
		letter := m.m
		if letter == nil {
			if letter, err = b.kept(ctx, m); err != nil {
				return err
			}
		}
		return m.out.letters.Refuse(ctx, service.MessageBatch{letter}, []deadletter.Refusal{{Index: 0, Reason: m.refusal}})
	})
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
		c.until = time.Time{} // what was missing may be there now
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
	return len(b.changes), len(b.links)
}
