package pipedrive

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendJSON encodes v. The kinds that records consist of are written directly, because filling a
// large account encodes tens of millions of values.
func appendJSON(buf []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(buf, "null"...)
	case bool:
		return strconv.AppendBool(buf, v)
	case string:
		return appendString(buf, v)
	case int:
		return strconv.AppendInt(buf, int64(v), 10)
	case int64:
		return strconv.AppendInt(buf, v, 10)
	case float64:
		if v == float64(int64(v)) && v > -1e15 && v < 1e15 {
			return strconv.AppendInt(buf, int64(v), 10)
		}
	case json.RawMessage:
		return append(buf, v...)
	case []int:
		return appendList(buf, v)
	case []string:
		return appendList(buf, v)
	case []any:
		return appendList(buf, v)
	case []map[string]any:
		return appendList(buf, v)
	case map[string]any:
		return appendObject(buf, v)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return append(buf, "null"...)
	}
	return append(buf, bytes.TrimRight(out.Bytes(), "\n")...)
}

func appendList[T any](buf []byte, list []T) []byte {
	buf = append(buf, '[')
	for i, item := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendJSON(buf, item)
	}
	return append(buf, ']')
}

func appendObject(buf []byte, m map[string]any) []byte {
	if m == nil {
		return append(buf, "null"...)
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	buf = append(buf, '{')
	for i, k := range keys {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(appendString(buf, k), ':')
		buf = appendJSON(buf, m[k])
	}
	return append(buf, '}')
}

func appendString(buf []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f {
			return appendEscaped(buf, s)
		}
	}
	if !utf8.ValidString(s) {
		return appendEscaped(buf, s)
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

func appendEscaped(buf []byte, s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return append(buf, bytes.TrimRight(out.Bytes(), "\n")...)
}

func decodeJSON(raw string) any {
	var v any
	_ = json.Unmarshal([]byte(raw), &v)
	return v
}

// toInt reads an id in any form in which a caller or a decoder may hold it; 0 if it is none.
func toInt(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	case float64:
		return int64(v)
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	case json.Number:
		n, _ := v.Int64()
		return n
	}
	return 0
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
