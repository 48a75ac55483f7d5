package pipedrive

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

// mendedEvery is how often something that a person has to mend, such as a wrong token, is tried
// again.
const mendedEvery = 15 * time.Second

// unreachableEvery is how often a host that does not answer is tried again.
const unreachableEvery = 2 * time.Second

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
	if rest.Is(err, rest.Unreachable) {
		return service.NewErrBackOff(err, unreachableEvery)
	}
	return service.NewErrBackOff(err, mendedEvery)
}

func quoted(words []string) string { return `["` + strings.Join(words, `", "`) + `"]` }
func joined(words []string) string { return strings.Join(words, ", ") }
