package pipedrive_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"net/http/httptest"

	"connector/sandbox/pipedrive"
)

// ask sends a request without a network, so that time can be simulated.
func ask(s *pipedrive.Server, path string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("GET", path, nil)
	req.Header.Set("x-api-token", "sandbox")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

func TestToken_IsAcceptedInHeaderQueryAndBearer(t *testing.T) {
	a := newAccount(t, pipedrive.Config{Token: "secret"})
	status := func(path string, header ...string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "GET", a.url+path, nil)
		require.NoError(t, err)
		if len(header) == 2 {
			req.Header.Set(header[0], header[1])
		}
		return a.send(req)
	}
	assert.Equal(t, 200, status("/v1/users/me", "x-api-token", "secret").status)
	assert.Equal(t, 200, status("/v1/users/me", "Authorization", "Bearer secret").status)
	assert.Equal(t, 200, status("/api/v2/persons?api_token=secret").status)
	for _, refused := range []answer{status("/v1/users/me"), status("/v1/users/me", "x-api-token", "other"), status("/api/v2/persons?api_token=")} {
		assert.Equal(t, 401, refused.status)
		assert.Equal(t, "true", refused.header.Get("x-401-by-gw"))
		assert.NotEmpty(t, refused.header.Get("x-correlation-id"))
		assert.Equal(t, object{"success": false, "error": "unauthorized access", "errorCode": 401.0, "error_info": "Please check developers.pipedrive.com"}, refused.body)
	}
	a.SetToken("new")
	assert.Equal(t, 401, status("/v1/users/me", "x-api-token", "secret").status)
	for _, call := range a.Calls() {
		assert.NotContains(t, call.RawQuery, "secret")
	}
}

func TestToken_InQueryIsRefusedOnV2WhenToldSo(t *testing.T) {
	s := pipedrive.New(pipedrive.Config{RefuseQueryToken: true})
	for path, want := range map[string]int{"/api/v2/persons?api_token=sandbox": 401, "/v1/users?api_token=sandbox": 200} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		assert.Equal(t, want, w.Code, path)
	}
}

func TestBurst_AtMostTheLimitPassesInAnyTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipedrive.New(pipedrive.Config{Limits: pipedrive.Limits{Burst: 20}})
		passed := []time.Time{}
		for range 300 {
			if ask(s, "/api/v2/persons/1").Code == http.StatusNotFound {
				passed = append(passed, time.Now())
			}
			time.Sleep(37 * time.Millisecond)
		}
		for i := 20; i < len(passed); i++ {
			assert.GreaterOrEqual(t, passed[i].Sub(passed[i-20]), 2*time.Second)
		}
		assert.Greater(t, len(passed), 90)
		assert.Equal(t, 300-len(passed), s.Stats().Violations)
		assert.Greater(t, s.Stats().MaxBurst, 40)
	})
}

func TestBurst_RefusalSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipedrive.New(pipedrive.Config{Limits: pipedrive.PublishedLimits(), RetryAfter: true})
		first := ask(s, "/api/v2/persons/1")
		assert.Equal(t, "20", first.Header().Get("x-ratelimit-limit"))
		assert.Equal(t, "19", first.Header().Get("x-ratelimit-remaining"))
		assert.Equal(t, "2", first.Header().Get("x-ratelimit-reset"))
		assert.Equal(t, "30000", first.Header().Get("x-daily-ratelimit-token-limit"))
		assert.Equal(t, "29999", first.Header().Get("x-daily-ratelimit-token-remaining"))
		for range 19 {
			ask(s, "/api/v2/persons/1")
		}
		refused := ask(s, "/api/v2/persons/1")
		assert.Equal(t, http.StatusTooManyRequests, refused.Code)
		assert.Equal(t, "0", refused.Header().Get("x-ratelimit-remaining"))
		assert.Equal(t, "2", refused.Header().Get("Retry-After"))
		assert.JSONEq(t, `{"success":false,"error":"request over limit","errorCode":429,"error_info":"Please check developers.pipedrive.com"}`, refused.Body.String())
		time.Sleep(2 * time.Second)
		assert.Equal(t, http.StatusNotFound, ask(s, "/api/v2/persons/1").Code)
	})
}

