package brevo

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// webhook is a registration. The sandbox keeps registrations and delivers nothing.
type webhook struct {
	id                int64
	settings          fields // as sent
	created, modified int64
}

var (
	webhookFields = []string{"url", "description", "events", "type", "channel", "domain", "batched", "auth", "headers"}
	webhookTypes  = []string{"transactional", "marketing", "inbound"}

	// webhookEvents are those that POST /webhooks accepts, by type.
	webhookEvents = map[string][]string{
		"marketing": {
			"spam", "opened", "click", "hardBounce", "softBounce", "unsubscribed", "listAddition",
			"delivered", "contactUpdated", "contactDeleted",
		},
		"transactional": {
			"sent", "request", "delivered", "hardBounce", "softBounce", "blocked", "spam", "invalid", "deferred",
			"click", "opened", "uniqueOpened", "unsubscribed", "reply",
		},
		"inbound": {"inboundEmailProcessed"},
	}
)

// webhooksMost is the number of webhooks that an account can have.
const webhooksMost = 40

// getWebhooks: GET /webhooks; without type the transactional ones.
func (s *Server) getWebhooks(r *request) reply {
	p, err := r.page(webhooksMost, webhooksMost)
	if err != nil {
		return answer(err)
	}
	kind := cmp.Or(r.query.Get("type"), "transactional")
	if !slices.Contains(webhookTypes, kind) {
		return invalid("type is invalid")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := slices.Sorted(maps.Keys(s.webhooks))
	if !p.ascending {
		slices.Reverse(ids)
	}
	views := []map[string]any{}
	for _, id := range ids {
		if h := s.webhooks[id]; h.kind() == kind {
			views = append(views, s.showWebhook(h))
		}
	}
	return ok(http.StatusOK, map[string]any{"webhooks": views})
}

func (h *webhook) kind() string {
	kind, _ := h.settings.text("type")
	return cmp.Or(kind, "transactional")
}

func (s *Server) showWebhook(h *webhook) map[string]any {
	v := map[string]any{
		"id": h.id, "type": h.kind(), "description": "", "events": []string{}, "batched": false,
		"createdAt": s.showTime(h.created), "modifiedAt": s.showTime(h.modified),
	}
	for name, value := range h.settings {
		v[name] = value
	}
	delete(v, "channel") // taken, but never shown
	return v
}

// createWebhook: POST /webhooks, 201 with the id.
//
// Source: developers.brevo.com/reference/createwebhook
func (s *Server) createWebhook(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	if address, err := f.text("url"); err != nil {
		return answer(err)
	} else if address == "" {
		return missing("url is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.webhooks) >= webhooksMost {
		return invalid("Maximum number of webhooks reached")
	}
	now := time.Now().UnixMilli()
	h := &webhook{settings: fields{}, created: now}
	if err := h.change(f, now); err != nil {
		return answer(err)
	}
	for id := range s.webhooks {
		h.id = max(h.id, id)
	}
	h.id++
	s.webhooks[h.id] = h
	return ok(http.StatusCreated, map[string]int64{"id": h.id})
}

// change checks a body and takes its fields.
func (h *webhook) change(f fields, now int64) error {
	changed := maps.Clone(h.settings)
	for _, name := range webhookFields {
		if f.has(name) {
			changed[name] = f[name]
		}
	}
	kind, err := changed.text("type")
	if err != nil {
		return err
	}
	accepted, known := webhookEvents[cmp.Or(kind, "transactional")]
	if !known {
		return refusal{invalid("type is invalid")}
	}
	events, err := changed.texts("events")
	if err != nil {
		return err
	}
	for _, event := range events {
		if !slices.Contains(accepted, event) {
			return refusal{invalid("Invalid event " + event)}
		}
	}
	h.settings, h.modified = changed, now
	return nil
}

func (s *Server) webhook(r *request) (*webhook, error) {
	id, err := strconv.ParseInt(r.params[0], 10, 64)
	if err != nil {
		return nil, wrongType("webhookId", "number")
	}
	if s.webhooks[id] == nil {
		return nil, refusal{notFound("Webhook ID does not exist")}
	}
	return s.webhooks[id], nil
}

// getWebhook: GET /webhooks/{id}.
func (s *Server) getWebhook(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, err := s.webhook(r)
	if err != nil {
		return answer(err)
	}
	return ok(http.StatusOK, s.showWebhook(h))
}

// updateWebhook: PUT /webhooks/{id}.
func (s *Server) updateWebhook(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.webhook(r)
	if err != nil {
		return answer(err)
	}
	delete(f, "type") // a webhook keeps its type and its channel
	delete(f, "channel")
	if err := h.change(f, time.Now().UnixMilli()); err != nil {
		return answer(err)
	}
	return noContent()
}

// deleteWebhook: DELETE /webhooks/{id}.
func (s *Server) deleteWebhook(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.webhook(r)
	if err != nil {
		return answer(err)
	}
	delete(s.webhooks, h.id)
	return noContent()
}
