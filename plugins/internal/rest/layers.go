package rest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func authenticate(next http.RoundTripper, header, secret string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set(header, secret)
		return next.RoundTrip(r)
	})
}

var (
	errEmptyBody = errors.New("the answer has no body")
	errCutBody   = errors.New("the answer stops in the middle")
	errLargeBody = errors.New("the answer is larger than this client reads")
)

// complete reads the whole answer, so that what comes after it never waits on the network, and so
// that a success without the body it promises is an error.
func complete(next http.RoundTripper, limit int64) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		req := requestOf(r.Context())
		body, err := readAll(resp, req, limit)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode < 300 && !req.BodyOptional {
			if len(body) == 0 {
				return nil, errEmptyBody
			}
			if last := body[len(body)-1]; req.Decode != nil && last != '}' && last != ']' {
				return nil, errCutBody
			}
		}
		resp.Body = &wholeBody{bytes.NewReader(body), body}
		return resp, nil
	})
}

// wholeBody is a body that is in memory.
type wholeBody struct {
	*bytes.Reader
	bytes []byte
}

func (*wholeBody) Close() error { return nil }

var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// readAll reads a body, compressed or not. net/http would unzip by itself, but at twice the cost.
func readAll(resp *http.Response, req *Request, limit int64) ([]byte, error) {
	var from io.Reader = resp.Body
	size := max(resp.ContentLength, int64(req.SizeHint))
	if resp.Header.Get("Content-Encoding") == "gzip" {
		unzip := unzippers.Get().(*gzip.Reader)
		defer unzippers.Put(unzip)
		if err := unzip.Reset(resp.Body); errors.Is(err, io.EOF) {
			return nil, nil // there is nothing
		} else if err != nil {
			return nil, err
		}
		from, size = unzip, int64(req.SizeHint)
	}
	var buf bytes.Buffer
	if size > 0 && size <= limit {
		buf.Grow(int(size) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(from, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errLargeBody
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

// keepBooks lets the answer's headers correct the books. The wait that goes before is in attempt,
// so that it is not part of the attempt's timeout.
func keepBooks(next http.RoundTripper, books *Books) http.RoundTripper {
	if books == nil {
		return next
	}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil {
			books.correct(requestOf(r.Context()), resp)
		}
		return resp, err
	})
}
