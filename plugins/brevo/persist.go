package brevo

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/patience"
)

// persist does a call of Brevo until it succeeds or is refused; see patience.Persist.
func persist(ctx context.Context, client *api.Client, log *service.Logger, call func() error) error {
	return patience.Persist(ctx, client, log, call)
}
