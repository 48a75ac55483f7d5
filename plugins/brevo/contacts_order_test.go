package brevo

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

// sharer is one of the persons with one address.
func sharer(extID string) *service.Message {
	return message(fmt.Sprintf(`{"email":"Shared@example.com","ext_id":%q,"attributes":{"FIRSTNAME":"P%s"},"listIds":[60]}`, extID, extID),
		"pipedrive_object", "person", "pipedrive_id", extID)
}

func TestContacts_LowestExtIDOwnsASharedAddressWithinABatch(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
			require.NoError(t, w.send(sharer("9"), sharer("3"), sharer("9"), sharer("10")))
			assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
			assert.Equal(t, "P3", w.contact("shared@example.com").Attributes["FIRSTNAME"])
			assert.Equal(t, 1, w.Count())
			assert.Empty(t, w.letters.all())
			assert.EqualValues(t, 4, w.counts.of("brevo_contacts_delivered upsert")+w.counts.of("brevo_contacts_skipped "+skipShared))
			assert.GreaterOrEqual(t, w.counts.of("brevo_contacts_skipped "+skipShared), int64(2))
			assert.NotEmpty(t, w.logs.with("person 9 is skipped: its address belongs to the contact with ext_id 3"))
			assert.Len(t, w.logs.with("person 10 is skipped: its address belongs to the contact with ext_id 3"), 1)
			assert.Empty(t, w.logs.with("hared@example.com"), "the log holds no personal data")
		})
	}
}

func TestContacts_LowestExtIDOwnsASharedAddressAcrossBatches(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		for round := range 5 {
			t.Run(fmt.Sprint(mode, round), func(t *testing.T) {
				t.Parallel()
				w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
				one := func(id string) []*service.Message { return []*service.Message{sharer(id)} }
				w.sendAll(one("9"), one("3"), one("9"), one("11"), one("100"))
				assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
				require.NoError(t, w.send(sharer("9")))
				assert.Equal(t, "3", w.contact("shared@example.com").ExtID)
				assert.Equal(t, "P3", w.contact("shared@example.com").Attributes["FIRSTNAME"])
				assert.Empty(t, w.letters.all())
			})
		}
	}
}

func TestContacts_TextExtIDsDoNotContendForAnAddress(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	for _, id := range []string{"a", "crm-9", "b"} {
		require.NoError(t, w.send(sharer(id)))
		assert.Equal(t, id, w.contact("shared@example.com").ExtID)
	}
	assert.Zero(t, w.counts.of("brevo_contacts_skipped "+skipShared))
}

func TestContacts_LastMessageOfAContactInABatchWins(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeImport} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := sandboxed(t, sandbox.Config{}).start(map[string]any{"mode": mode})
			var batch service.MessageBatch
			for i := range 4 {
				for id := range 20 {
					address := fmt.Sprintf("p%d@example.com", id)
					if i%2 == 1 {
						address = strings.ToUpper(address)
					}
					batch = append(batch, message(fmt.Sprintf(`{"email":%q,"listIds":[60],"attributes":{"FIRSTNAME":"version %d"}}`, address, i)))
				}
			}
			require.NoError(t, w.send(batch...))
			for id := range 20 {
				assert.Equal(t, "version 3", w.contact(fmt.Sprintf("p%d@example.com", id)).Attributes["FIRSTNAME"])
			}
			assert.Equal(t, 20, w.Count())
		})
	}
}

func TestContacts_DeleteAndUpsertOfAContactInABatchKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{}).start(nil)
	remove := func() *service.Message { return message(`{"email":"p1@example.com","ext_id":"1"}`, "action", "delete") }
	require.NoError(t, w.send(person(1, ""), remove(), person(1, `,"listIds":[60]`)))
	assert.Equal(t, []int64{60}, w.contact("p1@example.com").ListIDs)
	require.NoError(t, w.send(person(1, ""), remove()))
	assert.Zero(t, w.Count())
}

// overlap is how many writes of one contact were under way at a time, at most.
type overlap struct {
	mu       sync.Mutex
	under    map[string]int
	most     map[string]int
	together int // of all contacts
}

func (o *overlap) during(key string, do func()) {
	o.mu.Lock()
	o.under[key]++
	o.most[key] = max(o.most[key], o.under[key])
	sum := 0
	for _, n := range o.under {
		sum += n
	}
	o.together = max(o.together, sum)
	o.mu.Unlock()
	do()
	o.mu.Lock()
	o.under[key]--
	o.mu.Unlock()
}

func TestContacts_WritesOfOneContactNeverOverlap(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{Latency: 5 * time.Millisecond})
	seen := &overlap{under: map[string]int{}, most: map[string]int{}}
	w.tap.next = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Server.ServeHTTP(rw, r)
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		again := r.Clone(r.Context())
		again.Body = http.NoBody
		again.Body = readCloser{&body}
		address, _ := call{body: body.Bytes()}.object()["email"].(string)
		seen.during(strings.ToLower(address), func() { w.Server.ServeHTTP(rw, again) })
	})
	w.start(map[string]any{"max_in_flight": 8})
	batch := func(n int) (all []*service.Message) {
		for i := range 20 {
			id := (i*(2*n+1) + n) % 20 // another order in every batch
			all = append(all, message(fmt.Sprintf(`{"email":"p%d@example.com","attributes":{"FIRSTNAME":"version %d"}}`, id, n)))
		}
		return all
	}
	w.sendAll(batch(0), batch(1), batch(2), batch(3), batch(4), batch(5), batch(6), batch(7))
	assert.Len(t, seen.most, 20)
	for address, most := range seen.most {
		assert.Equal(t, 1, most, address)
	}
	assert.Greater(t, seen.together, 1, "different contacts are written side by side")
	assert.Len(t, w.tap.of(http.MethodPost, "/contacts"), 160)
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }
