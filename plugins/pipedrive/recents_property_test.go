package pipedrive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// chaos is an account in which things happen, read by an input to which things happen.
type chaos struct {
	*account
	t      *testing.T
	random *rand.Rand
	store  *store
	conf   string

	in      *input
	flying  []flight
	version int
	want    map[string]string // object and id → the last version there is
	have    map[string]bool   // object, id and version that were delivered
	told    map[string]bool   // object and id that were delivered
	objects []string
}

type flight struct {
	told []message
	ack  service.AckFunc
}

// happen lets one thing happen.
func (c *chaos) happen() {
	c.t.Helper()
	switch n := c.random.IntN(100); {
	case n < 25:
		c.write(1 + c.random.IntN(3))
	case n < 28:
		c.write(10 + c.random.IntN(20))
	case n < 32:
		c.removeDeal()
	case n < 55:
		c.read()
	case n < 75:
		c.settle(nil)
	case n < 82:
		c.settle(assert.AnError)
	case n < 95:
		time.Sleep(time.Duration(c.random.IntN(2500)) * time.Millisecond)
	case n < 96:
		time.Sleep(time.Duration(c.random.IntN(200)) * time.Second)
	case n < 98:
		c.restart(false)
	default:
		c.restart(true)
	}
}

// write changes or adds records, all in the same second.
func (c *chaos) write(n int) {
	for range n {
		object, id := c.objects[c.random.IntN(len(c.objects))], 1+c.random.IntN(40)
		c.version++
		version := fmt.Sprint("v", c.version)
		c.change(object, id, version)
		c.want[fmt.Sprint(object, id)] = version
	}
}

func (c *chaos) removeDeal() {
	id := 1 + c.random.IntN(40)
	if _, there := c.want[fmt.Sprint("deal", id)]; there {
		c.remove("deal", id)
		c.want[fmt.Sprint("deal", id)] = "deleted"
	}
}

// read takes a page and keeps it in flight.
func (c *chaos) read() {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Duration(c.random.IntN(500))*time.Millisecond)
	defer cancel()
	batch, ack, err := c.in.ReadBatch(ctx)
	if err == nil {
		c.flying = append(c.flying, flight{messagesOf(c.t, batch), ack})
	}
}

// settle acknowledges one of the pages in flight, or does not.
func (c *chaos) settle(err error) {
	if len(c.flying) == 0 {
		return
	}
	i := c.random.IntN(len(c.flying))
	f := c.flying[i]
	c.flying = append(c.flying[:i], c.flying[i+1:]...)
	if err == nil {
		for _, m := range f.told {
			id := m.meta["pipedrive_id"]
			if m.meta["pipedrive_object"] == "lead" {
				var n int
				_, scan := fmt.Sscanf(id, "%08d", &n)
				require.NoError(c.t, scan)
				id = fmt.Sprint(n)
			}
			c.told[m.meta["pipedrive_object"]+id] = true
			c.have[m.meta["pipedrive_object"]+id+" "+m.text()] = true
		}
	}
	require.NoError(c.t, f.ack(c.t.Context(), err))
}

// restart stops the input, or kills it: then nothing more is written. Pages in flight are not delivered.
func (c *chaos) restart(kill bool) {
	if kill {
		c.store.set(func(s *testCache) { s.dead = true })
	}
	_ = c.in.Close(context.Background())
	c.store.set(func(s *testCache) { s.dead = false })
	c.flying = nil
	if kill || c.random.IntN(2) == 0 {
		c.newProcess()
	}
	c.in = c.startRecents(c.store.resources, c.conf)
}

// calm lets everything that there is be delivered.
func (c *chaos) calm() {
	for quiet := 0; quiet < 3; {
		for len(c.flying) > 0 {
			c.settle(nil)
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
		batch, ack, err := c.in.ReadBatch(ctx)
		cancel()
		if err != nil {
			quiet++
			continue
		}
		c.flying = append(c.flying, flight{messagesOf(c.t, batch), ack})
	}
}

// The position never passes a page that is not delivered, or a record would be missing in the end.
func TestRecents_WhateverHappensEveryRecordsLastVersionIsDelivered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conf    string
		objects []string
	}{
		"cursors":       {"objects: [persons, deals]", []string{"person", "deal"}},
		"counted pages": {"objects: [leads, notes]", []string{"lead", "note"}},
		"recents":       {"objects: [persons, deals]\nsource: recents", []string{"person", "deal"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seeds := 40
			if testing.Short() {
				seeds = 10
			}
			lost := 0
			for seed := range seeds {
				cfg := sandbox.Config{Latency: time.Duration(seed%3) * 200 * time.Millisecond}
				if name == "recents" {
					cfg.NullRecents = seed % 4 * 2
				}
				inFakeTime(t, cfg, func(t *testing.T, a *account) {
					missing := newChaos(t, a, seed, c.objects, c.conf).run()
					if assert.Empty(t, missing, "seed %d: never delivered in their last version", seed); len(missing) > 0 {
						lost++
					}
				})
			}
			assert.Zero(t, lost, "runs of %d that lost something", seeds)
		})
	}
}

func newChaos(t *testing.T, a *account, seed int, objects []string, conf string) *chaos {
	return &chaos{
		account: a, t: t, random: rand.New(rand.NewPCG(uint64(seed), 1)), store: newStore(t), objects: objects,
		want: map[string]string{}, have: map[string]bool{}, told: map[string]bool{},
		conf: withCache + fmt.Sprintf("poll_interval: 1s\npage_size: %d\ncheckpoint_limit: %d\n", 2+seed%7, 1+seed%40) + conf,
	}
}

// run returns the records that were never delivered as they are in the end.
func (c *chaos) run() (missing []string) {
	c.write(40)
	c.in = c.startRecents(c.store.resources, c.conf)
	for range 250 {
		c.happen()
	}
	c.calm()
	for record, version := range c.want {
		if version == "deleted" && !c.told[record] {
			continue // what was never told need not be taken back
		}
		if !c.have[record+" "+version] {
			missing = append(missing, record+" "+version)
		}
	}
	require.NoError(c.t, c.in.Close(c.t.Context()))
	return missing
}
