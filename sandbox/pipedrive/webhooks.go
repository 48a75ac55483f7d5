package pipedrive

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const maxWebhooks = 40

// webhookRoutes are /v1/webhooks. There is no update: delete and create.
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
		if !s.cfg.Webhooks.HideRemoved || s.courier.active(rec.id) {
			data = append(data, s.showWebhook(t, rec))
		}
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

// createWebhook is POST /v1/webhooks. Version 2.0 is the default since March 2025. 40 active webhooks
// per user; the body of the 422 beyond them is not published.
func (s *Server) createWebhook(r *request) reply {
	body, ok := v1Body(r)
	if !ok {
		return webhookError(http.StatusBadRequest, "body", "is invalid")
	}
	version := cmp.Or(text(body["version"]), "2.0")
	for _, key := range []string{"subscription_url", "event_action", "event_object", "name"} {
		if text(body[key]) == "" {
			return webhookError(http.StatusBadRequest, key, "is required")
		}
	}
	switch {
	case !slices.Contains(webhookActions[version], text(body["event_action"])):
		return webhookError(http.StatusBadRequest, "event_action", "is invalid")
	case !slices.Contains(webhookObjects, text(body["event_object"])):
		return webhookError(http.StatusBadRequest, "event_object", "is invalid")
	case len(text(body["name"])) > 255:
		return webhookError(http.StatusBadRequest, "name", "is too long")
	case !s.takes(r, body):
		return webhookError(http.StatusBadRequest, "subscription_url", "invalid or non-reachable URL")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["webhook"]
	user := body["user_id"]
	if user == nil {
		user = s.me()
	}
	if s.webhooksOf(toInt(user)) >= maxWebhooks {
		return webhookError(http.StatusUnprocessableEntity, "subscription_url", "webhook limit reached")
	}
	rec := s.store(t, map[string]any{
		"company_id": companyID, "owner_id": s.me(), "user_id": user, "admin_id": s.me(),
		"event_action": body["event_action"], "event_object": body["event_object"],
		"subscription_url": body["subscription_url"], "version": version, "name": body["name"],
		"http_auth_user": body["http_auth_user"], "http_auth_password": body["http_auth_password"],
		"is_active": 1, "type": "general", "add_time": time.Now().UTC().Truncate(time.Second).Format(leadTime),
	})
	return jsonReply(http.StatusCreated, map[string]any{"success": true, "status": "ok", "data": s.showWebhook(t, rec)})
}

// takes says whether a subscription_url is one: absolute, not Pipedrive's own, and reachable.
func (s *Server) takes(r *request, body map[string]any) bool {
	at, err := url.Parse(text(body["subscription_url"]))
	if err != nil || at.Hostname() == "" || strings.HasSuffix(at.Hostname(), ".pipedrive.com") {
		return false
	}
	if at.Scheme != "https" && (at.Scheme != "http" || s.cfg.Webhooks.HTTPSOnly) {
		return false
	}
	to := target{url: at.String(), user: text(body["http_auth_user"]), password: text(body["http_auth_password"])}
	return s.courier.post.reaches(r.Context(), at, to, s.cfg.Webhooks.Probe)
}

// webhooksOf counts the active webhooks that act for a user.
func (s *Server) webhooksOf(user int64) (n int) {
	t := s.tables["webhook"]
	for _, rec := range t.rows {
		if s.courier.active(rec.id) && toInt(decodeJSON(t.raw(rec, "user_id"))) == user {
			n++
		}
	}
	return n
}

// showWebhook is a webhook as the API shows it.
func (s *Server) showWebhook(t *table, rec *record) map[string]any {
	m := t.unpack(rec)
	s.courier.showStatus(rec.id, m)
	for _, key := range []string{"http_auth_user", "http_auth_password"} {
		if secret := text(m[key]); secret != "" && !s.cfg.Webhooks.PlainCredentials {
			sum := sha256.Sum256([]byte(key + secret)) // not a cipher: only as opaque as one
			m[key] = "v1u:" + base64.StdEncoding.EncodeToString(sum[:])
		}
	}
	return m
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
	s.courier.forget(rec.id)
	return jsonReply(http.StatusOK, map[string]any{"success": true, "status": "ok"})
}
