package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// wanted is what the mappings of a folder need in Brevo.
type wanted struct {
	contacts, companies map[string]*wantedAttribute
	listIDs             map[int64][]string // in contact bodies → the files whose samples gave them
	unsuited            map[string]bool    // files that some filling of the samples does not suit
}

// wantedAttribute is an attribute that a mapping sets.
type wantedAttribute struct {
	kind    string   // text, float, date, boolean or list; what it is guessed to be where guessed
	guessed bool     // what comes out is what the user's own field holds, or nothing at all
	files   []string // that set it

	kinds map[string]bool // that the samples came to → whether the mapping made one so, and not the sample
}

// companyFile is the mapping whose root is a company. The bodies of contacts that it has are elsewhere.
const companyFile = "organization.blobl"

// companyKey is the attribute by which a company is known as an organization of Pipedrive.
const companyKey = "pipedrive_id"

// readWanted runs the mappings of a folder over sample records, and reads their text for what no sample
// reaches.
func readWanted(folder string) (*wanted, error) {
	files, err := filepath.Glob(filepath.Join(folder, "mappings", "*.blobl"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no mappings in %s: name the folder of your pipelines with --pipelines", filepath.Join(folder, "mappings"))
	}
	if err := checkMappings(folder); err != nil {
		return nil, err
	}
	w := &wanted{contacts: map[string]*wantedAttribute{}, companies: map[string]*wantedAttribute{}, listIDs: map[int64][]string{}, unsuited: map[string]bool{}}
	for _, file := range files {
		if err := w.readMapping(file); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(files, func(file string) bool { return filepath.Base(file) == companyFile }) {
		w.companies[companyKey] = &wantedAttribute{kinds: map[string]bool{"text": true}, files: []string{companyFile}}
	}
	for _, all := range []map[string]*wantedAttribute{w.contacts, w.companies} {
		for name, at := range all {
			at.settle(name, slices.ContainsFunc(at.files, func(file string) bool { return w.unsuited[file] }))
		}
	}
	return w, nil
}

func (w *wanted) readMapping(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading a mapping: %w", err)
	}
	name, tokens := filepath.Base(file), tokensOf(string(content))
	scan := scanKeys(tokens)
	mapping, err := parseMapping(file, scan.catching(string(content)))
	if err != nil {
		mapping, err = parseMapping(file, string(content))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fields := slices.DeleteFunc(fieldNames(tokens), func(field string) bool { return field == "attributes" })
	for _, filling := range fillings {
		suits := false
		for _, object := range objectsOf(name) {
			for _, sample := range samples(object, fields, filling) {
				suits = w.run(name, mapping, sample, filling) || suits
			}
		}
		w.unsuited[name] = w.unsuited[name] || !suits
	}
	for _, key := range scan.keys {
		if w.contacts[key] == nil && w.companies[key] == nil {
			w.see(w.attributesOf(name, key), key, name, nil, nil)
		}
	}
	return nil
}

// parseMapping parses a mapping whose imports are beside it.
func parseMapping(file, content string) (*bloblang.Executor, error) {
	env := bloblang.GlobalEnvironment().WithCustomImporter(func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return os.ReadFile(name)
	})
	return env.Parse(content)
}

// attributesOf are those that a key in the text of a file is one of: Brevo writes contact attributes in
// capitals, and those of companies not.
func (w *wanted) attributesOf(file, key string) map[string]*wantedAttribute {
	if file == companyFile && key != strings.ToUpper(key) {
		return w.companies
	}
	return w.contacts
}

// run looks at what a mapping makes of a sample. That it cannot be mapped is no error: the sample is not the
// user's data.
func (w *wanted) run(file string, mapping *bloblang.Executor, sample *service.Message, filling any) (suits bool) {
	mapped, err := sample.BloblangQuery(mapping)
	if err != nil || mapped == nil {
		return err == nil
	}
	if root, err := mapped.AsStructured(); err == nil {
		if body, ok := root.(map[string]any); ok && file == companyFile {
			attributes, _ := body["attributes"].(map[string]any)
			w.seeAll(w.companies, attributes, file, filling)
			root = without(body, "attributes")
		}
		w.seeBodies(root, file, filling)
	}
	_ = mapped.MetaWalkMut(func(_ string, value any) error {
		w.seeBodies(value, file, filling)
		return nil
	})
	return true
}

// seeBodies finds the contact attributes and lists of a value, however deep they are in it.
func (w *wanted) seeBodies(value any, file string, filling any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			w.seeBodies(item, file, filling)
		}
	case map[string]any:
		for key, field := range value {
			switch attributes, isObject := field.(map[string]any); {
			case (key == "attributes" || key == "contact_properties") && isObject:
				w.seeAll(w.contacts, attributes, file, filling)
			case key == "listIds" || key == "unlinkListIds":
				w.seeLists(field, file)
			default:
				w.seeBodies(field, file, filling)
			}
		}
	}
}

