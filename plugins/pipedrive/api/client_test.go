package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		cfg     api.Config
		problem string
	}{
		"no token":            {api.Config{}, "PIPEDRIVE_API_TOKEN"},
		"domain with dots":    {api.Config{APIToken: "x", CompanyDomain: "acme.pipedrive.com"}, "write acme"},
		"domain with address": {api.Config{APIToken: "x", CompanyDomain: "evil.com/"}, "company_domain"},
		"plain http":          {api.Config{APIToken: "x", BaseURL: "http://api.pipedrive.com"}, "in clear"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.BurstLimit = 20
			_, err := api.New(c.cfg)
			assert.ErrorContains(t, err, c.problem)
		})
	}
}

func TestMe_TellsAWrongTokenAtOnceAndWhatToDo(t *testing.T) {
	a := newAccount(t).on("/v1/users/me", func(url.Values) any {
		return status{401, `{"success":false,"error":"unauthorized access","errorCode":401}`}
	})
	err := a.client().Me(t.Context())
	assert.True(t, rest.Is(err, rest.Unauthorized))
	for _, part := range []string{"401", "unauthorized access", "PIPEDRIVE_API_TOKEN"} {
		assert.ErrorContains(t, err, part)
	}
	assert.Equal(t, 1, a.calls("users/me"))
}

func TestMe_TellsATokenOfAnotherCompany(t *testing.T) {
	a := newAccount(t).on("/v1/users/me", func(url.Values) any {
		return object{"success": true, "data": object{"company_domain": "other"}}
	})
	acme := func(cfg *api.Config) { cfg.CompanyDomain = "acme" }
	err := a.client(acme).Me(t.Context())
	for _, part := range []string{"other", "acme", "PIPEDRIVE_COMPANY_DOMAIN"} {
		require.ErrorContains(t, err, part)
	}
	other := func(cfg *api.Config) { cfg.CompanyDomain = "OTHER" }
	assert.NoError(t, a.client(other).Me(t.Context()))
}

func TestError_OfEveryPublishedShapeIsRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"success":false,"error":"unauthorized access","errorCode":401}`:                        "unauthorized access",
		`{"success":false,"error":"Validation failed: x","code":"ERR_SCHEMA_VALIDATION_FAILED"}`: "[ERR_SCHEMA_VALIDATION_FAILED]",
		`{"success":false,"message":"Forbidden"}`:                                                "Forbidden",
		`{"status":"error","success":false,"errors":{"event_action":["is required"]}}`:           "event_action: is required",
		`{"success":false,"error":{"message":"nested"}}`:                                         "nested",
		`not JSON`: "not JSON",
		``:         http.StatusText(http.StatusTeapot)[:0],
	} {
		a := newAccount(t).on("/v1/notes", func(url.Values) any { return status{400, body} })
		_, err := a.client().List(t.Context(), kind(t, "notes"), "", v1)
		assert.True(t, rest.Is(err, rest.Refused))
		assert.ErrorContains(t, err, want)
	}
}

func TestToken_IsNeverInTheURL(t *testing.T) {
	a := newAccount(t).with("/api/v2/persons", object{"id": 1}).with("/v1/notes", object{"id": 1})
	c := a.client()
	readAll(t, c, "persons", v2)
	readAll(t, c, "notes", v1)
	assert.Zero(t, a.calls("sandbox"))
	assert.Zero(t, a.calls("token"))
}
