package pipedrive

import (
	"context"
	"errors"
	"strings"
	"time"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// checkCredentials is for Connect: its error is logged, and the check repeated until it succeeds. An
// account that does not answer the check itself is left to the first read.
func checkCredentials(ctx context.Context, client *api.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := client.Me(ctx)
	var answered *rest.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered) && !rest.Is(err, rest.Unauthorized, rest.Blocked, rest.Unreachable) && err == error(answered):
		return nil
	}
	return err
}

// checkTimeout bounds the check of the credentials.
const checkTimeout = 20 * time.Second

func quoted(words []string) string { return `["` + strings.Join(words, `", "`) + `"]` }
func joined(words []string) string { return strings.Join(words, ", ") }
