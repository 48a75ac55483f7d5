package brevo

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// companyMap is what was delivered: each organization's company in Brevo, and each contact's company. It is
// in memory as a whole, and in the cache in parts, of which those that changed are written.
type companyMap struct {
	companies  [companyParts]map[string]companyEntry
	links      [companyParts]map[linkKey]packedLink
	dirty      map[string]bool // keys of parts that are not in the cache as they are here
	attributes map[string]int  // their numbers in sets
	linked     []string        // organizations with links by number; 0 is none
}

// companyParts is into how many parts the map is cut, by hash.
const companyParts = 64

// companyEntry is an organization's company.
type companyEntry struct {
	id     string       // Brevo's; empty once it is deleted
	print  uint64       // of what was delivered; 0 where that is not known
	time   int64        // pipedrive_time of what was delivered, in milliseconds
	given  attributeSet // that had a value from us
	number uint32       // under linked; 0 while it has none
}

// linkEntry is a contact's company.
type linkEntry struct {
	company string // the organization's id; empty once it has left
	contact int64  // Brevo's id
	time    int64
}

// packedLink is a linkEntry as the map holds it, of which there may be a million: the contact's id and the time
// with 48 bits each, and half of the company's number after either.
type packedLink struct{ contact, time uint64 }

func (m *companyMap) pack(e linkEntry) packedLink {
	if e.contact >= 1<<48 {
		e.contact = 0 // it is asked for
	}
	n := uint64(m.number(e.company))
	return packedLink{uint64(e.contact)<<16 | n>>16, uint64(max(e.time, 0))<<16 | n&0xffff}
}

func (m *companyMap) unpack(p packedLink) linkEntry {
	return linkEntry{company: m.linked[p.contact&0xffff<<16|p.time&0xffff], contact: int64(p.contact >> 16), time: int64(p.time >> 16)}
}

// number is an organization's under linked.
func (m *companyMap) number(ext string) uint32 {
	if ext == "" {
		return 0
	}
	part := companyPart(ext)
	e := m.companies[part][ext]
	if e.number == 0 {
		ext = strings.Clone(ext) // and not what it is a part of
		e.number = uint32(len(m.linked))
		m.linked = append(m.linked, ext)
		m.companies[part][ext] = e
	}
	return e.number
}

func newCompanyMap() *companyMap {
	m := &companyMap{dirty: map[string]bool{}, attributes: map[string]int{}, linked: []string{""}}
	for i := range companyParts {
		m.companies[i], m.links[i] = map[string]companyEntry{}, map[linkKey]packedLink{}
	}
	return m
}

func companyPart(ext string) int { return int(xxhash.Sum64String(ext) % companyParts) }

func (m *companyMap) company(ext string) companyEntry { return m.companies[companyPart(ext)][ext] }

func (m *companyMap) setCompany(ext string, e companyEntry) {
	part := companyPart(ext)
	before := m.companies[part][ext]
	if e.number = before.number; before == e {
		return
	}
	m.companies[part][ext] = e
	m.dirty[companiesKey(part)] = true
}

func (m *companyMap) link(k linkKey) linkEntry { return m.unpack(m.links[k%companyParts][k]) }

func (m *companyMap) setLink(k linkKey, e linkEntry) {
	part, packed := int(k%companyParts), m.pack(e)
	if m.links[part][k] == packed {
		return
	}
	m.links[part][k] = packed
	m.dirty[linksKey(part)] = true
}

// noteTime is for a link that was told once more: what is older must not undo it. It is written with the next
// link of its part, since a write for each person that changes would be many times what has changed.
func (m *companyMap) noteTime(k linkKey, time int64) {
	if e := m.link(k); time > e.time {
		e.time = time
		m.links[k%companyParts][k] = m.pack(e)
	}
}

// forgetLinks is for a company that is no more.
func (m *companyMap) forgetLinks(ext string) {
	for part := range companyParts {
		for k, p := range m.links[part] {
			if e := m.unpack(p); e.company == ext {
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

// companiesKey is where a part is kept. Earlier versions kept it, without what was given, under formerKey: that is
// read where there is nothing newer, and then left behind.
func companiesKey(part int) string { return fmt.Sprintf("companies/%02x", part) }
func formerKey(part int) string    { return fmt.Sprintf("map/%02x", part) }
func linksKey(part int) string     { return fmt.Sprintf("links/%02x", part) }

// changed is a part to be written, which then counts as written; its key is empty once there is none.
func (m *companyMap) changed(kept bool) (key string, value []byte) {
	if !kept {
		clear(m.dirty)
	}
	if m.dirty[keyGiven] { // first, since the parts are read by it
		delete(m.dirty, keyGiven)
		return keyGiven, m.encodeGiven()
	}
	for part := range companyParts {
		if key = companiesKey(part); m.dirty[key] {
			value = m.encodeCompanies(part)
		} else if key = linksKey(part); m.dirty[key] {
			value = m.encodeLinks(part)
		} else {
			continue
		}
		delete(m.dirty, key)
		return key, value
	}
	return "", nil
}

func (m *companyMap) encodeCompanies(part int) []byte {
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(m.companies[part])))
	for ext, e := range m.companies[part] {
		b = appendShort(appendShort(b, ext), e.id)
		b = binary.AppendVarint(binary.LittleEndian.AppendUint64(b, e.print), e.time)
		b = appendSet(b, e.given)
	}
	return sealed(b)
}

func (m *companyMap) encodeLinks(part int) []byte {
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(m.links[part])))
	for k, p := range m.links[part] {
		e := m.unpack(p)
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
	err := m.read(ctx, s, keyGiven, func(r *fieldReader) { m.attributes[r.text()] = len(m.attributes) })
	for part := range companyParts {
		entry := func(r *fieldReader) (ext string, e companyEntry) {
			ext = r.text()
			return ext, companyEntry{id: r.text(), print: r.uint64(), time: r.varint(), number: m.companies[part][ext].number}
		}
		err = cmp.Or(err,
			m.read(ctx, s, formerKey(part), func(r *fieldReader) {
				ext, e := entry(r)
				m.companies[part][ext] = e
			}),
			m.read(ctx, s, companiesKey(part), func(r *fieldReader) {
				ext, e := entry(r)
				e.given = r.set()
				m.companies[part][ext] = e
			}),
			m.read(ctx, s, linksKey(part), func(r *fieldReader) {
				k := linkKey(r.uint64())
				m.links[part][k] = m.pack(linkEntry{company: r.text(), contact: r.varint(), time: r.varint()})
			}))
	}
	return err
}

func (m *companyMap) read(ctx context.Context, s *store, key string, entry func(*fieldReader)) error {
	value, err := s.get(ctx, key)
	if err != nil {
		return err
	}
	if err := readParts(value, entry); err != nil {
		return s.damaged(key, err)
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
