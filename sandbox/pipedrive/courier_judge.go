package pipedrive

import "time"

// judge notes the outcome of an attempt: 2xx is success, everything else and no answer (0) is not.
func (c *courier) judge(l *lane, d *delivery, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return // ended by close, not by the receiver
	}
	now := time.Now()
	c.counts.Attempts++
	if d.attempt > 1 {
		c.counts.Retried++
	}
	l.lastTime, l.lastStatus = now, status
	if status >= 200 && status < 300 {
		l.failingSince = time.Time{}
		if c.cfg.SuccessResetsCount {
			l.strikes = 0
		}
		c.finish(d, &c.counts.Delivered)
		return
	}
	c.strike(l, d, now)
	switch {
	case l.gone():
		c.finish(d, &c.counts.Dropped)
	case d.second || d.attempt > len(retryPauses):
		c.finish(d, &c.counts.GivenUp)
	default:
		pause := c.cfg.scaled(retryPauses[d.attempt-1])
		c.spawn(func() { c.later(l, d, pause) })
	}
}

// strike counts a failure towards the ban and the removal.
func (c *courier) strike(l *lane, d *delivery, now time.Time) {
	if l.failingSince.IsZero() {
		l.failingSince = now
	}
	if !l.gone() && now.Sub(l.failingSince) >= c.cfg.scaled(removeAfter) {
		l.removed = now
		c.counts.Removed++
	}
	if d.attempt > 1 || d.second || now.Before(l.bannedUntil) {
		return
	}
	if l.strikes++; l.strikes >= banFrom {
		l.strikes, l.bannedUntil = 0, now.Add(c.cfg.scaled(banTime))
		c.counts.Bans++
	}
}

// showStatus writes what is known of a webhook's deliveries into its record.
func (c *courier) showStatus(id int64, m map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[id]
	if l == nil {
		return
	}
	if !l.lastTime.IsZero() {
		m["last_delivery_time"] = l.lastTime.UTC().Format(leadTime)
	}
	if l.lastStatus != 0 {
		m["last_http_status"] = l.lastStatus
	}
	if c.cfg.InactiveWhileBanned && time.Now().Before(l.bannedUntil) {
		m["is_active"] = 0
	}
	if !l.removed.IsZero() {
		m["is_active"], m["remove_reason"] = 0, removedReason
		m["remove_time"] = l.removed.UTC().Format(leadTime)
	}
}

// active says whether events of a webhook are still to be sent.
func (c *courier) active(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[id]
	return l == nil || !l.gone()
}