func (w *wanted) seeAll(into map[string]*wantedAttribute, attributes map[string]any, file string, filling any) {
	for name, value := range attributes {
		w.see(into, name, file, value, filling)
	}
}

func (w *wanted) see(into map[string]*wantedAttribute, name, file string, value, filling any) {
	at := into[name]
	if at == nil {
		at = &wantedAttribute{kinds: map[string]bool{}}
		into[name] = at
	}
	if !slices.Contains(at.files, file) {
		at.files = append(at.files, file)
	}
	if kind := kindOfValue(value); kind != "" {
		at.kinds[kind] = at.kinds[kind] || !holds(filling, value)
	}
}

func (w *wanted) seeLists(ids any, file string) {
	all, _ := ids.([]any)
	for _, id := range all {
		if n, ok := wholeNumber(id); ok && n != sampleNumber && !slices.Contains(w.listIDs[n], file) {
			w.listIDs[n] = append(w.listIDs[n], file)
		}
	}
}

// kindOfValue is the type of an attribute that holds the value; empty where it tells none.
func kindOfValue(value any) string {
	switch value := value.(type) {
	case nil, map[string]any:
		return ""
	case bool:
		return "boolean"
	case []any:
		return "list"
	case time.Time:
		return "date"
	case string:
		if value == "" {
			return "" // it empties an attribute of any type
		}
		for _, layout := range []string{time.DateOnly, time.RFC3339} { // of a time Brevo keeps the date
			if _, err := time.Parse(layout, value); err == nil {
				return "date"
			}
		}
		return "text"
	}
	return "float"
}

// settle decides on the type: the one that the mapping makes, or the only one that came out whatever went
// in, where all went in.
func (at *wantedAttribute) settle(name string, unsuited bool) {
	slices.Sort(at.files)
	var made []string
	for kind, own := range at.kinds {
		if own || len(at.kinds) == 1 && !unsuited {
			made = append(made, kind)
		}
	}
	if len(made) == 1 {
		at.kind = made[0]
		return
	}
	at.kind, at.guessed = guessKind(name), true
}

var (
	numberName  = regexp.MustCompile(`(?i)(^|_)(count|value|amount|revenue|total|sum|ltv|deals|score|price|probability|employees)$`)
	dateName    = regexp.MustCompile(`(?i)(^|_)(date|birthday|since|until|at|on|time)$`)
	booleanName = regexp.MustCompile(`(?i)^(is|has|was)_`)
)

// guessKind goes by the name, where the user's own fields decide what an attribute holds.
func guessKind(name string) string {
	switch {
	case numberName.MatchString(name):
		return "float"
	case dateName.MatchString(name):
		return "date"
	case booleanName.MatchString(name):
		return "boolean"
	}
	return "text"
}

// holds reports whether a filling is the value, or has it in it.
func holds(filling, value any) bool {
	if reflect.DeepEqual(plain(filling), plain(value)) {
		return true
	}
	switch filling := filling.(type) {
	case []any:
		return slices.ContainsFunc(filling, func(item any) bool { return holds(item, value) })
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(filling)), func(item any) bool { return holds(item, value) })
	}
	return false
}

// plain is a value as JSON would give it.
func plain(value any) (decoded any) {
	if encoded, err := json.Marshal(value); err == nil {
		_ = json.Unmarshal(encoded, &decoded) // it was JSON before
	}
	return decoded
}

func wholeNumber(value any) (int64, bool) {
	switch value := value.(type) {
	case json.Number:
		n, err := value.Int64()
		return n, err == nil
	case int64:
		return value, true
	case int:
		return int64(value), true
	case float64:
		return int64(value), value == float64(int64(value))
	}
	return 0, false
}

func without(body map[string]any, key string) map[string]any {
	body = maps.Clone(body)
	delete(body, key)
	return body
}
