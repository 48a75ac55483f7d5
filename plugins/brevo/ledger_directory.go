package brevo

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
)

// ledgerID reads which ledger a cache holds; 0 for none.
func ledgerID(ctx context.Context, s *store) (uint64, error) {
	value, err := s.get(ctx, keyDirectory)
	if err != nil || value == nil {
		return 0, err
	}
	body, err := unsealed(value)
	if err != nil {
		return 0, s.damaged(keyDirectory, err)
	}
	return (&fieldReader{b: body}).uint64(), nil
}

// directory encodes the ledger's id, its attributes' names by number, and its chunks.
func (l *ledger) directory() []byte {
	b := binary.LittleEndian.AppendUint64([]byte{ledgerVersion}, l.id)
	names := *l.names.Load()
	byNumber := make([]string, len(names))
	for name, n := range names {
		byNumber[n] = name
	}
	b = binary.AppendUvarint(b, uint64(len(byNumber)))
	for _, name := range byNumber {
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	}
	b = binary.AppendUvarint(b, uint64(len(l.there)))
	last := chunkID(0)
	for _, id := range slices.Sorted(maps.Keys(l.there)) {
		b = binary.AppendUvarint(b, uint64(id-last))
		last = id
	}
	return sealed(b)
}

func (l *ledger) readDirectory(value []byte) error {
	body, err := unsealed(value)
	if err != nil {
		return err
	}
	r := &fieldReader{b: body}
	l.id = r.uint64()
	names := map[string]int{}
	for n := range min(r.uvarint(), mostAttributes) {
		names[r.text()] = int(n)
	}
	l.names.Store(&names)
	last := chunkID(0)
	for range min(r.uvarint(), uint64(len(body))) {
		last += chunkID(r.uvarint())
		l.there[last] = true
	}
	return r.end()
}

// number returns an attribute's number.
func (l *ledger) number(name string) (int, bool) {
	if n, ok := (*l.names.Load())[name]; ok {
		return n, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	names := *l.names.Load()
	n, ok := names[name]
	if ok || len(names) == mostAttributes {
		return n, ok
	}
	names, n = maps.Clone(names), len(names)
	names[name] = n
	l.names.Store(&names)
	l.listed = false
	if len(names) == mostAttributes {
		l.log.Warnf("the ledger tells %d attributes apart; of more it will not know whether they have to be emptied", mostAttributes)
	}
	return n, true
}
