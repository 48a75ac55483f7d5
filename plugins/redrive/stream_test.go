package redrive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/deadletter"
)

// far is the other side: it refuses some for good, and fails on some for a while.
type far struct {
	sink   *deadletter.Sink
	refuse func(id string) bool
	fails  func(id string) bool

	mu        sync.Mutex
	failed    map[string]bool
	delivered []string
}

func (f *far) Connect(context.Context) error { return nil }
func (f *far) Close(context.Context) error   { return nil }
func (f *far) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var refused []deadletter.Refusal
	var failed *service.BatchError
	for i, m := range batch {
		id, _ := m.MetaGet("pipedrive_id")
		switch {
		case m.GetError() != nil:
			refused = append(refused, deadletter.Refusal{Index: i, Reason: m.GetError()})
		case f.refuse(id):
			refused = append(refused, deadletter.Refusal{Index: i, Reason: errors.New("never")})
		case f.fails(id) && !f.failed[id]:
			f.failed[id] = true
			if failed == nil {
				failed = service.NewBatchError(batch, errors.New("not now"))
			}
			failed = failed.Failed(i, errors.New("not now"))
		default:
			f.delivered = append(f.delivered, id)
		}
	}
	if err := f.sink.Refuse(ctx, batch, refused); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return nil
}

// run sends the dead letters through processors that map, drop, split and group.
func (s *state) run(f *far) {
	s.t.Helper()
	f.failed = map[string]bool{}
	env := service.NewEnvironment()
	require.NoError(s.t, env.RegisterBatchOutput("far", service.NewConfigSpec().Fields(deadletter.Field(), service.NewBatchPolicyField("batching")),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if policy, err = conf.FieldBatchPolicy("batching"); err != nil {
				return
			}
			f.sink, err = deadletter.FromParsed(conf, res)
			return f, policy, 4, err
		}))
	b := env.NewStreamBuilder()
	require.NoError(s.t, b.SetYAML(fmt.Sprintf(`
logger: { level: none }
input: { dead_letters: { path: %[1]s } }
pipeline:
  processors:
    - mapping: 'root = if @pipedrive_id == "5" { deleted() }'
    - mutation: 'root = if !errored() { {"mapped": this.id} }'
    - split: { size: 40 }
    - group_by_value: { value: '${! @pipedrive_id.or("0").number() %% 3 }' }
output: { far: { dead_letter: dead_letters, batching: { count: 30, period: 10ms } } }
output_resources:
  - label: dead_letters
    processors:
      - mapping: |
          root.record = @record.or(this.catch(content().string()))
          root.reason = @reason
          root.time = "2026-01-01T00:00:00Z"
          root.metadata = @.without("reason", "record")
    file: { path: %[1]s, codec: lines }
`, s.path)))
	stream, err := b.Build()
	require.NoError(s.t, err)
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	require.NoError(s.t, stream.Run(ctx))
}

// lines are the lines of the file, sorted.
func (s *state) lines() []string {
	s.t.Helper()
	content, err := os.ReadFile(s.path)
	require.NoError(s.t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	slices.Sort(lines)
	return slices.Compact(lines)
}

func TestStream_WhatIsRefusedAgainIsTheSameLetterHoweverOften(t *testing.T) {
	s := newState(t, strings.ReplaceAll(letters(numbers(1, 700)...), `"why"`, `"never"`)+`{"record":"torn {"}`)
	never := func(string) bool { return false }
	seventh := func(id string) bool { return id == "7" || id == "77" }
	first := &far{refuse: seventh, fails: never}
	s.run(first)
	assert.Len(t, first.delivered, 700-3, "without those refused and the one dropped")
	kept := s.lines()
	require.Len(t, kept, 3)
	assert.Contains(t, kept[0]+kept[1], `"record":{"id":77,"name":"Person 77"}`)
	assert.Contains(t, kept[2], `"record":"torn {"`)
	for range 2 {
		s.run(&far{refuse: seventh, fails: never})
		assert.Equal(t, kept, s.lines())
	}
	last := &far{refuse: never, fails: never}
	s.run(last)
	assert.ElementsMatch(t, []string{"7", "77"}, last.delivered)
	assert.Len(t, s.lines(), 1, "the torn line")
	assert.Equal(t, []string{"dead_letters.jsonl"}, s.files())
}

func TestStream_ALetterThatFailsForAWhileIsNotLost(t *testing.T) {
	s := newState(t, letters(numbers(1, 700)...))
	f := &far{refuse: func(string) bool { return false }, fails: func(id string) bool { return strings.HasSuffix(id, "3") }}
	s.run(f)
	slices.Sort(f.delivered)
	assert.Len(t, slices.Compact(f.delivered), 699)
	assert.Empty(t, s.files())
}
