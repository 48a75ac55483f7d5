package brevo

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// hourly keeps the times of the calls that Brevo allows 100 of an hour, so that a process that is started
// again does not spend them twice.
type hourly struct {
	client *api.Client
	store  *store
	log    *service.Logger

	mu      sync.Mutex
	written uint64 // the version that is in the cache
}

const keyHourly = "calls"

// restore takes back what the run before noted. What cannot be read is not worth a stop.
func (h *hourly) restore(ctx context.Context) error {
	var value []byte
	err := insist(ctx, h.log, func() (err error) {
		value, err = h.store.get(ctx, keyHourly)
		return err
	})
	if err != nil {
		return err
	}
	var millis []int64
	if len(value) == 0 || json.Unmarshal(value, &millis) != nil {
		return nil
	}
	times := make([]time.Time, len(millis))
	for i, ms := range millis {
		times[i] = time.UnixMilli(ms)
	}
	h.client.RestoreOtherCalls(times)
	return nil
}

// note writes the times if there are new ones. A cache that fails is said by others, who need it more.
func (h *hourly) note(ctx context.Context) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	version := h.client.OtherCallsVersion()
	if version == h.written {
		return
	}
	millis := []int64{}
	for _, at := range h.client.OtherCalls() {
		millis = append(millis, at.UnixMilli())
	}
	value, err := json.Marshal(millis)
	if err == nil && h.store.set(ctx, keyHourly, value) == nil {
		h.written = version
	}
}
