package pipedrive

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// progress says every ten seconds how far an input has come, while it does come on.
type progress struct {
	client *api.Client
	log    *service.Logger
	reads  *service.MetricCounter
	acked  *service.MetricCounter

	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	order  []*api.Object
	counts map[*api.Object]*counts
	told   counts // at the last line
}

type counts struct{ read, delivered int }

const progressEvery = 10 * time.Second

func newProgress(client *api.Client, res *service.Resources) *progress {
	ctx, stop := context.WithCancel(context.Background())
	p := &progress{
		client: client, log: res.Logger(), stop: stop, counts: map[*api.Object]*counts{},
		reads: res.Metrics().NewCounter("pipedrive_records_read", "object"),
		acked: res.Metrics().NewCounter("pipedrive_records_delivered", "object"),
	}
	p.done.Go(func() { p.run(ctx) })
	return p
}

func (p *progress) run(ctx context.Context) {
	for last := time.Now(); rest.Sleep(ctx, progressEvery) == nil; last = time.Now() {
		if line := p.line(time.Since(last)); line != "" {
			p.log.Info(line)
		}
	}
}

func (p *progress) read(o *api.Object, n int) {
	p.reads.Incr(int64(n), o.Name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(o).read += n
}

// delivered counts what has its verdict.
func (p *progress) delivered(o *api.Object, n int) {
	p.acked.Incr(int64(n), o.Name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(o).delivered += n
}

func (p *progress) of(o *api.Object) *counts {
	c := p.counts[o]
	if c == nil {
		c = &counts{}
		p.counts[o], p.order = c, append(p.order, o)
	}
	return c
}

// line is "8500 read, 8000 delivered (persons 8000), 790/s; Pipedrive tokens: 170 spent today, 29830
// left"; empty when nothing has come on since the last one.
func (p *progress) line(since time.Duration) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum counts
	var parts []string
	for _, o := range p.order {
		c := p.counts[o]
		sum.read, sum.delivered = sum.read+c.read, sum.delivered+c.delivered
		parts = append(parts, fmt.Sprintf("%s %d", o.Plural, c.delivered))
	}
	if sum == p.told {
		return ""
	}
	rate := float64(sum.delivered-p.told.delivered) / since.Seconds()
	p.told = sum
	tokens := p.client.Totals()
	line := fmt.Sprintf("%d read, %d delivered (%s), %.0f/s; Pipedrive tokens: %d spent today", sum.read, sum.delivered, strings.Join(parts, ", "), rate, tokens.SpentToday)
	if tokens.DayLeft >= 0 {
		line += fmt.Sprintf(", %d left", tokens.DayLeft)
	}
	return line
}

func (p *progress) close() {
	p.stop()
	p.done.Wait()
}
