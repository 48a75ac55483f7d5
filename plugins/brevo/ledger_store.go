package brevo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/patience"
	"connector/plugins/internal/rest"
)

// store is the cache that a ledger lies in, as one output sees it.
type store struct {
	res    *service.Resources
	later  atomic.Pointer[service.Resources] // in the place of res once its stream has ended
	label  string
	prefix string // of all its keys
}

const (
	coFieldLedger    = "ledger_cache"
	coFieldLedgerKey = "ledger_cache_key"
)

func ledgerFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(coFieldLedger).Optional().Example("state").
			Description("The label of a cache resource. There the output keeps, for each contact, a fingerprint of what was last delivered and when, by hashes and without personal data: " +
				"some 30 bytes a contact. What is unchanged then costs no call, what is older than what was delivered is dropped also after a restart, what was emptied is emptied, " +
				"a change of address keeps the opt-out, and imports are followed across a restart. A ledger that is lost is learned again. Only one process may use it at a time."),
		service.NewStringField(coFieldLedgerKey).Default("brevo_contacts").Advanced().
			Description("What the ledger's keys in the cache begin with. A ledger is one Brevo account's: outputs for two accounts need two."),
	}
}

// storeFrom reads the fields, and checks that the resource exists. It is nil where none is named.
func storeFrom(conf *service.ParsedConfig, res *service.Resources) (*store, error) {
	if !conf.Contains(coFieldLedger) {
		return nil, nil
	}
	label, err := conf.FieldString(coFieldLedger)
	if err != nil || label == "" {
		return nil, err
	}
	prefix, err := conf.FieldString(coFieldLedgerKey)
	if err != nil {
		return nil, err
	}
	if prefix == "" {
		return nil, fmt.Errorf("%s is empty", coFieldLedgerKey)
	}
	if !res.HasCache(label) {
		return nil, fmt.Errorf("%s: there is no cache resource %q", coFieldLedger, label)
	}
	return &store{res: res, label: label, prefix: prefix}, nil
}

// String names the ledger in messages.
func (s *store) String() string { return fmt.Sprintf("%s in the cache %q", s.prefix, s.label) }

// The keys below the prefix: "ledger" for the directory, "imports" for the journal's, "imports/5" for
// the rows of an import, "calls" for the hour's calls, and a chunk's number in hex.
const (
	keyDirectory = "ledger"
	keyImports   = "imports"
)

func (c chunkID) name() string { return strconv.FormatUint(uint64(c), 16) }

// get returns nil where there is nothing.
func (s *store) get(ctx context.Context, name string) (value []byte, err error) {
	err = s.access(ctx, "reading", name, func(c service.Cache, key string) error {
		value, err = c.Get(ctx, key)
		if errors.Is(err, service.ErrKeyNotFound) {
			value, err = nil, nil
		}
		return err
	})
	return value, err
}

func (s *store) set(ctx context.Context, name string, value []byte) error {
	return s.access(ctx, "writing", name, func(c service.Cache, key string) error { return c.Set(ctx, key, value, nil) })
}

func (s *store) remove(ctx context.Context, name string) error {
	return s.access(ctx, "removing", name, func(c service.Cache, key string) error {
		if err := c.Delete(ctx, key); !errors.Is(err, service.ErrKeyNotFound) {
			return err
		}
		return nil
	})
}

func (s *store) access(ctx context.Context, doing, name string, do func(service.Cache, string) error) (err error) {
	key := s.prefix + "/" + name
	res := s.res
	if later := s.later.Load(); later != nil {
		res = later
	}
	if accessErr := res.AccessCache(ctx, s.label, func(c service.Cache) { err = do(c, key) }); accessErr != nil {
		err = accessErr
	}
	if err != nil {
		return fmt.Errorf("%s %s in the cache %q: %w", doing, key, s.label, err)
	}
	return nil
}

// damaged is the error for a value that cannot be read.
func (s *store) damaged(name string, err error) error {
	return fmt.Errorf("reading %s/%s in the cache %q: %w", s.prefix, name, s.label, err)
}

const (
	firstCachePause   = 100 * time.Millisecond
	longestCachePause = 30 * time.Second
)

// insist does something with the cache again and again while it fails, and says so. It returns nil,
// the context's error, or that of a value that no waiting mends.
func insist(ctx context.Context, log *service.Logger, do func() error) error {
	for failures := 0; ; failures++ {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errCorrupt) || errors.As(err, new(newerLedger)) {
			return err
		}
		pause := min(firstCachePause<<min(failures, 10), longestCachePause)
		if patience.First(log, err.Error(), max(pause, 5*time.Second)) {
			log.Errorf("%v; writing goes on when the cache does, nothing is lost", err)
		}
		if err := rest.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}
