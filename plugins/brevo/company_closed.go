package brevo

import (
	"errors"
	"strings"
	"time"

	"connector/plugins/internal/rest"
)

// noCompanies means that the account has no companies, or the key no right to them: a 403, or a 404 for a call that
// names no company. It is not what it stands for, so that nobody takes it for a key that is wrong: contacts and
// events go on.
type noCompanies struct{ err error }

func (e noCompanies) Error() string { return e.err.Error() }

// askAgainAfter is how long companies wait before they are asked for again, which costs a call.
const askAgainAfter = 15 * time.Minute

// openOrNot turns the error of a call for companies into a noCompanies, if it is one.
func openOrNot(err error) error {
	var e *rest.Error
	if !errors.As(err, &e) || !strings.Contains(e.Op, "/companies") && !strings.Contains(e.Op, "/crm/") {
		return err
	}
	forbidden := e.Kind == rest.Unauthorized && e.Status != 401
	if forbidden || e.Kind == rest.NotFound && !strings.Contains(e.Op, "{id}") {
		return noCompanies{err}
	}
	return err
}

// close lets all companies wait, and says so once.
func (b *companyBook) close(why noCompanies) {
	b.mu.Lock()
	first := b.closedUntil.IsZero()
	b.closedUntil = time.Now().Add(askAgainAfter)
	b.mu.Unlock()
	if first {
		changes, links := b.waiting()
		b.log.Errorf("Brevo lets this key have no companies: %v; %d companies and %d links wait, and contacts and events go on. Companies need a plan that has them, and a key with "+
			"the right to them; to do without set `action: skip` for brevo_companies. It is asked again every %v", why, changes, links, askAgainAfter)
	}
}

// opened notes that a call for companies was answered.
func (b *companyBook) opened() {
	b.mu.Lock()
	was := !b.closedUntil.IsZero()
	b.closedUntil = time.Time{}
	b.mu.Unlock()
	if was {
		b.log.Infof("Brevo lets this key have companies again; those that wait are written")
	}
}

// isClosed reports whether companies wait for that.
func (b *companyBook) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closedUntil.IsZero()
}
