package rest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

// The ways in which an answer can be lost or spoilt.
var spoilt = map[string]func(w http.ResponseWriter, r *http.Request){
	"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	"502 with HTML": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(502)
		_, _ = w.Write([]byte("<html>bad gateway</html>"))
	},
	"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
	"504": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) },
	"524": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(524) },
	"408": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(408) },
	"reset": func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	},
	"timeout": func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client leaves
		<-r.Context().Done()
	},
	"empty body":                            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) },
	"blank body":                            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(" \n")) },
	"truncated JSON":                        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"data":[{"id":1`)) },
	"truncated JSON that ends in a bracket": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"data":[{"id":1}`)) },
	"cut body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"data":[]}`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
}

func brief(cfg *rest.Config) { cfg.Timeout = 250 * time.Millisecond }

func TestGet_IsTriedAgainAfterASpoiltAnswer(t *testing.T) {
	for name, spoil := range spoilt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n <= 2 {
					spoil(w, r)
					return
				}
				ok(w, r, n)
			})
			answer, err := newClient(t, v, brief).Do(t.Context(), get())
			require.NoError(t, err)
			assert.Equal(t, `{"data":[]}`, string(answer.Body))
			assert.GreaterOrEqual(t, v.count(), 3)
		})
	}
}

func TestGet_IsTriedAgainForABoundedTimeOnly(t *testing.T) {
	for name, spoil := range spoilt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, func(w http.ResponseWriter, r *http.Request, _ int) { spoil(w, r) })
			client := newClient(t, v, brief, func(cfg *rest.Config) {
				cfg.Retry = rest.Retry{First: 5 * time.Millisecond, Most: 20 * time.Millisecond, Total: 200 * time.Millisecond}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := client.Do(ctx, get())
			require.Error(t, err)
			require.NoError(t, ctx.Err(), "it ended by itself")
			assert.True(t, rest.Passing(err), "%v", err)
			assert.Less(t, v.count(), 90, "pauses grow")
		})
	}
}

func TestPost_IsNotTriedAgainUnlessItIsRepeatable(t *testing.T) {
	for name, spoil := range spoilt {
		if name == "reset" {
			continue // net/http itself may send it again when the connection was idle; see below
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, r *http.Request, n int) {
				if n == 1 {
					spoil(w, r)
					return
				}
				ok(w, r, n)
			}
			once := newVendor(t, answer)
			req := post()
			req.Decode = get().Decode
			_, err := newClient(t, once, brief).Do(t.Context(), req)
			require.Error(t, err)
			assert.Equal(t, 1, once.count(), "it may have been done")

			again := newVendor(t, answer)
			req.Repeatable = true
			_, err = newClient(t, again, brief).Do(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 2, again.count())
		})
	}
}

func TestPost_ThatLostItsConnectionIsNotTriedAgain(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 2 { // on a connection that has been used
			spoilt["reset"](w, r)
			return
		}
		ok(w, r, n)
	})
	client := newClient(t, v)
	_, err := client.Do(t.Context(), post())
	require.NoError(t, err)
	_, err = client.Do(t.Context(), post())
	assert.True(t, rest.Is(err, rest.Unreachable), "%v", err)
	assert.Equal(t, 2, v.count())
}

func TestPost_ThatWasTurnedAwayIsTriedAgain(t *testing.T) {
	for _, status := range []int{425, 429} {
		v := newVendor(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.WriteHeader(status)
				return
			}
			ok(w, r, n)
		})
		_, err := newClient(t, v, withBooks(openGate())).Do(t.Context(), post())
		require.NoError(t, err, "%d: nothing was done", status)
		assert.Equal(t, 2, v.count())
	}
}

func TestRefusal_IsNotTriedAgain(t *testing.T) {
	for _, status := range []int{400, 401, 402, 403, 404, 405, 410, 415, 422, 501} {
		v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(status) })
		_, err := newClient(t, v).Do(t.Context(), get())
		require.Error(t, err)
		assert.Equal(t, 1, v.count(), "%d", status)
	}
}

func TestFirewallPage_IsNeverTriedAgain(t *testing.T) {
	for name, contentType := range map[string]string{"said to be HTML": "text/html; charset=UTF-8", "not said to be HTML": "application/json"} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Type", contentType)
				w.WriteHeader(403)
				_, _ = w.Write([]byte("\n<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"))
			})
			_, err := newClient(t, v, withBooks(openGate())).Do(t.Context(), get())
			assert.True(t, rest.Is(err, rest.Blocked), "%v", err)
			assert.False(t, rest.Passing(err))
			assert.Equal(t, 1, v.count())
			assert.NotContains(t, err.Error(), "<")
			assert.GreaterOrEqual(t, rest.PauseAfter(err, 0), 5*time.Minute, "a firewall blocks longer whoever knocks on")
		})
	}
}

func TestWaitingCall_EndsWithItsContext(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) })
	ctx, cancel := context.WithCancel(t.Context())
	client := newClient(t, v, func(cfg *rest.Config) {
		cfg.Retry = rest.Retry{First: time.Hour, Most: time.Hour, Total: 10 * time.Hour}
	})
	done := make(chan error, 1)
	go func() { _, err := client.Do(ctx, get()); done <- err }()
	require.Eventually(t, func() bool { return v.count() == 1 }, 5*time.Second, time.Millisecond)
	cancel()
	select {
	case err := <-done:
		assert.ErrorIs(t, err, context.Canceled)
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on waiting")
	}
}
