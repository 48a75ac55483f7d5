package pipedrive

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// faultSource draws faults in a repeatable sequence.
type faultSource struct {
	mu     sync.Mutex
	faults Faults
	random *rand.Rand
}

func (f *faultSource) set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(faults.Kinds) == 0 {
		faults.Kinds = DefaultFaults().Kinds
	}
	f.faults = faults
	f.random = rand.New(rand.NewPCG(faults.Seed, faults.Seed))
}

func (f *faultSource) draw() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.Rate <= 0 || f.random.Float64() >= f.faults.Rate {
		return ""
	}
	return f.faults.Kinds[f.random.IntN(len(f.faults.Kinds))]
}

// insteadOf answers for the faults that keep the operation from being carried out.
func insteadOf(fault string) (reply, bool) {
	switch fault {
	case Fault429:
		return gatewayError(http.StatusTooManyRequests, "request over limit"), true
	case Fault500:
		return unknownError(), true
	case Fault502:
		return reply{status: http.StatusBadGateway, html: true, body: []byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n")}, true
	case Fault503:
		return generalError(http.StatusServiceUnavailable, "Service Unavailable"), true
	}
	return reply{}, false
}

const stallAtMost = 15 * time.Second

// spoil loses the answer of an operation that was carried out.
func spoil(w http.ResponseWriter, r *http.Request, out reply, fault string) {
	half := out.body[:len(out.body)/2]
	switch fault {
	case FaultEmpty:
		send(w, r, reply{status: http.StatusOK})
	case FaultTruncated:
		send(w, r, reply{status: http.StatusOK, body: half})
	case FaultCut:
		setContentType(w.Header(), out)
		w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
		w.WriteHeader(out.status)
		_, _ = w.Write(half)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case FaultTimeout:
		pause(r, stallAtMost)
		panic(http.ErrAbortHandler)
	case FaultReset:
		reset(w)
	}
}

// reset closes the connection so that the client sees "connection reset by peer".
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
