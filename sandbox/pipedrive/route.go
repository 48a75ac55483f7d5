package pipedrive

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

// route is one operation. Patterns of v1 begin with /v1 and answer on /api/v1 as well.
type route struct {
	method, pattern string
	cost            int  // tokens of the daily budget: x-token-cost of the OpenAPI files
	search          bool // counts against the search burst
	handle          func(*request) reply

	segments []string
}

// request is an authorized request on its way through an operation.
type request struct {
	*http.Request
	vars map[string]string
	buf  *[]byte // scratch space for a large body, reused between requests
	app  bool    // made by a user in the web app, see AsUser
}

// source is what meta.change_source says of a change by this request.
func (r *request) source() string {
	if r.app {
		return fromApp
	}
	return fromAPI
}

const maxBody = 4 << 20

// object decodes a JSON object from the body.
func (r *request) object() (map[string]any, bool) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, false
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil || body == nil {
		return nil, false
	}
	return body, true
}

type router struct {
	routes map[int][]*route // by number of segments, fewest variables first
}

func newRouter(routes []route) router {
	rt := router{routes: map[int][]*route{}}
	for i := range routes {
		r := &routes[i]
		r.segments = strings.Split(r.pattern, "/")
		rt.routes[len(r.segments)] = append(rt.routes[len(r.segments)], r)
	}
	for _, same := range rt.routes {
		slices.SortStableFunc(same, func(a, b *route) int {
			return strings.Count(a.pattern, "{") - strings.Count(b.pattern, "{")
		})
	}
	return rt
}

// find returns the operation, or the methods that the path would allow.
func (rt router) find(method, path string) (*route, map[string]string, string) {
	if strings.HasPrefix(path, "/api/v1/") {
		path = strings.TrimPrefix(path, "/api")
	}
	segments := strings.Split(path, "/")
	var allowed []string
	for _, r := range rt.routes[len(segments)] {
		vars, ok := r.match(segments)
		if !ok {
			continue
		}
		if r.method == method {
			return r, vars, ""
		}
		allowed = append(allowed, r.method)
	}
	return nil, nil, strings.Join(allowed, ", ")
}

func (r *route) match(segments []string) (map[string]string, bool) {
	var vars map[string]string
	for i, want := range r.segments {
		switch {
		case want == segments[i]:
		case strings.HasPrefix(want, "{") && segments[i] != "":
			if vars == nil {
				vars = map[string]string{}
			}
			vars[strings.Trim(want, "{}")] = segments[i]
		default:
			return nil, false
		}
	}
	return vars, true
}
