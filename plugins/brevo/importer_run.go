package brevo

import (
	"fmt"
	"time"

	"connector/plugins/brevo/api"
	"connector/plugins/internal/rest"
)

// run sends an import off and gives its rows their verdicts.
func (im *importer) run(g *importGroup) {
	lines, err := im.follow(g)
	if err == nil {
		g.refused, err = match(g, lines)
	}
	if g.err = err; err != nil && im.ctx.Err() == nil {
		im.log.Errorf("%v; its %d contacts are written one by one", err, len(g.starts))
	}
	rows := g.rows
	g.rows, g.starts, g.journaled = nil, nil, nil
	close(g.done)
	im.mu.Lock()
	im.spare = rows
	im.active--
	im.mu.Unlock()
}

// follow sends the import and waits for its end. An import that Brevo gives up on is sent once more.
func (im *importer) follow(g *importGroup) (reportLines, error) {
	var last api.Process
	for range 2 {
		if err := im.intend(g); err != nil {
			return nil, err
		}
		id, err := im.send(g)
		if err != nil {
			return nil, err
		}
		if err := im.taken(g, id); err != nil {
			return nil, err
		}
		if last, err = im.poller.wait(im.ctx, id); err != nil {
			return nil, err
		}
		if last.Status == "completed" {
			return im.fetch(last)
		}
		im.log.Warnf("import %d of %d contacts ended as %s; it is sent again", id, len(g.starts), last.Status)
	}
	return nil, fmt.Errorf("import %d of %d contacts ended as %s twice", last.ID, len(g.starts), last.Status)
}

func (im *importer) send(g *importGroup) (id int64, err error) {
	select {
	case im.sending <- struct{}{}:
		defer func() { <-im.sending }()
	case <-im.ctx.Done():
		return 0, im.ctx.Err()
	}
	err = persist(im.ctx, im.client, im.log, func() error {
		id, err = im.client.Import(im.ctx, g.target, g.rows)
		if rest.Is(err, rest.Malformed) {
			return fmt.Errorf("an import was taken, but it cannot be followed: %v", err) // not to be sent for ever
		}
		return err
	})
	return id, err
}

// fetch reads all reports of an import.
func (im *importer) fetch(p api.Process) (reportLines, error) {
	lines := reportLines{}
	for kind, address := range p.Reports {
		for failures := 0; ; failures++ {
			var err error
			if lines[kind], err = im.client.Report(im.ctx, address); err == nil {
				break
			}
			if failures == 5 || im.ctx.Err() != nil {
				return nil, fmt.Errorf("import %d is done, but what became of its rows is not known: %w", p.ID, err)
			}
			if err := rest.Sleep(im.ctx, time.Second<<failures); err != nil {
				return nil, err
			}
		}
	}
	return lines, nil
}
