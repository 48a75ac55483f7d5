package rest_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

// naming answers the n-th call with a status and a limit in its header; 0 names none.
func naming(answers func(n int) (status, limit int)) http.Handler {
	n := 0 // calls of these tests come one after the other
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		status, limit := answers(n)
		if limit > 0 {
			w.Header().Set("x-limit", strconv.Itoa(limit))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"data":[]}`))
	})
}

// perHour has the window of "other" allow n calls an hour.
func perHour(n int) func(*rest.Config) {
	return func(cfg *rest.Config) {
		cfg.Books.Buckets["other"].Windows = []*rest.Window{rest.NewWindow(n, time.Hour)}
	}
}

func call(t *testing.T, c *rest.Client) {
	t.Helper()
	_, err := c.Do(t.Context(), other())
	require.NoError(t, err)
}

func left(c *rest.Client) int { return c.Books().Buckets["other"].Left() }

func TestWindow_ALimitNamedByA429IsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, naming(func(n int) (int, int) {
			if n == 3 {
				return http.StatusTooManyRequests, 1
			}
			return http.StatusOK, 0
		}))
		for range 10 {
			call(t, client)
		}
		assert.Equal(t, 99-11, left(client))
	})
}

func TestWindow_ALimitNamedByAnErrorOfTheServerIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, naming(func(n int) (int, int) {
			if n == 1 {
				return http.StatusBadGateway, 1
			}
			return http.StatusOK, 0
		}))
		call(t, client)
		assert.Equal(t, 99-2, left(client))
	})
}

func TestWindow_ALowerLimitHoldsUntilAnAnswerNamesAHigherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := 50
		client := fake(t, naming(func(int) (int, int) { return http.StatusOK, limit }))
		call(t, client)
		assert.Equal(t, 49-1, left(client))
		limit = 0
		call(t, client)
		assert.Equal(t, 49-2, left(client), "an answer that names none says nothing")
		limit = 70
		call(t, client)
		assert.Equal(t, 69-3, left(client))
		limit = 36_000
		call(t, client)
		assert.Equal(t, 99-4, left(client), "no more than configured: it may be another window's")
	})
}

func TestWindow_ALowerLimitThatNoAnswerNamesAgainIsForgottenAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, naming(func(n int) (int, int) {
			if n <= 2 {
				return http.StatusOK, 10
			}
			return http.StatusOK, 0
		}))
		call(t, client)
		time.Sleep(50 * time.Second)
		call(t, client)
		time.Sleep(50 * time.Second)
		assert.Equal(t, 9-2, left(client), "the second answer named it again")
		time.Sleep(10 * time.Second)
		assert.Equal(t, 99-2, left(client))
	})
}

func TestWindow_OneOddAnswerDoesNotHoldUpAnHoursWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, naming(func(n int) (int, int) {
			if n == 1 {
				return http.StatusOK, 1
			}
			return http.StatusOK, 0
		}))
		call(t, client)
		_, err := client.Do(t.Context(), other())
		require.Error(t, err, "it is believed at first")
		time.Sleep(time.Minute)
		call(t, client)
	})
}

func TestWindow_CallsMadeBeforeALowerLimitStillCountAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake(t, naming(func(n int) (int, int) {
			return http.StatusOK, map[int]int{8: 2, 9: 10}[n]
		}), perHour(10))
		for range 8 {
			call(t, client)
		}
		time.Sleep(time.Minute)
		call(t, client)
		assert.Zero(t, left(client), "nine of nine")
		_, err := client.Do(t.Context(), other())
		assert.ErrorContains(t, err, "used up")
	})
}
