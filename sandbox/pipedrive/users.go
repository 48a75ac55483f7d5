package pipedrive

import (
	"net/http"
	"strings"
)

const companyID = 8000001

// userRoutes are /v1/users. Source: developers.pipedrive.com/docs/api/v1/Users
func (s *Server) userRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/users", cost: 20, handle: s.listUsers},
		{method: "GET", pattern: "/v1/users/me", cost: 2, handle: s.getMe},
		{method: "GET", pattern: "/v1/users/find", cost: 40, handle: s.findUsers},
		{method: "GET", pattern: "/v1/users/{id}", cost: 2, handle: s.getUser},
	}
}

// listUsers is not paged.
func (s *Server) listUsers(*request) reply {
	return s.usersThat(func(map[string]any) bool { return true })
}

// findUsers is GET /v1/users/find?term=, by part of the name, or of the address with search_by_email=1.
func (s *Server) findUsers(r *request) reply {
	q := newQuery(r.URL)
	key := "name"
	if q.text("search_by_email") == "1" {
		key = "email"
	}
	term := strings.ToLower(q.text("term"))
	return s.usersThat(func(m map[string]any) bool { return strings.Contains(strings.ToLower(text(m[key])), term) })
}

func (s *Server) usersThat(wanted func(map[string]any) bool) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := []any{}
	for _, rec := range s.tables["user"].rows {
		if m := s.userV1(rec); wanted(m) {
			data = append(data, m)
		}
	}
	return jsonReply(http.StatusOK, map[string]any{"success": true, "data": data})
}

func (s *Server) userV1(rec *record) map[string]any {
	m := s.tables["user"].unpack(rec)
	m["is_you"] = toInt(s.me()) == rec.id
	return m
}

func (s *Server) getUser(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.tables["user"].lookup(r.vars["id"])
	if rec == nil {
		return jsonReply(http.StatusNotFound, map[string]any{"success": false, "error": "User not found or not accessible."})
	}
	return dataReply(http.StatusOK, s.userV1(rec))
}

// getMe is GET /v1/users/me: the user of the token, with the company.
func (s *Server) getMe(*request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]any{"id": s.me(), "name": "Sandbox User", "email": "user@sandbox.example.com", "is_you": true}
	if rec := s.tables["user"].find(toInt(s.me())); rec != nil {
		m = s.userV1(rec)
	}
	m["company_id"], m["company_name"], m["company_domain"] = companyID, "Sandbox Ltd", s.cfg.CompanyDomain
	m["company_country"], m["company_industry"] = "GB", "Software"
	m["language"] = map[string]any{"language_code": "en", "country_code": "GB"}
	return dataReply(http.StatusOK, m)
}

// userRef is a user as v1 embeds it in other records.
func (s *Server) userRef(id int32) any {
	if id == 0 {
		return nil
	}
	t := s.tables["user"]
	out := map[string]any{
		"id": id, "name": "User", "email": "user@sandbox.example.com",
		"has_pic": 0, "pic_hash": nil, "active_flag": true, "value": id,
	}
	if rec := t.find(int64(id)); rec != nil {
		out["name"], out["email"] = t.text(rec, "name"), t.text(rec, "email")
	}
	return out
}
