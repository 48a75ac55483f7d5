package brevo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

var (
	harnessID   atomic.Int64
	lettersByID sync.Map
	countsByID  sync.Map
)

func init() {
	id := service.NewConfigSpec().Field(service.NewStringField("id"))
	service.MustRegisterBatchOutput("test_letters", id,
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			id, err := conf.FieldString("id")
			found, _ := lettersByID.Load(id)
			return found.(*letters), service.BatchPolicy{}, 4, err
		})
	service.MustRegisterMetricsExporter("test_counts", id, func(conf *service.ParsedConfig, _ *service.Logger) (service.MetricsExporter, error) {
		id, err := conf.FieldString("id")
		found, _ := countsByID.Load(id)
		return found.(*counts), err
	})
}

// letters is a dead-letter output.
type letters struct {
	fail atomic.Bool

	mu   sync.Mutex
	kept []letter
}

type letter struct{ body, reason, id string }

func (l *letters) Connect(context.Context) error { return nil }
func (l *letters) Close(context.Context) error   { return nil }
func (l *letters) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	if l.fail.Load() {
		return fmt.Errorf("the disk is full")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		reason, _ := m.MetaGet("reason")
		id, _ := m.MetaGet("pipedrive_id")
		l.kept = append(l.kept, letter{string(body), reason, id})
	}
	return nil
}

func (l *letters) all() []letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.kept)
}

// ids are those of the persons that were refused, sorted.
func (l *letters) ids() []string {
	ids := []string{}
	for _, one := range l.all() {
		ids = append(ids, one.id)
	}
	slices.Sort(ids)
	return ids
}

// counts are the counters of a stream: "brevo_contacts_delivered upsert".
type counts struct {
	mu sync.Mutex
	by map[string]int64
}

func (c *counts) of(name string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[name]
}

func (c *counts) NewCounterCtor(name string, keys ...string) service.MetricsExporterCounterCtor {
	return func(values ...string) service.MetricsExporterCounter {
		full := name
		for i, key := range keys {
			if key != "label" && key != "path" && key != "stream" {
				full += " " + values[i]
			}
		}
		return counter{c, full}
	}
}

type counter struct {
	c    *counts
	name string
}

func (n counter) Incr(count int64) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.by[n.name] += count
}

func (c *counts) NewTimerCtor(string, ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return ignored{} }
}

func (c *counts) NewGaugeCtor(string, ...string) service.MetricsExporterGaugeCtor {
	return func(...string) service.MetricsExporterGauge { return ignored{} }
}

func (c *counts) Close(context.Context) error { return nil }

type ignored struct{}

func (ignored) Timing(int64) {}
func (ignored) Set(int64)    {}
