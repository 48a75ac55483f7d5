package main

import (
	"maps"
	"slices"
	"strings"
)

// scanKeys finds the names of attributes in a mapping by its text: those that no sample reaches are found
// too.
func scanKeys(content string) *keyScan {
	tokens := tokensOf(content)
	s := &keyScan{content: content, tokens: tokens, followed: map[string]bool{}, values: map[int]int{}}
	inMap(tokens, func(i int, name string) {
		if strings.Contains(name, "attributes") && is(tokens, i, "root") && is(tokens, i+1, "=") {
			s.expression(i + 2)
		}
	})
	for i, t := range tokens {
		switch {
		case (t.text == "attributes" || t.text == "contact_properties") && t.kind == text && is(tokens, i+1, ":"):
			s.expression(i + 2)
		case t.kind == word && t.text == "attributes" && is(tokens, i-1, "."):
			s.assignment(i + 1)
		case is(tokens, i, "let", "meta") && is(tokens, i+2, "="):
			s.value(i + 3)
		}
	}
	return s
}

type keyScan struct {
	content  string
	tokens   []token
	followed map[string]bool // variables
	keys     []string
	values   map[int]int // where their values begin in the text → where they end
}

// catching is the text with each value of an attribute, a variable or a key of metadata null where it
// cannot be worked out, so that one that a sample does not suit does not hide the others.
func (s *keyScan) catching() string {
	content := s.content
	added := map[int]string{} // by place
	for start, end := range s.values {
		added[start] += "("
		added[end] = ").catch(null)" + added[end]
	}
	for _, at := range slices.Backward(slices.Sorted(maps.Keys(added))) {
		content = content[:at] + added[at] + content[at:]
	}
	return content
}

// value notes the value that begins with a token, up to a comma, the end of its object or of its statement.
func (s *keyScan) value(i int) {
	for i < len(s.tokens) && s.tokens[i].kind == newline {
		i++
	}
	last, depth := i, 0
	for j := i; j < len(s.tokens); j++ {
		switch {
		case is(s.tokens, j, "{", "(", "["):
			depth++
		case depth == 0 && (is(s.tokens, j, ",", "}") || s.tokens[j].kind == newline && !s.goesOn(j)):
			s.values[s.tokens[i].start] = s.tokens[last].end
			return
		case is(s.tokens, j, "}", ")", "]"):
			depth--
		}
		if s.tokens[j].kind != newline {
			last = j
		}
	}
}

// assignment reads what follows root.attributes: = and an expression, or .NAME =.
func (s *keyScan) assignment(i int) {
	if is(s.tokens, i, "=") {
		s.expression(i + 1)
	} else if is(s.tokens, i, ".") && is(s.tokens, i+2, "=") {
		s.keys = append(s.keys, s.tokens[i+1].text)
	}
}

// expression collects the keys of an expression's objects, and of the variables in it, but not those of
// objects that are values: a table of countries is no set of attributes.
func (s *keyScan) expression(i int) {
	for i < len(s.tokens) && s.tokens[i].kind == newline {
		i++
	}
	var open []bracket
	inValue := func(brackets []bracket) bool {
		return slices.ContainsFunc(brackets, func(b bracket) bool { return b.object })
	}
	for ; i < len(s.tokens); i++ {
		depth := len(open)
		switch t := s.tokens[i]; {
		case t.kind == newline && depth == 0 && !s.goesOn(i):
			return
		case is(s.tokens, i, "{", "(", "["):
			open = append(open, bracket{mark: t.text})
		case is(s.tokens, i, "}", ")", "]") || is(s.tokens, i, ",") && depth == 0:
			if depth == 0 {
				return
			}
			open = open[:depth-1]
		case t.kind == text && depth > 0 && is(s.tokens, i+1, ":"):
			if !inValue(open[:depth-1]) {
				s.key(i, open)
			}
			open[depth-1].object = true
		case t.kind == word && strings.HasPrefix(t.text, "$") && !inValue(open):
			s.follow(t.text[1:])
		}
	}
}

// bracket is one that is open, and whether a key was seen in it.
type bracket struct {
	mark   string
	object bool
}

// key notes a key and its value. What is in capitals is an attribute of contacts; what is not may, in a
// method's argument, be the field of a record.
func (s *keyScan) key(i int, open []bracket) {
	name := s.tokens[i].text
	argument := slices.ContainsFunc(open, func(b bracket) bool { return b.mark == "(" })
	if !argument || name == strings.ToUpper(name) {
		s.keys = append(s.keys, name)
	}
	s.value(i + 2)
}

// goesOn reports whether an expression does not end with its line.
func (s *keyScan) goesOn(i int) bool {
	if is(s.tokens, i-1, ".", "=", "+", "-", "*", "/", "|", "||", "&&", "->", "=>", "==", "!=", "<", ">", "<=", ">=", ":") {
		return true
	}
	for i < len(s.tokens) && s.tokens[i].kind == newline {
		i++
	}
	return is(s.tokens, i, "}", "else")
}

func (s *keyScan) follow(variable string) {
	if s.followed[variable] {
		return
	}
	s.followed[variable] = true
	for i := range s.tokens {
		if is(s.tokens, i, "let") && is(s.tokens, i+1, variable) && is(s.tokens, i+2, "=") {
			s.expression(i + 3)
		}
	}
}

// fieldNames are all names of fields that a mapping asks for, wherever it looks for them.
func fieldNames(tokens []token) (names []string) {
	for i, t := range tokens {
		asked := is(tokens, i-1, ".") && !is(tokens, i+1, "(") || is(tokens, i-2, "get") && is(tokens, i-1, "(")
		if asked && (t.kind == word || t.kind == text) {
			names = append(names, t.text)
		}
	}
	return names
}
