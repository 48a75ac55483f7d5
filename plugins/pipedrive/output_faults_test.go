package pipedrive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestWrite_ACreationWhoseAnswerWasLostIsFoundAndNotRepeated(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 0)
	a.onCall(a.losing(http.MethodPost))
	batch := messages(t, `{"email":"ada@example.com","name":"Ada"}`)
	require.NoError(t, a.output(newResources(t), "object: persons\nmatch: email").WriteBatch(t.Context(), batch))
	assert.Len(t, a.writes(), 1)
	assert.Equal(t, "1", meta(batch[0], "pipedrive_id"))
}

func TestWrite_ACreationWhoseAnswerWasLostIsRefusedWhereItCannotBeFound(t *testing.T) {
	t.Parallel()
	a, res := newWritten(t, sandbox.Config{}, 0), newResources(t)
	a.onCall(a.losing(http.MethodPost))
	reasons := refused(t, a.output(res, "object: persons\naction: create"), messages(t, `{"name":"Ada"}`, `{"name":"Bob"}`))
	require.Len(t, reasons, 1)
	for _, reason := range reasons {
		assert.Contains(t, reason, "it may have been carried out")
	}
	assert.Len(t, a.writes(), 2)
	assert.Equal(t, 2, a.Count("person"))
	assert.False(t, res.logs.has("Ada"))
}

func TestWrite_AnUpdateIsMadeUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	a.onCall(a.losing(http.MethodPatch))
	require.NoError(t, a.output(newResources(t), "object: persons\naction: update").WriteBatch(t.Context(), messages(t, `{"id":1,"name":"Ada"}`)))
	assert.Equal(t, "Ada", a.record("person", "1")["name"])
}

func TestWrite_NothingIsLostOrDoubledWhilePipedriveFails(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, of *account) {
		a := writtenOf(of, 20)
		out := a.output(newResources(t), "object: persons\nmatch: email")
		require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"email":"p1@example.com","name":"Renamed 1"}`))) // reads the definitions
		a.SetFaults(sandbox.Faults{Rate: 0.2, Seed: 7, Kinds: []string{sandbox.Fault429, sandbox.Fault503, sandbox.FaultEmpty, sandbox.FaultTruncated, sandbox.FaultCut}})
		var texts []string
		for i := 1; i <= 40; i++ {
			texts = append(texts, fmt.Sprintf(`{"email":"p%d@example.com","name":"Renamed %d"}`, i, i))
		}
		require.NoError(t, out.WriteBatch(t.Context(), messages(t, texts...)))
		require.Equal(t, 40, a.Count("person"))
		for _, r := range a.Records("person", 0, 100) {
			var n int
			_, err := fmt.Sscanf(primary(r["emails"]), "p%d@", &n)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("Renamed %d", n), r["name"])
		}
	})
}

func TestWrite_WaitsAndSaysSoWhileTheTokenIsRefused(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, of *account) {
		a, res := writtenOf(of, 2), newResources(t)
		out := a.output(res, "object: persons\naction: update")
		a.SetToken("another")
		time.AfterFunc(time.Hour, func() { a.SetToken("sandbox") })
		require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"id":1,"name":"Ada"}`, `{"id":2,"name":"Bob"}`)))
		assert.True(t, res.logs.has("PIPEDRIVE_API_TOKEN"))
		assert.Equal(t, "Bob", a.record("person", "2")["name"])
	})
}

func TestWrite_ARecordOnWhichPipedriveFailsDoesNotHoldUpTheOthers(t *testing.T) {
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, of *account) {
		a := writtenOf(of, 3)
		a.onCall(func(w http.ResponseWriter, r *http.Request) bool {
			if a.keep(w, r); r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/2") {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"success":false,"error":"Internal Server Error","code":"ERR_UNKNOWN"}`))
				return true
			}
			return false
		})
		reasons := refused(t, a.output(newResources(t), "object: persons"), messages(t, `{"id":1,"name":"Ada"}`, `{"id":2,"name":"Bob"}`, `{"id":3,"name":"Cleo"}`))
		require.Len(t, reasons, 1)
		assert.Contains(t, reasons[1], "fails on this record alone")
		assert.Equal(t, "Cleo", a.record("person", "3")["name"])
	})
}

