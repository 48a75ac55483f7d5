package brevo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// companyAttributes are what companies have in the account. Brevo drops what it does not know and answers with
// success, so this has to notice. To read them is one of the 100 calls an hour, so they are kept in the cache.
type companyAttributes struct {
	account *account // says what is dropped
	log     *service.Logger
	wanted  string // the attribute that is to hold the organization's id

	now atomic.Pointer[companyAttributeSet] // nil until they are known
}

// companyAttributeSet are those of one moment. They are never changed.
type companyAttributeSet struct {
	byName map[string]api.CompanyAttribute
	readAt time.Time

	key  string // the internal name of the attribute that holds the organization's id; empty where there is none
	sure bool   // and it cannot be created
}

// keptAttributes is the set in the cache.
type keptAttributes struct {
	Attributes []api.CompanyAttribute `json:"attributes"`
	ReadAt     time.Time              `json:"read_at"`
}

const (
	keyAttributes = "attributes"

	// companyAttributesFor is how long one is believed to be missing, and companyAttributesAtAll how long all of them
	// are believed.
	companyAttributesFor   = time.Hour
	companyAttributesAtAll = 24 * time.Hour
)

func newCompanyAttributes(out *companiesOutput) *companyAttributes {
	return &companyAttributes{account: out.account, log: out.log, wanted: out.keyAttribute}
}

// restore takes the attributes from the cache.
func (a *companyAttributes) restore(ctx context.Context, s *store) error {
	value, err := s.get(ctx, keyAttributes)
	var kept keptAttributes
	if err != nil || json.Unmarshal(value, &kept) != nil {
		return err
	}
	a.set(kept)
	return nil
}

func (a *companyAttributes) set(kept keptAttributes) {
	set := &companyAttributeSet{byName: make(map[string]api.CompanyAttribute, len(kept.Attributes)), readAt: kept.ReadAt}
	for _, at := range kept.Attributes {
		set.byName[at.Name] = at
	}
	if set.key = a.find(set); set.key != "" {
		set.sure = true
	} else if before := a.now.Load(); before != nil {
		set.sure = before.sure
	}
	a.now.Store(set)
}

// key is the internal name of the attribute that holds the organization's id; empty where there is none.
func (a *companyAttributes) key() string { return a.now.Load().key }

// read asks Brevo.
func (a *companyAttributes) read(ctx context.Context, b *companyBook) error {
	kept := keptAttributes{}
	err := b.call(ctx, func() (err error) {
		kept.Attributes, err = b.client.CompanyAttributes(ctx)
		return err
	})
	if err != nil {
		return err
	}
	kept.ReadAt = time.Now()
	a.set(kept)
	if b.store == nil {
		return nil
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return insist(ctx, b.log, func() error { return b.store.set(ctx, keyAttributes, value) })
}

// ensure makes sure that the attributes are known, and that there is one for the organization's id: without it a
// company could be told by its name only.
func (a *companyAttributes) ensure(ctx context.Context, b *companyBook) error {
	if now := a.now.Load(); now == nil || a.outdated(b, now) {
		if err := a.read(ctx, b); err != nil {
			return err
		}
	}
	if a.now.Load().sure {
		return nil
	}
	if err := a.create(ctx, b); err != nil {
		return err
	}
	sure := *a.now.Load()
	sure.sure = true
	a.now.Store(&sure)
	return nil
}

// outdated reports whether they are to be read again before anything is written.
func (a *companyAttributes) outdated(b *companyBook, now *companyAttributeSet) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.changes {
		if now.doubtful(c.company) {
			return true
		}
	}
	return time.Since(now.readAt) > companyAttributesAtAll
}

// doubtful reports whether a company has an attribute that may have been created since they were read.
func (s *companyAttributeSet) doubtful(c api.Company) bool {
	if time.Since(s.readAt) < companyAttributesFor {
		return false
	}
	for name, v := range c.Attributes {
		if _, known := s.byName[name]; !known && v != nil {
			return true
		}
	}
	return false
}

