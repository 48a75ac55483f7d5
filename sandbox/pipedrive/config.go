// Package pipedrive plays Pipedrive's REST API, v1 and v2, on localhost.
//
// It is written from Pipedrive's published OpenAPI files and documentation pages only, and keeps
// everything in memory. Where the documents are silent or contradict each other, a field of Config
// chooses; its zero value is the reading that seems likelier.
package pipedrive

import "time"

// Config describes one simulated company account.
type Config struct {
	Token         string        // the API token that is accepted, default "sandbox"
	Limits        Limits        // zero: none enforced
	Faults        Faults        // zero: none
	Latency       time.Duration // before an operation is carried out
	CompanyDomain string        // what users/me says, default "sandbox"

	Currency string // the company's default currency, default "EUR"
	// Rates are what one unit of a currency is worth in the default one; nil: DefaultRates. A value
	// in a currency without a rate is converted to 0.
	Rates map[string]float64
	// Conversions says whether the summary of deals has converted values: see the Conversions constants.
	Conversions string
	// ConversionDelay is how long it takes to turn a lead into a deal. Zero: it is done before the
	// request for it is answered.
	ConversionDelay time.Duration

	// V1Off answers 410 on the v1 operations that went out of support on 2026-08-01 (lists and
	// single reads of persons, deals, organizations, activities, products, pipelines and stages).
	// Whether they still answer is not known; by default they do.
	V1Off bool
	// RefuseQueryToken answers 401 on v2 to ?api_token=, as one guide claims; working code says it is accepted.
	RefuseQueryToken bool
	// HideDailyHeaders leaves out x-daily-ratelimit-*, which staff say may be missing after idle time.
	HideDailyHeaders bool
	// RetryAfter adds the undocumented Retry-After header to 429 answers.
	RetryAfter bool

	// ClampLimit reads a limit above the maximum as the maximum. By default that is a 400.
	ClampLimit bool
	// EmptyV1Arrays answers [] for an empty v1 list, where recordings show null.
	EmptyV1Arrays bool
	// FlatLeadPaging puts the paging keys of leads directly into additional_data, as the OpenAPI file
	// shows them. Recorded answers carry the usual pagination object.
	FlatLeadPaging bool

	// OmitUnsetCustomFields leaves unset custom fields out of v2 records. By default every defined
	// key is present and null, as was observed on deals.
	OmitUnsetCustomFields bool
	// NullCustomFields makes custom_fields null on a v2 record with none set, as was recorded on a deal.
	NullCustomFields bool
	// ClearOnEmptyCustomFields makes "custom_fields": {} in a PATCH clear them all, as one client's
	// notes say. By default it changes nothing.
	ClearOnEmptyCustomFields bool

	// HideDeleted answers 404 when a soft-deleted record is read by its id; by default it is
	// returned with is_deleted: true.
	HideDeleted bool
	// ShowDeletedLeads shows a lead that was deleted, or made a deal of, when it is read by its id: conversion
	// "marks it deleted", but a lead has no field that would say so. By default that is a 404.
	ShowDeletedLeads bool
	// HideArchivedLeads answers 404 when an archived lead is read by its id; by default it is returned.
	HideArchivedLeads bool
	// HideDeletedRecents leaves deleted records out of /v1/recents; by default they appear with
	// active_flag: false or deleted: true.
	HideDeletedRecents bool
	// NullRecents makes data null in one of this many recents entries, as was recorded for persons; 0: never.
	NullRecents int

	// ContactSync switches on the person keys im, postal_address, notes, birthday and job_title.
	// Off, they are absent and writing them is a 403.
	ContactSync bool
	// Campaigns switches on marketing_status and doi_status.
	Campaigns bool

	Webhooks Webhooks // how changes are delivered
}

// Limits are the request limits of one plan. A zero number is not enforced.
type Limits struct {
	Burst           int // requests in any 2 s
	SearchBurst     int // searches in any 2 s
	DailyTokens     int // token budget from midnight to midnight UTC
	CloudflareAfter int // refused requests in a row after which the refusal becomes Cloudflare's 403 page
}

// PublishedLimits are those of the smallest plan, Lite, with one seat.
//
// Source: pipedrive.readme.io/docs/core-api-concepts-rate-limiting; the Cloudflare threshold is not published.
func PublishedLimits() Limits {
	return Limits{Burst: 20, SearchBurst: 10, DailyTokens: 30_000, CloudflareAfter: 10}
}

// Faults makes the server misbehave at random.
type Faults struct {
	Rate  float64  // probability per request, 0 to 1
	Seed  uint64   // same seed, same sequence
	Kinds []string // drawn with equal chance: see the Fault constants; empty: all of DefaultFaults
}

// The kinds of fault. A request that meets FaultReset, FaultTimeout, FaultEmpty, FaultTruncated or
// FaultCut has been carried out; only its answer is lost, as with a real lost answer.
const (
	Fault429       = "429"
	Fault500       = "500"
	Fault502       = "502"
	Fault503       = "503"
	FaultReset     = "reset"     // the connection is reset without an answer
	FaultTimeout   = "timeout"   // no answer until the client gives up, at most 15 s
	FaultEmpty     = "empty"     // 200 without a body
	FaultTruncated = "truncated" // 200, JSON stops half way, Content-Length agrees
	FaultCut       = "cut"       // 200, the connection closes half way through the body
)

// DefaultFaults is one request in fifty, of every kind except the slow one.
func DefaultFaults() Faults {
	return Faults{Rate: 0.02, Seed: 1, Kinds: []string{
		Fault429, Fault500, Fault502, Fault503, FaultReset, FaultEmpty, FaultTruncated, FaultCut,
	}}
}
