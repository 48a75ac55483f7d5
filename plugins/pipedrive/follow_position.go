package pipedrive

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	ordered "github.com/Jeffail/checkpoint"
	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// storedFollow is what the checkpoint cache holds for pipedrive_recents.
type storedFollow struct {
	Version int                     `json:"v"`
	Query   string                  `json:"query"`
	Account string                  `json:"account,omitempty"`
	Day     string                  `json:"day,omitempty"`    // UTC
	Tokens  int                     `json:"tokens,omitempty"` // spent on that day
	Objects map[string]storedObject `json:"objects"`
}

type storedObject struct {
	Full *fullRead `json:"full,omitempty"`
	storedWindow
	Read  string `json:"read,omitempty"`  // when the last read began of which all was delivered, RFC 3339
	Swept string `json:"swept,omitempty"` // when the last sweep began
}

// followVersion 1 is the position of pipedrive_paginated, which says nothing about when a record was
// read: whoever comes from there reads everything once more.
const followVersion = 2

// state is how far an object is read, or delivered.
type state struct {
	full     *fullRead // nil once everything was read
	window   window
	swept    int64 // when the last sweep began, in unix seconds; 0 for never
	caughtUp time.Time
}

// fullRead is a first read of everything that is under way.
type fullRead struct {
	Started int64  `json:"started"`        // unix seconds, by Pipedrive's clock
	Next    string `json:"next,omitempty"` // a cursor; if it is not valid any more, reading begins anew
}

// followPosition knows how far each object is delivered without a gap, and keeps that in the cache.
type followPosition struct {
	checkpoint
	client *api.Client

	books map[string]*book // by name of object, of those that are read

	mu      sync.Mutex
	head    storedFollow
	objects map[string]*tracked
	dirty   bool
	saved   time.Time
}

// tracked is an object's delivered state, and what will change it, in the order of reading.
type tracked struct {
	state   state
	order   *ordered.Uncapped[int]
	changes []func(*state)
	applied int // how many changes are in state
}

func loadFollow(ctx context.Context, client *api.Client, res *service.Resources, conf followConfig) (*followPosition, error) {
	p := &followPosition{
		client: client, objects: map[string]*tracked{},
		head: storedFollow{
			Version: followVersion, Account: client.Account(), Query: fmt.Sprintf("filter=%d", conf.list.FilterID),
		},
	}
	p.checkpoint = checkpoint{res: res, cache: conf.cache, key: conf.cacheKey, changed: p.changed, failed: p.failed}
	var found storedFollow
	ok, err := p.load(ctx, &found, followVersion)
	if err != nil {
		return nil, err
	}
	if ok && found.Version < followVersion {
		res.Logger().Info("the stored position is that of pipedrive_paginated; everything is read once more, and then what changes")
		found.Objects = nil
	} else if ok && (found.Query != p.head.Query || found.Account != "" && found.Account != p.head.Account) {
		res.Logger().Warn("the stored position belongs to a run with other settings or another account; reading starts from the beginning")
		found.Objects = nil
	}
	if day, err := time.Parse(time.DateOnly, found.Day); err == nil && found.Account == p.head.Account {
		client.RestoreDay(day, found.Tokens)
	}
	p.head.Objects = found.Objects // those that are not read now keep theirs
	for _, o := range conf.objects {
		t := &tracked{order: ordered.NewUncapped[int]()}
		if at, stored := found.Objects[o.Name]; stored {
			if t.state, err = at.state(); err != nil {
				return nil, fmt.Errorf("the position of %s in the cache %q cannot be read (%w): use another %s to start from the beginning",
					o.Plural, conf.cache, err, piFieldCheckpointKey)
			}
			if t.state.full != nil {
				res.Logger().Infof("%s: the first read goes on where it was", o.Plural)
			} else {
				res.Logger().Infof("%s: what has changed since %s is read", o.Plural, showSecond(t.state.window.watermark))
			}
		} else {
			t.state = conf.start(client, o)
		}
		p.objects[o.Name] = t
	}
	return p, p.openBooks(ctx, conf.objects)
}

