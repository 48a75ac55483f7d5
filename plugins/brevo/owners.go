package brevo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
)

// owners knows to whom an address belongs that several persons share: to the one with the lowest
// numeric ext_id among those seen. It knows addresses by their addressHash. It is a hash table that
// moves into a file without a name when it grows, so that half a million addresses take no more memory
// than a hundred thousand.
type owners struct {
	mu    sync.Mutex
	table slots
	size  uint64 // in slots; a power of two
	used  uint64
}

const (
	slotSize    = 16 // an address's hash, and an id
	firstSlots  = 1 << 10
	memorySlots = 1 << 17
)

// slots is where the table is.
type slots interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

type memory []byte

func (m memory) ReadAt(p []byte, at int64) (int, error)  { return copy(p, m[at:]), nil }
func (m memory) WriteAt(p []byte, at int64) (int, error) { return copy(m[at:], p), nil }
func (m memory) Close() error                            { return nil }

func newOwners() *owners {
	return &owners{size: firstSlots, table: make(memory, firstSlots*slotSize)}
}

// emptySlots are gone with the process.
func emptySlots(n uint64) (slots, error) {
	if n <= memorySlots {
		return make(memory, n*slotSize), nil
	}
	f, err := os.CreateTemp("", "connector-owners-*")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file: %w: set TMPDIR to a folder that this user may write", err)
	}
	_ = os.Remove(f.Name()) // it stays as long as it is open
	if err := f.Truncate(int64(n * slotSize)); err != nil {
		return nil, fmt.Errorf("making a temporary file: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

const (
	// nobody has an address that its owner gave up.
	nobody = math.MaxUint64
	// unseen is in the place of the owner of an address that nobody was seen to have after all.
	unseen = math.MaxUint64 - 1
)

// claim is what asking for an address came to.
type claim struct {
	address, person uint64
	owner           uint64 // who has it instead; nobody if the claim was granted
	former          uint64 // who had it before, with a higher id; or nobody
	fresh           bool   // it was not known at all
}

func (c claim) granted() bool { return c.owner == nobody }

// claim asks for an address. It goes to the lowest id.
func (o *owners) claim(address, person uint64) (claim, error) {
	c := claim{address: address, person: person, owner: nobody, former: nobody}
	o.mu.Lock()
	defer o.mu.Unlock()
	if 4*o.used > 3*o.size {
		if err := o.grow(); err != nil {
			return c, err
		}
	}
	slot, found, holder, err := o.find(address)
	switch {
	case err != nil:
		return c, err
	case found && holder < person:
		c.owner = holder
		return c, nil
	case found && holder == person:
		return c, nil
	case found && holder < unseen:
		c.former = holder
	}
	c.fresh = !found || holder == unseen
	return c, o.put(slot, address, person, !found)
}

// undo takes a claim back that was granted: the contact was not written.
func (o *owners) undo(c claim) error {
	if c.fresh {
		return o.give(c.address, c.person, unseen)
	}
	return o.give(c.address, c.person, c.former)
}

// release gives up an address, if it is the person's.
func (o *owners) release(address, person uint64) error { return o.give(address, person, nobody) }

// give hands an address from one person to another, if it is the former's.
func (o *owners) give(address, from, to uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	slot, found, holder, err := o.find(address)
	if err != nil || !found || holder != from {
		return err
	}
	return o.put(slot, address, to, false)
}

// holder returns who has an address, or nobody.
func (o *owners) holder(address uint64) (uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, found, holder, err := o.find(address)
	if err != nil || !found || holder == unseen {
		return nobody, err
	}
	return holder, nil
}

// find returns the slot of a hash, or the free one where it belongs.
func (o *owners) find(hash uint64) (slot uint64, found bool, id uint64, err error) {
	var several [8 * slotSize]byte
	for slot = hash & (o.size - 1); ; {
		n := min(uint64(len(several))/slotSize, o.size-slot)
		if _, err := o.table.ReadAt(several[:n*slotSize], int64(slot*slotSize)); err != nil {
			return 0, false, 0, fmt.Errorf("reading who owns an address: %w", err)
		}
		for i := range n {
			switch at := several[i*slotSize:]; binary.LittleEndian.Uint64(at) {
			case 0:
				return slot + i, false, 0, nil
			case hash:
				return slot + i, true, binary.LittleEndian.Uint64(at[8:]), nil
			}
		}
		slot = (slot + n) & (o.size - 1)
	}
}

func (o *owners) put(slot, hash, id uint64, isNew bool) error {
	var entry [slotSize]byte
	binary.LittleEndian.PutUint64(entry[:], hash)
	binary.LittleEndian.PutUint64(entry[8:], id)
	if _, err := o.table.WriteAt(entry[:], int64(slot*slotSize)); err != nil {
		return fmt.Errorf("noting who owns an address: %w", err)
	}
	if isNew {
		o.used++
	}
	return nil
}

// grow doubles the table. One that cannot grow stays as it is.
func (o *owners) grow() error {
	larger, err := emptySlots(2 * o.size)
	if err != nil {
		return err
	}
	next := &owners{table: larger, size: 2 * o.size}
	var some [4096]byte
	for at := uint64(0); at < o.size*slotSize; at += uint64(len(some)) {
		if _, err := o.table.ReadAt(some[:], int64(at)); err != nil {
			return errors.Join(fmt.Errorf("reading who owns an address: %w", err), larger.Close())
		}
		for i := 0; i < len(some); i += slotSize {
			hash := binary.LittleEndian.Uint64(some[i:])
			if hash == 0 {
				continue
			}
			slot, _, _, err := next.find(hash)
			if err == nil {
				err = next.put(slot, hash, binary.LittleEndian.Uint64(some[i+8:]), true)
			}
			if err != nil {
				return errors.Join(err, larger.Close())
			}
		}
	}
	old := o.table
	o.table, o.size, o.used = next.table, next.size, next.used
	return old.Close()
}

func (o *owners) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.table.Close()
}
