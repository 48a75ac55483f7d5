package brevo

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Server plays one Brevo account. It is an http.Handler for paths under /v3 and /reports, and safe
// for concurrent use.
type Server struct {
	latency     time.Duration
	importDelay time.Duration
	quirks      Quirks
	routes      *node
	gate        gate
	ledger      ledger

	mu sync.RWMutex // guards everything below
	store
	attributes   registry
	folders      map[int64]string
	processes    []*process // process n is at n-1
	events       []Event
	companies    map[string]*company
	companyCount int
	crm          []crmAttribute
	webhooks     map[int64]*webhook
}

// New returns an account with folder 1 and without lists, contacts or attributes of its own: it has
// the identifiers SMS, WHATSAPP, LANDLINE_NUMBER and EXT_ID only.
func New(cfg Config) *Server {
	s := &Server{
		latency:     cfg.Latency,
		importDelay: cmp.Or(cfg.ImportDelay, 300*time.Millisecond),
		quirks:      cfg.Quirks,
		routes:      routes(),
		ledger:      newLedger(),
		store:       newStore(),
		attributes:  newRegistry(),
		folders:     map[int64]string{1: "Your first folder"},
		companies:   map[string]*company{},
		crm:         defaultCompanyAttributes(),
		webhooks:    map[int64]*webhook{},
	}
	s.SetKey(cmp.Or(cfg.Key, "sandbox"))
	s.SetLimits(cfg.Limits)
	s.SetFaults(cfg.Faults)
	return s
}

// request is a call that was let in.
type request struct {
	params      []string // of the path, decoded once
	query       url.Values
	contentType string
	body        []byte
	host        string
}

// bodyLimit is above what any endpoint takes, so that the endpoints' own limits answer.
const bodyLimit = 32 << 20

// ServeHTTP answers one call. The call is in the books before its answer leaves.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, isReport := strings.CutPrefix(r.URL.Path, "/reports/"); isReport {
		s.getReport(name).write(w, r)
		return
	}
	call := Call{Time: time.Now(), Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Bucket: bucketOf(r.URL.Path)}
	if s.latency > 0 {
		time.Sleep(s.latency)
	}
	body, err := readBody(r)
	if err != nil {
		return // the client left
	}
	fault, pattern := "", ""
	var a reply
	if refused, isRefused := s.authenticate(r); isRefused {
		a = refused
	} else if limited, isLimited := s.gate.admit(w.Header(), s.bucket(call), s.quirks); isLimited {
		a = limited
	} else {
		a, fault, pattern = s.dispatch(w.Header(), r, body)
	}
	call.Status, call.Limited = a.status, a.status == http.StatusTooManyRequests
	if cuts(fault) {
		call.Status = 0
	}
	s.ledger.record(call, pattern)
	if fault != "" {
		a.writeFaulty(w, r, fault)
		return
	}
	a.write(w, r)
}

// dispatch finds the handler of a call and runs it, unless a fault comes first.
func (s *Server) dispatch(h http.Header, r *http.Request, body []byte) (a reply, fault, pattern string) {
	n, params := s.routes.find(r.URL.EscapedPath())
	if n == nil {
		return notFound("Unknown path"), "", ""
	}
	handle := n.handlers[r.Method]
	if handle == nil {
		return fail(http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed"), "", n.pattern
	}
	fault = s.gate.fault(r.Method, n.pattern)
	if a, instead := faultReply(h, fault, s.quirks); instead {
		return a, fault, n.pattern
	}
	req := &request{params: params, body: body, host: r.Host, contentType: r.Header.Get("Content-Type")}
	if r.URL.RawQuery != "" {
		req.query = r.URL.Query()
	}
	return handle(s, req), fault, n.pattern
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= bodyLimit {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(r.Body, bodyLimit))
	return buf.Bytes(), err
}

// authenticate checks the header api-key.
func (s *Server) authenticate(r *http.Request) (reply, bool) {
	switch key := r.Header.Get("api-key"); key {
	case s.gate.expectedKey():
		return reply{}, false
	case "":
		return fail(http.StatusUnauthorized, "unauthorized", "authentication not found in headers"), true
	default:
		return fail(http.StatusUnauthorized, "unauthorized", "Key not found"), true
	}
}

// The buckets of Brevo's rate limits.
const (
	bucketContacts = "contacts"
	bucketEvents   = "events"
	bucketOther    = "other"
)

func bucketOf(path string) string {
	switch rest := strings.TrimPrefix(path, "/v3/"); {
	case rest == "contacts" || strings.HasPrefix(rest, "contacts/"):
		return bucketContacts
	case rest == "events" || strings.HasPrefix(rest, "events/"):
		return bucketEvents
	}
	return bucketOther
}

func (s *Server) bucket(c Call) string {
	if s.quirks.EventsBatchInOther && c.Path == "/v3/events/batch" {
		return bucketOther
	}
	return c.Bucket
}

// accountEmail is the account's own address, whose contact cannot be deleted.
const accountEmail = "owner@sandbox.example"

// getAccount: GET /account, the cheapest check of a key.
func (s *Server) getAccount(*request) reply {
	return ok(http.StatusOK, map[string]any{
		"organization_id": "sandbox",
		"user_id":         1,
		"enterprise":      false,
		"email":           accountEmail,
		"firstName":       "Sandbox",
		"lastName":        "Owner",
		"companyName":     "Sandbox",
		"address":         map[string]string{"street": "1 Local Street", "city": "Paris", "zipCode": "75001", "country": "France"},
		"plan":            []any{map[string]any{"type": "free", "creditsType": "sendLimit", "credits": 300}},
		"relay": map[string]any{
			"enabled": false,
			"data":    map[string]any{"userName": accountEmail, "relay": "localhost", "port": 587},
		},
	})
}
