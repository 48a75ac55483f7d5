package brevo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// company is a stored company. Its attributes are kept as sent; name is one of them.
type company struct {
	id                string
	attributes        fields
	contacts          []int64
	deals             []string
	created, modified int64
}

type companyView struct {
	ID                string   `json:"id"`
	Attributes        fields   `json:"attributes"`
	LinkedContactsIDs []int64  `json:"linkedContactsIds"`
	LinkedDealsIDs    []string `json:"linkedDealsIds"`
}

// showCompany shows a company, with the attributes that Brevo keeps itself.
func (s *Server) showCompany(c *company) companyView {
	attributes := maps.Clone(c.attributes)
	attributes["created_at"] = mustJSON(s.showTime(c.created))
	attributes["last_updated_at"] = mustJSON(s.showTime(c.modified))
	return companyView{c.id, attributes, append([]int64{}, c.contacts...), append([]string{}, c.deals...)}
}

// getCompanies: GET /companies, 50 a page unless told. Pages count from 1. Only the bracketed filter
// counts; an unbracketed one is ignored and returns everything.
//
// Source: developers.brevo.com/reference/get-companies
func (s *Server) getCompanies(r *request) reply {
	p, err := s.companyPage(r)
	if err != nil {
		return answer(err)
	}
	modified, err := r.time("modifiedSince")
	if err != nil {
		return answer(err)
	}
	created, err := r.time("createdSince")
	if err != nil {
		return answer(err)
	}
	contacts, err := r.numbers("linkedContactsIds")
	if err != nil {
		return answer(err)
	}
	name, byName := r.query.Get("filters[attributes.name]"), r.query.Has("filters[attributes.name]")
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := slices.SortedFunc(maps.Values(s.companies), func(a, b *company) int {
		if p.ascending {
			return cmp.Compare(a.id, b.id)
		}
		return cmp.Compare(b.id, a.id)
	})
	found = slices.DeleteFunc(found, func(c *company) bool {
		has, _ := stringOf(c.attributes["name"])
		return byName && has != name ||
			!modified.IsZero() && c.modified < modified.UnixMilli() ||
			!created.IsZero() && c.created < created.UnixMilli() ||
			len(contacts) > 0 && !slices.ContainsFunc(c.contacts, func(id int64) bool { return slices.Contains(contacts, id) })
	})
	from, to := p.slice(len(found))
	items := []companyView{}
	for _, c := range found[from:to] {
		items = append(items, s.showCompany(c))
	}
	return ok(http.StatusOK, map[string]any{"items": items})
}

// companyPage reads which page is asked for, in one of the ways in which pages may be counted.
func (s *Server) companyPage(r *request) (page, error) {
	most := cmp.Or(s.quirks.MostCompanies, 1000)
	allowed := most
	if s.quirks.CutCompanyPages {
		allowed = math.MaxInt
	}
	p, err := r.page(min(50, most), allowed)
	if err != nil {
		return p, err
	}
	p.limit = min(p.limit, most)
	first, size := 1, p.limit
	switch {
	case s.quirks.CompanyPagesFromZero:
		first = 0
	case s.quirks.CompanyPagesByIndex:
		first, size = 0, 1
	}
	number := first
	if text := r.query.Get("page"); text != "" {
		if number, err = strconv.Atoi(text); err != nil {
			return p, wrongType("page", "number")
		}
	}
	p.offset = max(0, number-first) * size
	return p, nil
}

// createCompany: POST /companies, 200 with the id. Names need not be unique.
func (s *Server) createCompany(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	if name, err := f.text("name"); err != nil {
		return answer(err)
	} else if name == "" {
		return missing("name is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newCompany()
	if err := s.changeCompany(c, f); err != nil {
		return answer(err)
	}
	s.companies[c.id] = c
	return ok(http.StatusOK, map[string]string{"id": c.id})
}

// newCompany makes a company with an id that sorts by creation. The caller holds the lock.
func (s *Server) newCompany() *company {
	s.companyCount++
	now := time.Now()
	return &company{
		id:         fmt.Sprintf("%08x%016x", now.Unix(), s.companyCount),
		attributes: fields{}, created: now.UnixMilli(),
	}
}

// changeCompany applies a body; arrays of links replace the whole set, unknown attributes are dropped.
func (s *Server) changeCompany(c *company, f fields) error {
	attributes, err := f.child("attributes")
	if err != nil {
		return err
	}
	contacts, err := f.numbers("linkedContactsIds")
	if err != nil {
		return err
	}
	deals, err := f.texts("linkedDealsIds")
	if err != nil {
		return err
	}
	if _, err := f.text("name"); err != nil {
		return err
	}
	merged := maps.Clone(c.attributes)
	for name, value := range attributes {
		if a, known := s.crmAttribute(name); !known || a.IsValueReadonly {
			s.drop("companies." + name)
			continue
		}
		merged[name] = value
	}
	if f.has("name") {
		merged["name"] = f["name"]
	}
	c.attributes = merged
	if contacts != nil {
		c.contacts = contacts
	}
	if deals != nil {
		c.deals = deals
	}
	c.modified = time.Now().UnixMilli()
	return nil
}

func (s *Server) company(r *request) (*company, error) {
	if c := s.companies[r.params[0]]; c != nil {
		return c, nil
	}
	return nil, refusal{notFound("Company not found")}
}

// getCompany: GET /companies/{id}.
func (s *Server) getCompany(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.company(r)
	if err != nil {
		return answer(err)
	}
	return ok(http.StatusOK, s.showCompany(c))
}

// updateCompany: PATCH /companies/{id}, 200 with the company.
func (s *Server) updateCompany(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.company(r)
	if err != nil {
		return answer(err)
	}
	if err := s.changeCompany(c, f); err != nil {
		return answer(err)
	}
	return ok(http.StatusOK, s.showCompany(c))
}

// deleteCompany: DELETE /companies/{id}.
func (s *Server) deleteCompany(r *request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.company(r)
	if err != nil {
		return answer(err)
	}
	delete(s.companies, c.id)
	return noContent()
}

// linkCompany: PATCH /companies/link-unlink/{id}.
func (s *Server) linkCompany(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	link, err := f.numbers("linkContactIds")
	if err != nil {
		return answer(err)
	}
	unlink, err := f.numbers("unlinkContactIds")
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.company(r)
	if err != nil {
		return answer(err)
	}
	c.contacts = slices.DeleteFunc(c.contacts, func(id int64) bool { return slices.Contains(unlink, id) })
	for _, id := range link {
		if !slices.Contains(c.contacts, id) {
			c.contacts = append(c.contacts, id)
		}
	}
	c.modified = time.Now().UnixMilli()
	return noContent()
}

// Company is a company as tests see it.
type Company struct {
	ID         string
	Attributes map[string]any
	ContactIDs []int64
}

// Companies returns all companies in order of id.
func (s *Server) Companies() []Company {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Company
	for _, id := range slices.Sorted(maps.Keys(s.companies)) {
		c := s.companies[id]
		shown := Company{ID: id, Attributes: map[string]any{}, ContactIDs: slices.Clone(c.contacts)}
		for name, raw := range c.attributes {
			var value any
			_ = json.Unmarshal(raw, &value)
			shown.Attributes[name] = value
		}
		all = append(all, shown)
	}
	return all
}
