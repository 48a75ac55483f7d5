package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"connector/plugins/internal/rest"
)

// What one call of SendEvents takes at most, and the event_properties of one event. The first two are
// transcribed by third parties and not in Brevo's specification; a KB is taken for 1000 bytes, since Brevo
// does not say.
const (
	MostEvents          = 200
	MostEventBytes      = 512_000
	MostEventProperties = 50_000
)

// SentEvents says what became of events that were sent together.
type SentEvents struct {
	// Refused are the events that Brevo did not take, by index, and why; each is a *rest.Error.
	Refused map[int]error

	// Hourly says that, by the answer's headers, the call counts towards the 100 an hour.
	Hourly bool
}

// SendEvents sends encoded events, at most MostEvents and MostEventBytes. Brevo takes each by itself;
// when it takes none the error is a 400 that names no code.
//
// A success means that the events are queued: what Brevo finds out later, such as a contact that does not
// exist, it tells nobody. An answer that is lost is asked for by sending again, since an event has no id
// by which Brevo could tell that it has it already: the events may then be there twice.
//
// POST /events/batch, 202, or 207 when some are refused. Which limit it counts towards is not documented;
// it is taken for that of POST /events.
// Source: developers.brevo.com/reference/create-batch-events
func (c *Client) SendEvents(ctx context.Context, events [][]byte) (SentEvents, error) {
	answer, err := c.rest.Do(ctx, &rest.Request{
		Op: "POST /events/batch", Doing: "sending events", Method: http.MethodPost, Path: "/events/batch",
		Body:   [][]byte{[]byte(`{"events":[`), bytes.Join(events, []byte(",")), []byte(`]}`)},
		Bucket: bucketEvents, Repeatable: true,
		// A 202 says all there is to say by its status. To ask again for its body would send the events again.
		BodyOptional: true,
	})
	if err != nil {
		return SentEvents{}, err
	}
	reading := readHeaders(answer.Header)
	return SentEvents{
		Refused: c.refusedEvents(answer, len(events)),
		Hourly:  reading.Limit > 0 && reading.Limit <= tiers["extended"].otherPerHour && reading.Reset > time.Minute,
	}, nil
}

// SendEvent sends one encoded event. As with SendEvents, one whose answer is lost may be there twice.
//
// POST /events, 204.
// Source: developers.brevo.com/reference/create-event
func (c *Client) SendEvent(ctx context.Context, event []byte) error {
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "POST /events", Doing: "sending an event", Method: http.MethodPost, Path: "/events",
		Body: [][]byte{event}, Bucket: bucketEvents, Repeatable: true, BodyOptional: true,
	})
	return err
}

// refusedEvents reads which of n events a batch's answer refuses. Those of which it does not say that they
// are taken are refused too: sent again they could be there twice.
func (c *Client) refusedEvents(answer *rest.Answer, n int) map[int]error {
	var report struct {
		Failed int `json:"failed_events"`
		Errors []struct {
			Index   positions `json:"eventIndex"`
			Message string    `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(answer.Body, &report); err != nil && answer.Status == http.StatusAccepted {
		return nil
	}
	refused := map[int]error{}
	refuse := func(index int, message string) {
		refused[index] = &rest.Error{
			Kind: rest.Refused, Vendor: "Brevo", Host: c.rest.Host(), Op: "POST /events/batch", Doing: "sending events",
			Status: answer.Status, Message: message,
		}
	}
	for _, e := range report.Errors {
		for _, index := range e.Index {
			if index >= 0 && index < n {
				refuse(index, e.Message)
			}
		}
	}
	if answer.Status == http.StatusMultiStatus {
		report.Failed = max(report.Failed, 1)
	}
	if len(refused) < report.Failed {
		for i := range n {
			if refused[i] == nil {
				refuse(i, fmt.Sprintf("that it did not take all of %d events, but not which: this one may be in Brevo or not", n))
			}
		}
	}
	return refused
}

// positions are one index or several: the specification has a list, and calls it an index.
type positions []int

func (p *positions) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		*p = positions{one}
		return nil
	}
	return json.Unmarshal(b, (*[]int)(p))
}
