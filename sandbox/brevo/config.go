package brevo

import "time"

// Config sets up a [Server]. The zero value is an account with the key "sandbox", without limits,
// faults or latency.
type Config struct {
	Key     string // expected in the header api-key; default "sandbox"
	Limits  Limits
	Faults  Faults
	Latency time.Duration // before every answer

	// ImportDelay is how long an import takes from queued to completed; default 300ms.
	ImportDelay time.Duration

	Quirks Quirks
}

// Quirks choose among the readings that Brevo's documents leave open. The zero value is the
// suggested one of each.
type Quirks struct {
	// Attributes (documents: "Create a contact", "Update a contact").

	AnyCaseAttributes bool // fname counts as FNAME; else wrong case is an unknown name and dropped
	LooseTypes        bool // 5 for a text and "5" for a float are taken; else dropped as wrong types
	NullClears        bool // null empties an attribute; else it is ignored

	// Contacts.

	IgnoreUnknownLists bool // unknown ids in listIds are skipped; else 400 invalid_parameter names them
	UnknownListsAre404 bool // they are 404 document_not_found instead
	RefuseUnlinkOnPost bool // POST with unlinkListIds is 400; else the unknown key is ignored
	DuplicateAsInvalid bool // duplicates have the code invalid_parameter (seen in May 2026), not duplicate_parameter
	SameEmailRefused   bool // PUT with attributes.EMAIL equal to the present address is a duplicate (seen in 2021)
	MoveLosesBlock     bool // PUT with a new attributes.EMAIL re-subscribes even if it says emailBlacklisted: true; else that counts
	GetIDOnUpdate      bool // getId turns the 204 of a plain update into 201 with the id
	SyntheticSMSEmail  bool // contacts without address show <number>@mailin-sms.com (2025); else no email

	// NullListUnsubscribed sends "listUnsubscribed": null as recorded in 2026; else it is absent.
	NullListUnsubscribed bool
	// Location of the account's clock in answers; nil is UTC. Recorded answers carry offsets.
	Location *time.Location
	// BatchStatus answers POST /contacts/batch, deprecated since October 2026; 0 is 404.
	BatchStatus int

	// Lists.

	FlatListResults bool // add and remove answer {"success":…} (examples), not {"contacts":{…}} (schema)
	ZeroListTotals  bool // the totals that are being phased out are 0

	// Imports and processes.

	SkipDuplicatePhone    bool   // a row with somebody else's phone is imported without it; else not at all
	RefuseInvalidPhone    bool   // a row with an invalid phone is not imported; else imported without it
	ReportRepeatedEmails  bool   // an address twice in one file: the later rows are in duplicate_email_id; else they win
	ReportSeparator       rune   // default ;
	ReportHeader          string // default EMAIL
	ReportNoHeader        bool
	ReportExtraColumns    bool // EXT_ID and SMS beside the address
	ReportAnchors         bool // URLs come as HTML anchors, as in the example of export_url
	InfoOnlyByID          bool // GET /processes leaves info out
	EventsBatchInOther    bool // /events/batch draws on the bucket of 100 an hour
	HideRateHeaders       bool // no x-sib-ratelimit-*
	CanonicalRateHeaders  bool // X-Sib-Ratelimit-Limit, as HTTP/1.1 proxies write it
	RateHeadersShowHourly bool // headers describe the hour; else the window with the least left

	// Companies (documents: "Get all companies", "Import companies"; neither the count of pages nor the most of one
	// is documented).

	CompanyPagesFromZero bool // page 0 is the first; else 1
	CompanyPagesByIndex  bool // page is the index of its first company, as the specification words it
	MostCompanies        int  // of a page; more is 400. 0 is 1,000
	CutCompanyPages      bool // more than MostCompanies gives as many instead of a 400
	OneContactPerRow     bool // associated_contact holds one id; else several, separated by commas
}

// Limits are the most calls a bucket takes; 0 is no limit. All windows slide.
type Limits struct {
	ContactsPerSecond, ContactsPerHour int // everything under /contacts
	EventsPerSecond, EventsPerHour     int // everything under /events
	OtherPerHour                       int // all else: companies, crm, processes, webhooks, account
}

// PublishedLimits are those of Brevo's General tier, which all plans have.
//
// Source: developers.brevo.com/docs/api-limits
func PublishedLimits() Limits {
	return Limits{
		ContactsPerSecond: 10, ContactsPerHour: 36_000,
		EventsPerSecond: 10, EventsPerHour: 36_000,
		OtherPerHour: 100,
	}
}

// Faults go wrong on purpose.
type Faults struct {
	Rate  float64 // share of calls that fail, 0 to 1
	Seed  uint64  // the same seed fails the same calls in the same order
	Kinds []string
}

// The kinds of [Faults].
const (
	Fault500              = "500"
	Fault502              = "502" // with an HTML body, as proxies answer
	Fault503              = "503"
	FaultReset            = "reset"              // the connection is reset, nothing was done
	FaultResetAfterCommit = "reset_after_commit" // the call was done, then the connection is reset
	FaultTimeout          = "timeout"            // nothing comes until the client leaves, at most 15 s
	FaultEmpty            = "empty"              // the right status without the body that is due
	FaultTruncated        = "truncated"          // half of the body
	Fault429              = "429"
	Fault425              = "425" // writes of one contact only
)

// DefaultFaults fails two calls in a hundred in every way except the slow one.
func DefaultFaults() Faults {
	return Faults{Rate: 0.02, Seed: 1, Kinds: []string{
		Fault500, Fault502, Fault503, FaultReset, FaultResetAfterCommit,
		FaultEmpty, FaultTruncated, Fault429, Fault425,
	}}
}
