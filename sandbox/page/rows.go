package page

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"connector/sandbox/brevo"
)

const pageSize = 50

// The filters of the page.
const (
	showAll      = "all"
	showOdd      = "odd"
	showOptedOut = "opted-out"
	showMissing  = "missing"
)

// query is what the page asks to see.
type query struct {
	words []string // all of them must be found
	id    int64    // of the person that is looked for, 0 when the search is not a number
	show  string
	page  int // from 1
}

// queryOf reads a query; the problem is for whoever wrote the URL by hand.
func queryOf(values url.Values) (q query, problem string) {
	q = query{show: showAll, page: 1, words: strings.Fields(strings.ToLower(values.Get("q")))}
	if len(q.words) == 1 {
		q.id, _ = strconv.ParseInt(strings.TrimPrefix(q.words[0], "#"), 10, 64)
	}
	if show := values.Get("show"); show != "" {
		q.show = show
	}
	if !slices.Contains([]string{showAll, showOdd, showOptedOut, showMissing}, q.show) {
		return q, "show is all, odd, opted-out or missing"
	}
	if page := values.Get("page"); page != "" {
		n, err := strconv.Atoi(page)
		if err != nil || n < 1 {
			return q, "page is a number from 1"
		}
		q.page = n
	}
	return q, ""
}

// pageView is one page of rows. Known is below the number of persons while the index is being built.
type pageView struct {
	Page    int       `json:"page"`
	Pages   int       `json:"pages"`
	First   int       `json:"first"` // place of the first row among the matches, 0 without rows
	Matches int       `json:"matches"`
	Known   int       `json:"known"`
	Items   []rowView `json:"items"`
}

type rowView struct {
	ID      int64        `json:"id"`
	Name    string       `json:"name"`
	Email   string       `json:"email"`
	Phone   string       `json:"phone"`
	Won     int          `json:"won"`
	Open    int          `json:"open"`
	Odd     []string     `json:"odd"`
	Contact *contactView `json:"contact"`
	Why     string       `json:"why"` // no contact: why none will come; empty while one may
}

type contactView struct {
	Name     any      `json:"name"`
	Email    string   `json:"email"`
	Phone    any      `json:"phone"`
	Won      any      `json:"won"`
	Open     any      `json:"open"`
	Lists    []string `json:"lists"`
	OptedOut bool     `json:"opted_out"`
	Modified int64    `json:"modified"`
}

// page returns the rows that a query asks for; a page beyond the last is the last.
func (x *index) page(q query, state string) pageView {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refresh()
	ids := x.matching(q)
	view := pageView{Matches: len(ids), Known: len(x.people.list), Items: []rowView{}}
	view.Pages = max(1, (len(ids)+pageSize-1)/pageSize)
	view.Page = min(q.page, view.Pages)
	from := (view.Page - 1) * pageSize
	lists := x.listNames()
	for _, id := range ids[from:min(from+pageSize, len(ids))] {
		if m := x.record(id); m != nil {
			view.Items = append(view.Items, x.row(m, lists, state))
		}
	}
	if len(view.Items) > 0 {
		view.First = from + 1
	}
	return view
}

func (x *index) matching(q query) []int64 {
	var ids []int64
	for _, b := range x.people.list {
		if x.shown(b, q.show) && q.finds(b) {
			ids = append(ids, b.id)
		}
	}
	return ids
}

func (x *index) shown(b brief, show string) bool {
	switch show {
	case showOdd:
		return b.odd
	case showOptedOut:
		return x.links[b.id].optedOut
	case showMissing:
		_, known := x.links[b.id]
		return !known
	}
	return true
}

func (q query) finds(b brief) bool {
	if q.id != 0 && q.id == b.id {
		return true
	}
	for _, word := range q.words {
		if !strings.Contains(b.searchable, word) {
			return false
		}
	}
	return true
}

func (x *index) listNames() map[int64]string {
	names := map[int64]string{}
	for _, l := range x.sb.Brevo.Lists() {
		names[l.ID] = l.Name
	}
	return names
}

// record reads one person, nil when it is gone.
func (x *index) record(id int64) map[string]any {
	page := x.sb.Pipedrive.Records("person", id-1, 1)
	if len(page) == 0 || int64(number(page[0]["id"])) != id {
		return nil
	}
	return page[0]
}

func (x *index) row(m map[string]any, lists map[int64]string, state string) rowView {
	p := personOf(m)
	row := rowView{ID: p.id, Name: p.name, Email: p.email, Phone: p.phone, Won: p.won, Open: p.open}
	row.Odd = append(p.oddities, x.shared(p)...)
	if c, found := x.contact(p); found {
		row.Contact = contactViewOf(c, lists)
	} else {
		row.Why = x.why(p, state)
	}
	return row
}

func contactViewOf(c brevo.Contact, lists map[int64]string) *contactView {
	view := &contactView{
		Name: c.Attributes["FULLNAME"], Email: c.Email, Phone: c.Attributes["SMS"],
		Won: c.Attributes["WON_DEALS"], Open: c.Attributes["OPEN_DEALS"],
		OptedOut: c.EmailBlacklisted, Modified: c.ModifiedAt.UnixMilli(),
	}
	for _, id := range slices.Sorted(slices.Values(c.ListIDs)) {
		view.Lists = append(view.Lists, lists[id])
	}
	return view
}

// shared says with whom a person shares its address and its phone.
func (x *index) shared(p person) []string {
	var out []string
	for _, what := range []struct{ name, key string }{{"address", p.address()}, {"phone", phoneKey(p.phone)}} {
		if what.key == "" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(x.people.owner[what.key]), func(id int64) bool { return id == p.id })
		switch len(others) {
		case 0:
		case 1:
			out = append(out, fmt.Sprintf("shares its %s with person %d", what.name, others[0]))
		case 2:
			out = append(out, fmt.Sprintf("shares its %s with persons %d and %d", what.name, others[0], others[1]))
		default:
			out = append(out, fmt.Sprintf("shares its %s with person %d and %d others", what.name, others[0], len(others)-1))
		}
	}
	return out
}

// why says why a person has no contact. What follows from the record is known at once, a refusal
// only when the run has ended.
func (x *index) why(p person, state string) string {
	owners := x.people.owner[p.address()]
	switch {
	case state == "starting":
		return ""
	case p.deleted:
		return "deleted in Pipedrive"
	case p.email == "":
		return "no e-mail"
	case p.address() == "":
		return "no valid e-mail"
	case len(owners) > 0 && owners[0] < p.id:
		return fmt.Sprintf("shares its address with person %d", owners[0])
	case state == "failed":
		return "the run ended before its turn"
	case state != "done":
		return ""
	case p.refusal() != "":
		return "refused by Brevo: " + p.refusal()
	}
	if _, found := x.sb.Brevo.Contact(p.address()); found {
		return "its address is in Brevo without this person's id"
	}
	return "refused by Brevo"
}

// records returns both records of a person in full.
func (x *index) records(id int64, state string) (recordsView, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refresh()
	m := x.record(id)
	if m == nil {
		return recordsView{}, false
	}
	view := recordsView{Person: m}
	if c, found := x.contact(personOf(m)); found {
		view.Contact, view.Related = contactRecord(c), x.related(m, &c)
	} else {
		view.Why, view.Related = x.why(personOf(m), state), x.related(m, nil)
	}
	return view, true
}
