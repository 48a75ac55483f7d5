package brevo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/sql/base"
	_ "modernc.org/sqlite"
)

// BenchmarkContacts_FullSync imports 100,000 persons in pages of 500, four at a time, into an account
// that answers at once: with a ledger in SQLite, without one, and once more where nothing has changed.
// cpu-s is what the process computed, live-MB what it still holds at the end.
func BenchmarkContacts_FullSync(b *testing.B) {
	for _, c := range []struct {
		name   string
		ledger bool
		reads  int
	}{{"without", false, 1}, {"with", true, 1}, {"unchanged", true, 2}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				fullSync(b, c.ledger, c.reads)
			}
		})
	}
}

func fullSync(b *testing.B, ledger bool, reads int) {
	var processes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/attributes"):
			_, _ = fmt.Fprint(w, `{"attributes":[{"name":"FULLNAME","type":"text"},{"name":"FIRSTNAME","type":"text"},{"name":"LASTNAME","type":"text"},`+
				`{"name":"WON_DEALS","type":"float"},{"name":"LOST_DEALS","type":"float"},{"name":"OPEN_DEALS","type":"float"},{"name":"CLOSED_DEALS","type":"float"}]}`)
		case strings.HasSuffix(r.URL.Path, "/import"):
			w.WriteHeader(http.StatusAccepted)
			_, _ = fmt.Fprintf(w, `{"processId":%d}`, processes.Add(1))
		case strings.HasSuffix(r.URL.Path, "/processes"):
			_, _ = fmt.Fprint(w, `{"processes":[]}`)
		case strings.Contains(r.URL.Path, "/processes/"):
			_, _ = fmt.Fprint(w, `{"id":1,"status":"completed","info":{"import":{}}}`)
		default:
			_, _ = fmt.Fprint(w, `{"id":60}`)
		}
	}))
	defer server.Close()
	fields := fmt.Sprintf(`{api_key: k, base_url: "%s/v3", requests_per_second: 5000, mode: import`, server.URL)
	if ledger {
		fields += ", ledger_cache: state"
	}
	conf, err := contactsSpec().ParseYAML(fields+"}", nil)
	if err != nil {
		b.Fatal(err)
	}
	resources := service.NewResourceBuilder()
	err = resources.AddCacheYAML(fmt.Sprintf(`{label: state, sql: {driver: sqlite, dsn: "file:%s?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)", table: state, `+
		`key_column: k, value_column: v, set_suffix: "ON CONFLICT (k) DO UPDATE SET v = excluded.v", `+
		`init_statement: "CREATE TABLE IF NOT EXISTS state (k TEXT PRIMARY KEY, v BLOB)", conn_max_open: 1}}`, filepath.Join(b.TempDir(), "state.db")))
	if err != nil {
		b.Fatal(err)
	}
	res, stop, err := resources.Build()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = stop(context.Background()) }()
	out, err := newContactsOutput(conf, res)
	if err != nil {
		b.Fatal(err)
	}
	if err := out.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	for read := range reads {
		before, start := cpu(), time.Now()
		writePages(b, out, 100_000)
		if read == reads-1 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			b.ReportMetric((cpu() - before).Seconds(), "cpu-s")
			b.ReportMetric(time.Since(start).Seconds(), "s")
			b.ReportMetric(float64(m.HeapAlloc)/1e6, "live-MB")
		}
	}
	_ = out.Close(context.Background())
}

func writePages(b *testing.B, out *contactsOutput, n int) {
	pages := make(chan service.MessageBatch)
	done := make(chan error)
	const inFlight = 16
	for range inFlight {
		go func() {
			for page := range pages {
				if err := out.WriteBatch(context.Background(), page); err != nil {
					b.Error(err)
				}
			}
			done <- nil
		}()
	}
	for from := 1; from <= n; from += 500 {
		page := make(service.MessageBatch, 500)
		for i := range page {
			page[i] = benchPerson(from + i)
		}
		pages <- page
	}
	close(pages)
	for range inFlight {
		<-done
	}
}

func benchPerson(id int) *service.Message {
	m := service.NewMessage(nil)
	m.SetStructuredMut(map[string]any{
		"email": fmt.Sprintf("person%d@example.com", id), "ext_id": fmt.Sprint(id), "listIds": []any{int64(60)},
		"attributes": map[string]any{
			"FULLNAME": fmt.Sprintf("Person %d", id), "FIRSTNAME": "Person", "LASTNAME": fmt.Sprint(id), "SMS": nil,
			"WON_DEALS": int64(id % 3), "LOST_DEALS": int64(0), "OPEN_DEALS": int64(id % 2), "CLOSED_DEALS": int64(id % 5),
			"LEAD_SOURCE": nil, "INDUSTRY": nil, "COMPANY_SIZE": nil,
		},
	})
	for name, v := range map[string]string{
		"pipedrive_object": "person", "pipedrive_id": fmt.Sprint(id), "pipedrive_action": "snapshot", "pipedrive_time": "2026-01-01T10:00:00Z",
	} {
		m.MetaSetMut(name, v)
	}
	return m
}

// cpu is what the process has computed so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
