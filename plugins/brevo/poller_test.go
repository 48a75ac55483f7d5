package brevo

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	sandbox "connector/sandbox/brevo"
)

func TestPoller_ImportsOfContactsAndCompaniesShareEachQuestion(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.tap.instead = func(rw http.ResponseWriter, c call) bool {
		_, after, is := strings.Cut(c.uri, "/v3/processes")
		if id, one := strings.CutPrefix(after, "/"); is && one {
			return answer(rw, http.StatusOK, `{"id":`+id+`,"status":"completed"}`)
		}
		return is && answer(rw, http.StatusOK, `{"processes":[{"id":2,"status":"completed"},{"id":1,"status":"completed","info":{"import":{"invalid_emails":"https://x.example/1.csv"}}}]}`)
	}
	companies := companiesOut(w, mostLinks)
	contacts := newImporter(companies.client, companies.log)
	contacts.start()
	both, ctx := errgroup.WithContext(t.Context())
	both.Go(func() error {
		p, err := contacts.poller.wait(ctx, 1)
		assert.NotEmpty(t, p.Reports)
		return err
	})
	both.Go(func() error {
		_, err := companies.book.poller.waitForEnd(ctx, 2)
		return err
	})
	require.NoError(t, both.Wait())
	assert.Equal(t, []string{"GET processes"}, w.spent())

	contacts.close()
	contacts.close()
	_, err := companies.book.poller.waitForEnd(t.Context(), 3)
	assert.NoError(t, err, "it lasts as long as one output has it")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = companies.book.poller.waitForEnd(gone, 4)
	assert.ErrorIs(t, err, context.Canceled)
	companies.book.leave(companies)
	pollers.Lock()
	defer pollers.Unlock()
	assert.NotContains(t, pollers.by, companies.client, "and no longer")
}
