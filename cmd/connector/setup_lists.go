package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listFile is lists.blobl, and where in it the ids of lists are.
type listFile struct {
	path    string
	content string
	ids     []*listID // in the order in which the file first names them
}

// listID is the id of a list, wherever the file has it.
type listID struct {
	id    int64
	maps  []string // the maps it is in
	spots []token
	name  string // of a list that is created for it
}

// listsFile is the mapping that names the lists.
const listsFile = "lists.blobl"

// readLists finds the ids in the maps whose names speak of lists. A folder may do without the file.
func readLists(folder string) (*listFile, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(folder, "mappings", listsFile))
	if os.IsNotExist(err) {
		return &listFile{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lists: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the lists: %w", err)
	}
	f := &listFile{path: path, content: string(content)}
	tokens := tokensOf(f.content)
	trial := newListTrial(f, tokens)
	inMap(tokens, func(i int, name string) {
		if t := tokens[i]; t.kind == number && speaksOfLists(name) && (trial.comesOut(t, name) || isResult(tokens, i)) {
			f.add(t, name)
		}
	})
	f.nameAll(trial)
	return f, nil
}

func speaksOfLists(name string) bool { return strings.Contains(strings.ToLower(name), "list") }

func (f *listFile) add(t token, name string) {
	n, _ := strconv.ParseInt(t.text, 10, 64) // it is a whole number
	id := f.find(n)
	if id == nil {
		id = &listID{id: n}
		f.ids = append(f.ids, id)
	}
	id.spots = append(id.spots, t)
	if !slices.Contains(id.maps, name) {
		id.maps = append(id.maps, name)
	}
}

func (f *listFile) find(id int64) *listID {
	if i := slices.IndexFunc(f.ids, func(known *listID) bool { return known.id == id }); i >= 0 {
		return f.ids[i]
	}
	return nil
}

// inMap calls do with each token that is in a map, and with the map's name.
func inMap(tokens []token, do func(i int, name string)) {
	name, depth := "", 0
	for i := range tokens {
		switch {
		case depth == 0 && is(tokens, i, "map") && is(tokens, i+2, "{"):
			name = tokens[i+1].text
		case is(tokens, i, "{"):
			depth++
		case is(tokens, i, "}"):
			depth--
		case depth > 0 && name != "":
			do(i, name)
		}
	}
}

// isResult reports whether a number is what a map comes to, as far as its place tells: alone after =>, an
// assignment or a brace, or in an array there that nothing is asked of.
func isResult(tokens []token, i int) bool {
	from, to := before(tokens, i), after(tokens, i)
	for is(tokens, from, ",", "[") {
		for from >= 0 && !is(tokens, from, "[", "{", "(", "=>", "=") {
			from = before(tokens, from)
		}
		for to < len(tokens) && !is(tokens, to, "]", "}", ")", ".") {
			to = after(tokens, to)
		}
		if !is(tokens, from, "[") || !is(tokens, to, "]") {
			return false
		}
		from, to = before(tokens, from), after(tokens, to)
	}
	ends := to >= len(tokens) || tokens[to].kind == newline || is(tokens, to, "}", ",")
	return ends && (is(tokens, from, "=>", "{") || is(tokens, from, "=") && is(tokens, from-1, "root"))
}

func before(tokens []token, i int) int {
	for i--; i >= 0 && tokens[i].kind == newline; i-- {
	}
	return i
}

func after(tokens []token, i int) int {
	i++
	if i < len(tokens) && tokens[i].kind == newline {
		for j := i; j < len(tokens); j++ {
			if tokens[j].kind != newline {
				if is(tokens, j, ".", "]", ",") {
					return j
				}
				break
			}
		}
	}
	return i
}

// rewritten is the file with other ids, all of them changed at once: 60 may become 61 while 61 becomes 62.
func (f *listFile) rewritten(newIDs map[int64]int64) string {
	var spots []token
	for _, id := range f.ids {
		if _, changes := newIDs[id.id]; changes {
			spots = append(spots, id.spots...)
		}
	}
	slices.SortFunc(spots, func(a, b token) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, t := range spots {
		old, _ := strconv.ParseInt(t.text, 10, 64) // it is a whole number
		b.WriteString(f.content[at:t.start])
		b.WriteString(strconv.FormatInt(newIDs[old], 10))
		at = t.end
	}
	b.WriteString(f.content[at:])
	return b.String()
}

// backUp writes the file as it is beside itself. That shows too, before anything is created, whether the
// folder can be written.
func (f *listFile) backUp() error {
	if err := replaceFile(f.path+".bak", f.path, f.content); err != nil {
		return fmt.Errorf("keeping a copy of %s: %w: it has to be written, since Brevo chooses the ids of new lists", f.path, err)
	}
	return nil
}

func (f *listFile) write(newIDs map[int64]int64) error {
	if err := replaceFile(f.path, f.path, f.rewritten(newIDs)); err != nil {
		return fmt.Errorf("writing %s: %w: put the new ids in by hand, or run it again", f.path, err)
	}
	return nil
}

// replaceFile puts content in the place of a file in one step, with the permissions of another.
func replaceFile(path, like, content string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".lists-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) //nolint:errcheck // it is gone where all went well
	_, err = next.WriteString(content)
	if err == nil {
		err = next.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = next.Sync()
	}
	if closed := next.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
