package redrive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// letters are the lines of a file of dead letters, of the persons with these ids.
func letters(ids ...int) (lines string) {
	for _, id := range ids {
		lines += fmt.Sprintf(`{"record":{"id":%d,"name":"Person %d"},"reason":"why","time":"2026-01-01T00:00:00Z","metadata":{"pipedrive_id":"%d","pipedrive_object":"person"}}`+"\n", id, id, id)
	}
	return lines
}

func numbers(from, to int) (ids []int) {
	for id := from; id <= to; id++ {
		ids = append(ids, id)
	}
	return ids
}

// state is a folder with the file of dead letters.
type state struct {
	t    *testing.T
	path string
}

func newState(t *testing.T, content string) *state {
	t.Helper()
	s := &state{t, filepath.Join(t.TempDir(), "dead_letters.jsonl")}
	if content != "" {
		s.write("", content)
	}
	return s
}

func (s *state) write(suffix, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path+suffix, []byte(content), 0o600))
}

// files are the names in the folder.
func (s *state) files() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.path))
	require.NoError(s.t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// input is a connected input whose pages the test takes and acknowledges itself.
type input struct {
	*deadLettersInput
	t *testing.T
}

func (s *state) open() *input {
	s.t.Helper()
	conf, err := deadLettersSpec().ParseYAML("path: "+s.path, nil)
	require.NoError(s.t, err)
	in, err := newDeadLettersInput(conf, service.MockResources())
	require.NoError(s.t, err)
	require.NoError(s.t, in.Connect(s.t.Context()))
	s.t.Cleanup(func() { _ = in.Close(context.Background()) })
	return &input{in, s.t}
}

type sent struct {
	batch service.MessageBatch
	ids   []string
	ack   service.AckFunc
}

// read returns the next page; ok is false at the end.
func (in *input) read() (p sent, ok bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 5*time.Minute)
	defer cancel()
	batch, ack, err := in.ReadBatch(ctx)
	if err == service.ErrEndOfInput {
		return p, false
	}
	require.NoError(in.t, err)
	for _, m := range batch {
		id, _ := m.MetaGet("pipedrive_id")
		p.ids = append(p.ids, id)
	}
	p.batch, p.ack = batch, ack
	return p, true
}

func (in *input) mustRead() sent {
	in.t.Helper()
	p, ok := in.read()
	require.True(in.t, ok, "the input has ended")
	return p
}

func (in *input) mustEnd() {
	in.t.Helper()
	_, ok := in.read()
	require.False(in.t, ok, "there is a page left")
}

// silent asserts that the input has nothing to hand out for now.
func (in *input) silent() {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := in.ReadBatch(ctx)
	assert.ErrorIs(in.t, err, context.DeadlineExceeded)
}

func (p sent) delivered(t *testing.T) { require.NoError(t, p.ack(t.Context(), nil)) }

func (p sent) refused(t *testing.T) { require.NoError(t, p.ack(t.Context(), assert.AnError)) }

func TestDeadLetters_WithoutAnyItEndsAtOnce(t *testing.T) {
	for _, s := range []*state{newState(t, ""), newState(t, "\n\n"), {t, filepath.Join(t.TempDir(), "nowhere", "dead_letters.jsonl")}} {
		s.open().mustEnd()
	}
	empty := newState(t, "")
	empty.write("", "")
	empty.open().mustEnd()
	assert.Empty(t, empty.files())
}

func TestDeadLetters_TheFileIsOutOfTheWayBeforeAnythingIsRead(t *testing.T) {
	s := newState(t, letters(1, 2))
	in := s.open()
	assert.Equal(t, []string{"dead_letters.jsonl.redrive"}, s.files())
	p := in.mustRead()
	s.write("", letters(2)) // refused again
	p.delivered(t)
	in.mustEnd()
	assert.Equal(t, []string{"dead_letters.jsonl"}, s.files())
	content, err := os.ReadFile(s.path)
	require.NoError(t, err)
	assert.Equal(t, letters(2), string(content))
	require.NoError(t, in.Close(t.Context()))
	require.NoError(t, in.Close(t.Context()))
	assert.Equal(t, []string{"dead_letters.jsonl"}, s.files())
}

