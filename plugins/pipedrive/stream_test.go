package pipedrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// far is the other side: an output that refuses single messages for a while.
type far struct {
	mu      sync.Mutex
	arrived map[string]int
	refused map[string]int
	refuse  func(id string, times int) bool
}

func newFar(refuse func(id string, times int) bool) *far {
	return &far{arrived: map[string]int{}, refused: map[string]int{}, refuse: refuse}
}

func (f *far) Connect(context.Context) error { return nil }
func (f *far) Close(context.Context) error   { return nil }

// WriteBatch takes single records, and lists of them as archive makes.
func (f *far) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var failed *service.BatchError
	for i, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		var records []struct {
			ID json.Number `json:"id"`
		}
		if body[0] != '[' {
			body = fmt.Appendf(nil, "[%s]", body)
		}
		if err := json.Unmarshal(body, &records); err != nil {
			return err
		}
		bad := false
		for _, r := range records {
			if id := r.ID.String(); f.refuse(id, f.refused[id]) {
				f.refused[id]++
				bad = true
			}
		}
		if bad {
			if failed == nil {
				failed = service.NewBatchError(batch, errors.New("some were refused"))
			}
			failed = failed.Failed(i, errors.New("not now"))
			continue
		}
		for _, r := range records {
			f.arrived[r.ID.String()]++
		}
	}
	if failed != nil {
		return failed
	}
	return nil
}

func (f *far) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.arrived)
}

// stream runs pipedrive_paginated through processors into an output called far.
func (a *account) stream(f *far, cache, input, processors, batching string) *service.Stream {
	a.t.Helper()
	return a.streamOf("pipedrive_paginated", f, cache, input, processors, batching)
}

func (a *account) streamOf(component string, f *far, cache, input, processors, batching string) *service.Stream {
	a.t.Helper()
	env := service.NewEnvironment()
	require.NoError(a.t, env.RegisterBatchOutput("far",
		service.NewConfigSpec().Field(service.NewBatchPolicyField("batching")),
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			policy, err := conf.FieldBatchPolicy("batching")
			return f, policy, 4, err
		}))
	b := env.NewStreamBuilder()
	require.NoError(a.t, b.SetLoggerYAML("level: none"))
	require.NoError(a.t, b.AddCacheYAML("label: state\n"+cache))
	indented := func(s string) string { return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") }
	require.NoError(a.t, b.AddInputYAML(component+":\n"+indented(a.config(input))))
	if processors != "" {
		require.NoError(a.t, b.AddProcessorYAML(processors))
	}
	require.NoError(a.t, b.AddOutputYAML("far:\n  batching: "+batching))
	s, err := b.Build()
	require.NoError(a.t, err)
	return s
}

// Benthos 4.64 to 4.80 gives the nack of a single message behind a processor that filters or splits to
// the wrong one. A page that is sent again as a whole loses nothing.
func TestStream_SinglyRefusedMessagesAreNeverLostBehind(t *testing.T) {
	const total = 60
	everySecond := func(id string) bool { n, _ := strconv.Atoi(id); return n%2 == 0 }
	all := func(string) bool { return true }
	for _, c := range []struct {
		name, processors string
		kept             func(id string) bool
	}{
		{"nothing", "", all},
		{"a mapping that deletes", "mapping: 'root = if this.id % 2 == 1 { deleted() }'", everySecond},
		{"a mutation that deletes", "mutation: 'root = if this.id % 2 == 1 { deleted() }'", everySecond},
		{"split", "split: { size: 3 }", all},
		{"split by one", "split: { size: 1 }", all},
		{"group_by_value", "group_by_value: { value: '${! this.id % 3 }' }", all},
		{"group_by", "group_by: [ { check: 'this.id % 4 == 0' } ]", all},
		{"archive", "archive: { format: json_array }", all},
		{"all of them", `processors:
  - mapping: 'root = if this.id % 2 == 1 { deleted() }'
  - group_by_value: { value: '${! this.id % 3 }' }
  - split: { size: 2 }`, everySecond},
	} {
		for _, input := range []string{"pipedrive_paginated", "pipedrive_recents"} {
			for _, batching := range []string{"{}", "{ count: 7, period: 50ms }"} {
				t.Run(input+" "+c.name+" "+batching, func(t *testing.T) {
					t.Parallel()
					f := newFar(func(id string, times int) bool {
						n, _ := strconv.Atoi(id)
						return n%10 == 4 && times < 1 || id == "60" && times < 2
					})
					a, conf := newAccount(t, sandbox.Config{}, total), withCache
					if input == "pipedrive_recents" {
						conf += "follow: false\n"
					}
					s := a.streamOf(input, f, "memory: {}", conf, c.processors, batching)
					ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
					defer cancel()
					require.NoError(t, s.Run(ctx), "it ends by itself")
					for _, id := range numbers(1, total) {
						if c.kept(id) {
							assert.Contains(t, f.arrived, id)
						} else {
							assert.NotContains(t, f.arrived, id)
						}
					}
					assert.NotEmpty(t, f.refused)
				})
			}
		}
	}
}