// deletedShown is how long Pipedrive lists a deal that was deleted, and an hour less.
const deletedShown = 30*24*time.Hour - time.Hour

// openBooks makes the books of deals and leads, or takes those of the run before.
func (p *followPosition) openBooks(ctx context.Context, objects []*api.Object) (err error) {
	p.books = map[string]*book{}
	for _, o := range objects {
		if !hasBook(o) {
			continue
		}
		b, at := newBook(o), p.objects[o.Name].state
		_, stored := p.head.Objects[o.Name]
		if stored && (at.full == nil || at.full.Next != "") {
			if b, err = p.loadBook(ctx, o); err != nil {
				return err
			}
			if o.Name == "deal" && !at.caughtUp.IsZero() && p.client.Now().Sub(at.caughtUp) > deletedShown {
				b.lose()
			}
		}
		p.books[o.Name] = b
	}
	p.before = func(ctx context.Context) error {
		for _, b := range p.books {
			if err := p.saveBook(ctx, b); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

func (s storedObject) state() (at state, err error) {
	if at.window, err = s.window(); err != nil {
		return at, err
	}
	at.full = s.Full
	if s.Read != "" {
		if at.caughtUp, err = time.Parse(time.RFC3339, s.Read); err != nil {
			return at, err
		}
	}
	if s.Swept != "" {
		at.swept, err = readSecond(s.Swept)
	}
	return at, err
}

// begin is how far the object was delivered. The reader goes on from its own copy of it.
func (p *followPosition) begin(o *api.Object) state {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.objects[o.Name].state
	at.window = at.window.clone()
	if at.full != nil {
		full := *at.full
		at.full = &full
	}
	return at
}

// track notes a change of the object's state, in the order of reading. The function it returns says
// that what the change is about is delivered; it is made once all before it are, too.
func (p *followPosition) track(o *api.Object, change func(*state)) (settle func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.objects[o.Name]
	t.changes = append(t.changes, change)
	resolve := t.order.Track(t.applied+len(t.changes), 1)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		reached := resolve()
		if reached == nil {
			return
		}
		for t.applied < *reached {
			t.changes[0](&t.state)
			t.changes = t.changes[1:]
			t.applied++
		}
		p.dirty = true
	}
}

// mostUnsettled is how many changes of an object's state may wait for what is before them.
const mostUnsettled = 100

// settled waits while too much of an object is read and not delivered. Its error is the context's.
func (p *followPosition) settled(ctx context.Context, o *api.Object) error {
	for {
		p.mu.Lock()
		waiting := len(p.objects[o.Name].changes)
		p.mu.Unlock()
		if waiting < mostUnsettled {
			return nil
		}
		if err := rest.Sleep(ctx, flushEvery); err != nil {
			return err
		}
	}
}

// caughtUp is when the last read began of which all is delivered; zero for none yet.
func (p *followPosition) caughtUp(o *api.Object) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.objects[o.Name].state.caughtUp
}

// changed also writes when nothing but tokens was spent.
func (p *followPosition) changed() any {
	day, tokens := p.client.Day()
	p.mu.Lock()
	defer p.mu.Unlock()
	spent := day.Format(time.DateOnly) != p.head.Day || tokens != p.head.Tokens
	if !p.dirty && !spent {
		return nil
	}
	p.dirty = false
	p.head.Day, p.head.Tokens = day.Format(time.DateOnly), tokens
	position := p.head
	position.Objects = maps.Clone(p.head.Objects)
	if position.Objects == nil {
		position.Objects = map[string]storedObject{}
	}
	for name, t := range p.objects {
		at := storedObject{Full: t.state.full, storedWindow: t.state.window.stored()}
		if at.Full != nil {
			full := *at.Full
			at.Full = &full
		}
		if !t.state.caughtUp.IsZero() {
			at.Read = t.state.caughtUp.UTC().Format(time.RFC3339)
		}
		if t.state.swept != 0 {
			at.Swept = showSecond(t.state.swept)
		}
		position.Objects[name] = at
	}
	return position
}

func (p *followPosition) failed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty = true
}
