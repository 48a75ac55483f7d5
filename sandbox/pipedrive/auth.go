package pipedrive

import (
	"net/http"
	"net/url"
	"strings"
)

// authorized looks for the token in x-api-token (the only documented place), in ?api_token= (no
// longer documented, in wide use) and in Authorization: Bearer.
func (s *Server) authorized(r *http.Request) bool {
	s.access.RLock()
	token := s.token
	s.access.RUnlock()
	if given := r.Header.Get("x-api-token"); given != "" {
		return given == token
	}
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return given == token
	}
	if s.cfg.RefuseQueryToken && strings.HasPrefix(r.URL.Path, "/api/v2/") {
		return false
	}
	return r.URL.Query().Get("api_token") == token
}

// hideToken returns the query for the log, where a token must not end up.
func hideToken(u *url.URL) string {
	if !strings.Contains(u.RawQuery, "api_token=") {
		return u.RawQuery
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, p := range parts {
		if strings.HasPrefix(p, "api_token=") {
			parts[i] = "api_token=***"
		}
	}
	return strings.Join(parts, "&")
}
