package rest_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

func TestCredential_IsInTheHeaderAndNeverInTheURL(t *testing.T) {
	v := newVendor(t, ok)
	req := get()
	req.Query = url.Values{"limit": {"500"}}
	_, err := newClient(t, v).Do(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, secret, v.headers[0].Get("x-api-token"))
	assert.Equal(t, "/things?limit=500", v.urls[0])
}

func TestCredential_IsNotInAnErrorEvenWhenTheVendorEchoesIt(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"message": func(w http.ResponseWriter) {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`{"error":"no such token: ` + secret + `"}`))
		},
		"code": func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"code":"` + secret + `"}`))
		},
		"correlation id": func(w http.ResponseWriter) {
			w.Header().Set("x-correlation-id", secret)
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{}`))
		},
		"body that does not decode": func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"` + secret + `}`)) },
		"location": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://%zz/"+secret)
			w.WriteHeader(302)
		},
		"text": func(w http.ResponseWriter) {
			w.WriteHeader(404)
			_, _ = w.Write([]byte("token " + secret))
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) { answer(w) })
			req := get()
			req.Once = true
			req.Decode = func(body []byte) error { return errors.New(string(body)) }
			_, err := newClient(t, v).Do(t.Context(), req)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), secret)
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				assert.NotContains(t, inner.Error(), secret)
			}
		})
	}
}

func TestError_DoesNotHoldTheAddress(t *testing.T) {
	v := newVendor(t, ok)
	client := newClient(t, v, func(cfg *rest.Config) { cfg.Retry.Total = 20 * time.Millisecond })
	v.Close()
	req := get()
	req.Path, req.Query = "/things/ada@example.com", url.Values{"term": {"ada@example.com"}}
	_, err := client.Do(t.Context(), req)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "ada")
	assert.True(t, rest.Is(err, rest.Unreachable))
	assert.Contains(t, err.Error(), client.Host(), "a person has to know what cannot be reached")
}

func TestRedirect_IsNotFollowed(t *testing.T) {
	other := newVendor(t, ok)
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, other.URL, http.StatusFound) })
	_, err := newClient(t, v).Do(t.Context(), get())
	assert.True(t, rest.Is(err, rest.Refused), "%v", err)
	assert.Zero(t, other.count(), "it would have got the credential")
	assert.Equal(t, 1, v.count())
}

func TestParseBaseURL(t *testing.T) {
	for _, c := range []struct{ raw, want, problem string }{
		{raw: "https://api.pipedrive.com", want: "https://api.pipedrive.com"},
		{raw: "https://api.pipedrive.com/", want: "https://api.pipedrive.com"},
		{raw: "https://api.brevo.com/v3/", want: "https://api.brevo.com/v3"},
		{raw: "HTTPS://acme.pipedrive.com", want: "https://acme.pipedrive.com"},
		{raw: "http://127.0.0.1:8081", want: "http://127.0.0.1:8081"},
		{raw: "http://127.1.2.3", want: "http://127.1.2.3"},
		{raw: "http://localhost:8081", want: "http://localhost:8081"},
		{raw: "http://[::1]:8081", want: "http://[::1]:8081"},
		{raw: "http://api.pipedrive.com", problem: "in clear"},
		{raw: "http://10.0.0.1", problem: "in clear"},
		{raw: "http://0.0.0.0:80", problem: "in clear"},
		{raw: "http://127.0.0.1.example.com", problem: "in clear"},
		{raw: "http://localhost.example.com", problem: "in clear"},
		{raw: "ftp://127.0.0.1", problem: "use https"},
		{raw: "https://user:hunter2@api.pipedrive.com", problem: "user or password"},
		{raw: "https://hunter2@api.pipedrive.com", problem: "user or password"},
		{raw: "http://127.0.0.1@example.com", problem: "user or password"},
		{raw: "api.pipedrive.com", problem: "no host"},
		{raw: "https://", problem: "no host"},
		{raw: "", problem: "no host"},
		{raw: "https://api.pipedrive.com?api_token=hunter2", problem: "no query"},
		{raw: "https://api.pipedrive.com/#x", problem: "no fragment"},
		{raw: "https://api.pipedrive.com:port", problem: "not a URL"},
		{raw: "https://a b", problem: "not a URL"},
	} {
		t.Run(c.raw, func(t *testing.T) {
			u, err := rest.ParseBaseURL(c.raw)
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				assert.NotContains(t, err.Error(), "hunter2")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, u.String())
		})
	}
}

