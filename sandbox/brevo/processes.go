package brevo

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// process is a background job.
type process struct {
	id           int64
	name, status string
	notifyURL    string
	reports      map[string][]byte // CSV by kind; nil for jobs without reports
}

// reportKinds are the keys of info.import.
var reportKinds = []string{
	"invalid_emails", "duplicate_contact_id", "duplicate_ext_id", "duplicate_email_id",
	"duplicate_phone_id", "duplicate_whatsapp_id", "duplicate_landline_number_id",
}

// startProcess queues a job that is done after the import delay. The caller holds the lock, the job
// takes it itself.
func (s *Server) startProcess(name, notifyURL string, job func(*process) error) int64 {
	p := &process{id: int64(len(s.processes) + 1), name: name, status: "queued", notifyURL: notifyURL}
	s.processes = append(s.processes, p)
	time.AfterFunc(s.importDelay/3, func() {
		s.setStatus(p, "in_process")
		time.AfterFunc(s.importDelay-s.importDelay/3, func() {
			status := "completed"
			if job(p) != nil {
				status = "failed"
			}
			s.setStatus(p, status)
			p.notify(status)
		})
	})
	return p.id
}

// notify calls the notifyUrl. What Brevo sends to it is not documented.
func (p *process) notify(status string) {
	if !isLoopback(p.notifyURL) {
		return
	}
	body := mustJSON(map[string]any{"process_id": p.id, "status": status})
	if resp, err := loopback.Post(p.notifyURL, "application/json", bytes.NewReader(body)); err == nil {
		_ = resp.Body.Close()
	}
}

// loopback is the client for the addresses that a caller names.
var loopback = http.Client{Timeout: 10 * time.Second}

// isLoopback reports whether a URL points to this machine. A sandbox calls nobody else.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Server) setStatus(p *process, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.status = status
}

// getProcesses: GET /processes, 10 a page unless told, at most 50.
func (s *Server) getProcesses(r *request) reply {
	p, err := r.page(10, 50)
	if err != nil {
		return answer(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	from, to := p.slice(len(s.processes))
	views := []map[string]any{}
	for i := from; i < to; i++ {
		job := s.processes[i]
		if !p.ascending {
			job = s.processes[len(s.processes)-1-i]
		}
		v := s.showProcess(job, r.host)
		if s.quirks.InfoOnlyByID {
			delete(v, "info")
		}
		views = append(views, v)
	}
	return ok(http.StatusOK, map[string]any{"processes": views, "count": len(s.processes)})
}

// getProcess: GET /processes/{id}.
func (s *Server) getProcess(r *request) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, err := strconv.Atoi(r.params[0])
	if err != nil || id < 1 || id > len(s.processes) {
		return fail(http.StatusNotFound, "invalid_parameter", "processId is invalid")
	}
	return ok(http.StatusOK, s.showProcess(s.processes[id-1], r.host))
}

// showProcess shows a job; a completed import has the addresses of its reports.
func (s *Server) showProcess(p *process, host string) map[string]any {
	v := map[string]any{"id": p.id, "name": p.name, "status": p.status}
	if p.status != "completed" || p.reports == nil {
		return v
	}
	urls := map[string]any{}
	for _, kind := range reportKinds {
		urls[kind] = nil
		if p.reports[kind] == nil {
			continue
		}
		url := fmt.Sprintf("http://%s/reports/%d/%s.csv", host, p.id, kind)
		if s.quirks.ReportAnchors {
			url = fmt.Sprintf(`<a href="%s" target="_blank">%s.csv</a>`, url, kind)
		}
		urls[kind] = url
	}
	v["info"] = map[string]any{"import": urls}
	return v
}

// getReport serves {process}/{kind}.csv. Brevo keeps reports outside of its API, without key.
func (s *Server) getReport(name string) reply {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, err := strconv.Atoi(path.Dir(name))
	if err != nil || id < 1 || id > len(s.processes) {
		return reply{status: http.StatusNotFound}
	}
	report := s.processes[id-1].reports[strings.TrimSuffix(path.Base(name), ".csv")]
	if report == nil {
		return reply{status: http.StatusNotFound}
	}
	return reply{status: http.StatusOK, body: report, contentType: "text/csv; charset=utf-8"}
}
