package brevo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// sentBody sends one message and returns the body that Brevo was sent; "" if none was.
func (s *eventStream) sentBody(t *testing.T, body string, meta ...string) string {
	t.Helper()
	s.tap.forget()
	require.NoError(t, s.send(message(body, meta...)))
	calls := s.tap.of(http.MethodPost, "/events")
	if len(calls) == 0 {
		return ""
	}
	return string(calls[0].body)
}

func TestEvents_BodyIsSentAsDocumented(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	for name, c := range map[string]struct{ given, sent string }{
		"nulls are left out": {
			`{"event_name":"e","identifiers":{"ext_id":"7","email_id":null},"event_date":null,"event_properties":{"a":null,"b":{"c":null,"d":[1,null,2]},"e":1},"contact_properties":{"FIRSTNAME":null},"object":null}`,
			`{"event_name":"e","identifiers":{"ext_id":"7"},"event_properties":{"b":{"d":[1,2]},"e":1}}`,
		},
		"what is not known is passed on": {
			`{"event_name":"e","identifiers":{"ext_id":"7","fax_id":"1"},"tomorrow":{"x":[1]}}`,
			`{"event_name":"e","identifiers":{"ext_id":"7","fax_id":"1"},"tomorrow":{"x":[1]}}`,
		},
		"ids as Brevo wants them": {
			`{"event_name":" e ","identifiers":{"ext_id":7,"contact_id":"12","email_id":" a@example.com "},"object":{"type":"deal","identifiers":{"ext_id":9007199254740993,"id":null}}}`,
			`{"event_name":"e","identifiers":{"ext_id":"7","contact_id":12,"email_id":"a@example.com"},"object":{"type":"deal","identifiers":{"ext_id":"9007199254740993"}}}`,
		},
		"a date with an offset": {
			`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"2024-01-24T17:39:57+01:00"}`,
			`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"2024-01-24T16:39:57Z"}`,
		},
		"a date as Pipedrive's old API has it": {
			`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"2024-01-24 17:39:57"}`,
			`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"2024-01-24T17:39:57Z"}`,
		},
		"names are repaired": {
			`{"event_name":"deal moved!","identifiers":{"ext_id":"7"},"event_properties":{"Größe":1,"Größe_":2,"Gr__e":3,"Gräße":4,"in":[{"a b":1}],"":5}}`,
			`{"event_name":"deal_moved_","identifiers":{"ext_id":"7"},"event_properties":{"Gr__e":3,"Gr__e_":2,"Gr__e_2":4,"Gr__e_3":1,"in":[{"a_b":1}],"_":5}}`,
		},
	} {
		assert.JSONEq(t, c.sent, s.sentBody(t, c.given), name)
	}
	assert.Empty(t, s.letters.all())
}

func TestEvents_EachRepairIsSaidOnce(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	for i := range 3 {
		require.NoError(t, s.send(message(fmt.Sprintf(`{"event_name":"deal moved","identifiers":{"ext_id":"%d"},"event_properties":{"a b":1,"c d":2}}`, i))))
	}
	assert.Len(t, s.logs.with("WARN the event deal moved is sent as deal_moved"), 1)
	assert.Len(t, s.logs.with(`WARN the property "a b" of the event deal_moved is sent as a_b`), 1)
	assert.Len(t, s.logs.with("WARN"), 3)

	long := strings.Repeat("n", 300)
	require.NoError(t, s.send(message(`{"event_name":"`+long+`","identifiers":{"ext_id":"1"},"event_properties":{"`+long+`":1}}`)))
	e := s.Events()[3]
	assert.Len(t, e.Name, 255)
	assert.Contains(t, string(e.Properties), `"`+strings.Repeat("n", 255)+`"`)
}

func TestEvents_DateIsThatOfTheChange(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	body := `{"event_name":"e","identifiers":{"ext_id":"7"}%s}`
	assert.JSONEq(t, fmt.Sprintf(body, `,"event_date":"2026-11-01T10:00:00.123Z"`), s.sentBody(t, fmt.Sprintf(body, ""), "pipedrive_time", "2026-11-01T11:00:00.123+01:00"))
	assert.JSONEq(t, fmt.Sprintf(body, `,"event_date":"2020-01-01T00:00:00Z"`), s.sentBody(t, fmt.Sprintf(body, `,"event_date":"2020-01-01"`), "pipedrive_time", "2026-11-01T11:00:00Z"))
	assert.JSONEq(t, fmt.Sprintf(body, ``), s.sentBody(t, fmt.Sprintf(body, ""), "pipedrive_time", "yesterday"))
	require.Len(t, s.Events(), 3)
	assert.WithinDuration(t, time.Now(), s.Events()[2].Date, time.Minute, "Brevo's default")
}

