package deadletter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// letters is an output that keeps what it gets, refuses all, or refuses the messages "bad".
type letters struct {
	mu   sync.Mutex
	kept []string
	err  error
	part bool
}

func (l *letters) Connect(context.Context) error { return nil }
func (l *letters) Close(context.Context) error   { return nil }
func (l *letters) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	var failed *service.BatchError
	for i, m := range batch {
		body, _ := m.AsBytes()
		if l.part && string(body) == "bad" {
			failed = service.NewBatchError(batch, errors.New("cannot keep it")).Failed(i, errors.New("cannot keep it"))
			continue
		}
		reason, _ := m.MetaGet(MetaReason)
		own, _ := m.MetaGet("own")
		l.kept = append(l.kept, fmt.Sprintf("%s: %s %s %v", body, reason, own, m.GetError()))
	}
	if failed != nil {
		return failed
	}
	return nil
}

// sink builds the Sink of an output in a stream, with a resource "kept" for its letters.
func sink(t *testing.T, label string, l *letters) (*Sink, error) {
	t.Helper()
	env := service.NewEnvironment()
	spec := service.NewConfigSpec()
	require.NoError(t, env.RegisterBatchOutput("letters", spec,
		func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			return l, service.BatchPolicy{}, 1, nil
		}))
	type result struct {
		sink *Sink
		err  error
	}
	built := make(chan result, 1)
	require.NoError(t, env.RegisterBatchOutput("subject", service.NewConfigSpec().Field(Field()),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			s, err := FromParsed(conf, res)
			built <- result{s, err}
			return &letters{}, service.BatchPolicy{}, 1, err
		}))
	b := env.NewStreamBuilder()
	_, err := b.AddBatchProducerFunc()
	require.NoError(t, err)
	field := ""
	if label != "" {
		field = "dead_letter: " + label
	}
	require.NoError(t, b.AddOutputYAML(`{subject: {`+field+`}}`))
	require.NoError(t, b.AddResourcesYAML(`{output_resources: [{label: kept, letters: {}}]}`))
	stream, err := b.Build()
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = stream.Run(context.Background())
	}()
	made := <-built
	t.Cleanup(func() {
		if made.err == nil {
			_ = stream.StopWithin(time.Second)
		}
		<-done
	})
	return made.sink, made.err
}

func batchOf(bodies ...string) service.MessageBatch {
	var batch service.MessageBatch
	for _, body := range bodies {
		m := service.NewMessage([]byte(body))
		m.MetaSetMut("own", "m")
		batch = append(batch, m)
	}
	return batch
}

// failures are the messages of a batch error, by index.
func failures(t *testing.T, err error, index *service.Indexer) map[int]string {
	t.Helper()
	var be *service.BatchError
	require.ErrorAs(t, err, &be)
	failed := map[int]string{}
	be.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			failed[i] = err.Error()
		}
		return true
	})
	return failed
}

func TestRefuse_WritesExactlyTheRefusedWithTheirReasons(t *testing.T) {
	l := &letters{}
	s, err := sink(t, "kept", l)
	require.NoError(t, err)
	batch := batchOf("a", "b", "c")
	batch[2].SetError(errors.New("mapping failed"))
	require.NoError(t, s.Refuse(t.Context(), batch, []Refusal{{0, errors.New("why a")}, {2, errors.New("why c")}}))
	assert.Equal(t, []string{"a: why a m <nil>", "c: why c m <nil>"}, l.kept)
	assert.Error(t, batch[2].GetError(), "the message itself is left as it is")
	_, marked := batch[0].MetaGet(MetaReason)
	assert.False(t, marked)
}

func TestRefuse_NothingRefusedIsNoError(t *testing.T) {
	for _, label := range []string{"", "kept"} {
		l := &letters{err: errors.New("never asked")}
		s, err := sink(t, label, l)
		require.NoError(t, err)
		assert.NoError(t, s.Refuse(t.Context(), batchOf("a"), nil))
	}
}

func TestRefuse_WithoutDeadLettersExactlyTheRefusedFail(t *testing.T) {
	s, err := sink(t, "", &letters{})
	require.NoError(t, err)
	batch := batchOf("a", "b", "c")
	index := batch.Index()
	err = s.Refuse(t.Context(), batch, []Refusal{{1, errors.New("why b")}})
	assert.Equal(t, map[int]string{1: "why b"}, failures(t, err, index))
}

func TestRefuse_WhatTheDeadLettersCannotTakeFailsWithBothReasons(t *testing.T) {
	s, err := sink(t, "kept", &letters{err: errors.New("the disk is full")})
	require.NoError(t, err)
	batch := batchOf("a", "b", "c")
	index := batch.Index()
	err = s.Refuse(t.Context(), batch, []Refusal{{0, errors.New("why a")}, {1, errors.New("why b")}})
	failed := failures(t, err, index)
	require.Len(t, failed, 2)
	assert.Contains(t, failed[0], `writing to the dead letters "kept"`)
	assert.Contains(t, failed[0], "the disk is full")
	assert.Contains(t, failed[1], "why b")
}

func TestRefuse_LettersThatWereTakenDoNotFailWithThoseThatWereNot(t *testing.T) {
	l := &letters{part: true}
	s, err := sink(t, "kept", l)
	require.NoError(t, err)
	batch := batchOf("a", "b", "bad", "c")
	index := batch.Index()
	err = s.Refuse(t.Context(), batch, []Refusal{{1, errors.New("why b")}, {2, errors.New("why bad")}, {3, errors.New("why c")}})
	failed := failures(t, err, index)
	assert.Len(t, failed, 1, failed)
	assert.Contains(t, failed[2], "cannot keep it")
	assert.Len(t, l.kept, 2)
}

func TestFromParsed_UnknownOutputResourceIsRefused(t *testing.T) {
	_, err := sink(t, "elsewhere", &letters{})
	assert.ErrorContains(t, err, `dead_letter: there is no output resource "elsewhere"`)
}
