package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	scans, fields := map[string]*keyScan{}, map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a mapping: %w", err)
		}
		scans[file] = scanKeys(string(content))
		for _, field := range fieldNames(scans[file].tokens) {
			fields[field] = true // whichever file it is in: mappings import each other
		}
	}
	delete(fields, "attributes")
	for _, file := range files {
		if err := w.readMapping(file, scans[file], slices.Sorted(maps.Keys(fields))); err != nil {
			return nil, err
		}
	}
	for _, file := range files { // last, as most of these have been seen by now
		for _, key := range scans[file].keys {
			if w.contacts[key] == nil && w.companies[key] == nil {
				w.seeKey(key, filepath.Base(file))
			}
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

func (w *wanted) readMapping(file string, scan *keyScan, fields []string) error {
	name := filepath.Base(file)
	mapping, err := parseMapping(file, scan.catching(), func(content string) string { return scanKeys(content).catching() })
	if err != nil {
		mapping, err = parseMapping(file, scan.content, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, filling := range fillings {
		suits := false
		for _, object := range objectsOf(name) {
			for _, sample := range samples(object, fields, filling) {
				suits = w.run(name, mapping, sample, filling) || suits
			}
		}
		w.unsuited[name] = w.unsuited[name] || !suits
	}
	return nil
}

// parseMapping parses a mapping whose imports are beside it, and may be read with a change.
func parseMapping(file, content string, change func(string) string) (*bloblang.Executor, error) {
	env := bloblang.GlobalEnvironment().WithCustomImporter(func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		imported, err := os.ReadFile(name)
		if err != nil || change == nil {
			return imported, err
		}
		return []byte(change(string(imported))), nil
	})
	return env.Parse(content)
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

// seeKey takes a key that no sample has reached. Brevo writes contact attributes in capitals, and those of
// companies not.
func (w *wanted) seeKey(key, file string) {
	switch {
	case key == strings.ToUpper(key):
		w.see(w.contacts, key, file, nil, nil)
	case file == companyFile:
		w.see(w.companies, key, file, nil, nil)
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

func without(body map[string]any, key string) map[string]any {
	body = maps.Clone(body)
	delete(body, key)
	return body
}
