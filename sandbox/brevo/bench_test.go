package brevo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// fill puts n contacts of the size that the default mapping writes.
func fill(s *Server, n int) {
	for i := range n {
		s.PutContact(Contact{
			Email: fmt.Sprintf("person.%d@company-%d.example", i, i%5000), ExtID: fmt.Sprint(i), ListIDs: []int64{60, 61},
			Attributes: map[string]any{
				"FULLNAME": fmt.Sprintf("Firstname Lastname%d", i), "FIRSTNAME": "Firstname", "LASTNAME": fmt.Sprintf("Lastname%d", i),
				"COMPANY": fmt.Sprintf("Company %d", i%5000), "LEAD_SOURCE": "Website", "INDUSTRY": "Manufacturing", "COMPANY_SIZE": "51-200",
				"SMS": fmt.Sprintf("+33%09d", 600000000+i), "WON_DEALS": 1, "LOST_DEALS": 2, "OPEN_DEALS": 3, "CLOSED_DEALS": 3, "LTV": 12345.67,
			},
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	s := New(Config{})
	fill(s, 1)
	b.ReportAllocs()
	for i := range b.N {
		body := fmt.Sprintf(`{"email":"p%d@x.example","ext_id":"e%d","updateEnabled":true,"listIds":[60],"attributes":{"FULLNAME":"Ann Lee","FIRSTNAME":"Ann","LASTNAME":"Lee","COMPANY":"Acme","SMS":"+336%09d","WON_DEALS":1,"LTV":10.5}}`, i, i, i)
		r := httptest.NewRequest(http.MethodPost, "/v3/contacts", strings.NewReader(body))
		r.Header.Set("api-key", "sandbox")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkImport8MB(b *testing.B) {
	var rows []string
	for i := range 30_000 {
		rows = append(rows, fmt.Sprintf(`{"email":"person.%d@company.example","attributes":{"EXT_ID":"%d","FULLNAME":"Firstname Lastname%d","FIRSTNAME":"Firstname","LASTNAME":"Lastname%d","COMPANY":"Company","SMS":"+33%09d","WON_DEALS":1,"LOST_DEALS":2,"OPEN_DEALS":3,"CLOSED_DEALS":3,"LTV":12345.67}}`, i, i, i, i, 600000000+i))
	}
	body := `{"listIds":[60],"jsonBody":[` + strings.Join(rows, ",") + `]}`
	b.Logf("%d bytes", len(body))
	for range b.N {
		s := New(Config{ImportDelay: time.Nanosecond})
		fill(s, 1)
		r := httptest.NewRequest(http.MethodPost, "/v3/contacts/import", strings.NewReader(body))
		r.Header.Set("api-key", "sandbox")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		for {
			s.mu.RLock()
			done := s.processes[0].status == "completed"
			s.mu.RUnlock()
			if done {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	for range b.N {
		s := New(Config{})
		fill(s, 500_000)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-live")
		b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
		r := httptest.NewRequest(http.MethodGet, "/v3/contacts?limit=1000&offset=1000", nil)
		r.Header.Set("api-key", "sandbox")
		start := time.Now()
		s.ServeHTTP(httptest.NewRecorder(), r)
		b.ReportMetric(float64(time.Since(start).Microseconds()), "us-page")
		r = httptest.NewRequest(http.MethodGet, "/v3/contacts/lists/60/contacts?limit=500&offset=1000", nil)
		r.Header.Set("api-key", "sandbox")
		start = time.Now()
		s.ServeHTTP(httptest.NewRecorder(), r)
		b.ReportMetric(float64(time.Since(start).Microseconds()), "us-listpage")
	}
}
