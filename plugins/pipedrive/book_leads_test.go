package pipedrive

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

const readsLeads = withCache + "objects: [leads]\n"

// lead puts a lead of a person as it is from now on; 0 is nobody.
func (a *account) lead(id, person int) {
	more := map[string]any{"person_id": person}
	if person == 0 {
		more["person_id"] = nil
	}
	a.putWith("lead", id, fmt.Sprint("Lead ", id), time.Now(), more)
}

// leads has leads 1 to n of persons 1 to 5, in turn.
func (a *account) leads(n int) {
	for i := 1; i <= n; i++ {
		a.lead(i, 1+i%5)
	}
}

// wasOf is "lead 3: 4", with the id that leads have.
func wasOf(lead, person int) string { return fmt.Sprintf("lead %s: %d", leadID(lead), person) }

func TestBook_OfALeadThatIsGivenToAnotherPersonTheFormerOneIsTold(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("killed: ", kill), func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.leads(25)
				s := newStore(t)
				f := a.follow(s, readsLeads)
				assert.Empty(t, formers(f.messages(10*time.Second)))
				a.lead(3, 2) // was person 4's
				a.lead(26, 1)
				a.change("lead", 27, "of nobody")
				assert.Equal(t, []string{wasOf(3, 4)}, formers(f.messages(2*time.Minute)))
				a.lead(26, 6)
				a.lead(27, 6)
				assert.Equal(t, []string{wasOf(26, 1)}, formers(f.messages(2*time.Minute)))
				if kill {
					f.kill()
				} else {
					f.end()
				}
				a.newProcess()
				a.lead(3, 0)
				a.ForgetCalls()
				f = a.follow(s, readsLeads)
				assert.Equal(t, []string{wasOf(3, 2)}, formers(f.messages(time.Minute)))
				f.end()
			})
		})
	}
}

func TestBook_AFormerPersonOfALeadIsToldUntilItIsDelivered(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		s := newStore(t)
		f := a.follow(s, readsLeads)
		f.after(10 * time.Second)
		a.lead(3, 2)
		tries := 0
		f.refusingThose(func([]message) bool { tries++; return tries < 3 })
		assert.Equal(t, []string{wasOf(3, 4)}, formers(f.messages(5*time.Minute)), "told, refused twice, and told")
		f.refusing(true)
		for _, person := range []int{1, 6} { // was person 4's
			a.lead(8, person)
			f.after(2 * time.Minute)
		}
		f.kill()
		a.newProcess()
		f = a.follow(s, readsLeads)
		assert.ElementsMatch(t, []string{wasOf(8, 4), wasOf(8, 1)}, formers(f.messages(3*time.Minute)), "killed before it was delivered")
		a.change("lead", 8, "of nobody")
		assert.Equal(t, []string{wasOf(8, 6)}, formers(f.messages(3*time.Minute)))
		a.change("lead", 8, "of nobody still")
		assert.Empty(t, formers(f.messages(3*time.Minute)), "it is told once")
		f.end()
	})
}

func TestBook_WhoseALeadWasBeforeAWebhookToldIsForThePollToTell(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(5)
		f := a.follow(newStore(t), readsLeads+"poll_interval: 1h\n")
		f.after(10 * time.Second)
		a.lead(3, 2)
		noteDelivery(f.client(), &api.Delivery{Object: "lead", ID: leadID(3), Record: api.Record{
			"id": leadID(3), "person_id": json.Number("2"), "update_time": time.Now().UTC().Format(time.RFC3339Nano),
		}})
		assert.Equal(t, []string{wasOf(3, 4)}, formers(f.messages(2*time.Hour)))
		f.end()
	})
}

func TestBook_ThatAPersonHasNoLeadCostsNoCall(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		s := newStore(t)
		f := a.follow(s, readsLeads)
		f.after(10 * time.Second)
		ask := func(person int) string {
			got, _ := process(t, a.lookup(s.resources, "object: leads\nby: person_id\nid: this.id\ncache_ttl: 0s\nresult_map: 'root = this.map_each(l -> l.title)'"), fmt.Sprintf(`{"id":%d}`, person))
			return fmt.Sprint(got[0])
		}
		a.ForgetCalls()
		assert.Equal(t, "[]", ask(6))
		calls, _ := a.asked("person_id=")
		assert.Zero(t, calls)
		a.lead(5, 6) // was person 1's
		f.after(2 * time.Minute)
		assert.Equal(t, "[Lead 5]", ask(6))
		assert.Equal(t, "[Lead 10 Lead 15 Lead 20 Lead 25]", ask(1))
		f.end()
	})
}

// Leads that were read before there was a book of them are read once more, and not told again.
func TestBook_OfLeadsThatAnEarlierVersionDidNotKeepIsReadOnce(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		s := newStore(t)
		f := a.follow(s, readsLeads)
		f.after(10 * time.Second)
		f.end()
		s.set(func(c *testCache) { c.drop("pipedrive_recents/leads") })
		time.Sleep(time.Hour)
		a.lead(26, 1)
		a.newProcess()
		f = a.follow(s, readsLeads)
		assert.Equal(t, []string{"create lead " + leadID(26)}, f.after(5*time.Minute))
		a.lead(3, 2)
		assert.Equal(t, []string{wasOf(3, 4)}, formers(f.messages(5*time.Minute)))
		f.end()
	})
}

// Not parallel: the heap is that of the process.
func TestBook_FiftyThousandLeadsTakeAFewMegabytes(t *testing.T) {
	o, err := api.ObjectOf("leads")
	require.NoError(t, err)
	before := heap()
	b := newBook(o)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 50_000 {
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", random.Uint32(), random.Int64N(1<<48))
		b.put([]api.Record{{"id": id, "person_id": json.Number(fmt.Sprint(i)), "update_time": fakeStart.Add(time.Duration(random.IntN(1e9)) * time.Second).Format(time.RFC3339)}})
	}
	assert.Less(t, heap()-before, int64(7*megabyte))
	_, chunks := b.chunks(b.changed)
	stored := 0
	for _, chunk := range chunks {
		packed, err := packChunk(chunk)
		require.NoError(t, err)
		stored += len(packed)
	}
	assert.Less(t, stored, 3*megabyte)
	t.Logf("%d bytes of memory, %d of cache a lead", (heap()-before)/50_000, stored/50_000)
	runtime.KeepAlive(b)
}

func TestLeads_OneThatComesBackUnchangedIsToldAgain(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		was := time.Now()
		a.leads(25)
		f := a.follow(newStore(t), onePage)
		f.after(30 * time.Minute)
		a.change("lead", 9, "newer")
		f.after(30 * time.Minute)
		a.Remove("lead", leadID(3))
		assert.NotEmpty(t, f.messages(5*time.Minute))
		a.putWith("lead", 3, "Lead", was, map[string]any{"person_id": 4})
		back := f.messages(5 * time.Minute)
		assert.Len(t, back, 1)
		assert.Equal(t, leadID(3), back[0].meta["pipedrive_id"])
		assert.Empty(t, f.messages(time.Hour))
		f.end()
	})
}
