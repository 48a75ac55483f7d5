package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"connector/plugins/internal/rest"
)

// Webhook is one subscription to events of Pipedrive.
type Webhook struct {
	ID             string
	Name           string
	Object, Action string // "person", "change"; "*" is all
	URL            string
	Version        string // "2.0" or "1.0"
	User, Password string // of basic authentication; Pipedrive shows them in clear or encrypted

	Active       bool
	LastStatus   string // what the last delivery was answered with
	LastDelivery string // when that was
	RemoveReason string
}

// ownWebhook is how the names of this program's webhooks begin.
const ownWebhook = "connector "

// OwnWebhookName is the name of a webhook of this program's.
func OwnWebhookName(rest string) string { return ownWebhook + rest }

// Own reports whether the webhook was made by this program.
func (w Webhook) Own() bool { return strings.HasPrefix(w.Name, ownWebhook) }

// Event is what the webhook tells of: "person.change".
func (w Webhook) Event() string { return w.Object + "." + w.Action }

// Webhooks lists the company's webhooks.
//
// GET /v1/webhooks, 10 tokens.
// Source: developers.pipedrive.com/docs/api/v1/Webhooks#getWebhooks
func (c *Client) Webhooks(ctx context.Context) (hooks []Webhook, err error) {
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "GET /v1/webhooks", Doing: "listing the webhooks", Method: http.MethodGet, Path: "/v1/webhooks",
		Bucket: bucketCalls, Cost: 10,
		Decode: func(body []byte) error {
			_, data, err := decodeFrame(body)
			hooks = nil
			for _, item := range data {
				if r, ok := item.(map[string]any); ok {
					hooks = append(hooks, webhookOf(r))
				}
			}
			return err
		},
	})
	return hooks, err
}

func webhookOf(r map[string]any) Webhook {
	active := idText(r["is_active"])
	return Webhook{
		ID: idText(r["id"]), Name: idText(r["name"]), Object: idText(r["event_object"]), Action: idText(r["event_action"]),
		URL: idText(r["subscription_url"]), Version: idText(r["version"]),
		User: idText(r["http_auth_user"]), Password: idText(r["http_auth_password"]),
		Active:     active != "0" && active != "false" && idText(r["remove_time"]) == "",
		LastStatus: idText(r["last_http_status"]), LastDelivery: idText(r["last_delivery_time"]), RemoveReason: idText(r["remove_reason"]),
	}
}

// CreateWebhook subscribes to an event, with the rights of the token's user.
//
// POST /v1/webhooks, 10 tokens. 400 when Pipedrive cannot reach the URL, 422 beyond 40 of a user.
// Source: developers.pipedrive.com/docs/api/v1/Webhooks#addWebhook
func (c *Client) CreateWebhook(ctx context.Context, w Webhook) error {
	settings := map[string]string{
		"subscription_url": w.URL, "event_object": w.Object, "event_action": w.Action, "name": w.Name, "version": w.Version,
	}
	if w.User != "" || w.Password != "" {
		settings["http_auth_user"], settings["http_auth_password"] = w.User, w.Password
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "POST /v1/webhooks", Doing: "subscribing to " + w.Event(), Method: http.MethodPost, Path: "/v1/webhooks",
		Bucket: bucketCalls, Cost: 10, Body: [][]byte{body}, BodyOptional: true,
	})
	return withoutText(err, w.Password)
}

// withoutText takes a secret out of a refusal that may have quoted it.
func withoutText(err error, secret string) error {
	var e *rest.Error
	if secret != "" && errors.As(err, &e) {
		e.Message = strings.ReplaceAll(e.Message, secret, "***")
	}
	return err
}

// DeleteWebhook ends a subscription. One that there is not any more is no error.
//
// DELETE /v1/webhooks/{id}, 6 tokens.
// Source: developers.pipedrive.com/docs/api/v1/Webhooks#deleteWebhook
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "DELETE /v1/webhooks/{id}", Doing: "deleting the webhook " + id, Method: http.MethodDelete,
		Path: "/v1/webhooks/" + url.PathEscape(id), Bucket: bucketCalls, Cost: 6, BodyOptional: true,
	})
	if rest.Is(err, rest.NotFound) {
		return nil
	}
	return err
}