// What changes while it follows takes the same way.
func TestStream_SinglyRefusedChangesAreNeverLostBehind(t *testing.T) {
	t.Parallel()
	const total = 60
	for _, processors := range []string{
		"mapping: 'root = if this.id % 2 == 1 { deleted() }'",
		"split: { size: 1 }",
		"group_by_value: { value: '${! this.id % 3 }' }",
	} {
		t.Run(processors, func(t *testing.T) {
			t.Parallel()
			f := newFar(func(id string, times int) bool { n, _ := strconv.Atoi(id); return n%10 == 4 && times < 1 })
			a := newAccount(t, sandbox.Config{}, 0)
			s := a.streamOf("pipedrive_recents", f, "memory: {}", withCache+"poll_interval: 1s", processors, "{ count: 7, period: 50ms }")
			ended := make(chan error, 1)
			go func() { ended <- s.Run(t.Context()) }()
			require.Eventually(t, func() bool { return a.pages("persons") > 1 }, 30*time.Second, 5*time.Millisecond, "it polls")
			now := time.Now()
			for i := 1; i <= total; i++ {
				a.put("person", i, "New", now)
			}
			want := total
			if strings.Contains(processors, "deleted") {
				want /= 2
			}
			assert.Eventually(t, func() bool { return f.count() == want }, 30*time.Second, 10*time.Millisecond)
			require.NoError(t, s.Stop(t.Context()))
			<-ended
			assert.Len(t, f.refused, 6)
		})
	}
}

func TestStream_GoesOnAfterAStopInTheMiddle(t *testing.T) {
	t.Parallel()
	const total = 400
	a := newAccount(t, sandbox.Config{Latency: 5 * time.Millisecond}, total)
	file := "file: { directory: " + t.TempDir() + " }"
	// Record 205 holds up its page: the position may not pass it.
	stuck := newFar(func(id string, _ int) bool { return id == "205" })
	first := a.stream(stuck, file, withCache, "", "{}")
	stopped := make(chan error, 1)
	go func() { stopped <- first.Run(t.Context()) }()
	require.Eventually(t, func() bool { return stuck.count() == total-1 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, first.Stop(t.Context()))
	<-stopped

	f := newFar(func(string, int) bool { return false })
	require.NoError(t, a.stream(f, file, withCache, "", "{}").Run(t.Context()))
	for _, id := range numbers(201, total) {
		assert.Contains(t, f.arrived, id, "it came behind the gap, or was in its page")
	}
	for _, id := range numbers(1, 200) {
		assert.NotContains(t, f.arrived, id, "it was delivered before the gap")
	}
}

// A stop at any moment, as often as it likes, loses nothing.
func TestStream_AStopAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	const total = 300
	a := newAccount(t, sandbox.Config{}, total)
	file := "file: { directory: " + t.TempDir() + " }"
	f := newFar(func(id string, times int) bool { n, _ := strconv.Atoi(id); return n%90 == 5 && times < 1 })
	for run := range 4 {
		s := a.stream(f, file, withCache+"checkpoint_limit: 30\n", "", "{}")
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		require.Eventually(t, func() bool { return f.count() >= min(total, (run+1)*60) }, 30*time.Second, time.Millisecond)
		// At any moment, but not before it runs.
		require.Eventually(t, func() bool { return s.Stop(t.Context()) == nil }, 30*time.Second, time.Millisecond)
		<-ended
	}
	s := a.stream(f, file, withCache, "", "{}")
	require.NoError(t, s.Run(t.Context()))
	assert.Equal(t, total, f.count())
}
