package brevo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// account is what the Brevo account knows: its attributes and lists. Brevo drops what it does not
// know and answers with success, so this has to notice.
type account struct {
	client  *api.Client
	log     *service.Logger
	dropped *service.MetricCounter

	attributes atomic.Pointer[attributes]
	reading    sync.Mutex

	mu    sync.Mutex
	told  map[string]bool
	lists map[int64]knownList
}

// attributes are those of one moment. They are never changed.
type attributes struct {
	byName map[string]api.Attribute
	readAt time.Time
}

func newAccount(client *api.Client, res *service.Resources) *account {
	return &account{
		client: client, log: res.Logger(),
		dropped: res.Metrics().NewCounter("brevo_attributes_dropped", "attribute"),
		told:    map[string]bool{}, lists: map[int64]knownList{},
	}
}

// lookAgainAfter is how long an unknown attribute or list is believed to be missing.
const lookAgainAfter = 5 * time.Minute

// read reads the attributes; it is also the check of the key.
func (a *account) read(ctx context.Context, once bool) error {
	found, err := a.client.Attributes(ctx, once)
	if err != nil {
		return err
	}
	read := &attributes{byName: make(map[string]api.Attribute, len(found)), readAt: time.Now()}
	for _, at := range found {
		read.byName[at.Name] = at
	}
	a.attributes.Store(read)
	return nil
}

// builtIn are identifiers, which Brevo does not always list as attributes.
var builtIn = map[string]bool{"EMAIL": true, "SMS": true, "WHATSAPP": true, "LANDLINE_NUMBER": true, "EXT_ID": true}

// fit returns the attributes without those that Brevo would drop, after saying so once for each, and
// with values converted where that loses nothing. The map that it is given is the message's: what has to
// be changed is changed in a copy.
func (a *account) fit(ctx context.Context, given map[string]any) map[string]any {
	fitted, copied := given, false
	change := func(name string, v any) {
		if !copied {
			fitted, copied = maps.Clone(given), true
		}
		if v == nil {
			delete(fitted, name)
			return
		}
		fitted[name] = v
	}
	for name, v := range given {
		if v == nil {
			continue // null says nothing, and is not sent
		}
		at, known := api.Attribute{Name: name, Type: "text"}, builtIn[name]
		if !known {
			at, known = a.attribute(ctx, name)
		}
		if !known {
			a.drop(name, a.unknown(name, v))
			change(name, nil)
			continue
		}
		switch fit, verdict := fitValue(at, v); verdict {
		case converted:
			change(name, fit)
		case misfit:
			a.drop(name, fmt.Sprintf("Brevo's contact attribute %s is of type %s, but the mapping gives it %s, which Brevo drops: "+
				"mend the mapping, or the attribute's type in Brevo", name, at.Type, kindOf(v)))
			change(name, nil)
		}
	}
	return fitted
}

func (a *account) attribute(ctx context.Context, name string) (api.Attribute, bool) {
	now := a.attributes.Load()
	at, known := now.byName[name]
	if known || time.Since(now.readAt) < lookAgainAfter || !a.reading.TryLock() {
		return at, known
	}
	defer a.reading.Unlock()
	if a.read(ctx, true) != nil {
		a.attributes.Store(&attributes{byName: now.byName, readAt: time.Now()}) // not again at once
	}
	at, known = a.attributes.Load().byName[name]
	return at, known
}

func (a *account) drop(name, why string) {
	a.dropped.Incr(1, name)
	a.tell(name, why)
}

func (a *account) tell(what, why string) {
	a.mu.Lock()
	first := !a.told[what]
	a.told[what] = true
	a.mu.Unlock()
	if first {
		a.log.Error(why)
	}
}

func (a *account) unknown(name string, v any) string {
	for known := range a.attributes.Load().byName {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf("Brevo has no contact attribute %s, but %s: write it so in the mapping; until then it is not sent", name, known)
		}
	}
	return fmt.Sprintf("Brevo has no contact attribute %s and would drop it without a word: create it in Brevo (Contacts > Settings > "+
		"Contact attributes, type %s), or take it out of the mapping; until then it is not sent", name, wantedType(v))
}

func wantedType(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case []any:
		return "multiple-choice"
	case string:
		return "text"
	}
	return "number"
}

// fit is how a value goes with an attribute's type.
type fit int

const (
	fits fit = iota
	converted
	misfit
)

// fitValue converts a value to an attribute's type where it has to and can.
func fitValue(at api.Attribute, v any) (any, fit) {
	if at, ok := v.(time.Time); ok { // as Bloblang's ts_parse gives it
		v = at.Format(time.RFC3339)
	}
	if at.Category == "calculated" || at.Category == "global" {
		return nil, misfit // Brevo works it out
	}
	text, isText := v.(string)
	_, isNumber := numberText(v)
	switch at.Type {
	case "multiple-choice":
		_, isList := v.([]any)
		return v, fitIf(isList || text == "" && isText)
	case "text":
		if number, ok := numberText(v); ok {
			return number, converted
		}
		return v, fitIf(isText)
	case "float":
		if isNumber || text == "" && isText { // "" empties it
			return v, fits
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) { // which JSON cannot say
			return nil, misfit
		}
		return f, converted
	case "boolean":
		_, isBool := v.(bool)
		return v, fitIf(isBool || text == "" && isText)
	case "date":
		if len(text) > len(time.DateOnly) {
			if _, err := time.Parse(time.RFC3339, text); err == nil {
				return text[:len(time.DateOnly)], converted
			}
		}
		_, err := time.Parse(time.DateOnly, text)
		return v, fitIf(err == nil || text == "" && isText)
	}
	return v, fits
}

func fitIf(ok bool) fit {
	if ok {
		return fits
	}
	return misfit
}

func numberText(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	if n := reflect.ValueOf(v); n.CanInt() || n.CanUint() || n.CanFloat() {
		return fmt.Sprint(v), true
	}
	return "", false
}

// missingList returns the first list that the account does not have; 0 when it has them all.
func (a *account) missingList(ctx context.Context, ids []int64) int64 {
	for _, id := range ids {
		a.mu.Lock()
		list, asked := a.lists[id]
		a.mu.Unlock()
		if !asked || !list.certain && time.Since(list.askedAt) > lookAgainAfter {
			list = a.askForList(ctx, id)
		}
		if list.missing {
			return id
		}
	}
	return 0
}

// knownList is what Brevo said of a list. One that it has is certain, since lists hardly ever vanish.
type knownList struct {
	certain, missing bool
	askedAt          time.Time
}

// askForList asks once. Where Brevo does not say, its answer to the contact will.
func (a *account) askForList(ctx context.Context, id int64) knownList {
	has, err := a.client.HasList(ctx, id)
	list := knownList{certain: has, missing: !has && err == nil, askedAt: time.Now()}
	a.mu.Lock()
	a.lists[id] = list
	a.mu.Unlock()
	if list.missing {
		a.tell(fmt.Sprint("list ", id), fmt.Sprintf("Brevo has no list %d: create it or put another id into the mapping (%s); "+
			"contacts for it are refused", id, a.listsThere(ctx)))
	}
	return list
}

func (a *account) listsThere(ctx context.Context) string {
	lists, err := a.client.Lists(ctx)
	if err != nil || len(lists) == 0 {
		return "pipelines/mappings/lists.blobl"
	}
	var names []string
	for _, l := range lists[:min(len(lists), 10)] {
		names = append(names, fmt.Sprintf("%d %s", l.ID, l.Name))
	}
	return "pipelines/mappings/lists.blobl; there are " + strings.Join(names, ", ")
}
