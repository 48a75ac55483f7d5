package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// decodeJSON reads a JSON text into maps, lists, strings, json.Numbers, bools and nil, as encoding/json
// with UseNumber does.
//
// It exists because decoding pages is most of the work of a full read, and because records stay in
// memory until they are delivered: here their keys, texts and numbers are parts of the page, which is
// kept anyway to be delivered again. The caller must not change body afterwards.
func decodeJSON(body []byte) (any, error) {
	d := decoder{text: unsafe.String(unsafe.SliceData(body), len(body))}
	d.space()
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("byte %d of the JSON: %w", d.at, err)
	}
	if d.space(); d.at != len(d.text) {
		return nil, fmt.Errorf("byte %d of the JSON: something follows its end", d.at)
	}
	return v, nil
}

type decoder struct {
	text  string
	at    int
	pairs []pair // of the objects being read, so that each map is made in its size
}

type pair struct {
	key   string
	value any
}

const maxDepth = 200

var (
	errEnd   = errors.New("it stops in the middle")
	errDepth = errors.New("it is nested too deeply")
)

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\n', '\r', '\t':
			d.at++
		default:
			return
		}
	}
}

func (d *decoder) value(depth int) (any, error) {
	if d.at == len(d.text) {
		return nil, errEnd
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	switch c := d.text[d.at]; c {
	case '{':
		return d.object(depth)
	case '[':
		return d.array(depth)
	case '"':
		return d.string()
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case 'n':
		return nil, d.literal("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return d.number()
		}
		return nil, fmt.Errorf("unexpected %q", c)
	}
}

func (d *decoder) literal(word string) error {
	if !strings.HasPrefix(d.text[d.at:], word) {
		return fmt.Errorf("unexpected %q", d.text[d.at])
	}
	d.at += len(word)
	return nil
}

func (d *decoder) object(depth int) (any, error) {
	first := len(d.pairs)
	for more := d.open('}'); more; {
		key, err := d.key()
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.pairs = append(d.pairs, pair{key, v})
		if more, err = d.more('}'); err != nil {
			return nil, err
		}
	}
	object := make(map[string]any, len(d.pairs)-first)
	for _, p := range d.pairs[first:] {
		object[p.key] = p.value
	}
	d.pairs = d.pairs[:first]
	return object, nil
}

func (d *decoder) array(depth int) (any, error) {
	array := []any{}
	for more := d.open(']'); more; {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		if more, err = d.more(']'); err != nil {
			return nil, err
		}
	}
	return array, nil
}

// open steps over an opening bracket, and over the closing one if it follows. It reports whether there
// is something between.
func (d *decoder) open(end byte) bool {
	d.at++
	d.space()
	if d.at < len(d.text) && d.text[d.at] == end {
		d.at++
		return false
	}
	return true
}

// more steps over what follows an item, and reports whether another one does.
func (d *decoder) more(end byte) (bool, error) {
	c, err := d.next()
	if err != nil {
		return false, err
	}
	switch c {
	case ',':
		d.space()
		return true, nil
	case end:
		return false, nil
	}
	return false, fmt.Errorf("unexpected %q", c)
}

// key reads a key and its colon.
func (d *decoder) key() (string, error) {
	if d.at == len(d.text) {
		return "", errEnd
	}
	if d.text[d.at] != '"' {
		return "", fmt.Errorf("unexpected %q for a key", d.text[d.at])
	}
	key, err := d.string()
	if err != nil {
		return "", err
	}
	if c, err := d.next(); err != nil || c != ':' {
		return "", cmp.Or(err, fmt.Errorf("unexpected %q after a key", c))
	}
	d.space()
	return key, nil
}

// next steps over the next byte that is no space.
func (d *decoder) next() (byte, error) {
	d.space()
	if d.at == len(d.text) {
		return 0, errEnd
	}
	d.at++
	return d.text[d.at-1], nil
}

func (d *decoder) string() (string, error) {
	start := d.at
	for i := start + 1; i < len(d.text); i++ {
		switch c := d.text[i]; {
		case c == '"':
			d.at = i + 1
			return d.text[start+1 : i], nil
		case c == '\\':
			return d.escaped(start, i)
		case c < ' ':
			return "", fmt.Errorf("unexpected %q in a text", c)
		}
	}
	d.at = len(d.text)
	return "", errEnd
}

// escaped reads a string that has an escape at position at.
func (d *decoder) escaped(start, at int) (s string, err error) {
	for i := at; i < len(d.text); i++ {
		switch d.text[i] {
		case '\\':
			i++
		case '"':
			d.at = i + 1
			err = json.Unmarshal([]byte(d.text[start:d.at]), &s)
			return s, err
		}
	}
	d.at = len(d.text)
	return "", errEnd
}

func (d *decoder) number() (any, error) {
	start := d.at
	for d.at < len(d.text) && strings.IndexByte("+-.eE0123456789", d.text[d.at]) >= 0 {
		d.at++
	}
	n := d.text[start:d.at]
	if !plainNumber(n) && !json.Valid([]byte(n)) {
		return nil, fmt.Errorf("%q is no number", n)
	}
	return json.Number(n), nil
}

// plainNumber tells whole numbers, which most are.
func plainNumber(n string) bool {
	if len(n) > 1 && n[0] == '0' {
		return false
	}
	for i := range len(n) {
		if n[i] < '0' || n[i] > '9' {
			return false
		}
	}
	return n != ""
}
