package api

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The operations of each version and what they cost in tokens: "/persons/{id} DELETE:3 GET:1 PATCH:5".
// Source: the vendor's OpenAPI files, x-token-cost.
var (
	//go:embed endpoints/v1.txt
	endpointsV1 string
	//go:embed endpoints/v2.txt
	endpointsV2 string
)

// operation is one path of one version, with the tokens that each method costs.
type operation struct {
	segments []string // "{id}" stands for any
	costs    map[string]int
}

var operations = sync.OnceValue(func() map[string][]operation {
	all := map[string][]operation{}
	for version, list := range map[string]string{"v1": endpointsV1, "v2": endpointsV2} {
		for line := range strings.Lines(list) {
			words := strings.Fields(line)
			op := operation{segments: strings.Split(words[0][1:], "/"), costs: map[string]int{}}
			for _, word := range words[1:] {
				method, cost, _ := strings.Cut(word, ":")
				op.costs[method], _ = strconv.Atoi(cost)
			}
			all[version] = append(all[version], op)
		}
	}
	return all
})

// find is the operation of a version that a path names; of several the one with the fewest {id}.
func find(version string, segments []string) (found operation, ok bool) {
	fewest := len(segments) + 1
	for _, op := range operations()[version] {
		n := 0
		matches := len(op.segments) == len(segments)
		for i := 0; matches && i < len(segments); i++ {
			if op.segments[i] == "{id}" {
				n++
			} else if op.segments[i] != segments[i] {
				matches = false
			}
		}
		if matches && n < fewest {
			found, ok, fewest = op, true, n
		}
	}
	return found, ok
}

// endpoint is where a call goes, and what it draws from the books.
type endpoint struct {
	method, version, path string
	op                    string // "PATCH /api/v2/persons/{id}"
	bucket                string
	cost                  int

	object *Object // whose records it reads or writes; nil where it does neither
	id     string  // the record's, where the path names one
	merges bool
	search bool
}

var segmentPattern = regexp.MustCompile(`^[A-Za-z0-9_.:~-]+$`)

// endpointOf reads a method and a path. A path that names no version goes to v2 where that has it, PUT
// becoming PATCH there, else to v1.
func endpointOf(method, path string) (e endpoint, err error) {
	e.method = method
	rest, versioned := strings.CutPrefix(path, "/api/v2/")
	if e.version = "v2"; !versioned {
		e.version = "v1"
		if rest, versioned = strings.CutPrefix(path, "/api/v1/"); !versioned {
			if rest, versioned = strings.CutPrefix(path, "/v1/"); !versioned {
				rest, e.version = strings.TrimPrefix(path, "/"), ""
			}
		}
	}
	if !strings.HasPrefix(path, "/") {
		return e, fmt.Errorf("the path %q does not begin with a slash", path)
	}
	if strings.Contains(path, "?") {
		return e, errors.New("the path has a question mark: what follows it goes into query, where it is encoded")
	}
	segments := strings.Split(rest, "/")
	for _, s := range segments {
		switch {
		case s == "" || s == "null":
			return e, fmt.Errorf("the path %q has an empty part: is the id there?", path)
		case !segmentPattern.MatchString(s) || strings.Trim(s, ".") == "":
			return e, errors.New("a part of the path is neither a name nor an id: it may have letters, digits and _.:~- only")
		}
	}
	op, known := e.place(segments)
	if !known && e.version == "" {
		return e, fmt.Errorf("there is no endpoint %q%s: write /api/v2/… or /v1/… to call it all the same", path, near("/"+strings.Join(segments, "/"), allPaths()))
	}
	prefix := map[string]string{"v1": "/v1/", "v2": "/api/v2/"}[e.version]
	e.path = prefix + strings.Join(segments, "/")
	pattern := op.segments
	if !known {
		pattern = patternOf(segments)
	}
	e.op = e.method + " " + prefix + strings.Join(pattern, "/")
	var priced bool
	if e.cost, priced = op.costs[e.method]; !priced {
		e.cost = usualCost(e.version, e.method, pattern)
	}
	e.bucket = bucketCalls
	if pattern[len(pattern)-1] == "search" || pattern[0] == "itemSearch" {
		e.bucket, e.search = bucketSearch, true
	}
	e.about(pattern, segments)
	return e, nil
}

// place finds the operation, and for a path without a version the version.
func (e *endpoint) place(segments []string) (op operation, known bool) {
	if e.version != "" {
		return find(e.version, segments)
	}
	if op, known = find("v2", segments); known {
		_, patches := op.costs[http.MethodPatch]
		_, puts := op.costs[http.MethodPut]
		method := e.method
		if method == http.MethodPut && patches && !puts {
			method = http.MethodPatch
		}
		if _, has := op.costs[method]; has {
			e.method, e.version = method, "v2"
			return op, true
		}
	}
	if v1, ok := find("v1", segments); ok {
		e.version = "v1"
		return v1, true
	}
	if known {
		e.version = "v2" // which says what is wrong with the method
	}
	return op, known
}

// about says which record a call is about.
func (e *endpoint) about(pattern, segments []string) {
	o, err := ObjectOf(segments[0])
	switch {
	case err != nil || len(segments) > 3:
	case len(segments) == 1, len(segments) == 2 && segments[1] == "archived":
		e.object = o
	case len(segments) == 2 && pattern[1] == "{id}", len(segments) == 2 && segments[1] == "me":
		e.object, e.id = o, segments[1]
	case len(segments) == 3 && segments[2] == "merge":
		e.object, e.id, e.merges = o, segments[1], true
	}
}

// usualCost is what an operation costs that is in no file. Source: the rate limits' page.
func usualCost(version, method string, pattern []string) int {
	cost := map[string]int{http.MethodGet: 10, http.MethodDelete: 3}[method]
	switch last := pattern[len(pattern)-1]; {
	case cost == 0:
		cost = 5
	case method == http.MethodGet && last == "search" || pattern[0] == "itemSearch":
		cost = 20
	case method == http.MethodGet && last == "{id}":
		cost = 1
	}
	if version == "v1" {
		cost *= 2
	}
	return cost
}

// patternOf takes what may be an id out of a path that is in no file: metrics and logs have the rest.
func patternOf(segments []string) []string {
	pattern := slices.Clone(segments)
	for i, s := range pattern {
		if i%2 == 1 && strings.ContainsAny(s, "0123456789.:~-") {
			pattern[i] = "{id}"
		}
	}
	return pattern
}

func allPaths() (paths []string) {
	for _, list := range operations() {
		for _, op := range list {
			paths = append(paths, "/"+strings.Join(op.segments, "/"))
		}
	}
	return paths
}
