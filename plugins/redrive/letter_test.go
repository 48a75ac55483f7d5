package redrive

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeadLetters_AreSentAsTheRecordsThatTheyHold(t *testing.T) {
	s := newState(t, `{"record":{"id":9007199254740993,"emails":[{"value":"a@example.com"}]},"reason":"why","metadata":{"pipedrive_id":"7","pipedrive_previous":{"name":"old"}}}`)
	p := s.open().mustRead()
	require.Len(t, p.batch, 1)
	m := p.batch[0]
	content, err := m.AsBytes()
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":9007199254740993,"emails":[{"value":"a@example.com"}]}`, string(content))
	assert.Equal(t, []string{"7"}, p.ids)
	_, has := m.MetaGet("reason")
	assert.False(t, has, "the reason of last time")
	previous, _ := m.MetaGetMut("pipedrive_previous")
	assert.Equal(t, map[string]any{"name": "old"}, previous)

	// What a mapping does to the content is not done to the record, nor is it to the next try.
	mapped, err := m.AsStructuredMut()
	require.NoError(t, err)
	mapped.(map[string]any)["emails"].([]any)[0].(map[string]any)["value"] = "mapped"
	previous.(map[string]any)["name"] = "mapped"
	record, _ := m.MetaGetMut("record")
	text, err := json.Marshal(record)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":9007199254740993,"emails":[{"value":"a@example.com"}]}`, string(text))
	previous, _ = m.MetaGetMut("pipedrive_previous")
	assert.Equal(t, map[string]any{"name": "old"}, previous)
}

func TestDeadLetters_LinesThatAreNoneGoOnAsRefused(t *testing.T) {
	for line, record := range map[string]string{
		`no JSON`:                          `"no JSON"`,
		`{"record":{"id":1},"metad`:        `"{\"record\":{\"id\":1},\"metad"`,
		`[1,2]`:                            `[1,2]`,
		`null`:                             `null`,
		`{"id":1}`:                         `{"id":1}`,
		`{"record":{"id":1},"metadata":7}`: `{"record":{"id":1},"metadata":7}`,
		`{"record":"text","metadata":{}}`:  `"text"`,
		`{"record":null}`:                  `null`,
	} {
		in := newState(t, line+"\n"+letters(7)).open()
		p := in.mustRead()
		require.Len(t, p.batch, 2, line)
		require.Error(t, p.batch[0].GetError(), line)
		assert.NotContains(t, p.batch[0].GetError().Error(), "text")
		kept, has := p.batch[0].MetaGetMut("record")
		assert.True(t, has)
		text, err := json.Marshal(kept)
		require.NoError(t, err)
		assert.JSONEq(t, record, string(text), line)
		assert.NoError(t, p.batch[1].GetError(), line)
		assert.Equal(t, "7", p.ids[1])
	}
}

func TestDeadLetters_LettersThatShareALineAreAllSent(t *testing.T) {
	one, two := strings.TrimSpace(letters(1)), strings.TrimSpace(letters(2))
	p := newState(t, one+two+"\n\n"+two+` {"rec`).open().mustRead()
	require.Len(t, p.batch, 3)
	assert.Equal(t, []string{"1", "2", ""}, p.ids)
	assert.Error(t, p.batch[2].GetError())
}

func TestDeadLetters_TheSameOneIsSentOnce(t *testing.T) {
	same := `{"time":"2027-01-01T00:00:00Z","metadata":{"pipedrive_object":"person","pipedrive_id":"1"},"record":{"name":"Person 1","id":1}}` + "\n"
	other := strings.Replace(letters(1), `"person"`, `"lead"`, 1)
	in := newState(t, letters(1)+same+letters(2)+letters(1)+other).open()
	assert.Equal(t, []string{"1", "2", "1"}, in.mustRead().ids)
}

func TestDeadLetters_ALineOfAMegabyteAndAFileWithoutEnd(t *testing.T) {
	long := fmt.Sprintf(`{"record":{"id":1,"note":%q},"metadata":{"pipedrive_id":"1"}}`, strings.Repeat("x", 5<<20))
	in := newState(t, long+"\n"+strings.TrimSpace(letters(2))).open()
	assert.Equal(t, []string{"1"}, in.mustRead().ids, "a page is bounded in bytes too")
	assert.Equal(t, []string{"2"}, in.mustRead().ids)
}