func TestAnswer_MayBeGzip(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		assert.Contains(t, r.Header.Get("Accept-Encoding"), "gzip")
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		_, _ = zip.Write([]byte(`{"data":"plain"}` + "\n"))
		_ = zip.Close()
	})
	answer, err := newClient(t, v).Do(t.Context(), get())
	require.NoError(t, err)
	assert.Equal(t, `{"data":"plain"}`, string(answer.Body))
}

func TestAnswer_LargerThanTheBoundIsRefusedOnce(t *testing.T) {
	for name, flush := range map[string]bool{"length known": false, "length not known": true} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				_, _ = w.Write([]byte(`{"data":"`))
				if flush {
					_ = http.NewResponseController(w).Flush()
				}
				_, _ = w.Write([]byte(strings.Repeat("x", 2000) + `"}`))
			})
			_, err := newClient(t, v, func(cfg *rest.Config) { cfg.MaxBody = 1000 }).Do(t.Context(), get())
			assert.True(t, rest.Is(err, rest.Refused), "%v", err)
			assert.ErrorContains(t, err, "larger")
			assert.Equal(t, 1, v.count())
		})
	}
}

func TestConnections_AreReused(t *testing.T) {
	var opened atomic.Int32
	v := &vendor{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(400)
		}
		ok(w, r, 0)
	}))}
	v.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	v.Start()
	t.Cleanup(v.Close)
	client := newClient(t, v)
	for range 10 {
		_, err := client.Do(t.Context(), get())
		require.NoError(t, err)
		bad := get()
		bad.Path = "/bad"
		_, err = client.Do(t.Context(), bad)
		require.Error(t, err)
	}
	assert.EqualValues(t, 1, opened.Load())

	for range 5 {
		together(t, client, 8)
	}
	assert.LessOrEqual(t, opened.Load(), int32(16), "of 40 calls, eight at a time")
}

func TestError_KeepsWhatTheVendorSaid(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   rest.Kind
	}{
		{400, rest.Refused}, {401, rest.Unauthorized}, {402, rest.Unauthorized}, {403, rest.Unauthorized},
		{404, rest.NotFound}, {405, rest.Refused}, {408, rest.Unavailable}, {410, rest.NotFound}, {415, rest.Refused},
		{422, rest.Refused}, {425, rest.Unavailable}, {429, rest.RateLimited}, {500, rest.Unavailable},
		{501, rest.Refused}, {502, rest.Unavailable}, {503, rest.Unavailable}, {504, rest.Unavailable}, {524, rest.Unavailable},
	} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("x-correlation-id", "c-17")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(`{"code":"ERR_7","error":"the thing is odd"}`))
			})
			req := get()
			req.Once = true
			_, err := newClient(t, v).Do(t.Context(), req)
			var e *rest.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.kind, e.Kind)
			assert.Equal(t, c.status, e.Status)
			assert.Equal(t, "ERR_7", e.Code)
			assert.Equal(t, "the thing is odd", e.Message)
			assert.Equal(t, "c-17", e.CorrelationID)
			assert.Equal(t, "GET /things", e.Op)
			for _, part := range []string{"reading things: ", "Acme answered", "the thing is odd", "ERR_7", "c-17"} {
				assert.ErrorContains(t, err, part)
			}
			assert.Equal(t, 1, v.count(), "Once means once")
		})
	}
}

func TestObserve_SeesEveryAttempt(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			w.WriteHeader(503)
			return
		}
		ok(w, r, n)
	})
	var seen []rest.Attempt
	client := newClient(t, v, func(cfg *rest.Config) { cfg.Observe = func(a rest.Attempt) { seen = append(seen, a) } })
	_, err := client.Do(t.Context(), get())
	require.NoError(t, err)
	require.Len(t, seen, 2)
	assert.Equal(t, []int{503, 200}, []int{seen[0].Status, seen[1].Status})
	assert.Equal(t, "GET /things", seen[0].Op)
	assert.Equal(t, 10, seen[0].Cost)
}

func TestBody_InPartsArrivesWhole(t *testing.T) {
	var got string
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		assert.EqualValues(t, len(body), r.ContentLength)
		w.WriteHeader(http.StatusNoContent)
	})
	req := post()
	req.BodyOptional = true
	_, err := newClient(t, v).Do(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, `{"a":1}`, got)
}
