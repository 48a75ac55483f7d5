package pipedrive

import (
	"crypto/x509"
	"time"
)

// Webhooks are the switches of deliveries. The zero value is what the documents say, in real time.
//
// Source: pipedrive.readme.io/docs/guide-for-webhooks-v2, webhooks-for-apps and webhooks-v2-migration-guide.
type Webhooks struct {
	// TimeScale multiplies the documented pauses: 3, 30 and 150 s between attempts, 30 minutes of
	// ban, 3 days without success. 0 is 1; 0.001 makes the pauses 3, 30 and 150 ms and the ban 1.8 s.
	TimeScale float64
	// Timeout is how long an attempt may take, 10 s by default. TimeScale does not touch it.
	Timeout time.Duration
	// Workers is how many deliveries of one webhook are under way at once, 8 by default; not published.
	Workers int
	// TrustedCAs are trusted in place of the system's authorities; nil: the system's. A self-signed
	// certificate is refused, as documented.
	TrustedCAs *x509.CertPool

	// Probe is how a new subscription_url is found to be reachable: see the Probe constants.
	Probe string
	// HTTPSOnly refuses plain http, as one third party claims. The OpenAPI file's own example is plain http.
	HTTPSOnly bool

	// Duplicate sends every so many-th delivery twice, with the same meta.id; 0: none.
	Duplicate int
	// Reorder holds every delivery back for a random time up to this, so that some overtake others.
	Reorder time.Duration
	// FreshRetryIDs gives each attempt a meta.id of its own. By default the id stays.
	FreshRetryIDs bool
	// SurvivorFirst sends the change of a merge before its delete. By default the delete is first.
	SurvivorFirst bool
	// MergeMoves also tells of the records that a merge moves to the survivor, as changes.
	MergeMoves bool
	// SilentNoOps delivers nothing for a change that left everything but update_time as it was.
	SilentNoOps bool

	// SuccessResetsCount makes a success start the count of failed first attempts anew. The guide
	// tells of no other end of the count than a ban.
	SuccessResetsCount bool
	// RetriesPassBan goes on with retries during a ban. By default they are lost as new events are.
	RetriesPassBan bool
	// InactiveWhileBanned shows is_active: 0 during a ban.
	InactiveWhileBanned bool
	// HideRemoved leaves webhooks that were removed for want of success out of GET /v1/webhooks. By
	// default they are there with is_active: 0, remove_time and remove_reason, which the file declares.
	HideRemoved bool
	// PlainCredentials answers with http_auth_user and http_auth_password as they were given. By
	// default they come back encrypted ("v1u:…"), as was recorded in January 2026.
	PlainCredentials bool

	// OmitPermittedUsers leaves meta.permitted_user_ids out, as in samples before 2025.
	OmitPermittedUsers bool
	// FullPrevious puts the former update_time, and of a deal stage_change_time, into previous for
	// persons, organizations and deals too. The official samples and a recording of 2026 lack them.
	FullPrevious bool
	// LabelIDs adds label_ids to persons and organizations. The official samples have label only.
	LabelIDs bool
	// NullUpdateTime makes update_time null on create, as was recorded once for a deal.
	NullUpdateTime bool
	// PlainAddress makes the address of an organization and the location of an activity the text
	// alone. By default they are objects as in v2; every sample has null.
	PlainAddress bool
}

// How a new subscription_url is tried. An unreachable one is refused, the guide says; how it is tried is not published.
const (
	ProbeConnect = ""     // a connection can be opened, over https with a valid certificate
	ProbePost    = "post" // an empty POST is answered with 2xx, without redirection
	ProbeNone    = "none" // any address is taken
)

// The documented course of a delivery that fails.
const (
	banFrom       = 10 // first attempts that failed
	banTime       = 30 * time.Minute
	removeAfter   = 3 * 24 * time.Hour
	attemptTime   = 10 * time.Second
	laneWorkers   = 8
	removedReason = "No successful deliveries in 3 days" // the wording is not published
)

var retryPauses = []time.Duration{3 * time.Second, 30 * time.Second, 150 * time.Second}

// scaled is a documented time in this account.
func (w Webhooks) scaled(d time.Duration) time.Duration {
	if w.TimeScale == 0 {
		return d
	}
	return time.Duration(float64(d) * w.TimeScale)
}
