package main

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// claim is a file that a run needs for itself, or shares only with those who need no more than it does.
type claim struct {
	file    string
	letters bool // it holds dead letters; else it is a database
	shared  bool
}

// claimsOf finds what the configuration files claim, each file once:
//
//   - the SQLite files of caches and buffers: two runs on one position would fight over it;
//   - the file that the input dead_letters reads: it is renamed under whoever writes to it;
//   - the file that refused records are written to, which many may do at once.
//
// A file that cannot be read or parsed claims nothing: Benthos says what is wrong with it.
func claimsOf(files []string) []claim {
	parse, err := bloblang.Parse("root = this.parse_yaml()")
	if err != nil {
		return nil // never
	}
	found := map[string]claim{} // by absolute name
	add := func(c claim) {
		abs, err := filepath.Abs(c.file)
		if err != nil || c.file == "" {
			return
		}
		if before, ok := found[abs]; ok {
			c.shared = c.shared && before.shared
		}
		c.file = filepath.Clean(c.file)
		found[abs] = c
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		config, err := parse.Query(withEnvironment(string(content)))
		if err != nil {
			continue
		}
		letters := map[string]bool{} // labels of the resources for dead letters
		eachObject(config, func(m map[string]any) {
			if label, ok := m["dead_letter"].(string); ok {
				letters[label] = true
			}
		})
		eachObject(config, func(m map[string]any) {
			if m["driver"] == "sqlite" {
				add(claim{file: sqliteFile(m["dsn"])})
			}
			add(claim{file: pathIn(m["dead_letters"]), letters: true})
			if label, ok := m["label"].(string); ok && letters[label] {
				add(claim{file: pathIn(m["file"]), letters: true, shared: true})
			}
		})
	}
	// Databases first: they are what a message should name.
	return slices.SortedFunc(maps.Values(found), func(a, b claim) int {
		switch {
		case a.letters == b.letters:
			return cmp.Compare(a.file, b.file)
		case a.letters:
			return 1
		}
		return -1
	})
}

// eachObject calls visit for every object in a configuration.
func eachObject(config any, visit func(map[string]any)) {
	switch v := config.(type) {
	case map[string]any:
		visit(v)
		for _, child := range v {
			eachObject(child, visit)
		}
	case []any:
		for _, child := range v {
			eachObject(child, visit)
		}
	}
}

// pathIn is the path of a component's configuration, unless it differs from message to message.
func pathIn(config any) string {
	m, _ := config.(map[string]any)
	path, _ := m["path"].(string)
	if strings.Contains(path, "${!") {
		return ""
	}
	return path
}

// sqliteFile is the file of a data source name, such as file:state/x.db?_pragma=…; empty for a database
// in memory.
func sqliteFile(dsn any) string {
	name, _ := dsn.(string)
	path, query, _ := strings.Cut(name, "?")
	path = strings.TrimPrefix(path, "file:")
	if strings.HasPrefix(path, "//") { // file:///absolute
		path = "/" + strings.TrimLeft(path, "/")
	}
	if path == ":memory:" || strings.Contains(query, "mode=memory") {
		return ""
	}
	return path
}

var variable = regexp.MustCompile(`\$\{([0-9A-Za-z_.]+)(?::((?:\$\{[^}]+\}|[^}])*))?\}`)

// withEnvironment puts variables in as Benthos does: an empty one has its default.
func withEnvironment(config string) string {
	return variable.ReplaceAllStringFunc(config, func(found string) string {
		parts := variable.FindStringSubmatch(found)
		return strings.ReplaceAll(cmp.Or(os.Getenv(parts[1]), parts[2]), "\n", `\n`)
	})
}
