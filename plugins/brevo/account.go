package brevo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
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

	mu         sync.Mutex
	attributes map[string]api.Attribute
	readAt     time.Time
	told       map[string]bool
	lists      map[int64]bool
	listsAt    map[int64]time.Time
}

func newAccount(client *api.Client, res *service.Resources) *account {
	return &account{
		client: client, log: res.Logger(),
		dropped: res.Metrics().NewCounter("brevo_attributes_dropped", "attribute"),
		told:    map[string]bool{}, lists: map[int64]bool{}, listsAt: map[int64]time.Time{},
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
	attributes := make(map[string]api.Attribute, len(found))
	for _, at := range found {
		attributes[at.Name] = at
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attributes, a.readAt = attributes, time.Now()
	return nil
}

// builtIn are identifiers, which Brevo does not always list as attributes.
var builtIn = map[string]bool{"EMAIL": true, "SMS": true, "WHATSAPP": true, "LANDLINE_NUMBER": true, "EXT_ID": true}

// fit takes out of a contact the attributes that Brevo would drop, after saying so once for each,
// and converts values where that loses nothing.
func (a *account) fit(ctx context.Context, c api.Contact) {
	for name, v := range c.Attributes {
		if builtIn[name] {
			continue
		}
		at, known := a.attribute(ctx, name)
		if !known {
			a.drop(c, name, a.unknown(name, v))
			continue
		}
		fitted, ok := fitValue(at, v)
		if !ok {
			a.drop(c, name, fmt.Sprintf("Brevo's contact attribute %s is of type %s, but the mapping gives it %s, which Brevo drops: "+
				"mend the mapping, or the attribute's type in Brevo", name, at.Type, kindOf(v)))
			continue
		}
		c.Attributes[name] = fitted
	}
}

func (a *account) attribute(ctx context.Context, name string) (api.Attribute, bool) {
	a.mu.Lock()
	at, known := a.attributes[name]
	stale := !known && time.Since(a.readAt) > lookAgainAfter
	a.mu.Unlock()
	if !stale || a.read(ctx, true) != nil {
		return at, known
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	at, known = a.attributes[name]
	return at, known
}

func (a *account) drop(c api.Contact, name, why string) {
	delete(c.Attributes, name)
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
	a.mu.Lock()
	defer a.mu.Unlock()
	for known := range a.attributes {
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

// fitValue converts a value to an attribute's type, or reports that it cannot.
func fitValue(at api.Attribute, v any) (any, bool) {
	switch at.Type {
	case "text":
		switch v := v.(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		case int64:
			return strconv.FormatInt(v, 10), true
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64), true
		}
		return nil, false
	case "float":
		switch v := v.(type) {
		case json.Number, int64, float64, int:
			return v, true
		case string:
			if v == "" {
				return v, true // empties it
			}
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return f, err == nil
		}
		return nil, false
	case "boolean":
		if v == "" {
			return v, true
		}
		_, ok := v.(bool)
		return v, ok
	case "date":
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		if len(s) > len(time.DateOnly) {
			s = s[:len(time.DateOnly)]
		}
		_, err := time.Parse(time.DateOnly, s)
		return s, err == nil || s == ""
	}
	return v, true
}

// missingList returns the first list that the account does not have; 0 when it has them all.
func (a *account) missingList(ctx context.Context, ids []int64) int64 {
	for _, id := range ids {
		a.mu.Lock()
		has, asked := a.lists[id]
		again := asked && !has && time.Since(a.listsAt[id]) > lookAgainAfter
		a.mu.Unlock()
		if !asked || again {
			has = a.askForList(ctx, id)
		}
		if !has {
			return id
		}
	}
	return 0
}

func (a *account) askForList(ctx context.Context, id int64) bool {
	has, err := a.client.HasList(ctx, id)
	if err != nil {
		return true // Brevo's answer to the contact will tell
	}
	a.mu.Lock()
	a.lists[id], a.listsAt[id] = has, time.Now()
	a.mu.Unlock()
	if !has {
		a.tell(fmt.Sprint("list ", id), fmt.Sprintf("Brevo has no list %d: create it or put another id into the mapping (%s); "+
			"contacts for it are refused", id, a.listsThere(ctx)))
	}
	return has
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