func TestSearch_HasItsOwnBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipedrive.New(pipedrive.Config{Limits: pipedrive.PublishedLimits()})
		for range 10 {
			require.Equal(t, 200, ask(s, "/api/v2/itemSearch?term=abc").Code)
		}
		assert.Equal(t, 429, ask(s, "/api/v2/persons/search?term=abc").Code)
		assert.Equal(t, 200, ask(s, "/api/v2/persons").Code)
	})
}

func TestBudget_IsChargedByPriceAndRefilledAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipedrive.New(pipedrive.Config{Limits: pipedrive.Limits{DailyTokens: 45}})
		for path, cost := range map[string]int{"/api/v2/persons": 10, "/api/v2/stages": 5, "/v1/leads": 20, "/v1/users/me": 2, "/api/v2/persons/1": 1} {
			before := s.Stats().Tokens
			require.NotEqual(t, 429, ask(s, path).Code)
			assert.Equal(t, cost, s.Stats().Tokens-before, path)
		}
		refused := ask(s, "/api/v2/persons")
		assert.Equal(t, 429, refused.Code)
		assert.Contains(t, refused.Body.String(), "daily request budget exceeded")
		assert.Equal(t, "0", refused.Header().Get("x-daily-ratelimit-token-remaining"))
		assert.Equal(t, 200, ask(s, "/v1/users/me").Code, "what still fits the budget passes")
		time.Sleep(24 * time.Hour)
		assert.Equal(t, 200, ask(s, "/api/v2/persons").Code)
	})
}

func TestBudget_HeadersCanBeHidden(t *testing.T) {
	s := pipedrive.New(pipedrive.Config{Limits: pipedrive.PublishedLimits(), HideDailyHeaders: true})
	assert.Empty(t, ask(s, "/v1/users/me").Header().Get("x-daily-ratelimit-token-limit"))
}

func TestCloudflare_TakesOverFromAClientThatGoesOnAfter429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipedrive.New(pipedrive.Config{Limits: pipedrive.Limits{Burst: 1, CloudflareAfter: 3}})
		var got []int
		for range 6 {
			got = append(got, ask(s, "/v1/users/me").Code)
		}
		assert.Equal(t, []int{200, 429, 429, 429, 403, 403}, got)
		page := ask(s, "/v1/users/me")
		assert.True(t, strings.HasPrefix(page.Header().Get("Content-Type"), "text/html"))
		assert.Equal(t, 3, s.Stats().Blocked)
		time.Sleep(2 * time.Second)
		assert.Equal(t, 200, ask(s, "/v1/users/me").Code)
	})
}

func TestLimits_CanBeChangedAtRunTime(t *testing.T) {
	s := pipedrive.New(pipedrive.Config{})
	for range 50 {
		require.Equal(t, 200, ask(s, "/v1/users/me").Code)
	}
	s.SetLimits(pipedrive.Limits{Burst: 10})
	assert.Equal(t, 429, ask(s, "/v1/users/me").Code)
	s.SetLimits(pipedrive.Limits{})
	assert.Equal(t, 200, ask(s, "/v1/users/me").Code)
}

func TestPaths_UnknownOnesAre404AndWrongMethods405(t *testing.T) {
	a := newAccount(t, pipedrive.Config{})
	for path, want := range map[string]int{"/api/v2/nothing": 404, "/v2/persons": 404, "/api/v1/users": 200, "/v1/users": 200} {
		assert.Equal(t, want, a.get(path).status, path)
	}
	got := a.do("PUT", "/api/v2/persons/1", object{})
	assert.Equal(t, 405, got.status)
	assert.Contains(t, got.header.Get("Allow"), "PATCH")
	assert.Equal(t, false, got.body["success"])
}
