package pipedrive

import (
	"context"
	"fmt"
	"sync"

	ordered "github.com/Jeffail/checkpoint"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// storedPosition is what the checkpoint cache holds for pipedrive_paginated.
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

// position knows how far each collection is delivered without a gap, and keeps that in the cache.
type position struct {
	checkpoint

	mu      sync.Mutex
	stored  storedPosition
	pending map[string]*ordered.Uncapped[objectPosition]
	dirty   bool
}

func loadPosition(ctx context.Context, res *service.Resources, conf pagesConfig) (*position, error) {
	p := &position{
		pending: map[string]*ordered.Uncapped[objectPosition]{},
		stored: storedPosition{
			Version: positionVersion, Objects: map[string]objectPosition{},
			Query: fmt.Sprintf("%s filter=%d", conf.list.Version, conf.list.FilterID), Account: conf.account,
		},
	}
	p.checkpoint = checkpoint{res: res, cache: conf.cache, key: conf.cacheKey, changed: p.changed, failed: p.failed}
	for _, o := range conf.objects {
		p.pending[o.Name] = ordered.NewUncapped[objectPosition]()
	}
	var found storedPosition
	ok, err := p.load(ctx, &found, positionVersion)
	if err != nil || !ok {
		return p, err
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

// begin is where to begin with an object.
func (p *position) begin(o *api.Object) (next string, done bool) {
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

func (p *position) changed() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dirty {
		return nil
	}
	p.dirty = false
	copied := p.stored
	copied.Objects = map[string]objectPosition{}
	for name, at := range p.stored.Objects {
		copied.Objects[name] = at
	}
	return copied
}

func (p *position) failed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty = true
}
