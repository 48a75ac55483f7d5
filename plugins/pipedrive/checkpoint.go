package pipedrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
)

// checkpoint keeps an input's position in a cache, as JSON with a version. It writes from a goroutine of
// its own, never from an acknowledgement.
type checkpoint struct {
	res   *service.Resources
	cache string // empty: nothing is kept
	key   string

	// before is written first, since the position relies on it. It may be nil.
	before func(context.Context) error
	// changed is the position if it has to be written, else nil.
	changed func() any
	// failed says that what changed gave last was not written.
	failed func()

	failing atomic.Bool // the last write did not succeed
	flusher sync.WaitGroup
	writing sync.Mutex // held while the cache is written, so that a write that takes long ends before the next
}

const (
	flushEvery   = time.Second
	closeTimeout = 5 * time.Second
)

// load reads the position into a value, whose field "v" must not be above newest. It is false where
// there is none.
func (c *checkpoint) load(ctx context.Context, into any, newest int) (found bool, err error) {
	if c.cache == "" {
		return false, nil
	}
	var raw []byte
	err = c.access(ctx, func(cache service.Cache) (err error) {
		raw, err = cache.Get(ctx, c.key)
		return err
	})
	if errors.Is(err, service.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the position from the cache %q: %w", c.cache, err)
	}
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.Version < 1 {
		return false, fmt.Errorf("the position in the cache %q under the key %q is not one of this input: use another %s",
			c.cache, c.key, piFieldCheckpointKey)
	}
	if head.Version > newest {
		return false, fmt.Errorf("the position in the cache %q was written by a newer version of this program (format %d; this one knows %d): "+
			"use that version, or another %s to start from the beginning", c.cache, head.Version, newest, piFieldCheckpointKey)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("the position in the cache %q under the key %q cannot be read: use another %s to start from the beginning",
			c.cache, c.key, piFieldCheckpointKey)
	}
	return true, nil
}

// start flushes every second until ctx ends.
func (c *checkpoint) start(ctx context.Context) {
	if c.cache == "" {
		return
	}
	c.flusher.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := c.flush(ctx)
			if ctx.Err() != nil {
				return
			}
			if was := c.failing.Swap(err != nil); err != nil && !was {
				c.res.Logger().Errorf("%v; reading stops until it can be written, which is tried every second", err)
			} else if err == nil && was {
				c.res.Logger().Info("the position is written again; reading goes on")
			}
		}
	})
}

// wait holds reading up while the position cannot be written: what is read without it would be read
// again. Its error is the context's.
func (c *checkpoint) wait(ctx context.Context) error {
	for c.failing.Load() {
		if err := rest.Sleep(ctx, flushEvery/4); err != nil {
			return err
		}
	}
	return nil
}

func (c *checkpoint) flush(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.cache == "" {
		return nil
	}
	position := c.changed() // first, so that what it relies on is as new as it
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			c.failed()
			return err
		}
	}
	if position == nil {
		return nil
	}
	raw, err := json.Marshal(position)
	if err == nil {
		err = c.access(ctx, func(cache service.Cache) error { return cache.Set(ctx, c.key, raw, nil) })
	}
	if err != nil {
		c.failed()
		return fmt.Errorf("writing the position to the cache %q: %w", c.cache, err)
	}
	return nil
}

// clear forgets the position.
func (c *checkpoint) clear(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.cache == "" {
		return nil
	}
	_ = c.changed() // nothing is left to write
	err := c.access(ctx, func(cache service.Cache) error { return cache.Delete(ctx, c.key) })
	if err != nil && !errors.Is(err, service.ErrKeyNotFound) {
		return fmt.Errorf("clearing the position in the cache %q: %w", c.cache, err)
	}
	return nil
}

// close writes the position once more. The context given to start has ended.
func (c *checkpoint) close(ctx context.Context) error {
	c.flusher.Wait()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return c.flush(ctx)
}

func (c *checkpoint) access(ctx context.Context, use func(service.Cache) error) error {
	var inner error
	if err := c.res.AccessCache(ctx, c.cache, func(cache service.Cache) { inner = use(cache) }); err != nil {
		return err
	}
	return inner
}
