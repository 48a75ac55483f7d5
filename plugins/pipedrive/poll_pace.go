package pipedrive

import (
	"time"
)

const (
	// scarce is how many tokens may be left of a day before polls are spaced so that the rest lasts: half of what
	// the smallest plan has, for one seat.
	scarce = 15_000

	// forPolls is the part of what is left that polls may take; the rest is for what they find.
	forPolls = 0.75
)

// interval is how long it is to the next poll: poll_interval, or longer where the day's tokens would not last.
func (f *follower) interval() time.Duration {
	totals := f.client.Totals()
	if totals.DayLeft < 0 || totals.DayLeft >= scarce {
		f.spaced = false
		return f.conf.interval
	}
	round := 0
	for _, o := range f.conf.objects {
		round += o.Cost(f.conf.list.Version)
	}
	now := f.client.Now().UTC()
	day := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	left := max(1, int(float64(totals.DayLeft-totals.DayReserve)*forPolls))
	spaced := min(time.Duration(float64(day)*float64(round)/float64(left)), day)
	if spaced <= f.conf.interval {
		return f.conf.interval
	}
	if !f.spaced && f.o == f.conf.objects[0] {
		f.log.Warnf("%d of Pipedrive's tokens are left of this day: changes are looked for every %v and not every %v, so that they last; "+
			"a longer poll_interval (POLL_INTERVAL), or fewer objects, need fewer", totals.DayLeft, spaced.Round(time.Second), f.conf.interval)
	}
	f.spaced = true
	return spaced
}
