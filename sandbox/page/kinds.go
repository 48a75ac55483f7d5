package page

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"connector/sandbox"
)

// The lists of the seeded account.
const (
	everyoneList = 60
	leadList     = 65
)

// kindView is one of the eight kinds of data that go from Pipedrive to Brevo.
type kindView struct {
	Number int        `json:"number"`
	From   string     `json:"from"`
	To     string     `json:"to"`
	Lines  []lineView `json:"lines"`
}

// lineView puts a number of Pipedrive beside the one that it becomes in Brevo; either may be missing.
type lineView struct {
	From *figure `json:"from"`
	To   *figure `json:"to"`
}

type figure struct {
	What string  `json:"what"`
	N    float64 `json:"n"`
	Unit string  `json:"unit,omitempty"` // a currency
}

func of(what string, n int) *figure { return &figure{What: what, N: float64(n)} }

// counted is the last counting of both accounts. Counting is kept to one part in sweepShare of the
// time, so that it does not slow down the run that it shows.
type counted struct {
	mu    sync.Mutex
	kinds []kindView
	next  time.Time
}

// kinds is GET kinds.json.
func (s *site) kinds(w http.ResponseWriter, _ *http.Request) {
	s.counted.mu.Lock()
	defer s.counted.mu.Unlock()
	if start := time.Now(); start.After(s.counted.next) {
		s.counted.kinds = s.countKinds()
		s.counted.next = time.Now().Add(sweepShare * time.Since(start))
	}
	progress := s.progress()
	answer(w, map[string]any{"state": progress.State, "verdict": progress.Verdict, "kinds": s.counted.kinds})
}

func (s *site) countKinds() []kindView {
	b := s.countBrevo()
	p := s.countPipedrive(b)
	lists := s.index.listNames()
	members := map[int64]int{}
	for _, l := range s.sb.Brevo.Lists() {
		members[l.ID] = l.Members
	}
	on := func(id int64) *figure {
		return of("on the list "+cmp.Or(lists[id], strconv.FormatInt(id, 10)), members[id])
	}
	currency := s.sb.Pipedrive.CompanyCurrency()
	events := []lineView{{of("changes told by webhooks", s.sb.Pipedrive.Deliveries().Delivered), of("events", b.events-b.activityEvents)}}
	for _, name := range slices.Sorted(maps.Keys(b.eventNames)) {
		if !isActivityEvent(name) {
			events = append(events, lineView{nil, of(name, b.eventNames[name])})
		}
	}
	return []kindView{
		{1, "Persons", "Contacts", []lineView{
			{of("persons", p.persons), of("contacts", s.sb.Brevo.Count())},
			{of("with a valid e-mail of their own", p.reachable), of("contacts of persons", len(b.contacts))},
			{nil, on(everyoneList)},
		}},
		{2, "Custom fields", "Attributes", []lineView{
			{of("custom fields of persons", p.personFields), of("attributes named as they are", len(p.attributes))},
			{of("values in those with an attribute, of persons with a contact", p.values), of("values", b.sum(p.attributes))},
			{of("custom fields of deals and organizations", p.otherFields), nil},
		}},
		{3, "Computed fields", "Attributes", []lineView{
			{of("won deals of persons with a contact", p.won), of("WON_DEALS, added up", int(b.total["WON_DEALS"]))},
			{&figure{"their value by the company's rates", p.wonValue, currency}, &figure{"LTV, added up", b.total["LTV"], currency}},
			{of("persons with one", len(p.customers)), of("contacts with an LTV", b.above["LTV"])},
			{of("currencies among them", len(p.currencies)), nil},
		}},
		{4, "Deal stages", "Lists", []lineView{
			{of("open deals in stages 1 and 2", p.stage[1]+p.stage[2]), on(61)},
			{of("open deals in stages 3 and 4", p.stage[3]+p.stage[4]), on(62)},
			{of("won deals", p.status["won"]), on(63)},
			{of("lost deals", p.status["lost"]), on(64)},
		}},
		{5, "Changes", "Events", events},
		{6, "Organizations", "Companies", []lineView{
			{of("organizations", p.organizations), of("companies", b.companies)},
			{of("persons with one and a contact", p.employed), of("contacts linked to a company", b.linked)},
			{nil, of("contacts with COMPANY", b.filled["COMPANY"])},
		}},
		{7, "Activities", "Events", []lineView{
			{of("activities", p.activities), nil},
			{of("of persons with a contact", p.activitiesReached), of("events of activities", b.activityEvents)},
		}},
		{8, "Leads", "List", []lineView{
			{of("leads", p.leads), nil},
			{of("of persons with a contact", p.leadsReached), of("with LEAD_TITLE", b.filled["LEAD_TITLE"])},
			{of("persons with a contact and a lead", len(p.leadPersons)), on(leadList)},
		}},
	}
}

// Line puts a number of Pipedrive beside the one that it becomes in Brevo, as text; either may be empty.
type Line struct{ Kind, From, To string }

// Kinds counts all eight kinds of data in both accounts.
func Kinds(sb *sandbox.Sandbox) (lines []Line) {
	s := &site{sb: sb, index: newIndex(sb), progress: func() Progress { return Progress{} }}
	for _, kind := range s.countKinds() {
		for i, line := range kind.Lines {
			shown := Line{From: line.From.text(), To: line.To.text()}
			if i == 0 {
				shown.Kind = kind.From
			}
			lines = append(lines, shown)
		}
	}
	return lines
}

func (f *figure) text() string {
	if f == nil {
		return ""
	}
	return strings.TrimSpace(strconv.FormatFloat(f.N, 'f', -1, 64)+" "+f.Unit) + " " + f.What
}

func isActivityEvent(name string) bool { return strings.HasPrefix(name, "activity") }
