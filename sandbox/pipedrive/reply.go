package pipedrive

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// reply is a finished answer.
type reply struct {
	status int
	body   []byte
	html   bool
}

// Below this size gzip costs more than it saves on a local connection.
const gzipFrom = 4 << 10

var (
	buffers = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}
	zippers = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return z }}
)

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func giveBuffer(b *[]byte) {
	if cap(*b) <= 8<<20 {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

func setContentType(h http.Header, out reply) {
	if out.html {
		h.Set("Content-Type", "text/html; charset=UTF-8")
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
}

func send(w http.ResponseWriter, r *http.Request, out reply) {
	setContentType(w.Header(), out)
	w.Header().Set("Vary", "Accept-Encoding")
	if len(out.body) < gzipFrom || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
		w.WriteHeader(out.status)
		_, _ = w.Write(out.body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(out.status)
	z := zippers.Get().(*gzip.Writer)
	z.Reset(w)
	_, _ = z.Write(out.body)
	_ = z.Close()
	zippers.Put(z)
}

// jsonReply encodes any value as the whole answer.
func jsonReply(status int, v any) reply {
	return reply{status: status, body: appendJSON(nil, v)}
}

func dataReply(status int, data any) reply {
	return jsonReply(status, map[string]any{"success": true, "data": data})
}
