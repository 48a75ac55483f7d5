package pipedrive

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

const burstWindow = 2 * time.Second

// window remembers the moments of the last two seconds.
type window []time.Time

func (w *window) count(now time.Time) int {
	old := 0
	for old < len(*w) && now.Sub((*w)[old]) >= burstWindow {
		old++
	}
	*w = (*w)[old:]
	return len(*w)
}

// gate decides whether a request may pass.
type gate struct {
	mu       sync.Mutex
	limits   Limits
	arrived  window // every authorized request, for Stats
	passed   window
	searches window
	day      string
	spent    int
	refused  int // in a row
	stats    gateStats
}

type gateStats struct {
	maxBurst, limited, blocked int
}

// verdict says what became of a request, and what the rate headers tell.
type verdict struct {
	refused               string // "", "burst", "daily" or "blocked"
	limit, left           int
	reset                 time.Duration
	dailyLimit, dailyLeft int
	untilMidnight         time.Duration
}

func (g *gate) set(l Limits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = l
}

// admit counts the request and charges its price if it may pass. Refused requests fill no window:
// the limit is on what is let through in any 2 s.
func (g *gate) admit(rt *route) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.arrived.count(now)
	g.arrived = append(g.arrived, now)
	g.stats.maxBurst = max(g.stats.maxBurst, len(g.arrived))
	if day := now.UTC().Format(time.DateOnly); day != g.day {
		g.day, g.spent = day, 0
	}

	v := verdict{limit: g.limits.Burst, dailyLimit: g.limits.DailyTokens}
	used := &g.passed
	if rt.search && g.limits.SearchBurst > 0 {
		v.limit, used = g.limits.SearchBurst, &g.searches
	}
	passed, searches := g.passed.count(now), g.searches.count(now)
	overBurst := g.limits.Burst > 0 && passed >= g.limits.Burst ||
		rt.search && g.limits.SearchBurst > 0 && searches >= g.limits.SearchBurst
	overDaily := g.limits.DailyTokens > 0 && g.spent+rt.cost > g.limits.DailyTokens

	switch {
	case overBurst || overDaily:
		g.refused++
		v.refused = "daily"
		if overBurst {
			v.refused = "burst"
		}
		if g.limits.CloudflareAfter > 0 && g.refused > g.limits.CloudflareAfter {
			v.refused = "blocked"
			g.stats.blocked++
		} else {
			g.stats.limited++
		}
	default:
		g.refused = 0
		g.spent += rt.cost
		g.passed = append(g.passed, now)
		if rt.search {
			g.searches = append(g.searches, now)
		}
	}
	v.left = max(0, v.limit-len(*used))
	if overBurst {
		v.left = 0
	}
	v.reset = burstWindow
	if len(*used) > 0 {
		v.reset = burstWindow - now.Sub((*used)[0])
	}
	v.dailyLeft = max(0, g.limits.DailyTokens-g.spent)
	if overDaily {
		v.dailyLeft = 0
	}
	utc := now.UTC()
	v.untilMidnight = utc.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(utc)
	return v
}

// limitHeaders sets the documented burst headers and the undocumented daily ones.
func (s *Server) limitHeaders(h http.Header, v verdict) {
	if v.refused == "blocked" {
		return
	}
	if v.limit > 0 {
		h.Set("x-ratelimit-limit", strconv.Itoa(v.limit))
		h.Set("x-ratelimit-remaining", strconv.Itoa(v.left))
		h.Set("x-ratelimit-reset", strconv.Itoa(wholeSeconds(v.reset)))
	}
	if v.dailyLimit > 0 && !s.cfg.HideDailyHeaders {
		h.Set("x-daily-ratelimit-token-limit", strconv.Itoa(v.dailyLimit))
		h.Set("x-daily-ratelimit-token-remaining", strconv.Itoa(v.dailyLeft))
	}
	if s.cfg.RetryAfter && v.refused == "burst" {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(v.reset)))
	}
	if s.cfg.RetryAfter && v.refused == "daily" {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(v.untilMidnight)))
	}
}

func wholeSeconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}

// The page that Cloudflare puts before a client that goes on after 429.
const cloudflarePage = `<!DOCTYPE html>
<html lang="en-US"><head><title>Access denied | Cloudflare</title></head>
<body><h1>Error 1015</h1><h2>You are being rate limited</h2>
<p>The owner of this website has banned you temporarily from accessing this website.</p></body></html>
`

func (v verdict) reply() reply {
	switch v.refused {
	case "blocked":
		return reply{status: http.StatusForbidden, body: []byte(cloudflarePage), html: true}
	case "daily":
		return gatewayError(http.StatusTooManyRequests, "daily request budget exceeded")
	}
	return gatewayError(http.StatusTooManyRequests, "request over limit")
}
