package pipedrive

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"connector/plugins/pipedrive/api"
)

type pagesConfig struct {
	objects  []*api.Object
	list     api.ListOptions
	limit    int    // records read but not delivered
	cache    string // empty: no checkpoint
	cacheKey string
	account  string // whose data it is
}

// pages reads several collections side by side, each once from its beginning to its end.
type pages struct {
	*feed
	conf     pagesConfig
	position *position
}

// startPages loads the checkpoint and starts one reader for each object.
func startPages(ctx context.Context, client *api.Client, res *service.Resources, conf pagesConfig) (*pages, error) {
	conf.account = client.Account()
	pos, err := loadPosition(ctx, res, conf)
	if err != nil {
		return nil, err
	}
	p := &pages{
		feed: newFeed(client, res, "paginated", max(conf.limit, conf.list.Limit), len(conf.objects)),
		conf: conf, position: pos,
	}
	pos.start(p.ctx)
	for _, o := range conf.objects {
		p.readers.Go(func() { p.readObject(o) })
	}
	return p, nil
}

// readObject reads one collection to its end.
func (p *pages) readObject(o *api.Object) {
	next, done := p.position.begin(o)
	total, restarted, seen := 0, false, map[string]bool{}
	for !done {
		if p.position.wait(p.ctx) != nil || p.acquire(p.conf.list.Limit) != nil {
			return
		}
		page, records, err := p.fetchPage(func(ctx context.Context) (*api.Page, error) {
			return p.client.List(ctx, o, next, p.conf.list)
		}, next != "" && !restarted)
		if errors.Is(err, errBadCursor) {
			p.log.Warnf("%v; reading %s from the beginning", err, o.Plural)
			p.keep(p.conf.list.Limit, 0)
			next, restarted, seen = "", true, map[string]bool{}
			continue
		}
		if err != nil {
			return // only when the input is closed
		}
		if seen[page.Next] {
			// To go on would be to read the same for ever, and to end would be to say that all was read.
			p.log.Errorf("reading %s: Pipedrive's pages go round in a circle; reading of %s stops here: start again, and tell Pipedrive's support", o.Plural, o.Plural)
			return
		}
		seen[page.Next] = true
		d := &delivery{
			page: page, records: records, actions: []any{actionSnapshot}, weight: p.keep(p.conf.list.Limit, len(records)),
			settle: p.position.track(o, page.Next),
		}
		next, done = page.Next, page.Next == ""
		total += len(records)
		p.progress.read(o, len(records))
		if len(records) == 0 {
			d.settle()
			continue
		}
		if p.hand(d) != nil {
			return
		}
	}
	p.log.Debugf("reading %s: %d read, at the end", o.Plural, total)
	p.done()
}

// next returns a page that is to be delivered.
func (p *pages) next(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	return p.feed.next(ctx, p.position.clear) // all is delivered: the next run starts from the beginning
}

// close stops the readers and writes the position.
func (p *pages) close(ctx context.Context) error {
	p.feed.close()
	return p.position.close(ctx)
}
