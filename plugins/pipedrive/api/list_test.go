package api_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

func ids(records []api.Record) (out []string) {
	for _, r := range records {
		out = append(out, r.ID())
	}
	return out
}

func numbered(from, to int) (records list) {
	for i := from; i < to; i++ {
		records = append(records, object{"id": i + 1})
	}
	return records
}

func TestList_V2FollowsTheCursorWithPagesOf500(t *testing.T) {
	const total = 1203
	a := newAccount(t).on("/api/v2/persons", func(q url.Values) any {
		limit, _ := strconv.Atoi(q.Get("limit"))
		from, _ := strconv.Atoi(q.Get("cursor"))
		to := min(from+limit, total)
		var next any
		if to < total {
			next = strconv.Itoa(to)
		}
		return object{"success": true, "data": numbered(from, to), "additional_data": object{"next_cursor": next}}
	})
	all := readAll(t, a.client(), "persons", v2)
	require.Len(t, all, total)
	assert.Equal(t, "1203", all[total-1].ID())
	assert.Equal(t, 3, a.calls("/api/v2/persons?"))
	assert.Equal(t, 2, a.calls("/api/v2/persons?cursor="))
	assert.Equal(t, 4, a.calls("limit=500"), "with the field definitions")
}

func TestList_V1FollowsStart(t *testing.T) {
	const total = 7
	for name, additional := range map[string]func(start, limit int, more bool) object{
		"wrapped": func(start, limit int, more bool) object {
			p := object{"start": start, "limit": limit, "more_items_in_collection": more}
			if more {
				p["next_start"] = start + limit
			}
			return object{"pagination": p}
		},
		"flat": func(start, limit int, more bool) object {
			return object{"start": start, "limit": limit, "more_items_in_collection": more, "next_start": start + limit}
		},
		"wrapped, next_start missing": func(start, limit int, more bool) object {
			return object{"pagination": object{"start": start, "limit": limit, "more_items_in_collection": more}}
		},
		"flat, next_start missing": func(start, limit int, more bool) object {
			return object{"start": start, "limit": limit, "more_items_in_collection": more}
		},
		"next_start and limit missing": func(_, _ int, more bool) object {
			return object{"pagination": object{"more_items_in_collection": more}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t).on("/v1/notes", func(q url.Values) any {
				start, err := strconv.Atoi(q.Get("start"))
				require.NoError(t, err)
				limit, _ := strconv.Atoi(q.Get("limit"))
				to := min(start+limit, total)
				return object{"success": true, "data": numbered(start, to), "additional_data": additional(start, limit, to < total)}
			})
			all := readAll(t, a.client(), "notes", api.ListOptions{Limit: 3})
			assert.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7"}, ids(all))
			assert.Equal(t, 3, a.calls("/v1/notes"))
		})
	}
}

func TestList_NullDataIsAnEmptyPage(t *testing.T) {
	for _, body := range []string{`{"success":true,"data":null}`, `{"success":true,"data":null,"additional_data":null}`, `{"success":true,"data":[]}`} {
		a := newAccount(t).on("/v1/notes", func(url.Values) any { return []byte(body) })
		assert.Empty(t, readAll(t, a.client(), "notes", v1))
	}
}

func TestList_NullRecordsArePassedOver(t *testing.T) {
	a := newAccount(t).with("/v1/notes", object{"id": 1}, nil, object{"id": 2})
	assert.Equal(t, []string{"1", "2"}, ids(readAll(t, a.client(), "notes", v1)))
}