func TestDeadLetters_OfAKilledRunComeFirst(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		wants string
		taken []string
	}{
		"a leftover alone":       {map[string]string{".redrive": letters(1, 2)}, "1 2", []string{".redrive"}},
		"with new ones":          {map[string]string{".redrive": letters(2, 3), "": letters(1)}, "2 3 1", []string{".redrive", ".redrive.1"}},
		"those refused again":    {map[string]string{".redrive": letters(2, 3), "": letters(3, 4)}, "2 3 4", []string{".redrive", ".redrive.1"}},
		"killed more than once":  {map[string]string{".redrive": letters(9), ".redrive.2": letters(8), ".redrive.10": letters(7), "": letters(6)}, "9 8 7 6", []string{".redrive", ".redrive.2", ".redrive.10", ".redrive.11"}},
		"killed before renaming": {map[string]string{".redrive": letters(1), ".redrive.1": "", "": letters(2)}, "1 2", []string{".redrive", ".redrive.1", ".redrive.2"}},
		"only the second left":   {map[string]string{".redrive.1": letters(1), "": letters(2)}, "1 2", []string{".redrive.1", ".redrive.2"}},
		"others are not touched": {map[string]string{".redrive": letters(1), ".redrive.old": letters(2), ".redrive.01": letters(3)}, "1", []string{".redrive", ".redrive.01", ".redrive.old"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newState(t, "")
			for suffix, content := range c.files {
				s.write(suffix, content)
			}
			in := s.open()
			var taken []string
			for _, suffix := range c.taken {
				taken = append(taken, "dead_letters.jsonl"+suffix)
			}
			assert.ElementsMatch(t, taken, s.files())
			p := in.mustRead()
			assert.Equal(t, c.wants, strings.Join(p.ids, " "))
			p.delivered(t)
			in.mustEnd()
			for _, left := range s.files() {
				assert.Contains(t, []string{"dead_letters.jsonl.redrive.old", "dead_letters.jsonl.redrive.01"}, left)
			}
		})
	}
}

func TestDeadLetters_BehindALinkAreThoseOfItsTarget(t *testing.T) {
	s, target := newState(t, ""), newState(t, letters(1))
	require.NoError(t, os.Symlink(target.path, s.path))
	s.open().mustRead()
	again := s.open() // after a kill: the link leads nowhere
	p := again.mustRead()
	assert.Equal(t, []string{"1"}, p.ids)
	p.delivered(t)
	again.mustEnd()
	assert.Empty(t, target.files())
}

func TestDeadLetters_StayUntilAllAreDelivered(t *testing.T) {
	s := newState(t, letters(numbers(1, 1200)...))
	in := s.open()
	var ids []string
	for range 2 {
		p := in.mustRead()
		assert.Len(t, p.ids, 500)
		p.delivered(t)
	}
	last := in.mustRead()
	assert.Len(t, last.ids, 200)
	in.silent()
	require.NoError(t, in.Close(t.Context())) // stopped before its verdict
	require.NoError(t, in.Close(t.Context()))
	assert.Equal(t, []string{"dead_letters.jsonl.redrive"}, s.files())

	next := s.open()
	for {
		p, ok := next.read()
		if !ok {
			break
		}
		ids = append(ids, p.ids...)
		p.delivered(t)
	}
	assert.Len(t, ids, 1200)
	assert.Empty(t, s.files())
}

func TestDeadLetters_StoppedAfterTheLastVerdictTheyAreDone(t *testing.T) {
	s := newState(t, letters(1))
	in := s.open()
	p := in.mustRead()
	in.silent()
	p.delivered(t)
	require.NoError(t, in.Close(t.Context()))
	assert.Empty(t, s.files())
}

func TestDeadLetters_ANackedPageIsSentAgainWholeAfterAGrowingPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newState(t, letters(1, 2))
		in := s.open()
		p := in.mustRead()
		for i, wants := range []time.Duration{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000} {
			p.refused(t)
			before := time.Now()
			p = in.mustRead()
			assert.Equal(t, wants*time.Millisecond, time.Since(before), i)
			assert.Equal(t, []string{"1", "2"}, p.ids)
		}
		assert.Equal(t, []string{"dead_letters.jsonl.redrive"}, s.files())
		p.delivered(t)
		in.mustEnd()
	})
}

func TestDeadLetters_ANackedPageDoesNotHoldUpTheOthers(t *testing.T) {
	s := newState(t, letters(numbers(1, 1000)...))
	in := s.open()
	in.mustRead().refused(t)
	assert.Equal(t, "501", in.mustRead().ids[0])
}

func TestDeadLetters_OnlySoManyAreUnderWay(t *testing.T) {
	s := newState(t, letters(numbers(1, 500*pagesUnderWay+1)...))
	in := s.open()
	var pages []sent
	for range pagesUnderWay {
		pages = append(pages, in.mustRead())
	}
	in.silent()
	pages[2].delivered(t)
	assert.Len(t, in.mustRead().ids, 1)
}

func TestDeadLetters_AFolderIsRefused(t *testing.T) {
	_, err := take(t.TempDir())
	assert.ErrorContains(t, err, "path must name the file")
}
