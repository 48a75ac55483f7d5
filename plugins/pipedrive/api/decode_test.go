package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
)

// FuzzDecodeJSON holds our decoder against encoding/json with UseNumber: they take and refuse the same
// texts, and read the same values, with two exceptions. Invalid UTF-8 stays as it is, where
// encoding/json puts U+FFFD in its place; and ours refuses what is nested more than 200 deep, where
// encoding/json goes to 10,000. Pipedrive sends neither.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"success":true,"data":[{"id":1,"name":"Ada","org_id":null}],"additional_data":{"next_cursor":"x"}}`,
		`{"success":true,"data":null}`, ` { "a" : [ 1 , 2.5 , -3e+7 ] , "b" : { } , "c" : [ ] } ` + "\r\n\t",
		`"\"\\\/\b\f\n\r\t\u00e9\u20ac"`, `"😀"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx\ude00"`, `"\u12"`, `"\x"`, `"\`,
		`"日本語 النهريني"`, "\"\u2028\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"a\nb\"", "\"\\u0000\"", "\"a\\nb\nc\"",
		`0`, `-0`, `00`, `01`, `-`, `-01`, `1.`, `.5`, `1.5`, `1e5`, `1E-5`, `1e`, `1e+`, `+1`, `1-2`, `1+`, `12345678901234567890123456789`,
		`1e999999`, `0x10`, `NaN`, `Infinity`, `-Infinity`, `1 2`,
		`true`, `false`, `null`, `tru`, `truex`, `nul`, `True`, ``, ` `, `{`, `}`, `[`, `]`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`,
		`{,}`, `{"a" 1}`, `{a:1}`, `{1:2}`, `{"a":1 "b":2}`, `[1`, `[1,`, `[1,]`, `[,]`, `[1 2]`, `[]]`, `{}{}`, `{} x`, `{"a":1}garbage`,
		`{"a":1,"a":2}`, `{"a":{"b":1},"a":{"c":2}}`, `{"":1}`, `{"\u0061":1,"a":2}`, "\ufeff{}", "\u00a0{}", "\v1", `'a'`, `/**/1`,
		`"`, `"abc`, `"abc\"`, `[[[[[[[[[[]]]]]]]]]]`, strings.Repeat("[", 100) + strings.Repeat("]", 100), `[{"a":[{"b":[]}]},{}]`,
	} {
		f.Add([]byte(seed))
	}
	for _, name := range sharedFiles(f, "v[12]-*") {
		if body, err := os.ReadFile(name); err == nil && len(body) < 20_000 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !utf8.Valid(body) || nesting(body) > 190 {
			t.Skip()
		}
		want, wantErr := decodeStandard(body)
		got, err := api.DecodeJSON(bytes.Clone(body))
		if wantErr != nil {
			require.Error(t, err, "encoding/json says: %v", wantErr)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

func decodeStandard(body []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, io.ErrNoProgress
	}
	return v, nil
}

// nesting is an upper bound of how deep a text is nested.
func nesting(body []byte) int { return bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{")) }

func TestDecodeJSON_RefusesWhatIsNestedTooDeeply(t *testing.T) {
	for _, deep := range []string{strings.Repeat("[", 1_000_000), strings.Repeat(`{"a":`, 1_000_000)} {
		_, err := api.DecodeJSON([]byte(deep))
		assert.ErrorContains(t, err, "nested")
	}
}

// shared is the folder beside the repository that holds what the vendors published.
const shared = "../../../../shared"

// sharedFiles are the payloads in folders of a name; none where the folder is absent.
func sharedFiles(t testing.TB, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(shared, "payloads", "pipedrive", folder, "*.json"))
	require.NoError(t, err)
	return names
}

func needShared(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("%s is not there: it lies outside of the repository, as ../shared from its root", shared)
	}
}