func TestEvents_WhatCannotBeSentIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	for body, reason := range map[string]string{
		`nonsense`: "not JSON",
		`"text"`:   "the message is text, not an event's object",
		`{}`:       "has no event_name",
		`{"event_name":"  ","identifiers":{"ext_id":"7"}}`:                         "has no event_name",
		`{"event_name":7,"identifiers":{"ext_id":"7"}}`:                            "event_name must be text, not a number",
		`{"event_name":"e"}`:                                                       "names no contact: set identifiers.email_id",
		`{"event_name":"e","identifiers":{"email_id":" ","ext_id":null}}`:          "names no contact: set identifiers.email_id",
		`{"event_name":"e","identifiers":"ann@example.com"}`:                       "identifiers must be an object, not text",
		`{"event_name":"e","identifiers":{"contact_id":"seven"}}`:                  "contact_id must be a number, not text",
		`{"event_name":"e","identifiers":{"ext_id":true}}`:                         "the identifier ext_id must be text, not true or false",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":"soon"}`:      "event_date is no time",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"event_date":1700000000}`:  "event_date must be text, not a number",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"event_properties":[1]}`:   "event_properties must be an object, not a list",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"contact_properties":"x"}`: "contact_properties must be an object, not text",
		`{"event_name":"e","identifiers":{"ext_id":"7"},"object":"deal"}`:          "object must be an object, not text",
	} {
		before := len(s.letters.all())
		require.NoError(t, s.send(message(body)))
		letters := s.letters.all()
		require.Len(t, letters, before+1, body)
		assert.Contains(t, letters[before].reason, reason)
		assert.Equal(t, body, letters[before].body, "the message as it was")
	}
	assert.Empty(t, s.posts())
	assert.Empty(t, s.logs.with("ann@example.com"))
}

func TestEvents_LongTextsAreCutToFit(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	properties := func(v any) string {
		return encode(t, map[string]any{"event_name": "noted", "identifiers": map[string]any{"ext_id": "7"}, "event_properties": v})
	}
	for name, v := range map[string]map[string]any{
		"one note":             {"note": strings.Repeat("<p>é</p>", 20_000), "title": "Call"},
		"two notes":            {"note": strings.Repeat("n", 40_000), "in": map[string]any{"other": []any{strings.Repeat("o", 39_000)}}, "title": "Call"},
		"quotes and line ends": {"note": strings.Repeat("\"\n", 30_000), "title": "Call"},
		"many":                 {"notes": []any{strings.Repeat("a", 20_000), strings.Repeat("b", 20_000), strings.Repeat("c", 20_000), strings.Repeat("d", 20_000)}, "title": "Call"},
	} {
		s.sentBody(t, properties(v))
		events := s.Events()
		sent := events[len(events)-1].Properties
		assert.LessOrEqual(t, len(sent), 50_000, name)
		assert.Greater(t, len(sent), 20_000, name)
		assert.True(t, utf8.Valid(sent))
		var back map[string]any
		require.NoError(t, json.Unmarshal(sent, &back))
		assert.Equal(t, "Call", back["title"])
		assert.Contains(t, string(sent), "…")
	}
	s.sentBody(t, properties(map[string]any{"note": strings.Repeat("x", 60_000)}))
	assert.Len(t, s.logs.with("WARN the property note of the event noted is cut"), 1)
	assert.Empty(t, s.letters.all())

	fits := properties(map[string]any{"note": strings.Repeat("<", 49_900)})
	assert.JSONEq(t, fits, s.sentBody(t, fits), "what fits stays whole")
}

func TestEvents_PropertiesThatNoCutMakesFitAreRefusedByName(t *testing.T) {
	t.Parallel()
	s := eventful(t, sandbox.Config{}, nil)
	numbers := make([]int, 30_000)
	require.NoError(t, s.send(message(encode(t, map[string]any{
		"event_name": "e", "identifiers": map[string]any{"ext_id": "7"}, "event_properties": map[string]any{"history": numbers, "note": "x"},
	}))))
	require.Len(t, s.letters.all(), 1)
	assert.Contains(t, s.letters.all()[0].reason, "the largest is history with 60001")
	assert.Empty(t, s.posts())
}
