package brevo

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// getFolders: GET /contacts/folders, 10 a page unless told, at most 50.
func (s *Server) getFolders(r *request) reply {
	p, err := r.page(10, 50)
	if err != nil {
		return answer(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := slices.Sorted(maps.Keys(s.folders))
	if !p.ascending {
		slices.Reverse(ids)
	}
	from, to := p.slice(len(ids))
	views := []totals{}
	for _, id := range ids[from:to] {
		views = append(views, s.showFolder(id))
	}
	return ok(http.StatusOK, map[string]any{"folders": views, "count": len(ids)})
}

func (s *Server) showFolder(id int64) totals {
	v := totals{ID: id, Name: s.folders[id]}
	for _, l := range s.sortedLists(true, id) {
		t := s.showList(l).totals
		v.UniqueSubscribers += t.UniqueSubscribers
		v.TotalSubscribers += t.TotalSubscribers
		v.TotalBlacklisted += t.TotalBlacklisted
	}
	return v
}

// createFolder: POST /contacts/folders.
func (s *Server) createFolder(r *request) reply {
	name, err := folderName(r)
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := int64(1)
	for taken := range s.folders {
		id = max(id, taken+1)
	}
	s.folders[id] = name
	return ok(http.StatusCreated, map[string]int64{"id": id})
}

func folderName(r *request) (string, error) {
	f, err := r.object()
	if err != nil {
		return "", err
	}
	name, err := f.text("name")
	if err == nil && name == "" {
		err = refusal{missing("Folder name is missing")}
	}
	return name, err
}

// folder finds the folder of a path; the caller holds the lock.
func (s *Server) folder(r *request) (int64, error) {
	id, err := strconv.ParseInt(r.params[0], 10, 64)
	if err != nil {
		return 0, wrongType("folderId", "number")
	}
	if s.folders[id] == "" {
		return 0, refusal{notFound("Folder ID does not exist")}
	}
	return id, nil
}

// getFolder: GET /contacts/folders/{id}.
func (s *Server) getFolder(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, err := s.folder(r)
	if err != nil {
		return answer(err)
	}
	return ok(http.StatusOK, s.showFolder(id))
}

// updateFolder: PUT /contacts/folders/{id}, a new name.
func (s *Server) updateFolder(r *request) reply {
	name, err := folderName(r)
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.folder(r)
	if err != nil {
		return answer(err)
	}
	s.folders[id] = name
	return noContent()
}

// deleteFolder: DELETE /contacts/folders/{id}, with its lists. Their contacts stay.
func (s *Server) deleteFolder(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.folder(r)
	if err != nil {
		return answer(err)
	}
	for _, l := range s.sortedLists(true, id) {
		s.dropList(l)
	}
	delete(s.folders, id)
	return noContent()
}

// getFolderLists: GET /contacts/folders/{id}/lists.
func (s *Server) getFolderLists(r *request) reply {
	s.mu.RLock()
	id, err := s.folder(r)
	s.mu.RUnlock()
	if err != nil {
		return answer(err)
	}
	return s.listPage(r, id)
}

// getSegments: GET /contacts/segments. The account has none.
func (s *Server) getSegments(r *request) reply {
	if _, err := r.page(10, 50); err != nil {
		return answer(err)
	}
	return ok(http.StatusOK, map[string]any{"segments": []any{}, "count": 0})
}
