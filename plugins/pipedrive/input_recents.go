package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
)

const (
	prFieldStartFrom     = "start_from"
	prFieldOnlyNew       = "only_new"
	prFieldPollInterval  = "poll_interval"
	prFieldFollow        = "follow"
	prFieldSource        = "source"
	prFieldSweepInterval = "sweep_interval"

	startBeginning = "beginning"
	startNow       = "now"

	sourceRecents = "recents"
)

func recentsSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("0.2.0").
		Summary("Reads everything once, and then what changes in Pipedrive, for as long as it runs.").
		Description(`
Each kind of object is read by itself: first the whole list, then every `+"`poll_interval`"+` what was updated
since, oldest change first. A poll that finds nothing costs 10 tokens an object (leads and notes 20,
pipelines and stages 5, users 20) and nothing else.

Messages are like those of `+"`pipedrive_paginated`, and so is their delivery"+`: a page is a batch, it is held until all of
it is delivered, and sent again as a whole when it was not. With `+"`checkpoint_cache`"+` a run goes on where the
last one was delivered without a gap. Reads begin a little before that, and leave out what was
already delivered unchanged, so that nothing is lost among records that share a second.

- `+"`pipedrive_action`"+` is `+"`snapshot`"+` in the first read, then `+"`create`, `change` or `delete`"+`.
- Deleted deals are seen (Pipedrive lists them for 30 days). An archived deal is not a deleted one: it is just not seen any more.
- Deleted persons and organizations are seen by webhooks, or by `+"`sweep_interval`"+`.
- Leads that are deleted, archived (a `+"`change`, with `is_archived`"+`) or made a deal of are seen by the next poll as long as there are fewer than `+"`page_size`"+`
  of them: to read them all then costs no more. Beyond that, by webhooks or by `+"`sweep_interval`"+`. Each costs 2 tokens.
- Pipelines, stages and users have no time of change that could be asked for: their lists are read whole, and what is new in them is handed out.

Metadata: `+"`pipedrive_object`, `pipedrive_id`, `pipedrive_action`, `pipedrive_time`, `pipedrive_source` (`recents`)"+`, of a change
`+"`pipedrive_since`"+`, up to when everything had been read before, and `+"`pipedrive_read`"+`, when it was read, of a deal or a lead that was another
person's `+"`pipedrive_former_person_id`"+`, and of a delete that was a merge `+"`pipedrive_merged_to_id`"+`.`).
		Fields(
			listFields("pipedrive_recents",
				service.NewStringField(prFieldStartFrom).Default(startBeginning).Example("2026-11-01T00:00:00Z").
					Description("Where to begin when there is no position yet: `beginning` reads everything first, `now` only what comes, a time (RFC 3339) what was updated since."),
				service.NewStringListField(prFieldOnlyNew).Default([]any{}).Example([]any{"activities"}).
					LintRule(objectLint(api.Plurals(api.Objects))).
					Description("Those of the objects of which nothing is read that was there before, whatever `start_from` says: for activities, say, which are of use as events only."),
				service.NewDurationField(prFieldPollInterval).Default("60s").
					Description("How often to look for changes. A minute costs 14,400 tokens a day and object, of the 30,000 a day and seat of the Lite plan; five minutes cost 2,880."),
				service.NewBoolField(prFieldFollow).Default(true).
					Description("`false` ends the input once it has caught up, after three polls at most."),
				service.NewStringEnumField(prFieldSource, "updated_since", sourceRecents).Default("updated_since").Advanced().
					Description("`recents` reads `/v1/recents`: twice the cost, one month back at most, nothing without an update time, no leads. A position that is older is answered by reading everything once more."),
				service.NewDurationField(prFieldSweepInterval).Default("0s").
					Description("How often to walk all ids of persons, organizations and leads to find those that have vanished: each becomes a `delete`. It costs as much as a full read. 0 is never."),
			)...,
		).
		Fields(connectionFields()...).
		Example("Persons and deals, every five minutes", "Credentials come from the environment.", `
input:
  pipedrive_recents:
    objects: [persons, deals]
    poll_interval: 5m
    checkpoint_cache: state

cache_resources:
  - label: state
    memory: {}
`)
}

func init() {
	service.MustRegisterBatchInput("pipedrive_recents", recentsSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
			return newRecentsInput(conf, res)
		})
}

type recentsInput struct {
	client *api.Client
	res    *service.Resources
	conf   followConfig
	pace   rest.Pace

	feed        *feed
	position    *followPosition
	forgetFirst func()
}

// followConfig is what a follower needs to know.
type followConfig struct {
	pagesConfig
	start    func(*api.Client, *api.Object) state // where to begin with an object that has no position
	interval time.Duration
	once     bool          // end once caught up
	recents  bool          // read /v1/recents and not updated_since
	sweep    time.Duration // 0: never
}

func newRecentsInput(conf *service.ParsedConfig, res *service.Resources) (*recentsInput, error) {
	in := &recentsInput{res: res}
	var err error
	if in.client, err = clientFrom(conf, res); err != nil {
		return nil, err
	}
	in.conf, err = followConfigFrom(conf, res)
	return in, err
}

