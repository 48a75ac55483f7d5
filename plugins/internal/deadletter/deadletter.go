// Package deadletter is the way that refused messages take on every output of this project: each is
// written, with the reason in its metadata, to the output resource that the field dead_letter
// names, and then counts as delivered. All others of its batch are not touched by it. With it goes the
// record that it was made of, where the input says so with WithOrigin, so that it can be sent again when
// what was wrong is mended.
package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	field = "dead_letter"

	// MetaReason is the metadata key of why a message was refused.
	MetaReason = "reason"
)

// Field is the configuration field dead_letter.
func Field() *service.ConfigField {
	return service.NewStringField(field).Optional().Example("dead_letters").
		Description("The label of an output resource. A message that is refused for good is written to it, with why in the metadata key `reason` " +
			"and, if its input keeps it, the record as it was read in the metadata key `record`, and then counts as delivered. Without it a refused message is a delivery error, and an input that replays sends its batch again.")
}

// Refusal is a message of a batch that will never be delivered as it is.
type Refusal struct {
	Index  int
	Reason error
}

// Sink is where refused messages go.
type Sink struct {
	res   *service.Resources
	label string
}

// FromParsed reads the field, and checks that the resource exists.
func FromParsed(conf *service.ParsedConfig, res *service.Resources) (*Sink, error) {
	sink := &Sink{res: res}
	if !conf.Contains(field) {
		return sink, nil
	}
	var err error
	if sink.label, err = conf.FieldString(field); err != nil {
		return nil, err
	}
	if sink.label != "" && !res.HasOutput(sink.label) {
		return nil, fmt.Errorf("dead_letter: there is no output resource %q", sink.label)
	}
	return sink, nil
}

// Refuse writes the refused messages of a batch away. Its error, if any, is a *service.BatchError of
// exactly those that could not be.
func (s *Sink) Refuse(ctx context.Context, batch service.MessageBatch, refused []Refusal) error {
	if len(refused) == 0 {
		return nil
	}
	failed := refused
	if s.label != "" {
		letters := make(service.MessageBatch, len(refused))
		without := 0
		for i, r := range refused {
			letters[i] = batch[r.Index].Copy()
			letters[i].SetError(nil)
			letters[i].MetaSetMut(MetaReason, r.Reason.Error())
			if !setRecord(letters[i]) {
				without++
			}
		}
		if without > 0 { // and not why: it can quote the record
			s.res.Logger().Warnf("%d dead letters hold the message as it was refused: the record as it was read could not be had", without)
		}
		index := letters.Index()
		err := s.write(ctx, letters)
		if err == nil {
			return nil
		}
		failed = nil
		fail := func(r Refusal, err error) {
			failed = append(failed, Refusal{r.Index, fmt.Errorf("writing to the dead letters %q: %w (refused because: %w)", s.label, err, r.Reason)})
		}
		var some *service.BatchError
		if errors.As(err, &some) {
			some.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
				if err != nil && i >= 0 {
					fail(refused[i], err)
				}
				return true
			})
		}
		if len(failed) == 0 { // it does not say which
			for _, r := range refused {
				fail(r, err)
			}
		}
	}
	be := service.NewBatchError(batch, failed[0].Reason)
	for _, r := range failed {
		be = be.Failed(r.Index, r.Reason)
	}
	return be
}

func (s *Sink) write(ctx context.Context, letters service.MessageBatch) (err error) {
	if accessErr := s.res.AccessOutput(ctx, s.label, func(o *service.ResourceOutput) {
		err = o.WriteBatch(ctx, letters)
	}); accessErr != nil {
		return accessErr
	}
	return err
}
