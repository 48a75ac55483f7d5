package deadletter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is an input of one batch: the records 1 to 6, each with its origin.
type page struct {
	once   sync.Once
	origin func(id int) Origin
}

func (p *page) Connect(context.Context) error { return nil }
func (p *page) Close(context.Context) error   { return nil }
func (p *page) ReadBatch(context.Context) (batch service.MessageBatch, ack service.AckFunc, err error) {
	err = service.ErrEndOfInput
	p.once.Do(func() {
		for id := 1; id <= 6; id++ {
			m := service.NewMessage(nil)
			m.SetStructuredMut(recordOf(id))
			if origin := p.origin(id); origin != nil {
				m = WithOrigin(m, origin)
			}
			batch = append(batch, m)
		}
		ack, err = func(context.Context, error) error { return nil }, nil
	})
	return batch, ack, err
}

func recordOf(id int) map[string]any {
	return map[string]any{"id": json.Number(fmt.Sprint(id)), "name": fmt.Sprintf("Person %d", id), "emails": []any{map[string]any{"value": "a@example.com"}}}
}

// refuser is an output that refuses all.
type refuser struct{ sink *Sink }

func (r *refuser) Connect(context.Context) error { return nil }
func (r *refuser) Close(context.Context) error   { return nil }
func (r *refuser) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	var all []Refusal
	for i := range batch {
		all = append(all, Refusal{i, errors.New("never")})
	}
	return r.sink.Refuse(ctx, batch, all)
}

// box keeps the letters that it gets: the content, and the record if there is one.
type box struct {
	mu      sync.Mutex
	letters []letter
}

type letter struct{ content, record string }

func (b *box) Connect(context.Context) error { return nil }
func (b *box) Close(context.Context) error   { return nil }
func (b *box) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range batch {
		content, _ := m.AsBytes()
		l := letter{content: string(content)}
		if record, ok := m.MetaGetMut(MetaRecord); ok {
			text, err := json.Marshal(record)
			if err != nil {
				return err
			}
			l.record = string(text)
		}
		b.letters = append(b.letters, l)
	}
	return nil
}

// refuseAll runs the page through processors into an output that refuses all of it, and returns the
// letters.
func refuseAll(t *testing.T, origin func(id int) Origin, letterProcessor string, processors ...string) ([]letter, string) {
	t.Helper()
	env, kept := service.NewEnvironment(), &box{}
	require.NoError(t, env.RegisterBatchInput("page", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
			return &page{origin: origin}, nil
		}))
	require.NoError(t, env.RegisterBatchOutput("box", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			return kept, service.BatchPolicy{}, 1, nil
		}))
	require.NoError(t, env.RegisterBatchOutput("refuser", service.NewConfigSpec().Fields(Field(), service.NewBatchPolicyField("batching")),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
			if policy, err = conf.FieldBatchPolicy("batching"); err != nil {
				return
			}
			sink, err := FromParsed(conf, res)
			return &refuser{sink}, policy, 1, err
		}))
	b, logged := env.NewStreamBuilder(), &logs{}
	b.SetPrintLogger(logged)
	require.NoError(t, b.AddInputYAML("page: {}"))
	require.NoError(t, b.AddOutputYAML("refuser: { dead_letter: kept, batching: { count: 3, period: 50ms } }"))
	require.NoError(t, b.AddResourcesYAML("output_resources: [ { label: kept, processors: ["+cmp.Or(letterProcessor, "{ noop: {} }")+"], box: {} } ]"))
	for _, processor := range processors {
		require.NoError(t, b.AddProcessorYAML(processor))
	}
	stream, err := b.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, stream.Run(ctx))
	return kept.letters, logged.String()
}

