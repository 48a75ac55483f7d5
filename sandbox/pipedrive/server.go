package pipedrive

import (
	"net/http"
	"sync"
	"time"
)

// Server is the simulated account. It implements http.Handler and is safe for concurrent use.
type Server struct {
	cfg    Config
	router router

	access sync.RWMutex // guards token
	token  string

	mu     sync.Mutex // guards everything below
	tables map[string]*table
	fields map[string][]*Field
	// marketed holds the persons whose single change of marketing_status is spent.
	marketed map[int64]bool
	money    money

	conversions  map[string]*conversion // by their ids
	deletedLeads map[string]*record     // by their ids; see Config.ShowDeletedLeads
	timers       []*time.Timer          // of conversions that are under way
	closed       bool

	gate    gate
	faults  faultSource
	log     callLog
	courier *courier
}

// New returns an account without records, with the system fields, activity types and lead labels
// that every account has.
func New(cfg Config) *Server {
	if cfg.Token == "" {
		cfg.Token = "sandbox"
	}
	if cfg.CompanyDomain == "" {
		cfg.CompanyDomain = "sandbox"
	}
	if cfg.Currency == "" {
		cfg.Currency = "EUR"
	}
	s := &Server{
		cfg: cfg, token: cfg.Token, tables: newTables(), fields: systemFields(), marketed: map[int64]bool{},
		money: newMoney(cfg), conversions: map[string]*conversion{}, deletedLeads: map[string]*record{},
	}
	s.router = newRouter(s.routes())
	s.gate.limits = cfg.Limits
	s.faults.set(cfg.Faults)
	s.log.started()
	s.courier = newCourier(cfg.Webhooks)
	s.addCatalogs()
	return s
}

// SetLimits replaces the limits; what was used of the old ones stays used.
func (s *Server) SetLimits(l Limits) { s.gate.set(l) }

// SetFaults replaces the faults and starts their sequence anew.
func (s *Server) SetFaults(f Faults) { s.faults.set(f) }

// SetToken replaces the accepted token. The former one is refused from now on.
func (s *Server) SetToken(token string) {
	s.access.Lock()
	defer s.access.Unlock()
	s.token = token
}

// routes lists every operation with its price in tokens.
func (s *Server) routes() []route {
	var all []route
	for _, group := range [][]route{
		s.v2Routes(), s.fieldRoutes(), s.searchRoutes(),
		s.leadRoutes(), s.noteRoutes(), s.userRoutes(), s.catalogRoutes(), s.filterRoutes(),
		s.webhookRoutes(), s.recentsRoutes(), s.mergeRoutes(), s.summaryRoutes(),
		s.convertRoutes(), s.deprecatedRoutes(),
	} {
		all = append(all, group...)
	}
	return all
}

// ServeHTTP answers one request: routing, credentials, limits, faults, then the operation itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	call := Call{Time: time.Now(), Method: hr.Method, Path: hr.URL.Path, RawQuery: hideToken(hr.URL)}
	w.Header().Set("x-correlation-id", newUUID())

	matched, vars, allowed := s.router.find(hr.Method, hr.URL.Path)
	var out reply
	switch {
	case !s.authorized(hr):
		w.Header().Set("x-401-by-gw", "true")
		out = gatewayError(http.StatusUnauthorized, "unauthorized access")
	case matched == nil && allowed != "":
		w.Header().Set("Allow", allowed)
		out = generalError(http.StatusMethodNotAllowed, "Method not allowed")
	case matched == nil:
		out = generalError(http.StatusNotFound, "Unknown method .")
	default:
		s.run(w, hr, matched, vars, &call)
		return
	}
	call.Status = out.status
	s.log.add(call, "")
	send(w, hr, out)
}

// run takes an authorized request through limits and faults.
func (s *Server) run(w http.ResponseWriter, hr *http.Request, rt *route, vars map[string]string, call *Call) {
	verdict := s.gate.admit(rt)
	s.limitHeaders(w.Header(), verdict)
	if verdict.refused != "" {
		out := verdict.reply()
		call.Status, call.Limited = out.status, true
		s.log.add(*call, rt.pattern)
		send(w, hr, out)
		return
	}
	call.Tokens = rt.cost
	if s.cfg.Latency > 0 && !pause(hr, s.cfg.Latency) {
		s.log.add(*call, rt.pattern)
		return
	}

	fault := s.faults.draw()
	if out, ok := insteadOf(fault); ok {
		call.Status = out.status
		s.log.addFault(*call, rt.pattern)
		send(w, hr, out)
		return
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	out := rt.handle(&request{Request: hr, vars: vars, buf: buf})
	call.Status = out.status
	if fault == "" {
		s.log.add(*call, rt.pattern)
		send(w, hr, out)
		return
	}
	if fault == FaultReset || fault == FaultTimeout {
		call.Status = 0
	}
	s.log.addFault(*call, rt.pattern)
	spoil(w, hr, out, fault)
}

// pause waits, and returns false if the client leaves meanwhile.
func pause(hr *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-hr.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}
