// Package page is the demo's page: what is in the sandbox's Pipedrive and what is in its Brevo, side
// by side and person by person, while the connector carries the one to the other.
package page

import (
	"embed"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"connector/sandbox"
)

// Progress is what the run between the two is doing, as the demo knows it from the connector's metrics.
type Progress struct {
	State        string        `json:"state"` // "starting", "running", "done", "failed"
	Read         int           `json:"read"`
	Delivered    int           `json:"delivered"`
	Unchanged    int           `json:"unchanged"`
	Skipped      []Reason      `json:"skipped"`
	Refused      []Reason      `json:"refused"`
	WithoutPhone int           `json:"without_phone"`
	PerSecond    float64       `json:"per_second"`
	Elapsed      time.Duration `json:"elapsed"` // nanoseconds in JSON
	Verdict      string        `json:"verdict"` // at the end, such as "Both sides agree." or what differs
}

// Reason is why persons were skipped or refused, and how many.
type Reason struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

//go:embed assets
var assets embed.FS

// policy keeps the page to itself: nothing is loaded from elsewhere, and a script that got into the
// data would not run.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page at / and what it needs below it: GET state.json?q=&show=&page= is what the
// page shows, GET person.json?id= both records of one person and what belongs to them. progress is called once for
// each state.json. At /deals it serves a board on which deals can be dragged from stage to stage: GET
// board.json?deal= is what it shows, POST move.json moves a deal in the sandbox's Pipedrive. At /data it
// serves the eight kinds of data with their numbers on both sides, GET kinds.json.
func Handler(sb *sandbox.Sandbox, progress func() Progress) http.Handler {
	s := &site{sb: sb, progress: progress, index: newIndex(sb)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state.json", s.state)
	mux.HandleFunc("GET /person.json", s.person)
	mux.HandleFunc("GET /board.json", s.board)
	mux.HandleFunc("POST /move.json", s.move)
	mux.HandleFunc("GET /kinds.json", s.kinds)
	mux.HandleFunc("GET /{$}", asset("page.html"))
	mux.HandleFunc("GET /deals", asset("deals.html"))
	mux.HandleFunc("GET /data", asset("data.html"))
	for _, name := range []string{
		"page.css", "page.js", "poll.js", "records.css", "records.js", "deals.css", "deals.js", "data.css", "data.js", "icon.svg",
	} {
		mux.HandleFunc("GET /"+name, asset(name))
	}
	// Other sites that are open in the same browser must not move deals.
	own := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		own.ServeHTTP(w, r)
	})
}

func asset(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "assets/"+name)
	}
}

type site struct {
	sb       *sandbox.Sandbox
	progress func() Progress
	index    *index
	counted  counted
}

// stateView is one poll's worth of news.
type stateView struct {
	Progress  Progress      `json:"progress"`
	Pipedrive pipedriveView `json:"pipedrive"`
	Brevo     brevoView     `json:"brevo"`
	Rows      pageView      `json:"rows"`
}

type pipedriveView struct {
	Persons  int `json:"persons"`
	Calls    int `json:"calls"`
	Tokens   int `json:"tokens"`
	MaxBurst int `json:"max_burst"` // most calls in any 2 s
	Over     int `json:"over"`      // calls refused because of a limit
}

type brevoView struct {
	Contacts     int `json:"contacts"`
	Calls        int `json:"calls"`
	Over         int `json:"over"`
	Resubscribed int `json:"resubscribed"`
}

func (s *site) state(w http.ResponseWriter, r *http.Request) {
	q, problem := queryOf(r.URL.Query())
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	view := stateView{Progress: s.progress()}
	view.Rows = s.index.page(q, view.Progress.State)
	p, b := s.sb.Pipedrive.Stats(), s.sb.Brevo.Stats()
	view.Pipedrive = pipedriveView{s.sb.Pipedrive.Count("person"), p.Calls, p.Tokens, p.MaxBurst, p.Violations}
	view.Brevo = brevoView{Contacts: s.sb.Brevo.Count(), Over: b.Limited, Resubscribed: b.Resubscribed}
	for _, calls := range b.Buckets {
		view.Brevo.Calls += calls
	}
	answer(w, view)
}

// recordsView is one person on both sides; the contact is null while there is none.
type recordsView struct {
	Person  map[string]any `json:"person"`
	Contact map[string]any `json:"contact"`
	Why     string         `json:"why"`
	Related relatedView    `json:"related"`
}

func (s *site) person(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.URL.Query().Get("id"), 10, 64)
	if err != nil || id < 1 {
		http.Error(w, "id is the number of a person", http.StatusBadRequest)
		return
	}
	view, found := s.index.records(id, s.progress().State)
	if !found {
		http.Error(w, "no such person", http.StatusNotFound)
		return
	}
	answer(w, view)
}

func answer(w http.ResponseWriter, view any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(view) // fails only when the browser has gone
}
