package brevo

import (
	"context"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// pages is how Brevo counts the pages of companies, which is not documented.
type pages int

const (
	pagesUnknown pages = iota
	pagesFromOne
	pagesFromZero
	pagesByIndex // of their first company, as the specification words it
)

// pageSizes are tried one after the other where Brevo refuses the one before: the largest is not documented.
var pageSizes = []int{1000, 500, 200, 100, 50}

// walk reads companies page by page, those since a time or all, until visit has enough. All are read oldest
// first, so that none is missed when others come; those since a time newest first.
func (b *companyBook) walk(ctx context.Context, since time.Time, visit func([]api.FoundCompany) (enough bool)) error {
	var first []api.FoundCompany
	seen := map[string]bool{}
	for page := -1; ; {
		items, err := b.page(ctx, api.CompanyPage{Page: page, Ascending: since.IsZero(), Since: since})
		if err != nil {
			return err
		}
		fresh := make([]api.FoundCompany, 0, len(items))
		for _, c := range items {
			if !seen[c.ID] {
				seen[c.ID] = true
				fresh = append(fresh, c)
			}
		}
		if visit(fresh) || len(items) == 0 {
			return nil
		}
		if page < 0 {
			first = items
		}
		if page == 1 && b.state.Pages == pagesUnknown {
			b.state.Pages = counted(first, items)
			if err := b.keepState(ctx); err != nil {
				return err
			}
		}
		again := page == 1 && b.state.Pages == pagesFromOne // the first page
		if !again && (len(fresh) == 0 || b.isLast(len(items))) {
			return nil
		}
		switch {
		case b.state.Pages == pagesByIndex:
			page = len(seen)
		case page < 0 && b.state.Pages == pagesFromOne:
			page = 2
		case page < 0:
			page = 1
		default:
			page++
		}
	}
}

// counted tells how pages are counted from the one that was asked for without a number and from number 1.
func counted(first, one []api.FoundCompany) pages {
	switch {
	case one[0].ID == first[0].ID:
		return pagesFromOne
	case len(first) > 1 && one[0].ID == first[1].ID:
		return pagesByIndex
	}
	return pagesFromZero
}

// isLast reports whether a page with n companies is certainly the last: one with a round number may be as
// long as Brevo lets pages be.
func (b *companyBook) isLast(n int) bool { return n < b.state.Limit && n%50 != 0 }

// page reads one page, with the largest limit that Brevo takes.
func (b *companyBook) page(ctx context.Context, p api.CompanyPage) (items []api.FoundCompany, err error) {
	sizes := pageSizes
	if b.state.Limit > 0 {
		sizes = []int{b.state.Limit}
	}
	for _, p.Limit = range sizes {
		err = b.call(ctx, func() (err error) {
			items, err = b.client.Companies(ctx, p)
			return err
		})
		if !rest.Is(err, rest.Refused) {
			break
		}
	}
	if err == nil && b.state.Limit != p.Limit {
		b.state.Limit = p.Limit
		err = b.keepState(ctx)
	}
	return items, err
}
