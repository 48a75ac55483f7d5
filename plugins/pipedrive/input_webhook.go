package pipedrive

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/semaphore"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

func webhookSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.3.0").
		Summary("Listens for Pipedrive's webhooks, and creates and keeps them where it is told its public address.").
		Description(`
Each delivery, of payload 2.0 or 1.0, becomes one message: the record in the shape of Pipedrive's API v2, as from
`+"`pipedrive_recents`, with `custom_fields_by_name`. Of a `delete` it is the record as it was last, with `is_deleted: true`"+`.

A delivery is answered 200 when its message was delivered, or stored by a buffer that lasts; until then its sender waits,
nine seconds at most. Whatever cannot be delivered is answered 503: Pipedrive tries again after 3, 30 and 150 seconds.
Ten deliveries whose first attempt fails make it stop for 30 minutes, and what happens then is never sent: use a buffer, and
run `+"`pipedrive_recents`"+` besides, which reads what was missed.

- Deliveries that are repeated are handed on once; with `+"`dedupe_cache`"+` also across a restart.
- Those of one record keep their order: the next is handed on when the one before is delivered.
- Of a merge the survivor's is a `+"`merge`, and the other's a `delete` with `pipedrive_merged_to_id`"+`.
- Kinds of records and versions that are not known are answered 200, counted in `+"`pipedrive_webhook_dropped`"+` and dropped.

Metadata: `+"`pipedrive_object`, `pipedrive_id`, `pipedrive_action` (`create`, `change`, `delete`, `merge`), `pipedrive_time`, `pipedrive_source` (`webhook`), "+
			"`pipedrive_previous` (of a change or merge: the former values of what changed, structured), `pipedrive_event_id`, `pipedrive_user_id`, "+
			"`pipedrive_change_source` (`app` or `api`), `pipedrive_merged_to_id`, `pipedrive_merged_from_id`"+`.`).
		Fields(webhookFields()...).
		Fields(connectionFields()...).
		Example("Persons and deals, behind a reverse proxy", "Pipedrive calls the public address; the proxy passes on to this machine.", `
input:
  pipedrive_webhook:
    address: 127.0.0.1:8080
    path: /pipedrive
    basic_auth:
      username: ${WEBHOOK_USERNAME}
      password: ${WEBHOOK_PASSWORD}
    dedupe_cache: state
    subscribe:
      public_url: https://hooks.example.com/pipedrive
      events: [person.*, deal.change]

cache_resources:
  - label: state
    memory: {}
`)
}

func init() {
	service.MustRegisterBatchInput("pipedrive_webhook", webhookSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
			return newWebhookInput(conf, res)
		})
}

type webhookInput struct {
	client *api.Client
	log    *service.Logger
	conf   webhookConfig
	meters *webhookMeters
	pace   rest.Pace
	told   told

	line          *line
	seen          *seen
	room          *semaphore.Weighted // bytes of bodies
	subscriptions *subscriptions

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu      sync.Mutex
	server  *http.Server // nil until it listens
	address net.Addr     // where it does
	closed  bool
	owned   sync.WaitGroup // the server, the subscriptions, and what writes to the cache
}

func newWebhookInput(conf *service.ParsedConfig, res *service.Resources) (*webhookInput, error) {
	in := &webhookInput{log: res.Logger(), meters: newWebhookMeters(res), line: newLine(), room: semaphore.NewWeighted(bodiesAtOnce)}
	var err error
	if in.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	if in.conf, err = webhookConfigFrom(conf, res); err != nil {
		return nil, err
	}
	in.seen = newSeen(res, in.conf.cache, in.conf.ttl)
	in.subscriptions = newSubscriptions(in.client, in.log, in.conf)
	in.ctx, in.stop = context.WithCancel(context.Background())
	return in, nil
}

