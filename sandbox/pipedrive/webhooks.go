package pipedrive

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const maxWebhooks = 40

// webhookRoutes are /v1/webhooks. Subscriptions are kept; nothing is delivered.
// Source: developers.pipedrive.com/docs/api/v1/Webhooks
func (s *Server) webhookRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/webhooks", cost: 10, handle: s.listWebhooks},
		{method: "POST", pattern: "/v1/webhooks", cost: 10, handle: s.createWebhook},
		{method: "DELETE", pattern: "/v1/webhooks/{id}", cost: 6, handle: s.deleteWebhook},
	}
}

func (s *Server) listWebhooks(*request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["webhook"]
	data := []any{}
	for _, rec := range t.rows {
		data = append(data, t.unpack(rec))
	}
	return jsonReply(http.StatusOK, map[string]any{"success": true, "status": "ok", "data": data})
}

func webhookError(status int, key, message string) reply {
	return jsonReply(status, map[string]any{
		"success": false, "status": "error", "errors": map[string]any{key: []string{message}},
	})
}

var (
	webhookActions = map[string][]string{
		"2.0": {"create", "change", "delete", "*"},
		"1.0": {"added", "updated", "merged", "deleted", "*"},
	}
	webhookObjects = []string{
		"activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*",
		"activityType", "deal_installment", "deal_product", "board", "phase", "project", "task",
	}
)

// createWebhook is POST /v1/webhooks. Version 2.0 is the default since March 2025.
func (s *Server) createWebhook(r *request) reply {
	body, ok := v1Body(r)
	if !ok {
		return webhookError(http.StatusBadRequest, "body", "is invalid")
	}
	version := text(body["version"])
	if version == "" {
		version = "2.0"
	}
	for _, key := range []string{"subscription_url", "event_action", "event_object", "name"} {
		if text(body[key]) == "" {
			return webhookError(http.StatusBadRequest, key, "is required")
		}
	}
	target, err := url.Parse(text(body["subscription_url"]))
	host := ""
	if err == nil {
		host = target.Hostname()
	}
	switch {
	case host == "" || target.Scheme != "http" && target.Scheme != "https" || strings.HasSuffix(host, ".pipedrive.com"):
		return webhookError(http.StatusBadRequest, "subscription_url", "invalid or non-reachable URL")
	case !slices.Contains(webhookActions[version], text(body["event_action"])):
		return webhookError(http.StatusBadRequest, "event_action", "is invalid")
	case !slices.Contains(webhookObjects, text(body["event_object"])):
		return webhookError(http.StatusBadRequest, "event_object", "is invalid")
	case len(text(body["name"])) > 255:
		return webhookError(http.StatusBadRequest, "name", "is too long")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["webhook"]
	if len(t.rows) >= maxWebhooks {
		return webhookError(http.StatusUnprocessableEntity, "subscription_url", "webhook limit reached")
	}
	user := body["user_id"]
	if user == nil {
		user = s.me()
	}
	rec := s.store(t, map[string]any{
		"company_id": companyID, "owner_id": s.me(), "user_id": user, "admin_id": s.me(),
		"event_action": body["event_action"], "event_object": body["event_object"],
		"subscription_url": body["subscription_url"], "version": version, "name": body["name"],
		"http_auth_user": body["http_auth_user"], "http_auth_password": body["http_auth_password"],
		"is_active": 1, "type": "general", "add_time": time.Now().UTC().Format(leadTime),
	})
	return jsonReply(http.StatusCreated, map[string]any{"success": true, "status": "ok", "data": t.unpack(rec)})
}

func (s *Server) deleteWebhook(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["webhook"]
	rec := t.lookup(r.vars["id"])
	if rec == nil {
		return webhookError(http.StatusNotFound, "id", "not found")
	}
	t.remove(rec)
	return jsonReply(http.StatusOK, map[string]any{"success": true, "status": "ok"})
}
