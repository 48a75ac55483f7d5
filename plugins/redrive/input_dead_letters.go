// Package redrive sends dead letters again: the input dead_letters reads the file that refused records
// were written to.
package redrive

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	dlFieldPath = "path"

	// A page is a batch: so many letters, or as many as come to so many bytes.
	pageLetters = 500
	pageBytes   = 4 << 20

	// pagesUnderWay may be read and not yet delivered.
	pagesUnderWay = 5

	firstReplay   = 500 * time.Millisecond
	longestReplay = 30 * time.Second
)

func deadLettersSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Utility").
		Version("0.1.0").
		Summary("Sends refused records again, from the file of dead letters, then ends.").
		Description(`
Each line of the file is one letter, with `+"`record`, `reason`, `time` and `metadata`"+`. A message is the record of one: what was
read before any mapping, so that a mended mapping can be applied to it. Letters that are the same in record
and metadata are sent once.

The file is renamed (`+"`dead_letters.jsonl.redrive`"+`) before it is read, and removed once all of it is delivered or refused
again. What is refused again is written to a new file by the output, so `+"`path`"+` may be the one that it writes to.
A run that is stopped loses nothing: the next one begins with the file that was left. Nothing else may write
to the file meanwhile; `+"`connector`"+` sees to that among its own processes.

A page of up to 500 letters is a batch and the unit of delivery: it is sent again as a whole, after a growing
pause, when any of its messages was not delivered. A line that is no dead letter goes on as a message with a
processing error, so that an output with `+"`dead_letter`"+` keeps it.

Metadata: that of the letter, and `+"`record`"+`, the record as it was read.`).
		Field(service.NewStringField(dlFieldPath).Example("./state/dead_letters.jsonl").
			Description("The file. Without it, or with an empty one, the input ends at once.")).
		Example("After a mapping was mended", "What is refused again is in the same file afterwards.", `
input:
  dead_letters:
    path: ./state/dead_letters.jsonl

pipeline:
  processors:
    - mutation: from "./pipelines/mappings/person.blobl"

output:
  brevo_contacts:
    dead_letter: dead_letters

output_resources:
  - label: dead_letters
    processors:
      - mapping: |
          root.record = @record.or(this.catch(content().string()))
          root.reason = @reason
          root.time = now()
          root.metadata = @.without("reason", "record")
    file:
      path: ./state/dead_letters.jsonl
      codec: lines
`)
}

func init() {
	service.MustRegisterBatchInput("dead_letters", deadLettersSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
			return newDeadLettersInput(conf, res)
		})
}

type deadLettersInput struct {
	log         *service.Logger
	path        string
	firstReplay time.Duration

	changed chan struct{} // a page was acknowledged, or is to be sent again

	mu       sync.Mutex
	spool    *spool
	again    []*page
	underWay int // pages, those to be sent again among them
	sent     int // letters acknowledged
	done     bool
}

// page is one batch on its way.
type page struct {
	letters  []letter
	failures int
	due      time.Time // when it may be sent again
}

func newDeadLettersInput(conf *service.ParsedConfig, res *service.Resources) (*deadLettersInput, error) {
	in := &deadLettersInput{log: res.Logger(), firstReplay: firstReplay, changed: make(chan struct{}, 1)}
	var err error
	if in.path, err = conf.FieldString(dlFieldPath); err == nil && in.path == "" {
		err = errors.New("path is empty: it is the file of dead letters")
	}
	return in, err
}

// Connect takes the file, once: from then on its name is free for what is refused again.
func (in *deadLettersInput) Connect(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.spool != nil {
		return nil
	}
	files, err := take(in.path)
	if err != nil {
		return err
	}
	in.spool = &spool{files: files, seen: map[fingerprint]bool{}}
	if len(files) == 0 {
		in.log.Infof("there are no dead letters in %s", in.path)
	}
	return nil
}

// ReadBatch returns the next page, or one that was not delivered. It blocks while too many are under
// way, and returns ErrEndOfInput once all are delivered and the files removed.
func (in *deadLettersInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		next, wait, err := in.next()
		if err != nil {
			return nil, nil, err
		}
		if next != nil {
			batch := make(service.MessageBatch, len(next.letters))
			for i, l := range next.letters {
				batch[i] = l.message()
			}
			return batch, in.settle(next), nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-in.changed:
		case <-timer.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return nil, nil, err
		}
	}
}

// next returns a page that is to be sent now, or how long to wait for one.
func (in *deadLettersInput) next() (*page, time.Duration, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.spool == nil {
		return nil, 0, service.ErrNotConnected
	}
	wait := longestReplay
	for i, p := range in.again {
		if until := time.Until(p.due); until > 0 {
			wait = min(wait, until)
			continue
		}
		in.again = append(in.again[:i], in.again[i+1:]...)
		return p, 0, nil
	}
	if in.underWay >= pagesUnderWay {
		return nil, wait, nil
	}
	letters, err := in.spool.read(pageLetters, pageBytes)
	if err != nil {
		return nil, 0, err
	}
	if len(letters) > 0 {
		in.underWay++
		return &page{letters: letters}, 0, nil
	}
	if in.underWay > 0 {
		return nil, wait, nil
	}
	if err := in.finish(); err != nil {
		return nil, 0, err
	}
	return nil, 0, service.ErrEndOfInput
}

// settle returns what is called with the verdict on a page.
func (in *deadLettersInput) settle(p *page) service.AckFunc {
	return func(_ context.Context, err error) error {
		in.mu.Lock()
		defer in.mu.Unlock()
		if err == nil {
			in.underWay--
			in.sent += len(p.letters)
		} else {
			p.due = time.Now().Add(min(in.firstReplay<<min(p.failures, 10), longestReplay))
			p.failures++
			in.again = append(in.again, p)
		}
		select {
		case in.changed <- struct{}{}:
		default:
		}
		return nil
	}
}

// finish removes the files, of which all is delivered, and says what it came to.
func (in *deadLettersInput) finish() error {
	if in.done {
		return nil
	}
	if err := in.spool.remove(in.path); err != nil {
		return err
	}
	in.done = true
	if in.sent > 0 {
		in.log.Infof("dead letters: %d sent again, %d repetitions left out, %s", in.sent, in.spool.repeated, whatIsIn(in.path))
	}
	return nil
}

// Close leaves the files for the next run, unless all is delivered.
func (in *deadLettersInput) Close(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.spool == nil {
		return nil
	}
	if in.spool.ended() && in.underWay == 0 {
		return in.finish()
	}
	return in.spool.close()
}
