package main

import (
	"strconv"
	"strings"
)

// token is a word of a Bloblang file, or the end of a line. Comments are left out.
type token struct {
	kind       tokenKind
	text       string // of a text what is between its quotes
	start, end int    // in the file
}

type tokenKind byte

const (
	word   tokenKind = iota // with $ and @ of variables and metadata
	text                    // "…" or """…"""
	number                  // a whole number
	mark                    // a bracket or an operator
	newline
)

// tokensOf reads a file as Bloblang would, as far as finding names and numbers in it needs.
func tokensOf(content string) (tokens []token) {
	for at := 0; at < len(content); {
		kind, length := nextToken(content[at:])
		if kind != skipped {
			t := token{kind: kind, text: content[at : at+length], start: at, end: at + length}
			if kind == text {
				t.text = unquoted(t.text)
			}
			tokens = append(tokens, t)
		}
		at += length
	}
	return tokens
}

const skipped = tokenKind(255)

func nextToken(s string) (tokenKind, int) {
	switch c := s[0]; {
	case c == '\n':
		return newline, 1
	case c == ' ' || c == '\t' || c == '\r':
		return skipped, 1
	case c == '#':
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return skipped, end
		}
		return skipped, len(s)
	case strings.HasPrefix(s, `"""`):
		if end := strings.Index(s[3:], `"""`); end >= 0 {
			return text, end + 6
		}
		return text, len(s)
	case c == '"':
		return text, quotedLength(s)
	case isDigit(c):
		n := span(s, isNameByte)
		if _, err := strconv.ParseInt(s[:n], 10, 64); err != nil {
			return word, n
		}
		if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
			return word, n + 1 + span(s[n+1:], isDigit)
		}
		return number, n
	case c == '.' && len(s) > 1 && isDigit(s[1]):
		return word, 1 + span(s[1:], isNameByte) // an index in a path
	case c == '$' || c == '@' || isNameByte(c):
		return word, 1 + span(s[1:], isNameByte)
	}
	for _, operator := range []string{"=>", "->", "==", "!=", ">=", "<=", "&&", "||"} {
		if strings.HasPrefix(s, operator) {
			return mark, 2
		}
	}
	return mark, 1
}

func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func unquoted(s string) string {
	if plain, err := strconv.Unquote(s); err == nil {
		return plain
	}
	return strings.Trim(s, `"`)
}

func span(s string, of func(byte) bool) int {
	for i := range len(s) {
		if !of(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// is reports whether the token at i is one of the given words or marks.
func is(tokens []token, i int, any ...string) bool {
	if i < 0 || i >= len(tokens) || tokens[i].kind == text {
		return false
	}
	for _, s := range any {
		if tokens[i].text == s {
			return true
		}
	}
	return false
}
