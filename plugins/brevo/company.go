package brevo

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// companyOrder is what a message asks for.
type companyOrder struct {
	ext          string // the organization's id; empty only for links that are to end
	company      api.Company
	link, unlink []contactRef
}

// contactRef names a contact, as a message does. It has at least one of the two.
type contactRef struct{ email, extID string }

// linkKey tells contacts apart: by ext_id where there is one.
type linkKey uint64

func (r contactRef) key() linkKey {
	if r.extID != "" {
		return extLinkKey(r.extID)
	}
	return emailLinkKey(r.email)
}

func extLinkKey(id string) linkKey { return linkKey(xxhash.Sum64String("ext " + id)) }

func emailLinkKey(address string) linkKey {
	return linkKey(xxhash.Sum64String("email " + strings.ToLower(strings.TrimSpace(address))))
}

// companyOrderOf reads a message. What it cannot read would be refused, or worse, ignored by Brevo.
func companyOrderOf(m *service.Message) (o companyOrder, err error) {
	content, err := m.AsStructured()
	if err != nil {
		return o, fmt.Errorf("the message is not JSON: %w", err)
	}
	body, ok := content.(map[string]any)
	if !ok {
		return o, fmt.Errorf("the message is %s, not a company's object", kindOf(content))
	}
	for key, v := range body {
		if v == nil {
			continue // null says nothing
		}
		if err := o.readField(key, v); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *companyOrder) readField(key string, v any) (err error) {
	switch key {
	case "ext_id":
		o.ext, err = idText(key, v)
		o.ext = strings.Clone(o.ext)
	case "name":
		o.company.Name, err = textOf(key, v)
		o.company.Name = strings.Clone(strings.TrimSpace(o.company.Name))
	case "attributes":
		attributes, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("attributes must be an object, not %s", kindOf(v))
		}
		o.company.Attributes = owned(attributes).(map[string]any)
		if name, ok := o.company.Attributes["name"].(string); ok {
			delete(o.company.Attributes, "name")
			if o.company.Name == "" {
				o.company.Name = strings.TrimSpace(name)
			}
		}
	case "linkContacts":
		o.link, err = contactRefs(key, v)
	case "unlinkContacts":
		o.unlink, err = contactRefs(key, v)
	default:
		if o.company.More == nil {
			o.company.More = map[string]any{}
		}
		o.company.More[key] = owned(v)
	}
	return err
}

// owned is a copy that can be kept for long: texts of a record are parts of its whole page.
func owned(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Clone(v)
	case json.Number:
		return json.Number(strings.Clone(v.String()))
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = owned(item)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = owned(item)
		}
		return object
	}
	return v
}

func idText(key string, v any) (string, error) {
	if n, ok := wholeNumber(v); ok {
		return fmt.Sprint(n), nil
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s must be text or a whole number, not %s", key, kindOf(v))
	}
	return strings.TrimSpace(text), nil
}

func contactRefs(key string, v any) ([]contactRef, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a list of contacts, not %s", key, kindOf(v))
	}
	var refs []contactRef
	for i, item := range list {
		var ref contactRef
		var err error
		switch item := item.(type) {
		case nil:
			continue
		case string:
			ref.email = strings.TrimSpace(item)
		case map[string]any:
			if email, ok := item["email"].(string); ok {
				ref.email = strings.TrimSpace(email)
			}
			if id := item["ext_id"]; id != nil {
				ref.extID, err = idText("ext_id", id)
			}
		default:
			err = fmt.Errorf("it is %s", kindOf(item))
		}
		if err == nil && ref == (contactRef{}) {
			err = fmt.Errorf("it has neither email nor ext_id")
		}
		if err != nil {
			return nil, fmt.Errorf(`%s: item %d must be an address, or an object with email or ext_id: %w`, key, i+1, err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// check says what an action lacks.
func (o *companyOrder) check(action string) error {
	switch action {
	case actionUpsert, actionDelete:
		if o.ext == "" {
			return fmt.Errorf("the company has no ext_id: set it to the organization's id")
		}
	case actionLink:
		if o.ext == "" && len(o.link) > 0 {
			return fmt.Errorf("linkContacts need the ext_id of a company: set it to the organization's id")
		}
	default:
		return fmt.Errorf("there is no action %q: it is upsert, delete, link or skip", action)
	}
	return nil
}

// over is a company's write with what an older one says beside it.
func over(older, newer api.Company) api.Company {
	if newer.Name == "" {
		newer.Name = older.Name
	}
	newer.Attributes = union(older.Attributes, newer.Attributes)
	newer.More = union(older.More, newer.More)
	return newer
}

func union(older, newer map[string]any) map[string]any {
	if len(older) == 0 {
		return newer
	}
	both := maps.Clone(older)
	maps.Copy(both, newer)
	return both
}

// companyPrint is a hash of all that would be sent, the same in every run; never 0.
func companyPrint(c api.Company) uint64 {
	return max(1, hashOf(map[string]any{"name": c.Name, "attributes": c.Attributes, "more": c.More}))
}
