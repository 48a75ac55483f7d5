package brevo

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

type list struct {
	id, folderID         int64
	name                 string
	created              int64
	members, blacklisted int
}

// count notes that a contact came (+1) or went (-1).
func (l *list) count(c *contact, by int) {
	l.members += by
	if c.emailBlacklisted {
		l.blacklisted += by
	}
}

// List is a list with its member counts.
type List struct {
	ID, FolderID         int64
	Name                 string
	Members, Blacklisted int // Blacklisted are among the Members
}

// PutList adds a list to folder 1, or renames it.
func (s *Server) PutList(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putList(id, name)
}

func (s *Server) putList(id int64, name string) {
	if s.lists[id] == nil {
		s.lists[id] = &list{id: id, folderID: 1, created: time.Now().UnixMilli(), name: "List " + strconv.FormatInt(id, 10)}
	}
	if name != "" {
		s.lists[id].name = name
	}
}

// Lists returns the lists in order of id.
func (s *Server) Lists() []List {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []List
	for _, l := range s.sortedLists(true, 0) {
		all = append(all, List{l.id, l.folderID, l.name, l.members, l.blacklisted})
	}
	return all
}

// sortedLists returns the lists of a folder, or with folder 0 all.
func (s *Server) sortedLists(ascending bool, folder int64) []*list {
	all := slices.SortedFunc(maps.Values(s.lists), func(a, b *list) int {
		if ascending {
			return cmp.Compare(a.id, b.id)
		}
		return cmp.Compare(b.id, a.id)
	})
	return slices.DeleteFunc(all, func(l *list) bool { return folder != 0 && l.folderID != folder })
}

type listView struct {
	totals
	FolderID  int64  `json:"folderId,omitempty"`
	CreatedAt string `json:"createdAt,omitempty"`
}

// totals are what lists and folders show alike.
type totals struct {
	ID                int64  `json:"id"`
	Name              string `json:"name"`
	UniqueSubscribers int    `json:"uniqueSubscribers"`
	TotalSubscribers  int    `json:"totalSubscribers"`
	TotalBlacklisted  int    `json:"totalBlacklisted"`
}

func (s *Server) showList(l *list) listView {
	v := listView{totals: totals{ID: l.id, Name: l.name}, FolderID: l.folderID}
	if !s.quirks.ZeroListTotals {
		v.UniqueSubscribers, v.TotalSubscribers, v.TotalBlacklisted = l.members, l.members-l.blacklisted, l.blacklisted
	}
	return v
}

// getLists: GET /contacts/lists, 10 a page unless told, at most 50.
func (s *Server) getLists(r *request) reply { return s.listPage(r, 0) }

func (s *Server) listPage(r *request, folder int64) reply {
	p, err := r.page(10, 50)
	if err != nil {
		return answer(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := s.sortedLists(p.ascending, folder)
	from, to := p.slice(len(all))
	views := []listView{}
	for _, l := range all[from:to] {
		v := s.showList(l)
		if folder != 0 {
			v.FolderID = 0 // not shown where it is in the path
		}
		views = append(views, v)
	}
	return ok(http.StatusOK, map[string]any{"lists": views, "count": len(all)})
}

// createList: POST /contacts/lists, name and folderId required.
func (s *Server) createList(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	name, err := f.text("name")
	if err != nil {
		return answer(err)
	}
	folder, err := f.number("folderId")
	if err != nil {
		return answer(err)
	}
	switch {
	case name == "":
		return missing("List name is missing")
	case folder == 0:
		return missing("Folder ID is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.newList(name, folder)
	if err != nil {
		return answer(err)
	}
	return ok(http.StatusCreated, map[string]int64{"id": id})
}

// newList adds a list to a folder; the caller holds the lock.
func (s *Server) newList(name string, folder int64) (int64, error) {
	if s.folders[folder] == "" {
		return 0, refusal{invalid("Folder ID does not exist")}
	}
	id := int64(1)
	for taken := range s.lists {
		id = max(id, taken+1)
	}
	s.putList(id, name)
	s.lists[id].folderID = folder
	return id, nil
}

// list finds the list of a path; the caller holds the lock.
func (s *Server) list(r *request) (*list, error) {
	id, err := strconv.ParseInt(r.params[0], 10, 64)
	if err != nil {
		return nil, wrongType("listId", "number")
	}
	if s.lists[id] == nil {
		return nil, refusal{notFound("List ID does not exist")}
	}
	return s.lists[id], nil
}

// getList: GET /contacts/lists/{id}.
func (s *Server) getList(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.list(r)
	if err != nil {
		return answer(err)
	}
	v := s.showList(l)
	v.CreatedAt = s.showTime(l.created)
	return ok(http.StatusOK, v)
}

// updateList: PUT /contacts/lists/{id}, a new name or another folder.
func (s *Server) updateList(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	name, err := f.text("name")
	if err != nil {
		return answer(err)
	}
	folder, err := f.number("folderId")
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.list(r)
	switch {
	case err != nil:
		return answer(err)
	case name == "" && folder == 0:
		return missing("Either name or folderId is required")
	case folder != 0 && s.folders[folder] == "":
		return invalid("Folder ID does not exist")
	}
	l.name, l.folderID = cmp.Or(name, l.name), cmp.Or(folder, l.folderID)
	return noContent()
}

// deleteList: DELETE /contacts/lists/{id}. Its contacts stay.
func (s *Server) deleteList(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.list(r)
	if err != nil {
		return answer(err)
	}
	s.dropList(l)
	return noContent()
}

func (s *Server) dropList(l *list) {
	for _, c := range s.ordered {
		s.leave(c, l.id)
	}
	delete(s.lists, l.id)
}
