package brevo

import (
	"context"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
)

// book is what all outputs share that write the contacts of one account: in a process that runs the main
// job and the webhooks, neither overtakes the other. It lasts as long as one of them is connected.
type book struct {
	client *api.Client
	locks  *keyLocks
	owners *owners
	times  *times

	users   int                // under books
	opening chan struct{}      // holds one token: one output opens a ledger at a time
	ledgers map[uint64]*ledger // by id, under opening
}

var books struct {
	sync.Mutex
	by map[*api.Client]*book
}

// takeBook returns the account's book. Each is given back by leave.
func takeBook(client *api.Client) *book {
	books.Lock()
	defer books.Unlock()
	b := books.by[client]
	if b == nil {
		b = &book{
			client: client, locks: newKeyLocks(), owners: newOwners(), times: newTimes(),
			opening: make(chan struct{}, 1), ledgers: map[uint64]*ledger{},
		}
		if books.by == nil {
			books.by = map[*api.Client]*book{}
		}
		books.by[client] = b
	}
	b.users++
	return b
}

func (b *book) leave() error {
	books.Lock()
	defer books.Unlock()
	if b.users--; b.users > 0 {
		return nil
	}
	delete(books.by, b.client)
	return b.owners.close()
}

// open returns the ledger that a store holds, and then does ready before any other output may have it.
func (b *book) open(ctx context.Context, s *store, log *service.Logger, ready func(*ledger) error) (*ledger, error) {
	select {
	case b.opening <- struct{}{}:
		defer func() { <-b.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	id, err := ledgerID(ctx, s)
	if err != nil {
		return nil, err
	}
	l := b.ledgers[id]
	if l == nil {
		if b.elsewhere(id) {
			return nil, fmt.Errorf("the ledger %s is in use for another Brevo account: set another %s for one of the two", s, coFieldLedgerKey)
		}
		if l, err = openLedger(ctx, s, log, b.own); err != nil {
			return nil, err
		}
	}
	if err := ready(l); err != nil {
		return nil, err
	}
	books.Lock()
	b.ledgers[l.id] = l
	books.Unlock()
	return l, nil
}

// own notes whose an address is.
func (b *book) own(address, person uint64) error {
	_, err := b.owners.claim(address, person)
	return err
}

func (b *book) elsewhere(ledger uint64) bool {
	books.Lock()
	defer books.Unlock()
	for _, other := range books.by {
		if other != b && other.ledgers[ledger] != nil {
			return true
		}
	}
	return false
}
