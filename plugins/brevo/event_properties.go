package brevo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"connector/plugins/brevo/api"
)

// readProperties makes the properties fit what Brevo takes.
func (out *eventsOutput) readProperties(ctx context.Context, e *event) error {
	of, err := e.object("contact_properties")
	if err != nil {
		return err
	}
	e.set("contact_properties", out.account.fit(ctx, withoutNulls(of)))
	given, err := e.object("event_properties")
	if err != nil {
		return err
	}
	properties, _ := out.fitProperties(e, given).(map[string]any)
	if err := out.shrink(e, properties); err != nil {
		return err
	}
	e.set("event_properties", properties)
	return nil
}

// set leaves out what is empty.
func (e *event) set(field string, v map[string]any) {
	if e.body[field] = v; len(v) == 0 {
		delete(e.body, field)
	}
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// fitName puts a _ in the place of each character that a name may not have.
func fitName(name string) string {
	if namePattern.MatchString(name) {
		return name
	}
	fit := strings.Map(func(r rune) rune {
		if r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, name)
	return cmp.Or(fit[:min(len(fit), 255)], "_")
}

// fitProperties copies a value without nulls, and with keys that Brevo takes. Two keys that would become one
// are told apart by a number.
func (out *eventsOutput) fitProperties(e *event, v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			if item != nil {
				list = append(list, out.fitProperties(e, item))
			}
		}
		return list
	case map[string]any:
		fit := make(map[string]any, len(v))
		var unfit []string
		for name, value := range v {
			switch {
			case value == nil:
			case namePattern.MatchString(name):
				fit[name] = out.fitProperties(e, value)
			default:
				unfit = append(unfit, name)
			}
		}
		slices.Sort(unfit) // the same event gets the same names each time
		for _, name := range unfit {
			free := fitName(name)
			for n, base := 2, free[:min(len(free), 250)]; fit[free] != nil; n++ {
				free = fmt.Sprintf("%s_%d", base, n)
			}
			fit[free] = out.fitProperties(e, v[name])
			out.warnOnce("the property %q of the event %s is sent as %s, since a key may have letters, digits, - and _ only, and 255 of them: mend it in the mapping", name, e.name(), free)
		}
		return fit
	}
	return v
}

// leastText is what a text is not cut below: less would say nothing any more.
const leastText = 256

// shrink cuts the longest texts of properties that are too large. A note of Pipedrive can be longer than an
// event may be, and its beginning says more than a dead letter.
func (out *eventsOutput) shrink(e *event, properties map[string]any) error {
	encoded, err := encodeJSON(properties)
	if err != nil {
		return fmt.Errorf("event_properties cannot be encoded: %w", err)
	}
	size := len(encoded)
	if size <= api.MostEventProperties {
		return nil
	}
	var texts []longText
	collectTexts(&texts, "", properties)
	slices.SortStableFunc(texts, func(a, b longText) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.path, b.path))
	})
	var cut []longText
	for _, t := range texts {
		if size <= api.MostEventProperties {
			break
		}
		size -= t.cut(size - api.MostEventProperties)
		cut = append(cut, t)
	}
	if size > api.MostEventProperties {
		name, most := largest(properties)
		return fmt.Errorf("event_properties have %d bytes though their texts are cut, and Brevo takes %d: the largest is %s with %d; send less of it", size, api.MostEventProperties, name, most)
	}
	for _, t := range cut {
		out.warnOnce("the property %s of the event %s is cut where an event's properties exceed the 50 KB that Brevo takes: send less of it, if that matters", t.path, e.name())
	}
	return nil
}

// longText is a text somewhere in the properties.
type longText struct {
	path, text string
	set        func(string)
}

func collectTexts(texts *[]longText, path string, v any) {
	take := func(path string, v any, set func(string)) {
		if text, isText := v.(string); !isText {
			collectTexts(texts, path, v)
		} else if len(text) > leastText {
			*texts = append(*texts, longText{path, text, set})
		}
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			take(path, item, func(s string) { v[i] = s })
		}
	case map[string]any:
		for name, item := range v {
			take(strings.TrimPrefix(path+"."+name, "."), item, func(s string) { v[name] = s })
		}
	}
}

// cut shortens the text by so many bytes as it is encoded, or as far as it may, and returns by how many.
func (t *longText) cut(over int) int {
	before := encodedSize(t.text)
	now := before
	for before-now < over && len(t.text) > leastText+len("…") {
		// A quote or a line's end takes two bytes encoded, so the share of the text is an estimate.
		share := len(t.text) * max(0, before-over) / now
		t.text = cutText(t.text, max(leastText, share-len("…")))
		now = encodedSize(t.text)
	}
	t.set(t.text)
	return before - now
}

// cutText cuts a text to at most n bytes and a sign that there was more.
func cutText(text string, n int) string {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

func encodedSize(v any) int {
	encoded, _ := encodeJSON(v) // it was encoded before
	return len(encoded)
}

func largest(properties map[string]any) (name string, size int) {
	for _, candidate := range slices.Sorted(maps.Keys(properties)) {
		if n := encodedSize(properties[candidate]); n > size {
			name, size = candidate, n
		}
	}
	return name, size
}
