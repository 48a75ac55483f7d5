package brevo

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// companyMap is what was delivered: each organization's company in Brevo, and each contact's company. It is
// in memory as a whole, and in the cache in parts, of which those that changed are written.
type companyMap struct {
	companies [companyParts]map[string]companyEntry
	links     [companyParts]map[linkKey]linkEntry
	dirty     map[string]func() []byte // parts that are not in the cache as they are here, by key
}

// companyParts is into how many parts the map is cut, by hash.
const companyParts = 64

// companyEntry is an organization's company.
type companyEntry struct {
	id    string // Brevo's; empty once it is deleted
	print uint64 // of what was delivered; 0 where that is not known
	time  int64  // pipedrive_time of what was delivered, in milliseconds
}

// linkEntry is a contact's company.
type linkEntry struct {
	company string // the organization's id; empty once it has left
	contact int64  // Brevo's id
	time    int64
}

func newCompanyMap() *companyMap {
	m := &companyMap{dirty: map[string]func() []byte{}}
	for i := range companyParts {
		m.companies[i], m.links[i] = map[string]companyEntry{}, map[linkKey]linkEntry{}
	}
	return m
}

func companyPart(ext string) int { return int(xxhash.Sum64String(ext) % companyParts) }

func (m *companyMap) company(ext string) companyEntry { return m.companies[companyPart(ext)][ext] }

func (m *companyMap) setCompany(ext string, e companyEntry) {
	part := companyPart(ext)
	if m.companies[part][ext] == e {
		return
	}
	m.companies[part][ext] = e
	m.dirty[companiesKey(part)] = func() []byte { return m.encodeCompanies(part) }
}

func (m *companyMap) link(k linkKey) linkEntry { return m.links[k%companyParts][k] }

func (m *companyMap) setLink(k linkKey, e linkEntry) {
	part := int(k % companyParts)
	if m.links[part][k] == e {
		return
	}
	m.links[part][k] = e
	m.dirty[linksKey(part)] = func() []byte { return m.encodeLinks(part) }
}

// forgetLinks is for a company that is no more.
func (m *companyMap) forgetLinks(ext string) {
	for part := range companyParts {
		for k, e := range m.links[part] {
			if e.company == ext {
				e.company = ""
				m.setLink(k, e)
			}
		}
	}
}

// known are the ids in Brevo that belong to an organization.
func (m *companyMap) known() map[string]bool {
	ids := map[string]bool{}
	for _, part := range m.companies {
		for _, e := range part {
			if e.id != "" {
				ids[e.id] = true
			}
		}
	}
	return ids
}

func companiesKey(part int) string { return fmt.Sprintf("map/%02x", part) }
func linksKey(part int) string     { return fmt.Sprintf("links/%02x", part) }

// changed are the parts to be written, which then count as written.
func (m *companyMap) changed() map[string][]byte {
	parts := make(map[string][]byte, len(m.dirty))
	for key, encode := range m.dirty {
		parts[key] = encode()
	}
	clear(m.dirty)
	return parts
}

func (m *companyMap) encodeCompanies(part int) []byte {
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(m.companies[part])))
	for ext, e := range m.companies[part] {
		b = appendShort(appendShort(b, ext), e.id)
		b = binary.AppendVarint(binary.LittleEndian.AppendUint64(b, e.print), e.time)
	}
	return sealed(b)
}

func (m *companyMap) encodeLinks(part int) []byte {
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(m.links[part])))
	for k, e := range m.links[part] {
		b = appendShort(binary.LittleEndian.AppendUint64(b, uint64(k)), e.company)
		b = binary.AppendVarint(binary.AppendVarint(b, e.contact), e.time)
	}
	return sealed(b)
}

func appendShort(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// load reads the map from the cache.
func (m *companyMap) load(ctx context.Context, s *store) error {
	for part := range companyParts {
		for key, read := range map[string]func(*fieldReader){
			companiesKey(part): func(r *fieldReader) {
				ext := r.text()
				m.companies[part][ext] = companyEntry{id: r.text(), print: r.uint64(), time: r.varint()}
			},
			linksKey(part): func(r *fieldReader) {
				k := linkKey(r.uint64())
				m.links[part][k] = linkEntry{company: r.text(), contact: r.varint(), time: r.varint()}
			},
		} {
			value, err := s.get(ctx, key)
			if err != nil {
				return err
			}
			if err := readParts(value, read); err != nil {
				return s.damaged(key, err)
			}
		}
	}
	return nil
}

func readParts(value []byte, read func(*fieldReader)) error {
	if value == nil {
		return nil
	}
	body, err := unsealed(value)
	if err != nil {
		return err
	}
	r := &fieldReader{b: body}
	for range min(r.uvarint(), uint64(len(body))) {
		read(r)
	}
	return r.end()
}