// find looks for the key attribute by internal name, then by label.
func (a *companyAttributes) find(set *companyAttributeSet) string {
	at, ok := set.byName[a.wanted]
	for _, other := range set.byName {
		if !ok && strings.EqualFold(other.Label, a.wanted) {
			at, ok = other, true
		}
	}
	switch {
	case !ok:
		return ""
	case at.Type == "number" || at.Type == "text" || at.Type == "":
		return at.Name
	}
	a.account.tell("key attribute", fmt.Sprintf("Brevo's company attribute %s is of type %s and cannot hold the organization's id: name another in %s; "+
		"until then companies are told by their names", at.Name, at.Type, cyFieldKeyAttribute))
	return ""
}

// create makes the key attribute. Where Brevo does not let it, companies are told by their names.
func (a *companyAttributes) create(ctx context.Context, b *companyBook) error {
	if _, there := a.now.Load().byName[a.wanted]; there {
		return nil // of a type that does not do
	}
	err := b.call(ctx, func() error {
		err := b.client.CreateCompanyAttribute(ctx, a.wanted, "text", "The id of the organization in Pipedrive. Companies are kept up to date by it.")
		if rest.Is(err, rest.Unauthorized) { // for this: the key is good for all else
			return notAllowed{err}
		}
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if readErr := a.read(ctx, b); readErr != nil {
		return readErr
	}
	switch {
	case a.key() != "" && err == nil:
		a.log.Infof("created Brevo's company attribute %s: it holds the id of the organization, and companies are kept up to date by it", a.key())
	case a.key() == "":
		if err == nil {
			err = errors.New("it is not there after it was created")
		}
		a.account.tell("key attribute", fmt.Sprintf("Brevo has no company attribute %s for the organization's id, and it cannot be created: %v; "+
			"create it in Brevo (type text), or by `connector setup brevo`; until then companies are told by their names", a.wanted, err))
	}
	return nil
}

// notAllowed is a 403 for one call only.
type notAllowed struct{ err error }

func (e notAllowed) Error() string { return e.err.Error() }

// fit returns a company as it is sent: without what Brevo would drop, after saying so once for each. Blank are its
// attributes without a value.
func (a *companyAttributes) fit(c *companyChange, now *companyAttributeSet) (fitted api.Company, blank []string) {
	fitted = api.Company{Name: c.company.Name, More: c.company.More, Attributes: map[string]any{}}
	for name, v := range c.company.Attributes {
		if name == a.wanted || name == now.key {
			continue // it is ours
		}
		at, known := now.byName[name]
		if v == nil || v == "" {
			if known && !at.ReadOnly {
				blank = append(blank, name)
			}
			continue
		}
		if !known {
			a.account.drop(name, unknownCompanyAttribute(now, name, v))
			continue
		}
		fit, verdict := fitCompanyValue(at, v)
		if verdict == misfit {
			a.account.drop(name, fmt.Sprintf("Brevo's company attribute %s is of type %s, but the mapping gives it %s: "+
				"mend the mapping, or the attribute's type in Brevo; until then it is not sent", name, at.Type, kindOf(v)))
			continue
		}
		fitted.Attributes[name] = fit
	}
	if now.key != "" {
		fitted.Attributes[now.key] = c.ext
		if now.byName[now.key].Type == "number" {
			fitted.Attributes[now.key] = json.Number(c.ext)
		}
	}
	return fitted, blank
}

func unknownCompanyAttribute(now *companyAttributeSet, name string, v any) string {
	for known := range now.byName {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf("Brevo has no company attribute %s, but %s: write it so in the mapping; until then it is not sent", name, known)
		}
	}
	return fmt.Sprintf("Brevo has no company attribute %s and would drop it without a word: create it by `connector setup brevo`, or in Brevo "+
		"(Settings > Companies, type %s), or take it out of the mapping; until then it is not sent", name, strings.Replace(wantedType(v), "multiple-choice", "multi-choice", 1))
}
