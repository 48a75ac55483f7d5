package brevo

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// What Pipedrive has no value of any more is emptied in Brevo if a value of ours had been delivered, and else left
// alone: people may have entered it by hand. So the map remembers which attributes each company was given.

const keyGiven = "given" // the names of attributes, by number

// attributeNumber is an attribute's in the sets of the map; false where there are too many.
func (m *companyMap) attributeNumber(name string) (int, bool) {
	n, ok := m.attributes[name]
	if !ok && len(m.attributes) < mostAttributes {
		n, ok = len(m.attributes), true
		m.attributes[name] = n
		m.dirty[keyGiven] = true
	}
	return n, ok
}

// given are the attributes that a write gives a value.
func (m *companyMap) given(c api.Company) (set attributeSet) {
	for name := range c.Attributes {
		if n, ok := m.attributeNumber(name); ok {
			set.add(n)
		}
	}
	return set
}

// delivered are those of names that a company was given.
func (m *companyMap) delivered(e companyEntry, names []string) (to []string) {
	for _, name := range names {
		if n, known := m.attributes[name]; known && e.given.has(n) {
			to = append(to, name)
		}
	}
	slices.Sort(to)
	return to
}

func (m *companyMap) encodeGiven() []byte {
	names := make([]string, len(m.attributes))
	for name, n := range m.attributes {
		names[n] = name
	}
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(names)))
	for _, name := range names {
		b = appendShort(b, name)
	}
	return sealed(b)
}

func appendSet(b []byte, set attributeSet) []byte {
	words := len(set)
	for words > 0 && set[words-1] == 0 {
		words--
	}
	b = append(b, byte(words))
	for _, word := range set[:words] {
		b = binary.AppendUvarint(b, word)
	}
	return b
}

func (r *fieldReader) set() (set attributeSet) {
	words := int(r.byte())
	for i := range min(words, len(set)) {
		set[i] = r.uvarint()
	}
	r.bad = r.bad || words > len(set)
	return set
}

// withBlanks is a company's body that empties what it is to lose.
func (w *companyWrite) withBlanks(blank any) api.Company {
	c := w.company
	c.Attributes = maps.Clone(c.Attributes)
	for _, name := range w.blank {
		c.Attributes[name] = blank
	}
	return c
}

// update changes a company. Brevo does not say how an attribute is emptied: by null, or where it refuses that by "".
func (b *companyBook) update(ctx context.Context, w *companyWrite) error {
	err := b.call(ctx, func() error { return b.client.UpdateCompany(ctx, w.id, w.withBlanks(nil)) })
	if len(w.blank) > 0 && rest.Is(err, rest.Refused) {
		err = b.call(ctx, func() error { return b.client.UpdateCompany(ctx, w.id, w.withBlanks("")) })
	}
	return err
}

// importBlanks empties attributes of many companies by imports of their own, one for each set of attributes: in
// them no cell is empty that is not to be. What else changes of the companies comes after it.
func (b *companyBook) importBlanks(ctx context.Context, writes []*companyWrite) error {
	by := map[string][]*companyWrite{}
	for _, w := range writes {
		if len(w.blank) > 0 && w.id != "" && !w.gone && !w.sent && w.company.Name != "" {
			set := strings.Join(w.blank, "\x00")
			by[set] = append(by[set], w)
		}
	}
	for _, group := range by {
		if len(group) < few || b.spare() <= 0 {
			continue
		}
		blank := group[0].blank
		file := api.NewCompanyFile(append([]string{api.ColumnCompanyID, "name"}, blank...))
		for i, w := range group {
			if file.Len() > api.MaxImport-64<<10 {
				group = group[:i]
				break
			}
			file.Add(append([]string{w.id, w.company.Name}, make([]string, len(blank))...))
		}
		process, err := b.runImport(ctx, file, api.CompanyImport{Update: true, Unset: true}, len(group))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case uncertain(err):
			return b.allQuiet(ctx) // twice is the same as once
		case rest.Is(err, rest.Refused) || err == nil && process.Status != "completed":
			b.alone(group)
			continue
		case err != nil:
			return err
		}
		b.mu.Lock()
		for _, w := range group {
			e := b.known.company(w.ext)
			e.given = e.given.without(b.known.numbers(blank))
			e.print = 0 // the rest of it is still to come
			b.known.setCompany(w.ext, e)
		}
		b.mu.Unlock()
	}
	return nil
}

func (m *companyMap) numbers(names []string) (set attributeSet) {
	for _, name := range names {
		if n, ok := m.attributes[name]; ok {
			set.add(n)
		}
	}
	return set
}
