package brevo

import (
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"

	sandbox "connector/sandbox/brevo"
)

// inputs give texts that are parts of a whole page, which is in memory as long as one of them is.
func TestCompanies_OfAPageThatIsWrittenNothingStaysInMemory(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.putPersons(20)
	s := companiesIn(w, nil)
	var pages, gone atomic.Int32
	page := func(from int, linked bool) {
		text := []byte(strings.Repeat("x", 1<<20))
		pages.Add(1)
		runtime.AddCleanup(&text[0], func(int) { gone.Add(1) }, 0)
		part := func(s string) string {
			at := from * 64
			from++
			copy(text[at:], s)
			return unsafe.String(&text[at], len(s))
		}
		var batch []*service.Message
		for i := range 10 {
			id := strconv.Itoa(from/100*10 + i + 1)
			body := map[string]any{
				"ext_id": part(id), "name": part("Org " + id), "attributes": map[string]any{"domain": part("org" + id + ".example.com")},
			}
			if linked {
				body["linkContacts"] = []any{map[string]any{"ext_id": part(id), "email": part("p" + id + "@example.com")}}
			}
			m := service.NewMessage(nil)
			m.SetStructuredMut(body)
			m.MetaSetMut("pipedrive_object", "organization")
			m.MetaSetMut("pipedrive_id", part(id))
			batch = append(batch, m)
		}
		s.send(batch...)
	}
	page(0, false)
	page(100, true)
	eventually(t, func() bool { return s.counts.of("brevo_companies_delivered upsert") == 20 }, "all are delivered")
	eventually(t, func() bool {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		return gone.Load() == pages.Load()
	}, "the pages are let go")
}
