package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/patience"
	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// call reads what a message asks for.
func (p *requestProcessor) call(m *service.Message) (*api.Call, error) {
	path, err := p.path.TryString(m)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	call, err := api.NewCall(p.method, path)
	if err != nil {
		return nil, err
	}
	if p.query != nil {
		v, err := queryValue(m, p.query)
		if err == nil {
			call.Query, err = queryOf(v)
		}
		if err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
	}
	if p.body != nil {
		if call.Body, err = queryValue(m, p.body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		switch call.Body.(type) {
		case map[string]any, []any:
		default:
			return nil, errors.New("body: the mapping gives neither an object nor a list")
		}
	}
	if p.allPages {
		call.LargestPages()
	}
	return call, nil
}

// queryOf reads a query from the object that a mapping gave.
func queryOf(v any) (url.Values, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the mapping gives no object")
	}
	q := url.Values{}
	for name, v := range fields {
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		var texts []string
		for _, item := range list {
			switch item := item.(type) {
			case nil:
				continue
			case map[string]any, []any:
				return nil, fmt.Errorf("%s is neither a text nor a number, nor a list of these", name)
			case float64:
				texts = append(texts, strconv.FormatFloat(item, 'f', -1, 64))
			default:
				texts = append(texts, fmt.Sprint(item))
			}
		}
		if len(texts) > 0 {
			q.Set(name, strings.Join(texts, ","))
		}
	}
	return q, nil
}

// make makes the call, with all pages where they are wanted.
func (p *requestProcessor) make(ctx context.Context, call *api.Call) (answer *api.Answer, err error) {
	once := func(do func() error) error { return patience.Persist(ctx, p.client, p.log, do) }
	if err := once(func() error { return p.client.NameToKeys(ctx, call) }); err != nil {
		return nil, err
	}
	all := []any{}
	for position := ""; ; position = answer.Next {
		err := once(func() (err error) {
			answer, err = p.client.Do(ctx, call, position)
			return err
		})
		if o, id := call.Object(); o != nil && id != "" && p.method == http.MethodDelete && rest.Is(err, rest.NotFound) {
			answer, err = gone(err), nil
		}
		if err != nil {
			return nil, err
		}
		changed(p.client, p.method, call, answer)
		if !p.allPages {
			return answer, nil
		}
		list, isList := listOf(answer.Data)
		if !isList {
			return nil, errors.New("all_pages: the answer is no list")
		}
		if all = append(all, list...); answer.Next == "" {
			answer.Data = all
			return answer, nil
		}
	}
}

// gone is the answer to deleting what is not there any more.
func gone(err error) *api.Answer {
	var refusal *rest.Error
	errors.As(err, &refusal)
	return &api.Answer{Status: refusal.Status}
}

// listOf is the list that an answer holds: its data, or the items of a search.
func listOf(data any) (list []any, ok bool) {
	if found, isObject := data.(map[string]any); isObject {
		list, ok = found["items"].([]any)
		return list, ok
	}
	list, ok = data.([]any)
	return list, ok || data == nil
}

// changed drops a record that was written from what lookups keep.
func changed(client *api.Client, method string, call *api.Call, answer *api.Answer) {
	o, id := call.Object()
	if o == nil || method == http.MethodGet {
		return
	}
	forget(client, o, id, answer.ID)
	if body, ok := call.Body.(map[string]any); ok && call.Merges() {
		other, _ := idOf(body["merge_with_id"])
		forget(client, o, other)
	}
}
