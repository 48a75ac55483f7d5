package brevo

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// reply is a whole answer, kept back until faults have had their way with it.
type reply struct {
	status      int
	body        []byte
	contentType string // default application/json
}

// ok answers with v as JSON.
func ok(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		return fail(http.StatusInternalServerError, "bad_request", err.Error())
	}
	return reply{status: status, body: body}
}

// noContent is the 204 of updates and deletions.
func noContent() reply { return reply{status: http.StatusNoContent} }

type errorBody struct {
	Code     string         `json:"code"`
	Message  string         `json:"message"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// fail answers with Brevo's error model.
func fail(status int, code, message string) reply {
	return ok(status, errorBody{Code: code, Message: message})
}

func invalid(message string) reply {
	return fail(http.StatusBadRequest, "invalid_parameter", message)
}

func missing(message string) reply {
	return fail(http.StatusBadRequest, "missing_parameter", message)
}

func notFound(message string) reply {
	return fail(http.StatusNotFound, "document_not_found", message)
}

// gzipFrom is the size from which an answer is worth compressing.
const gzipFrom = 1400

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

func (a reply) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if len(a.body) == 0 {
		w.WriteHeader(a.status)
		return
	}
	if a.contentType == "" {
		a.contentType = "application/json"
	}
	h.Set("Content-Type", a.contentType)
	if len(a.body) < gzipFrom || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Add("Vary", "Accept-Encoding")
	w.WriteHeader(a.status)
	zw := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(zw)
	zw.Reset(w)
	_, _ = zw.Write(a.body)
	_ = zw.Close()
}
