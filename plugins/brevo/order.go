package brevo

import (
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// skipOlder is the reason for a message that is older than what was delivered of its record.
const skipOlder = "older than what was delivered"

// timeOf is a message's pipedrive_time in milliseconds; 0 where it has none.
func timeOf(m *service.Message) int64 { return metaTime(m, "pipedrive_time") }

func metaTime(m *service.Message, key string) int64 {
	text, ok := m.MetaGet(key)
	if !ok {
		return 0
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

// knownUntil is up to when a message knows of its record: its pipedrive_time, or the end of that second. A read
// gives whole seconds, and one that began later has seen all that happened within: a webhook of that second which
// comes after it, since it was tried again or lay in a queue, tells nothing newer. Nor does one after a deletion.
func knownUntil(m *service.Message) int64 {
	t := timeOf(m)
	action, _ := m.MetaGet("pipedrive_action")
	if t != 0 && (action == "delete" || t%1000 == 0 && metaTime(m, "pipedrive_read") >= t+1000) {
		t += endOfSecond - t%1000
	}
	return t
}

const endOfSecond = 999

// older reports whether t is certainly before what was delivered. A time in whole seconds stands for
// all of its second: a list read says 10:00:05 of what a webhook called 10:00:05.700. But a record that was
// deleted within the second does not come back in it.
func older(t, delivered int64, deleted bool) bool {
	if t == 0 || delivered == 0 {
		return false
	}
	switch within := t % 1000; {
	case within == 0 && !deleted:
		t += endOfSecond
	case within == endOfSecond && deleted:
		t -= endOfSecond
	}
	return t < delivered
}

// times remembers when records were last delivered: the last 32,768 at least, and twice that at most.
type times struct {
	mu         sync.Mutex
	young, old map[key]moment
}

// moment is a time in milliseconds, and what was delivered then.
type moment struct {
	time    int64
	deleted bool   // the contact was
	print   uint64 // the fingerprint; 0 where it is not known
}

// otherPrint is the fingerprint of what is no whole contact: it is like no other.
const otherPrint = 1

const generation = 1 << 15

func newTimes() *times { return &times{young: map[key]moment{}} }

func (t *times) last(k key) moment {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.young[k]; ok {
		return m
	}
	return t.old[k]
}

// note remembers a delivery, unless a later one is known.
func (t *times) note(k key, m moment) {
	if m.time == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, ok := t.young[k]; ok && now.time > m.time {
		return
	} else if !ok && t.old[k].time > m.time {
		return
	}
	if len(t.young) >= generation {
		t.old, t.young = t.young, make(map[key]moment, generation)
	}
	t.young[k] = m
}

// inOrder puts the messages of each record that has several into the order of their times. One without
// a time stays behind the one before it.
func inOrder(writes []*write) []*write {
	bySubject := make(map[key]int, len(writes))
	var several map[key][]int
	for i, w := range writes {
		first, again := bySubject[w.subject]
		if !again {
			bySubject[w.subject] = i
			continue
		}
		if several == nil {
			several = map[key][]int{}
		}
		if several[w.subject] == nil {
			several[w.subject] = []int{first}
		}
		several[w.subject] = append(several[w.subject], i)
	}
	if several == nil {
		return writes
	}
	ordered := slices.Clone(writes)
	for _, places := range several {
		type timed struct {
			w    *write
			time int64
		}
		own := make([]timed, len(places))
		for i, place := range places {
			own[i] = timed{writes[place], writes[place].time}
			if own[i].time == 0 && i > 0 {
				own[i].time = own[i-1].time
			}
		}
		slices.SortStableFunc(own, func(a, b timed) int { return int(min(max(a.time-b.time, -1), 1)) })
		for i, place := range places {
			ordered[place] = own[i].w
		}
	}
	return ordered
}

// rounds splits writes so that no contact, record or address is in one round twice: what comes later
// for one is written later. Contacts that give up an address go first, so that it is free for others.
func rounds(writes []*write) [][]*write {
	writes = inOrder(slices.DeleteFunc(slices.Clone(writes), func(w *write) bool { return !w.open() }))
	var movers, others []*write
	seen := make(map[key]int, 3*len(writes))
	for _, w := range writes {
		if _, again := seen[w.contactKey]; !again && w.former != 0 {
			movers = append(movers, w)
		} else {
			others = append(others, w)
		}
		seen[w.contactKey] = 0
	}
	clear(seen)
	var all [][]*write
	for _, w := range append(inTurn(movers), others...) {
		n := 0
		for _, k := range w.keys() {
			n = max(n, seen[k])
		}
		for _, k := range w.keys() {
			seen[k] = n + 1
		}
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], w)
	}
	return all
}

// inTurn puts each contact that gives up an address before the one that is to have it.
func inTurn(movers []*write) []*write {
	if len(movers) < 2 {
		return movers
	}
	leaves := make(map[uint64]*write, len(movers))
	for _, w := range movers {
		leaves[w.former] = w
	}
	ordered, seen := make([]*write, 0, len(movers)), make(map[*write]bool, len(movers))
	for _, w := range movers {
		var chain []*write
		for ; w != nil && !seen[w]; w = leaves[w.address] {
			seen[w] = true
			chain = append(chain, w)
		}
		slices.Reverse(chain)
		ordered = append(ordered, chain...)
	}
	return ordered
}