// A page that contradicts itself is asked for again: it may be a passing fault.
func TestList_ASpoiltPageIsAskedForAgain(t *testing.T) {
	good := `{"success":true,"data":[{"id":7}],"additional_data":{"next_cursor":null}}`
	for name, bad := range map[string]string{
		"success is false":         `{"success":false,"data":[{"id":6}]}`,
		"the cursor goes nowhere":  `{"success":true,"data":[{"id":6}],"additional_data":{"next_cursor":"here"}}`,
		"data is an object":        `{"success":true,"data":{"id":6}}`,
		"no object":                `[1,2]`,
		"neither success nor data": `{}`,
		"cut":                      `{"success":true,"data":[{"id":6}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			a := newAccount(t).on("/api/v2/stages", func(url.Values) any {
				if asked++; asked == 1 {
					return []byte(bad)
				}
				return []byte(good)
			})
			page, err := a.client().List(t.Context(), kind(t, "stages"), "here", v2)
			require.NoError(t, err)
			assert.Empty(t, page.Next)
			records, err := page.Records(t.Context(), a.client())
			require.NoError(t, err)
			assert.Equal(t, []string{"7"}, ids(records))
		})
	}
}

func TestList_ARefusalIsToldWithWhatPipedriveSaid(t *testing.T) {
	a := newAccount(t).on("/api/v2/persons", func(url.Values) any {
		return status{400, `{"success":false,"error":"Validation failed: cursor: not valid","code":"ERR_SCHEMA_VALIDATION_FAILED"}`}
	})
	_, err := a.client().List(t.Context(), kind(t, "persons"), "odd", v2)
	assert.True(t, rest.Is(err, rest.Refused))
	for _, part := range []string{"reading persons", "Validation failed: cursor", "ERR_SCHEMA_VALIDATION_FAILED"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestList_AsksOnlyForFieldsThatTheObjectHas(t *testing.T) {
	a := newAccount(t).with("/api/v2/persons").with("/api/v2/deals").with("/api/v2/stages")
	opts := v2
	opts.IncludeFields = []string{"won_deals_count", "products_count"}
	for plural, want := range map[string]string{"persons": "won_deals_count", "deals": "products_count", "stages": ""} {
		readAll(t, a.client(), plural, opts)
		a.mu.Lock()
		u, err := url.Parse(a.asked[len(a.asked)-1])
		if plural != "stages" {
			u, err = url.Parse(a.asked[len(a.asked)-2]) // the last one asks for definitions
		}
		a.mu.Unlock()
		require.NoError(t, err)
		assert.Equal(t, want, u.Query().Get("include_fields"), plural)
	}
}

func TestList_V1AsksForTheActivitiesOfAllUsers(t *testing.T) {
	a := newAccount(t).with("/v1/activities")
	readAll(t, a.client(), "activities", v1)
	assert.Equal(t, 1, a.calls("user_id=0"))
}

func TestList_RecordsCanBeMadeAgain(t *testing.T) {
	a := newAccount(t).with("/v1/persons", object{"id": 1, "email": list{object{"value": "a@example.com", "primary": true, "label": "work"}}, "label": "3"})
	c := a.client()
	page, err := c.List(t.Context(), kind(t, "persons"), "", v1)
	require.NoError(t, err)
	first, err := page.Records(t.Context(), c)
	require.NoError(t, err)
	kept := fmt.Sprint(first)
	first[0]["emails"].([]any)[0].(map[string]any)["value"] = "changed by the reader"
	delete(first[0], "id")
	for range 2 {
		again, err := page.Records(t.Context(), c)
		require.NoError(t, err)
		assert.Equal(t, kept, fmt.Sprint(again))
	}
}

func TestList_EveryObjectIsReadFromItsPathAtItsPublishedCost(t *testing.T) {
	needShared(t)
	published := map[string]map[string]int{
		"v2": costs(t, "pipedrive-v2.yaml"),
		"v1": costs(t, "pipedrive-v1-with-deprecated-2026-01-14.yaml", "pipedrive-v1.yaml"),
	}
	inV1Only := map[string]bool{"leads": true, "notes": true, "users": true}
	for _, o := range api.Objects {
		for _, version := range []string{"v2", "v1"} {
			t.Run(o.Plural+" "+version, func(t *testing.T) {
				in, path := version, "/api/v2/"+o.Plural
				if version == "v1" || inV1Only[o.Plural] {
					in, path = "v1", "/v1/"+o.Plural
				}
				a := newAccount(t).with(path, object{"id": 1})
				readOne(t, a.client(), o.Plural, api.ListOptions{Version: version, Limit: 500})

				a.mu.Lock()
				defer a.mu.Unlock()
				for _, attempt := range a.attempts {
					spent := path
					if attempt.Op != "GET "+path { // the definitions
						spent = attempt.Op[len("GET "):]
					}
					p := spent[len(map[string]string{"v2": "/api/v2", "v1": "/v1"}[in]):]
					require.NotZero(t, published[in][p], "the file has no cost for %s", p)
					assert.Equal(t, published[in][p], attempt.Cost, attempt.Op)
				}
			})
		}
	}
}

var costLine = regexp.MustCompile(`(?m)^  ['"]?(/[^'":]*)['"]?:|^    (\w+):$|^      x-token-cost: (\d+)`)

// costs are the x-token-cost of GET by path; later files win. Reading lines is much faster than reading
// OpenAPI.
func costs(t *testing.T, files ...string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, name := range files {
		body, err := os.ReadFile(filepath.Join(shared, "specs", name))
		require.NoError(t, err)
		path, method := "", ""
		for _, m := range costLine.FindAllStringSubmatch(string(body), -1) {
			switch {
			case m[1] != "":
				path = m[1]
			case m[2] != "":
				method = m[2]
			case method == "get":
				out[path], err = strconv.Atoi(m[3])
				require.NoError(t, err)
			}
		}
	}
	return out
}

func TestObjectOf_NamesThoseThereAre(t *testing.T) {
	_, err := api.ObjectOf("person")
	require.ErrorContains(t, err, `"person"`)
	assert.ErrorContains(t, err, "persons")
}
