package brevo

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/deadletter"
)

var keyAttributePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

// companyStoreFrom reads the cache's fields, and checks that the resource exists. It is nil where none is named.
func companyStoreFrom(conf *service.ParsedConfig, res *service.Resources) (*store, error) {
	if !conf.Contains(cyFieldCache) {
		return nil, nil
	}
	label, err := conf.FieldString(cyFieldCache)
	if err != nil || label == "" {
		return nil, err
	}
	prefix, err := conf.FieldString(cyFieldCacheKey)
	switch {
	case err != nil:
		return nil, err
	case prefix == "":
		return nil, fmt.Errorf("%s is empty", cyFieldCacheKey)
	case !res.HasCache(label):
		return nil, fmt.Errorf("%s: there is no cache resource %q", cyFieldCache, label)
	}
	return &store{res: res, label: label, prefix: prefix}, nil
}

// read turns messages into what they ask for. Those that cannot be read are refused at once.
func (out *companiesOutput) read(batch service.MessageBatch) []*companyMessage {
	action := batch.InterpolationExecutor(out.action)
	messages := make([]*companyMessage, len(batch))
	for i, m := range batch {
		c := &companyMessage{out: out, m: m, who: whoOf(m), index: i, time: knownUntil(m)}
		messages[i] = c
		if err := m.GetError(); err != nil {
			c.refuse("processing", processingError{err})
			continue
		}
		var err error
		if c.action, err = action.TryString(i); err != nil {
			c.refuse("message", fmt.Errorf("the action cannot be read: %w", err))
			continue
		}
		if c.action == actionSkip {
			c.skip, _ = m.MetaGet(metaSkipReason)
			continue
		}
		if c.order, err = companyOrderOf(m); err == nil {
			err = c.order.check(c.action)
		}
		if err != nil {
			c.refuse("message", err)
		}
	}
	return messages
}

// needed are the messages that are to be written. Those that say nothing new have their verdict at once.
func (b *companyBook) needed(messages []*companyMessage) (open []*companyMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		if m.refusal == nil && m.action != actionSkip && !b.needless(m) {
			if b.store == nil {
				m.done = make(chan struct{})
			}
			open = append(open, m)
		}
	}
	return open
}

// needless reports whether nothing is to be done for a message: its company is as it says, and nothing else
// waits for it. b.mu is held.
func (b *companyBook) needless(m *companyMessage) bool {
	now := b.attributes.now.Load()
	if m.action == actionDelete || len(m.order.unlink) > 0 || now == nil || !now.sure {
		return false
	}
	if m.action == actionUpsert {
		e := b.known.company(m.order.ext)
		c := &companyChange{ext: m.order.ext, company: m.order.company, time: m.time}
		if b.changes[c.ext] != nil || e.id == "" || now.doubtful(c.company) || older(m.time, e.time, false) {
			return false
		}
		fitted, blank := b.attributes.fit(c, now)
		if companyPrint(fitted) != e.print || len(b.known.delivered(e, blank)) > 0 {
			return false
		}
		e.time, e.given = max(e.time, c.time), e.given.or(b.known.given(fitted))
		b.known.setCompany(c.ext, e)
	}
	if len(m.order.link) > 0 && len(b.parked) > 0 {
		return false // another one of the contact may wait there
	}
	for _, ref := range m.order.link {
		if b.links[ref.key()] != nil || b.known.link(ref.key()).company != m.order.ext {
			return false
		}
	}
	for _, ref := range m.order.link {
		b.known.noteTime(ref.key(), m.time)
	}
	return true
}

// accept puts messages into the backlog in memory.
func (b *companyBook) accept(messages []*companyMessage) {
	b.mu.Lock()
	for _, m := range messages {
		b.take(m, time.Now())
	}
	b.mu.Unlock()
	b.nudge()
}

func waitForAll(ctx context.Context, messages []*companyMessage) error {
	for _, m := range messages {
		select {
		case <-m.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// settle counts the verdicts that are there at once, and returns the refused.
func (out *companiesOutput) settle(messages []*companyMessage) (refusals []deadletter.Refusal) {
	for _, m := range messages {
		if m.segment != nil {
			continue // it has its verdict later
		}
		if m.done == nil {
			out.tally.add(m)
		}
		if m.refusal != nil {
			if m.done == nil {
				out.log.Warnf("%s is refused: %s", m.subject(), inPublic(m.refusal))
			}
			refusals = append(refusals, deadletter.Refusal{Index: m.index, Reason: m.refusal})
		}
	}
	return refusals
}

// An end of the input may take its time: an import of companies can take minutes. After a signal Benthos gives
// all its components together 20 s.
const (
	longestDrain = 10 * time.Minute
	signalDrain  = 10 * time.Second
)

// stopped is closed when the process was told to stop.
var stopped = make(chan struct{})

// watchSignals closes it. It takes no signal from anybody: Benthos has its own ear for them.
var watchSignals = sync.OnceFunc(func() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		close(stopped)
	}()
})

// drain waits until what can be written is written, and says what is left.
func (out *companiesOutput) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), longestDrain)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		out.book.finish(ctx)
	}()
	select {
	case <-drained:
	case <-stopped:
		select {
		case <-drained:
		case <-time.After(signalDrain):
			cancel()
			<-drained
		}
	}
	if changes, links := out.book.waiting(); changes+links > 0 {
		where := "they are lost with this process, and have to be sent again"
		if out.store != nil {
			where = "they are in the backlog, and the next run goes on with them"
		}
		why := ""
		switch {
		case out.book.isClosed():
			why = ", since Brevo lets this key have no companies"
		case changes == 0 && out.book.spare() > 0:
			why = ", since Brevo does not have their contacts or companies"
		}
		out.log.Warnf("%d companies and %d links are not written%s: %s", changes, links, why, where)
	}
}
