package brevo

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// journal notes in the ledger's cache which imports are on their way, so that they are followed to
// their reports also when the process ends in between. An import is noted before it is sent, and struck
// out when the ledger has the verdicts of all its rows.
type journal struct {
	mu   sync.Mutex
	last uint64 // the highest number given
	open []journaled
}

// journaled is an import in the journal.
type journaled struct {
	number  uint64
	process int64 // 0 while it is not known whether Brevo took it
	owner   *importer
}

func (n journaled) name() string { return fmt.Sprintf("%s/%d", keyImports, n.number) }

// read decodes the list of imports.
func (j *journal) read(value []byte) error {
	if value == nil {
		return nil
	}
	body, err := unsealed(value)
	if err != nil {
		return err
	}
	r := &fieldReader{b: body}
	j.last = r.uvarint()
	for range min(r.uvarint(), uint64(len(body))) {
		j.open = append(j.open, journaled{number: r.uvarint(), process: r.varint()})
	}
	return r.end()
}

// load reads the journal from the cache.
func (j *journal) load(ctx context.Context, s *store) error {
	value, err := s.get(ctx, keyImports)
	if err != nil {
		return err
	}
	if err := j.read(value); err != nil {
		return s.damaged(keyImports, err)
	}
	return nil
}

// write keeps the list of imports. j.mu is held.
func (j *journal) write(ctx context.Context, s *store) error {
	b := binary.AppendUvarint([]byte{ledgerVersion}, j.last)
	b = binary.AppendUvarint(b, uint64(len(j.open)))
	for _, n := range j.open {
		b = binary.AppendVarint(binary.AppendUvarint(b, n.number), n.process)
	}
	return s.set(ctx, keyImports, sealed(b))
}

// add notes an import that is about to be sent, and returns its number.
func (j *journal) add(ctx context.Context, s *store, owner *importer, rows []byte) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := journaled{number: j.last + 1, owner: owner}
	if err := s.set(ctx, n.name(), rows); err != nil {
		return 0, err
	}
	j.last, j.open = n.number, append(j.open, n)
	if err := j.write(ctx, s); err != nil {
		j.last, j.open = n.number-1, j.open[:len(j.open)-1]
		return 0, err
	}
	return n.number, nil
}

// taken notes under which process Brevo does the import; 0 before it is sent once more.
func (j *journal) taken(ctx context.Context, s *store, number uint64, process int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.open {
		if j.open[i].number == number {
			j.open[i].process = process
		}
	}
	return j.write(ctx, s)
}

// strike takes an import out.
func (j *journal) strike(ctx context.Context, s *store, number uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open = slices.DeleteFunc(j.open, func(n journaled) bool { return n.number == number })
	if err := j.write(ctx, s); err != nil {
		return err
	}
	return s.remove(ctx, journaled{number: number}.name())
}

// abandon leaves the imports of an output that ends to the next one.
func (j *journal) abandon(owner *importer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.open {
		if j.open[i].owner == owner {
			j.open[i].owner = nil
		}
	}
}

// orphans are the imports that nobody in this process follows.
func (j *journal) orphans() (all []journaled) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range j.open {
		if n.owner == nil {
			all = append(all, n)
		}
	}
	return all
}

// appendRow adds what the ledger is to have of a row if the import takes it.
func appendRow(b []byte, w *write) []byte {
	if len(b) == 0 {
		b = append(b, ledgerVersion)
	}
	e := entry{key: w.contactKey}
	noteDelivered(&e, w)
	return appendEntry(b, &e, 0)
}

func decodeRows(b []byte) ([]entry, error) {
	body, err := unsealed(b)
	if err != nil {
		return nil, err
	}
	r := &fieldReader{b: body}
	var rows []entry
	for len(r.b) > 0 {
		rows = append(rows, r.entry(0))
	}
	return rows, r.end()
}

// intend notes an import in the journal before it is sent.
func (im *importer) intend(g *importGroup) error {
	switch {
	case im.ledger == nil:
		return nil
	case g.number != 0: // it failed, and is sent once more
		return im.taken(g, 0)
	}
	rows := sealed(g.journaled)
	return insist(im.ctx, im.log, func() (err error) {
		g.number, err = im.ledger.journal.add(im.ctx, im.store, im, rows)
		return err
	})
}

// taken notes the process that does the import.
func (im *importer) taken(g *importGroup, process int64) error {
	if im.ledger == nil {
		return nil
	}
	return insist(im.ctx, im.log, func() error { return im.ledger.journal.taken(im.ctx, im.store, g.number, process) })
}

// settle is called when the ledger has the verdicts of rows. An import of which that were the last ones
// is taken out of the journal.
func (im *importer) settle(ctx context.Context, tickets []ticket) error {
	for _, t := range tickets {
		if t.group.unsettled.Add(-1) > 0 || im.ledger == nil || t.group.number == 0 {
			continue
		}
		err := insist(ctx, im.log, func() error { return im.ledger.journal.strike(ctx, im.store, t.group.number) })
		if err != nil {
			return err
		}
	}
	return nil
}
