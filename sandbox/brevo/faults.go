package brevo

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// stall is for how long a timeout keeps a client that does not give up itself.
const stall = 15 * time.Second

// faultReply is the answer that a fault gives in place of doing the call.
func faultReply(h http.Header, fault string, q Quirks) (reply, bool) {
	switch fault {
	case Fault500:
		return fail(http.StatusInternalServerError, "bad_request", "Internal server error"), true
	case Fault502:
		return reply{
			status: http.StatusBadGateway, contentType: "text/html",
			body: []byte("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"),
		}, true
	case Fault503:
		return fail(http.StatusServiceUnavailable, "bad_request", "Service unavailable"), true
	case Fault425:
		return fail(http.StatusTooEarly, "account_in_process", "The contact is being processed, please try again later"), true
	case Fault429:
		now := time.Now()
		rateHeaders(h, &window{size: time.Second, most: 1, used: 1, calls: []time.Time{now}}, now, q)
		return tooMany("Too many requests"), true
	case FaultReset, FaultTimeout:
		return reply{}, true
	}
	return reply{}, false
}

// cuts reports whether a fault leaves the client without a status.
func cuts(fault string) bool {
	return fault == FaultReset || fault == FaultResetAfterCommit || fault == FaultTimeout
}

// writeFaulty sends an answer with its fault.
func (a reply) writeFaulty(w http.ResponseWriter, r *http.Request, fault string) {
	switch fault {
	case FaultReset, FaultResetAfterCommit:
		resetConnection(w)
	case FaultTimeout:
		select {
		case <-r.Context().Done():
		case <-time.After(stall):
		}
		resetConnection(w)
	case FaultEmpty:
		w.WriteHeader(a.status)
	case FaultTruncated:
		if len(a.body) == 0 {
			a.write(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // closes without a reset, which would discard what was sent
	default:
		a.write(w, r)
	}
}

// resetConnection closes the connection with a TCP reset where the server lets it.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