func TestWrite_WhatIsWrittenIsSeenByTheNextLookup(t *testing.T) {
	t.Parallel()
	a, res := newWritten(t, sandbox.Config{}, 1), newResources(t)
	look := a.lookup(res, "object: persons\nid: 1\ncache_ttl: 1h")
	process(t, look, `{}`)
	require.NoError(t, a.output(res, "object: persons").WriteBatch(t.Context(), messages(t, `{"id":1,"name":"Renamed"}`)))
	got, _ := process(t, look, `{}`)
	assert.Equal(t, "Renamed", at(got[0], "person", "name"))
}

func TestWrite_ARecordThatChangedItsValueIsLookedForAnew(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	out := a.output(newResources(t), "object: persons\nmatch: email\naction: ${! @action.or(\"upsert\") }")
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"email":"p1@example.com","name":"First"}`)))
	a.Put("person", map[string]any{"id": 1, "name": "Moved", "emails": []any{map[string]any{"value": "moved@example.com", "primary": true}}})
	a.Put("person", map[string]any{"id": 2, "name": "Heir", "emails": []any{map[string]any{"value": "p1@example.com", "primary": true}}})
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"email":"p1@example.com","action":"delete"}`)))
	assert.Equal(t, false, a.record("person", "1")["is_deleted"])
	assert.Equal(t, true, a.record("person", "2")["is_deleted"])
	require.NoError(t, out.WriteBatch(t.Context(), messages(t, `{"email":"p1@example.com","name":"Third"}`)))
	assert.Equal(t, 3, a.Count("person"), "a deleted record is not written")
}

func TestWrite_TheAnswerGoesBackToWhoAsks(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 0)
	out := a.output(newResources(t), "object: persons\naction: create\npropagate_response: true")
	m, answers := messages(t, `{"name":"Ada","custom_fields_by_name":{"lead_source":"Web"}}`)[0].WithSyncResponseStore()
	require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{m}))
	require.Len(t, answers.Read(), 1)
	answer := answers.Read()[0][0]
	record, err := answer.AsStructured()
	require.NoError(t, err)
	assert.Equal(t, "Web", at(record, "custom_fields_by_name", "lead_source"))
	assert.Equal(t, "1", meta(answer, "pipedrive_id"))
}

// The whole way, as a pipeline has it.
func TestWrite_RefusedMessagesGoToTheDeadLetters(t *testing.T) {
	t.Parallel()
	a := newWritten(t, sandbox.Config{}, 2)
	folder := t.TempDir()
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.SetYAML(strings.NewReplacer("$URL", a.url, "$FOLDER", folder).Replace(`
input:
  generate:
    count: 3
    interval: ""
    mapping: 'root = {"id": counter(), "name": "Renamed"}'
pipeline:
  processors:
    - mapping: 'root = if this.id == 2 { throw("it cannot be mapped") } else { this }'
output:
  processors: [ { mapping: 'meta object = "person"' } ]
  pipedrive:
    base_url: $URL
    api_token: sandbox
    object: persons
    action: update
    dead_letter: refused
output_resources:
  - label: refused
    processors: [ { mapping: 'root = {"id": this.id, "reason": @reason, "status": @pipedrive_status}' } ]
    file: { path: $FOLDER/refused.jsonl, codec: lines }
`)))
	stream, err := b.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, stream.Run(ctx))
	assert.Equal(t, "Renamed", a.record("person", "1")["name"])
	assert.Equal(t, "Person 2", a.record("person", "2")["name"])
	raw, err := os.ReadFile(filepath.Join(folder, "refused.jsonl"))
	require.NoError(t, err)
	reasons := map[float64]string{}
	for line := range strings.Lines(string(raw)) {
		var letter struct {
			ID     float64
			Reason string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &letter))
		reasons[letter.ID] = letter.Reason
	}
	assert.Contains(t, reasons[2], "it cannot be mapped")
	assert.Contains(t, reasons[3], "no such record")
	assert.Len(t, reasons, 2)
}
