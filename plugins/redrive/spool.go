package redrive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// takenSuffix is what a file is renamed with before it is read: a second one gets .redrive.1.
const takenSuffix = ".redrive"

// take renames the file of dead letters, and returns the names of all files that are to be sent, those
// of earlier runs first. At any moment each letter is in exactly one file that this or the next call
// returns: a rename is atomic, and the new name is reserved by an empty file, so that it never replaces
// another one.
func take(path string) ([]string, error) {
	if target, err := os.Readlink(path); err == nil { // or the link would be renamed, and the letters stay
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	taken, last, err := takenBefore(path)
	if err != nil {
		return nil, fmt.Errorf("looking for dead letters: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return taken, nil
	case err != nil:
		return nil, fmt.Errorf("looking for dead letters: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("the dead letters %s are a folder: path must name the file", path)
	}
	name := path + takenSuffix
	if last >= 0 {
		name = fmt.Sprintf("%s%s.%d", path, takenSuffix, last+1)
	}
	reserved, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		if err = reserved.Close(); err == nil {
			err = os.Rename(path, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("taking the dead letters: %w", err)
	}
	return append(taken, name), nil
}

// takenBefore are the files that an earlier run has left, oldest first, and the number of the last: 0
// for the one without, -1 if there is none.
func takenBefore(path string) (names []string, last int, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	numbers := []int{}
	for _, entry := range entries {
		suffix, ours := strings.CutPrefix(entry.Name(), filepath.Base(path)+takenSuffix)
		if !ours || entry.IsDir() {
			continue
		}
		if suffix == "" {
			suffix = ".0"
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(suffix, ".")); err == nil && suffix == fmt.Sprintf(".%d", n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	last = -1
	for _, n := range numbers {
		name := path + takenSuffix
		if n > 0 {
			name = fmt.Sprintf("%s.%d", name, n)
		}
		names, last = append(names, name), n
	}
	return names, last, nil
}

// spool reads the letters of several files, each letter once.
type spool struct {
	files []string
	next  int // of the files
	file  *os.File
	lines *bufio.Reader

	seen     map[fingerprint]bool
	repeated int
	err      error
}

// read returns the next letters: at most limit, and none more once they come to size bytes. None is
// the end.
func (s *spool) read(limit, size int) (letters []letter, err error) {
	for len(letters) < limit && size > 0 && s.err == nil && !s.ended() {
		var line []byte
		if line, s.err = s.line(); s.err != nil {
			break
		}
		for _, l := range lettersIn(line) {
			f := l.fingerprint()
			if s.seen[f] {
				s.repeated++
				continue
			}
			s.seen[f] = true
			letters = append(letters, l)
			size -= len(l.record)
		}
	}
	if len(letters) > 0 {
		return letters, nil
	}
	return nil, s.err
}

// line returns the next line, however long; it may be empty.
func (s *spool) line() ([]byte, error) {
	if s.file == nil {
		file, err := os.Open(s.files[s.next])
		if err != nil {
			return nil, fmt.Errorf("reading the dead letters: %w", err)
		}
		s.file, s.lines = file, bufio.NewReaderSize(file, 1<<16)
	}
	line, err := s.lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) { // the last line may have no end
		s.next++
		return line, s.close()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the dead letters: %w", err)
	}
	return line, nil
}

// ended reports whether all files are read to their ends.
func (s *spool) ended() bool { return s.err == nil && s.next == len(s.files) }

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file, s.lines = nil, nil
	return err
}

// remove removes the files. Before, it sees to it that what was refused again, in the file called
// path, outlives a machine that stops.
func (s *spool) remove(path string) error {
	if len(s.files) == 0 {
		return nil
	}
	if file, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		err = file.Sync()
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("keeping what was refused again: %w", err)
		}
	}
	for _, name := range s.files {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the dead letters that were sent: %w", err)
		}
	}
	return nil
}

// whatIsIn says how many letters the file has now.
func whatIsIn(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "none refused again"
	}
	defer file.Close() //nolint:errcheck // read only
	lines, chunk := 0, make([]byte, 1<<16)
	for err == nil {
		var n int
		n, err = file.Read(chunk)
		lines += bytes.Count(chunk[:n], []byte("\n"))
	}
	return fmt.Sprintf("%d refused again, to be found in %s", lines, path)
}
