package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAllLists_ReadsEveryPage(t *testing.T) {
	for _, have := range []int{0, 49, 50, 120} {
		calls := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			assert.Equal(t, "50", r.URL.Query().Get("limit"), "Brevo takes no more")
			offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
			page := []List{}
			for id := offset + 1; id <= min(offset+50, have); id++ {
				page = append(page, List{ID: int64(id), Name: fmt.Sprint("List ", id)})
			}
			assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"count": have, "lists": page}))
		})
		lists, err := c.AllLists(t.Context())
		require.NoError(t, err)
		assert.Len(t, lists, have)
		assert.Equal(t, have/50+1, calls)
	}
}

func TestCreate_IsNotRepeatedByItself(t *testing.T) {
	calls := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusBadGateway)
	})
	for _, create := range []func() error{
		func() error { return c.CreateAttribute(t.Context(), "SEATS", "float") },
		func() error { return c.CreateCompanyAttribute(t.Context(), "seats", "number", "") },
		func() error { _, err := c.CreateList(t.Context(), "Pipedrive: leads", 1); return err },
		func() error { _, err := c.CreateFolder(t.Context(), "Pipedrive"); return err },
	} {
		calls = 0
		assert.Error(t, create())
		assert.Equal(t, 1, calls, "a second list would be made")
	}
}

func TestCreateList_WithoutAnIDIsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{}`)
	})
	_, err := c.CreateList(t.Context(), "Pipedrive: leads", 1)
	assert.ErrorContains(t, err, "id")
}

func TestLimitReached_SaysWhenThereIsRoomAgain(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-sib-ratelimit-reset", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	until, reached := LimitReached(c.CreateCompanyAttribute(t.Context(), "seats", "number", ""))
	assert.True(t, reached)
	assert.WithinDuration(t, time.Now().Add(30*time.Minute), until, time.Minute)
	_, reached = LimitReached(assert.AnError)
	assert.False(t, reached)
}
