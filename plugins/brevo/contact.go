package brevo

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// contactOf reads a message as Brevo's contact body. What it cannot read would be refused, or worse,
// ignored by Brevo.
func contactOf(m *service.Message) (api.Contact, error) {
	var c api.Contact
	content, err := m.AsStructured()
	if err != nil {
		return c, fmt.Errorf("the message is not JSON: %w", err)
	}
	body, ok := content.(map[string]any)
	if !ok {
		return c, fmt.Errorf("the message is %T, not a contact's object", content)
	}
	for key, v := range body {
		if v == nil {
			continue // null says nothing
		}
		if err := readField(&c, key, v); err != nil {
			return c, err
		}
	}
	if c.Email == "" && c.ExtID == "" && !hasPhone(c) {
		return c, fmt.Errorf("the contact has no identifier: set email, or ext_id, or the attribute SMS")
	}
	return c, nil
}

func readField(c *api.Contact, key string, v any) (err error) {
	switch key {
	case "email":
		c.Email, err = textOf(key, v)
		c.Email = strings.TrimSpace(c.Email)
	case "ext_id":
		if n, ok := wholeNumber(v); ok {
			c.ExtID = fmt.Sprint(n)
			return nil
		}
		c.ExtID, err = textOf(key, v)
	case "attributes":
		attributes, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("attributes must be an object, not %T", v)
		}
		c.Attributes = attributes
	case "listIds":
		c.ListIDs, err = idsOf(key, v)
	case "unlinkListIds":
		c.UnlinkListIDs, err = idsOf(key, v)
	case "emailBlacklisted":
		c.EmailBlacklisted, err = flagOf(key, v)
	case "smsBlacklisted":
		c.SMSBlacklisted, err = flagOf(key, v)
	case "updateEnabled": // what the action is for
	default:
		if c.More == nil {
			c.More = map[string]any{}
		}
		c.More[key] = v
	}
	return err
}

func textOf(key string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s must be text, not %v", key, kindOf(v))
	}
	return s, nil
}

func flagOf(key string, v any) (*bool, error) {
	b, ok := v.(bool)
	if !ok {
		return nil, fmt.Errorf("%s must be true or false, not %v", key, kindOf(v))
	}
	return &b, nil
}

func idsOf(key string, v any) ([]int64, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a list of numbers, not %v", key, kindOf(v))
	}
	ids := make([]int64, 0, len(list))
	for i, item := range list {
		id, ok := wholeNumber(item)
		if !ok || id < 1 {
			return nil, fmt.Errorf("%s must be a list of numbers: item %d is %v", key, i+1, kindOf(item))
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, true
		}
		f, err := v.Float64() // 60.0 and 6e1 are whole too
		return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
	case float64:
		return int64(v), v == math.Trunc(v)
	case int64:
		return v, true
	}
	text, ok := numberText(v) // int32, uint64 and the like
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil
}

// kindOf names a value's kind in messages. Never the value: it can be personal data.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	if _, ok := numberText(v); ok {
		return "a number"
	}
	return fmt.Sprintf("%T", v)
}

func hasPhone(c api.Contact) bool {
	_, has := c.WithoutPhones()
	return has
}

// importable reports whether a row of an import can say all that the contact says.
func importable(c api.Contact) bool {
	return c.Email != "" && len(c.ListIDs) > 0 && len(c.UnlinkListIDs) == 0 && len(c.More) == 0 &&
		!isFalse(c.EmailBlacklisted) && !isFalse(c.SMSBlacklisted) && plausiblePhones(c)
}

// plausiblePhones is false for a number that Brevo cannot take: no report of an import would say so.
func plausiblePhones(c api.Contact) bool {
	for _, name := range []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"} {
		if text, ok := c.Attributes[name].(string); ok && text != "" && !phonePattern.MatchString(text) {
			return false
		}
	}
	return true
}

var phonePattern = regexp.MustCompile(`^(\+|00)?[1-9][0-9]{5,14}$`)

func isFalse(b *bool) bool { return b != nil && !*b }

func isTrue(b *bool) bool { return b != nil && *b }