// Connect checks the credentials, listens, and begins to see to the subscriptions.
func (in *webhookInput) Connect(ctx context.Context) error {
	in.mu.Lock()
	connected, closed := in.server != nil, in.closed
	in.mu.Unlock()
	if closed {
		return service.ErrEndOfInput
	}
	if connected {
		return nil
	}
	if err := in.pace.Wait(ctx); err != nil {
		return err
	}
	if err := checkCredentials(ctx, in.client); err != nil {
		return in.pace.After(err)
	}
	in.seen.begin(in.client.Now())
	listener, err := in.conf.listen()
	if err != nil {
		return in.pace.After(err)
	}
	if in.conf.user == "" && in.conf.password == "" && (!in.conf.onLoopback() || in.conf.publicURL != "") {
		in.log.Warnf("%s takes deliveries from anybody: set basic_auth (WEBHOOK_USERNAME, WEBHOOK_PASSWORD)", in.conf.address)
	}
	in.log.Infof("listening for Pipedrive's webhooks on %s, path %s", listener.Addr(), in.conf.path)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.address, in.server = listener.Addr(), in.conf.server(in, in.log)
	server := in.server
	in.owned.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			in.log.Errorf("listening on %s ended: %v", in.conf.address, err)
		}
	})
	in.owned.Go(func() { in.subscriptions.run(in.ctx) })
	return nil
}

// mostAtOnce is how many deliveries make a batch, where so many wait.
const mostAtOnce = 100

// ReadBatch returns what waits, in the order of arrival. It blocks while nothing does.
func (in *webhookInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	in.mu.Lock()
	connected := in.server != nil
	in.mu.Unlock()
	if !connected {
		return nil, nil, service.ErrNotConnected
	}
	taken, err := in.line.take(ctx, mostAtOnce)
	if errors.Is(err, errStopping) {
		return nil, nil, service.ErrEndOfInput
	}
	if err != nil {
		return nil, nil, err
	}
	batch := make(service.MessageBatch, len(taken))
	for i, a := range taken {
		noteDelivery(in.client, a.Delivery)
		batch[i] = messageOf(a.Delivery)
	}
	return batch, func(_ context.Context, err error) error {
		in.settle(taken, err)
		return nil
	}, nil
}

// settle tells the senders of what was taken. A message that was not delivered is sent again by
// Pipedrive, as are those beside it: which of a batch failed cannot be relied on.
func (in *webhookInput) settle(taken []*arrival, err error) {
	in.line.release(taken)
	if err != nil {
		in.told.seldom("not delivered", time.Minute, func() {
			in.log.Warnf("deliveries are answered 503, since they were not delivered: %v; Pipedrive sends them again", err)
		})
	}
	for _, a := range taken {
		if err != nil {
			in.seen.settle(a, err)
			continue
		}
		in.own(func() {
			in.seen.store(context.Background(), a.key)
			in.seen.settle(a, nil)
		})
	}
}

// own runs f beside its caller, as long as Close is not there to wait for it.
func (in *webhookInput) own(f func()) {
	in.mu.Lock()
	closed := in.closed
	if !closed {
		in.owned.Go(f)
	}
	in.mu.Unlock()
	if closed {
		f()
	}
}

// Close takes no more deliveries, answers 503 to those that nobody has read, and waits for the others for
// some seconds. It can be called twice.
func (in *webhookInput) Close(ctx context.Context) error {
	in.mu.Lock()
	server, closed := in.server, in.closed
	in.closed = true
	in.mu.Unlock()
	if closed {
		return nil
	}
	for _, a := range in.line.close() {
		in.seen.settle(a, errStopping)
	}
	if server != nil {
		late := time.AfterFunc(closeTimeout, func() { in.seen.abandon(errStopping) })
		defer late.Stop()
		ctx, cancel := context.WithTimeout(ctx, closeTimeout+time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // whoever still holds a connection says nothing on it
		}
	}
	in.stop()
	in.owned.Wait()
	return nil
}

// ConnectionTest checks the credentials.
func (in *webhookInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := in.client.Me(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// messageOf is a delivery as the pipeline gets it.
func messageOf(d *api.Delivery) *service.Message {
	m := service.NewMessage(nil)
	m.SetStructuredMut(map[string]any(d.Record))
	m.MetaSetMut("pipedrive_source", "webhook")
	for key, value := range map[string]string{
		"pipedrive_object": d.Object, "pipedrive_id": d.ID, "pipedrive_action": d.Action, "pipedrive_time": d.Time,
		"pipedrive_event_id": d.EventID, "pipedrive_user_id": d.UserID, "pipedrive_change_source": d.ChangeSource,
		"pipedrive_merged_to_id": d.MergedTo, "pipedrive_merged_from_id": d.MergedFrom,
	} {
		if value != "" {
			m.MetaSetMut(key, value)
		}
	}
	if d.Previous != nil {
		m.MetaSetMut("pipedrive_previous", d.Previous)
	}
	return m
}
