package pipedrive

import (
	"os"
	"strings"
	"sync"

	"connector/plugins/pipedrive/api"
)

// shelf keeps records of one kind by their ids, packed, in a file without a name: of a large company they would take
// more memory than all that is under way. Where there can be no file they are kept in memory.
type shelf struct {
	packer recordPacker

	mu     sync.Mutex
	file   *os.File // nil until there is one
	noFile bool
	closed bool
	end    int64
	places map[string]extent
	here   map[string][]byte // those that are not in the file
}

type extent struct {
	at   int64
	size int32
}

func newShelf() *shelf { return &shelf{places: map[string]extent{}, here: map[string][]byte{}} }

// put keeps a record in the place of the one with its id. It reports false for one that cannot be kept.
func (s *shelf) put(id string, r api.Record) bool {
	packed := s.packer.pack(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.here, id)
	delete(s.places, id)
	if packed == nil || s.closed {
		return false
	}
	id = strings.Clone(id) // it outlives its page
	if s.write(packed) {
		s.places[id] = extent{s.end, int32(len(packed))}
		s.end += int64(len(packed))
	} else {
		s.here[id] = packed
	}
	return true
}

// write appends to the file. s.mu is held.
func (s *shelf) write(packed []byte) bool {
	if s.file == nil && !s.noFile {
		file, err := os.CreateTemp("", "connector-records-*")
		if s.noFile = err != nil; !s.noFile {
			_ = os.Remove(file.Name()) // it stays as long as it is open
			s.file = file
		}
	}
	if s.noFile {
		return false
	}
	_, err := s.file.WriteAt(packed, s.end)
	s.noFile = err != nil // the disk is full
	return err == nil
}

// get is a copy of a record, or nil.
func (s *shelf) get(id string) api.Record {
	s.mu.Lock()
	packed, found := s.here[id]
	at, inFile := s.places[id]
	file := s.file
	s.mu.Unlock()
	if inFile {
		packed = make([]byte, at.size)
		if _, err := file.ReadAt(packed, at.at); err != nil {
			return nil
		}
	}
	if !found && !inFile {
		return nil
	}
	return s.packer.unpack(packed)
}

func (s *shelf) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.here, id)
	delete(s.places, id)
}

// close gives the file back. Nothing is kept or found afterwards.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	clear(s.places)
	clear(s.here)
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name()) // where an open one could not be
	}
}
