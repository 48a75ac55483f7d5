package pipedrive

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connector/plugins/pipedrive/api"
)

const (
	// answerWithin leaves a second of the ten that Pipedrive waits.
	answerWithin = 9 * time.Second

	// bodiesAtOnce are the bytes of bodies whose senders may wait for their answers at one time.
	bodiesAtOnce = 32 << 20
)

// answer is how a request ends.
type answer struct {
	status int
	text   string
}

var safe = answer{http.StatusOK, "ok"}

// ServeHTTP answers one delivery when it is safe, or cannot be made so.
func (in *webhookInput) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(in.ctx, answerWithin)
	defer cancel()
	a := in.answer(ctx, w, r)
	in.meters.answers.Incr(1, strconv.Itoa(a.status))
	if a.status != http.StatusOK {
		in.told.seldom(strconv.Itoa(a.status), time.Minute, func() {
			in.log.Warnf("a request to %s was answered %d: %s; further ones of the next minute are not told", in.conf.path, a.status, a.text)
		})
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.text)+1))
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.text+"\n") // else the sender is gone, and tries again
}

// answer looks at the cheapest first, and at nothing of the body before the password is right.
func (in *webhookInput) answer(ctx context.Context, w http.ResponseWriter, r *http.Request) answer {
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case r.URL.Path != in.conf.path:
		return answer{http.StatusNotFound, "there is nothing here"}
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return answer{http.StatusMethodNotAllowed, "only POST is taken"}
	case !in.admits(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="pipedrive_webhook"`)
		return answer{http.StatusUnauthorized, "the user or the password is not right"}
	case r.ContentLength == 0 && in.subscriptions.creating():
		return safe // Pipedrive may try whether somebody is there, with a body or without
	case kind != "application/json" && !strings.HasSuffix(kind, "+json"), r.Header.Get("Content-Encoding") != "":
		return answer{http.StatusUnsupportedMediaType, "only JSON is taken, not compressed"}
	}
	body, release, refusal := in.body(w, r)
	defer release()
	if refusal != nil {
		return *refusal
	}
	e, err := api.OpenEnvelope(body)
	if unhandled := (*api.Unhandled)(nil); errors.As(err, &unhandled) {
		in.drop(unhandled)
		return safe // else Pipedrive would stop to send the others, too
	}
	if err != nil && in.subscriptions.creating() {
		return safe
	}
	if err != nil {
		return answer{http.StatusBadRequest, api.ErrNoDelivery.Error()}
	}
	a, err := in.handOn(ctx, e)
	if err == nil {
		select {
		case <-a.settled:
			err = a.err
		case <-ctx.Done():
			err = errLate
		}
	}
	switch {
	case err == nil:
		return safe
	case errors.Is(err, errStopping), errors.Is(err, errFull), errors.Is(err, errLate):
		return answer{http.StatusServiceUnavailable, err.Error() + ": try again"}
	}
	return answer{http.StatusServiceUnavailable, "not delivered: try again"}
}

var errLate = errors.New("not delivered in time")

// handOn puts a delivery into the line, unless that was done before, and returns what is under way of it.
func (in *webhookInput) handOn(ctx context.Context, e *api.Envelope) (*arrival, error) {
	place, err := in.line.enter(e.Record())
	if err != nil {
		return nil, err
	}
	d, err := in.client.Deliver(ctx, e)
	if err != nil {
		in.line.leave(place)
		in.told.seldom("definitions", time.Minute, func() { in.log.Errorf("%v; deliveries are answered 503 until it can be done", err) })
		return nil, err
	}
	a, first := in.seen.claim(ctx, d)
	if !first {
		in.line.leave(place)
		in.meters.duplicates.Incr(1)
		return a, nil
	}
	in.meters.deliveries.Incr(1, d.Object, d.Action)
	if err := in.line.fill(place, a); err != nil {
		in.seen.settle(a, err)
	}
	return a, nil
}

// body reads the whole body. What it returns is counted against bodiesAtOnce until release is called.
func (in *webhookInput) body(w http.ResponseWriter, r *http.Request) (body []byte, release func(), refusal *answer) {
	var held int64
	release = func() { in.room.Release(held) }
	tooLarge := &answer{http.StatusRequestEntityTooLarge, fmt.Sprintf("a body may have %d bytes", in.conf.maxBody)}
	if r.ContentLength > in.conf.maxBody {
		w.Header().Set("Connection", "close")
		return nil, release, tooLarge
	}
	limited := http.MaxBytesReader(w, r.Body, in.conf.maxBody)
	body = make([]byte, 0, min(max(r.ContentLength+1, 4<<10), 64<<10))
	for {
		n, err := limited.Read(body[len(body):cap(body)])
		if !in.room.TryAcquire(int64(n)) {
			return nil, release, &answer{http.StatusServiceUnavailable, "too much is being read: try again"}
		}
		held += int64(n)
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, release, nil
		}
		if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
			return nil, release, tooLarge
		}
		if err != nil {
			w.Header().Set("Connection", "close")
			return nil, release, &answer{http.StatusRequestTimeout, "the body did not come to its end"}
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)] // room for more
		}
	}
}

// admits compares in constant time, whatever the lengths.
func (in *webhookInput) admits(r *http.Request) bool {
	if in.conf.user == "" && in.conf.password == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return sameText(user, in.conf.user)&sameText(password, in.conf.password) == 1
}

func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// drop counts a delivery that no record can be made of, and warns once of each kind.
func (in *webhookInput) drop(u *api.Unhandled) {
	in.meters.dropped.Incr(1, u.Reason)
	what := u.What[:min(len(u.What), 60)]
	in.told.seldom(u.Reason+" "+what, 0, func() {
		in.log.Warnf("%s; those of this kind are answered 200 and dropped", (&api.Unhandled{Reason: u.Reason, What: what}).Error())
	})
}
