package pipedrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Jeffail/checkpoint"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// storedPosition is what the checkpoint cache holds.
type storedPosition struct {
	Version int                       `json:"v"`
	Query   string                    `json:"query"`             // what was asked; a position belongs to its question
	Account string                    `json:"account,omitempty"` // whose cursors these are
	Objects map[string]objectPosition `json:"objects"`
}

type objectPosition struct {
	Next string `json:"next,omitempty"` // where the next page begins
	Done bool   `json:"done,omitempty"`
}

const positionVersion = 1

// position knows how far each collection is delivered without a gap, and keeps that in the cache. It
// writes from a goroutine of its own, never from an acknowledgement.
type position struct {
	res   *service.Resources
	cache string
	key   string

	ctx     context.Context // of the flusher
	flusher sync.WaitGroup
	writing sync.Mutex // held while the cache is written, so that a write that takes long ends before the next

	mu      sync.Mutex
	stored  storedPosition
	pending map[string]*checkpoint.Uncapped[objectPosition]
	dirty   bool
}

const (
	flushEvery   = time.Second
	closeTimeout = 5 * time.Second
)

func loadPosition(ctx context.Context, res *service.Resources, conf pagesConfig) (*position, error) {
	p := &position{
		res: res, cache: conf.cache, key: conf.cacheKey,
		pending: map[string]*checkpoint.Uncapped[objectPosition]{},
		stored: storedPosition{
			Version: positionVersion, Objects: map[string]objectPosition{},
			Query: fmt.Sprintf("%s filter=%d", conf.list.Version, conf.list.FilterID), Account: conf.account,
		},
	}
	for _, o := range conf.objects {
		p.pending[o.Name] = checkpoint.NewUncapped[objectPosition]()
	}
	if p.cache == "" {
		return p, nil
	}
	var raw []byte
	err := p.access(ctx, func(c service.Cache) (err error) {
		raw, err = c.Get(ctx, p.key)
		return err
	})
	if errors.Is(err, service.ErrKeyNotFound) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the position from the cache %q: %w", p.cache, err)
	}
	var found storedPosition
	if err := json.Unmarshal(raw, &found); err != nil || found.Version < 1 {
		return nil, fmt.Errorf("the position in the cache %q under the key %q is not one of this input: use another %s",
			p.cache, p.key, piFieldCheckpointKey)
	}
	if found.Version > positionVersion {
		return nil, fmt.Errorf("the position in the cache %q was written by a newer version of this program: use that, "+
			"or another %s to start from the beginning", p.cache, piFieldCheckpointKey)
	}
	if found.Query != p.stored.Query || found.Account != "" && found.Account != conf.account {
		res.Logger().Warn("the stored position belongs to a run with other settings or another account; reading starts from the beginning")
		return p, nil
	}
	if found.Objects != nil && !found.finished(conf.objects) {
		p.stored.Objects = found.Objects
	}
	return p, nil
}

// finished tells a position that should have been cleared, but for a stop at the wrong moment.
func (s storedPosition) finished(objects []*api.Object) bool {
	for _, o := range objects {
		if !s.Objects[o.Name].Done {
			return false
		}
	}
	return true
}

// start is where to begin with an object.
func (p *position) start(o *api.Object) (next string, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.stored.Objects[o.Name]
	return at.Next, at.Done
}

// track notes a page, in the order of reading. The function it returns says that the page is
// delivered; the position moves once all pages before it are, too.
func (p *position) track(o *api.Object, next string) (settle func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	resolve := p.pending[o.Name].Track(objectPosition{Next: next, Done: next == ""}, 1)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if reached := resolve(); reached != nil {
			p.stored.Objects[o.Name] = *reached
			p.dirty = true
		}
	}
}

func (p *position) startFlusher(ctx context.Context) {
	p.ctx = ctx
	if p.cache == "" {
		return
	}
	p.flusher.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := p.flush(ctx); err != nil && ctx.Err() == nil {
					p.res.Logger().Errorf("%v; a restart would read again what was delivered since", err)
				}
			}
		}
	})
}

func (p *position) flush(ctx context.Context) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	if !p.dirty || p.cache == "" {
		p.mu.Unlock()
		return nil
	}
	raw, err := json.Marshal(p.stored)
	p.dirty = false
	p.mu.Unlock()
	if err == nil {
		err = p.access(ctx, func(c service.Cache) error { return c.Set(ctx, p.key, raw, nil) })
	}
	if err != nil {
		p.mu.Lock()
		p.dirty = true
		p.mu.Unlock()
		return fmt.Errorf("writing the position to the cache %q: %w", p.cache, err)
	}
	return nil
}

// finish forgets the position after a run that came to its end.
func (p *position) finish(ctx context.Context) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	p.dirty = false
	p.mu.Unlock()
	if p.cache == "" {
		return nil
	}
	err := p.access(ctx, func(c service.Cache) error { return c.Delete(ctx, p.key) })
	if err != nil && !errors.Is(err, service.ErrKeyNotFound) {
		return fmt.Errorf("clearing the position in the cache %q: %w", p.cache, err)
	}
	return nil
}

func (p *position) close(ctx context.Context) error {
	p.flusher.Wait()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return p.flush(ctx)
}

func (p *position) access(ctx context.Context, use func(service.Cache) error) error {
	var inner error
	if err := p.res.AccessCache(ctx, p.cache, func(c service.Cache) { inner = use(c) }); err != nil {
		return err
	}
	return inner
}