// logs keeps what is logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Println(v ...any) { l.Printf("%s", fmt.Sprintln(v...)) }
func (l *logs) Printf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, format+"\n", v...)
}
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func asRead(id int) Origin { return func() (any, error) { return recordOf(id), nil } }

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// idIn is the id of a record or of the contact made of it; empty if it has none.
func idIn(t *testing.T, text string) string {
	t.Helper()
	var content struct {
		ID    json.Number `json:"id"`
		ExtID string      `json:"ext_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &content))
	return cmp.Or(content.ID.String(), content.ExtID)
}

func TestOrigin_StaysWithAMessageThroughEverythingThatAPipelineDoes(t *testing.T) {
	const contact = `root = {"ext_id": this.id.string()}`
	for name, processors := range map[string][]string{
		"nothing":        nil,
		"mapping":        {`mapping: '` + contact + `'`},
		"mutation":       {`mutation: '` + contact + `'`},
		"two in a row":   {`mapping: '` + contact + `'`, `mutation: 'root.name = "other"'`},
		"split":          {`split: { size: 4 }`, `mapping: '` + contact + `'`},
		"group_by_value": {`group_by_value: { value: '${! json("id").number() % 2 }' }`, `mapping: '` + contact + `'`},
		"all of them":    {`split: { size: 4 }`, `mutation: 'root.a = 1'`, `group_by_value: { value: '${! json("id").number() % 2 }' }`, `mapping: '` + contact + `'`},
		"switch":         {`switch: [ { check: 'this.id.number() > 3', processors: [ { mutation: '` + contact + `' } ] }, { processors: [ { mapping: '` + contact + `' } ] } ]`},
		"branch":         {`branch: { request_map: 'root = this.id', processors: [ { noop: {} } ], result_map: 'root = {"ext_id": content().string()}' }`},
		"other metadata": {`mapping: 'meta other = "x"'`, `mapping: 'meta = @.merge({"other": "y"})'`, `mapping: '` + contact + `'`},
		"dropping":       {`mapping: 'root = if this.id.number() < 3 { deleted() }'`, `mapping: '` + contact + `'`},
		"a failure":      {`mapping: 'root = throw("not today")'`},
		"JSON as text":   {`mapping: 'root = content().string()'`},
	} {
		t.Run(name, func(t *testing.T) {
			letters, _ := refuseAll(t, asRead, "", processors...)
			first := 1
			if name == "dropping" {
				first = 3
			}
			var records, wants []string
			for _, l := range letters {
				records = append(records, l.record)
				if id := idIn(t, l.content); id != "" {
					assert.Equal(t, id, idIn(t, l.record), "a letter with another one's record")
				}
			}
			for id := first; id <= 6; id++ {
				wants = append(wants, asJSON(t, recordOf(id)))
			}
			assert.ElementsMatch(t, wants, records)
		})
	}
}

func TestOrigin_ARecordThatThePipelineSetItselfWinsAndIsNotMapped(t *testing.T) {
	never := func(int) Origin { return func() (any, error) { return "the origin", nil } }
	for _, first := range []string{"mutation", "mapping"} {
		letters, _ := refuseAll(t, never, "", first+`: 'meta record = this'`,
			`mutation: 'root.name = "mapped"'`, `mutation: 'root.emails.0.value = "mapped"'`, `mutation: 'root = {"name": this.name}'`)
		require.Len(t, letters, 6)
		for i, l := range letters {
			assert.Equal(t, asJSON(t, recordOf(i+1)), l.record, first)
			assert.JSONEq(t, `{"name":"mapped"}`, l.content, first)
		}
	}
}

func TestOrigin_ThatFailsLeavesTheLetterWithoutRecordAndSaysNothingPersonal(t *testing.T) {
	letters, logged := refuseAll(t, func(id int) Origin {
		if id > 2 {
			return asRead(id)
		}
		return func() (any, error) { return nil, errors.New("ada@example.com cannot be decoded") }
	}, "")
	require.Len(t, letters, 6)
	for i, l := range letters {
		assert.Equal(t, i < 2, l.record == "", i)
	}
	assert.Contains(t, logged, "2 dead letters hold the message as it was refused")
	assert.NotContains(t, logged, "ada@example.com")
}

func TestOrigin_OfTheFirstIsNotThatOfAMessageMadeOfMany(t *testing.T) {
	letters, _ := refuseAll(t, asRead, "", `archive: { format: json_array }`)
	require.Len(t, letters, 1)
	assert.Empty(t, letters[0].record)
	assert.Contains(t, letters[0].content, "Person 6")
}

// The mapping of the resource in pipelines/pipedrive.yaml.
const asInThePipelines = `{ mapping: 'root.record = @record.or(this.catch(content().string()))

root.reason = @reason

root.metadata = @.without("reason", "record")' }`

func TestOrigin_IsTheRecordOfTheLine(t *testing.T) {
	letters, _ := refuseAll(t, asRead, asInThePipelines, `mapping: 'meta own = "kept"'`, `mapping: 'root = {"ext_id": this.id.string()}'`)
	require.Len(t, letters, 6)
	assert.JSONEq(t, `{"record":`+asJSON(t, recordOf(1))+`,"reason":"never","metadata":{"own":"kept"}}`, letters[0].content)
}

func TestOrigin_WithoutOneTheLineHoldsTheContent(t *testing.T) {
	none := func(int) Origin { return nil }
	for content, want := range map[string]string{`root = {"a": 1}`: `{"a":1}`, `root = "text"`: `"text"`} {
		letters, _ := refuseAll(t, none, asInThePipelines, `mapping: '`+content+`'`)
		require.Len(t, letters, 6)
		assert.JSONEq(t, `{"record":`+want+`,"reason":"never","metadata":{}}`, letters[0].content)
	}
}
