package patience_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"

	"connector/plugins/internal/patience"
	"connector/plugins/internal/rest"
)

// One asks whether the key has been mended; the others wait for it.
func TestPersist_WhileTheKeyIsRefusedOneCallerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, log := new(int), service.MockResources().Logger()
		start := time.Now()
		var calls, done atomic.Int32
		call := func() error {
			calls.Add(1)
			time.Sleep(time.Millisecond)
			if time.Since(start) < 100*time.Second {
				return &rest.Error{Kind: rest.Unauthorized, Status: 401}
			}
			done.Add(1)
			return nil
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { assert.NoError(t, patience.Persist(t.Context(), client, log, call)) })
		}
		time.Sleep(time.Second)
		assert.EqualValues(t, 20, calls.Load(), "those that were under way")
		all.Go(func() { assert.NoError(t, patience.Persist(t.Context(), client, log, call)) })
		time.Sleep(98 * time.Second)
		assert.LessOrEqual(t, calls.Load(), int32(20+7), "one asks every 15 seconds")
		all.Wait()
		assert.EqualValues(t, 21, done.Load())
	})
}

// Whoever asks for all may be stopped; another one goes on.
func TestPersist_AnotherOneAsksWhenTheFirstIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, log := new(int), service.MockResources().Logger()
		mended := atomic.Bool{}
		call := func() error {
			if !mended.Load() {
				return &rest.Error{Kind: rest.Unauthorized, Status: 401}
			}
			return nil
		}
		results := make(chan error, 2)
		first, stop := context.WithCancel(t.Context())
		go func() { results <- patience.Persist(first, client, log, call) }()
		synctest.Wait()
		go func() { results <- patience.Persist(t.Context(), client, log, call) }()
		synctest.Wait()
		stop()
		assert.Error(t, <-results)
		mended.Store(true)
		assert.NoError(t, <-results)
	})
}
