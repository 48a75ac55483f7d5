package pipedrive

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

// seen knows which deliveries are safe and which are under way, so that each is handed on once, however
// often it comes. What is safe is kept in memory, and in the cache where there is one, so that a restart
// does not forget it.
type seen struct {
	res   *service.Resources
	cache string // empty: none
	ttl   time.Duration

	started atomic.Pointer[time.Time] // by Pipedrive's clock; nil before it is known

	mu         sync.Mutex
	underWay   map[string]*arrival
	young, old map[string]struct{} // keys of what is safe
	firsts     map[string]string   // content → key, of the latest first attempts

	failing atomic.Bool // the cache failed when it was last used
}

const (
	// seenGeneration and twice as many deliveries are kept in memory, about 300 bytes each. Pipedrive's
	// last attempt comes three minutes after the first.
	seenGeneration = 1 << 16

	cacheTimeout = 2 * time.Second

	startSlack = 30 * time.Second
)

func newSeen(res *service.Resources, cache string, ttl time.Duration) *seen {
	return &seen{res: res, cache: cache, ttl: ttl, underWay: map[string]*arrival{}, young: map[string]struct{}{}, firsts: map[string]string{}}
}

// claim returns what is under way of a delivery, and true if that is the caller's to see to.
func (s *seen) claim(ctx context.Context, d *api.Delivery) (a *arrival, first bool) {
	s.mu.Lock()
	key := s.keyOf(d)
	a = s.underWay[key]
	if a != nil {
		s.mu.Unlock()
		return a, false
	}
	a = &arrival{Delivery: d, key: key, settled: make(chan struct{})}
	if s.safe(key) {
		s.mu.Unlock()
		close(a.settled)
		return a, false
	}
	s.underWay[key] = a
	s.mu.Unlock()
	if s.maybeStored(d) && s.stored(ctx, key) {
		s.settle(a, nil)
		return a, false
	}
	return a, true
}

// keyOf is a delivery's key, but of a retry that of its first attempt: whether Pipedrive's retries have
// the meta.id of the first is not documented.
func (s *seen) keyOf(d *api.Delivery) string {
	if d.Attempt > 1 {
		return cmp.Or(s.firsts[d.Content()], d.Key())
	}
	if len(s.firsts) >= seenGeneration {
		clear(s.firsts)
	}
	s.firsts[d.Content()] = d.Key()
	return d.Key()
}

// begin says when this run began, by Pipedrive's clock.
func (s *seen) begin(at time.Time) { s.started.CompareAndSwap(nil, &at) }

// maybeStored reports whether a former run can have seen a delivery: not of what happened since this one
// began. Pipedrive's clock may be known some seconds late.
func (s *seen) maybeStored(d *api.Delivery) bool {
	at, err := time.Parse(time.RFC3339, d.Time)
	started := s.started.Load()
	return err != nil || started == nil || !at.After(started.Add(startSlack))
}

func (s *seen) safe(key string) bool {
	_, young := s.young[key]
	_, old := s.old[key]
	return young || old
}

// settle says what became of a delivery, to all who wait for it. It does so once; what comes later is
// ignored.
func (s *seen) settle(a *arrival, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[a.key] != a {
		return
	}
	delete(s.underWay, a.key)
	if err == nil {
		if len(s.young) >= seenGeneration {
			s.old, s.young = s.young, map[string]struct{}{}
		}
		s.young[a.key] = struct{}{}
	}
	a.err = err
	close(a.settled)
}

// abandon settles all that is under way.
func (s *seen) abandon(err error) {
	s.mu.Lock()
	var all []*arrival
	for _, a := range s.underWay {
		all = append(all, a)
	}
	s.mu.Unlock()
	for _, a := range all {
		s.settle(a, err)
	}
}

// store keeps a delivery that is safe in the cache. To fail at it fails nobody: it is safe all the same.
func (s *seen) store(ctx context.Context, key string) {
	if s.cache == "" {
		return
	}
	s.tell(s.access(ctx, func(ctx context.Context, cache service.Cache) error {
		return cache.Set(ctx, cacheKey(key), []byte("1"), &s.ttl)
	}))
}

func (s *seen) stored(ctx context.Context, key string) bool {
	if s.cache == "" {
		return false
	}
	err := s.access(ctx, func(ctx context.Context, cache service.Cache) error {
		_, err := cache.Get(ctx, cacheKey(key))
		return err
	})
	if err == nil {
		return true
	}
	if errors.Is(err, service.ErrKeyNotFound) {
		err = nil
	}
	s.tell(err)
	return false
}

func cacheKey(key string) string { return "pipedrive_webhook/" + key }

func (s *seen) access(ctx context.Context, use func(context.Context, service.Cache) error) error {
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	var inner error
	if err := s.res.AccessCache(ctx, s.cache, func(cache service.Cache) { inner = use(ctx, cache) }); err != nil {
		return err
	}
	return inner
}

// tell logs when the cache begins to fail and when it works again.
func (s *seen) tell(err error) {
	if was := s.failing.Swap(err != nil); err != nil && !was {
		s.res.Logger().Errorf("the dedupe_cache %q fails: %v; deliveries go on, but one that is repeated after a restart is handed on again", s.cache, err)
	} else if err == nil && was {
		s.res.Logger().Infof("the dedupe_cache %q works again", s.cache)
	}
}