func followConfigFrom(conf *service.ParsedConfig, res *service.Resources) (cfg followConfig, err error) {
	if cfg.pagesConfig, err = pagesConfigFrom(conf, res); err != nil {
		return cfg, err
	}
	from, err := conf.FieldString(prFieldStartFrom)
	if err != nil {
		return cfg, err
	}
	start, err := startFrom(from)
	if err != nil {
		return cfg, err
	}
	onlyNew, err := conf.FieldStringList(prFieldOnlyNew)
	if err != nil {
		return cfg, err
	}
	for _, plural := range onlyNew {
		if _, err := api.ObjectOf(plural); err != nil {
			return cfg, fmt.Errorf("only_new: %w", err)
		}
	}
	cfg.start = func(c *api.Client, o *api.Object) state {
		if slices.Contains(onlyNew, o.Plural) {
			return beginning(c.Now().Unix())
		}
		return start(c)
	}
	if cfg.interval, err = conf.FieldDuration(prFieldPollInterval); err != nil {
		return cfg, err
	}
	if cfg.interval < time.Second {
		return cfg, fmt.Errorf("poll_interval is %v: it must be at least 1s; each poll costs 10 tokens an object", cfg.interval)
	}
	follow, err := conf.FieldBool(prFieldFollow)
	if err != nil {
		return cfg, err
	}
	cfg.once = !follow
	source, err := conf.FieldString(prFieldSource)
	if err != nil {
		return cfg, err
	}
	if cfg.recents = source == sourceRecents; cfg.recents {
		if cfg.list.FilterID != 0 {
			return cfg, errors.New("source recents: /v1/recents knows no filter_id: leave one of the two out")
		}
		for _, o := range cfg.objects {
			if !o.HasRecents() {
				return cfg, fmt.Errorf("source recents: Pipedrive's /v1/recents has no %s: leave source out, or read them by an input of their own", o.Plural)
			}
		}
	}
	if cfg.sweep, err = conf.FieldDuration(prFieldSweepInterval); err != nil {
		return cfg, err
	}
	if cfg.sweep < 0 || cfg.sweep > 0 && cfg.sweep < time.Minute {
		return cfg, fmt.Errorf("sweep_interval is %v: it must be 0 or at least 1m; a sweep costs as much as a full read", cfg.sweep)
	}
	return cfg, nil
}

// startFrom is the state of an object of which nothing was read.
func startFrom(text string) (func(*api.Client) state, error) {
	switch text {
	case startBeginning:
		return func(*api.Client) state {
			s := beginning(0)
			s.full = &fullRead{}
			return s
		}, nil
	case startNow:
		return func(c *api.Client) state { return beginning(c.Now().Unix()) }, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("start_from is %q: it must be beginning, now, or a time such as 2026-11-01T00:00:00Z", text)
	}
	return func(*api.Client) state { return beginning(t.Unix()) }, nil
}

// beginning is the state of an object of which what comes from a second on is to be read.
func beginning(second int64) state { return state{window: newWindow(second)} }

// Connect checks the credentials, loads the position and starts to read.
func (in *recentsInput) Connect(ctx context.Context) error {
	if in.feed != nil {
		return nil
	}
	if err := in.pace.Wait(ctx); err != nil {
		return err
	}
	if err := checkCredentials(ctx, in.client); err != nil {
		return in.pace.After(err)
	}
	if in.conf.recents {
		in.res.Logger().Warn("source recents reads /v1/recents: twice the cost of updated_since, one month back at most, and nothing without an update time")
	}
	position, err := loadFollow(ctx, in.client, in.res, in.conf)
	if err != nil {
		return in.pace.After(err)
	}
	feed := newFeed(in.client, in.res, "recents", max(in.conf.limit, in.conf.list.Limit), len(in.conf.objects))
	followers := make([]*follower, len(in.conf.objects))
	for i, o := range in.conf.objects {
		followers[i] = &follower{feed: feed, o: o, conf: in.conf, position: position, at: position.begin(o), book: position.books[o.Name]}
		if in.conf.sweep > 0 && sweepable(o) {
			if err := followers[i].loadIDs(ctx); err != nil {
				feed.close()
				return in.pace.After(err)
			}
		}
	}
	in.forgetFirst = shareFirstRead(in.client, followers)
	for name, b := range position.books {
		books.Store(bookOwner{in.client, name}, b)
	}
	position.start(feed.ctx)
	for _, f := range followers {
		feed.readers.Go(f.run)
	}
	feed.readers.Go(func() { in.showLag(feed.ctx, position) })
	in.feed, in.position = feed, position
	return nil
}

const lagEvery = 5 * time.Second

// showLag keeps the metric of how far Brevo is behind Pipedrive: the age of the last read of which all is
// delivered.
func (in *recentsInput) showLag(ctx context.Context, position *followPosition) {
	lag := in.res.Metrics().NewGauge("pipedrive_lag_seconds", "object")
	for start := in.client.Now(); ; {
		for _, o := range in.conf.objects {
			since := start
			if t := position.caughtUp(o); t.After(since) {
				since = t
			}
			lag.Set(int64(in.client.Now().Sub(since).Seconds()), o.Name)
		}
		if rest.Sleep(ctx, lagEvery) != nil {
			return
		}
	}
}

// ReadBatch returns the next page, or one that was not delivered. It blocks while there is neither:
// between two polls, while a limit is waited out, and while too many records are unacknowledged.
func (in *recentsInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if in.feed == nil {
		return nil, nil, service.ErrNotConnected
	}
	return in.feed.next(ctx, in.position.flush)
}

// Close stops reading and writes the position that was reached. It can be called twice.
func (in *recentsInput) Close(ctx context.Context) error {
	if in.feed == nil {
		return nil
	}
	in.feed.close()
	in.forgetFirst()
	for name, b := range in.position.books {
		books.CompareAndDelete(bookOwner{in.client, name}, b)
	}
	return in.position.close(ctx)
}

// ConnectionTest checks the credentials.
func (in *recentsInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := in.client.Me(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
