package pipedrive

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"connector/plugins/internal/rest"
	"connector/plugins/pipedrive/api"
	sandbox "connector/sandbox/pipedrive"
)

// onePage reads leads of which a page holds all; manyPages is too small a page for that.
const (
	onePage   = readsLeads + "page_size: 100\n"
	manyPages = readsLeads + "sweep_interval: 1h\npoll_interval: 5m\n"
)

func (a *account) archive(id int, archived bool) {
	a.do(http.MethodPatch, "/v1/leads/"+leadID(id), fmt.Sprintf(`{"is_archived":%t}`, archived))
}

func (a *account) eraseLead(id int) { a.do(http.MethodDelete, "/v1/leads/"+leadID(id), "") }

func (a *account) convert(id int) {
	a.do(http.MethodPost, "/api/v2/leads/"+leadID(id)+"/convert/deal", "{}")
}

// of is "delete lead 3 of 4", with the id that leads have.
func of(action string, lead, person int) string {
	return fmt.Sprintf("%s lead %s of %d", action, leadID(lead), person)
}

// ofWhom are messages with their persons.
func ofWhom(all []message) (told []string) {
	for _, m := range all {
		told = append(told, fmt.Sprint(m, " of ", m.record["person_id"]))
	}
	return told
}

func TestLeads_ThatVanishAreTold(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{
		"archived ones shown": {}, "deleted ones shown": {ShowDeletedLeads: true}, "none shown": {HideArchivedLeads: true}, "paging keys flat": {FlatLeadPaging: true},
	} {
		archived := "change"
		if cfg.HideArchivedLeads {
			archived = "delete"
		}
		for name, conf := range map[string]string{name + ", with a poll": onePage, name + ", with a sweep": manyPages} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inFakeTime(t, cfg, func(t *testing.T, a *account) {
					a.leads(25)
					f := a.follow(newStore(t), conf)
					assert.Len(t, f.after(30*time.Minute), 25)
					a.archive(3, true)
					a.eraseLead(7)
					a.convert(11)
					got := f.messages(3 * time.Hour) // a sweep looks twice at what is still shown
					assert.ElementsMatch(t, []string{of(archived, 3, 4), of("delete", 7, 3), of("delete", 11, 2)}, ofWhom(got))
					for _, m := range got {
						gone, archived := m.record["is_deleted"], m.record["is_archived"]
						assert.True(t, gone == true || archived == true, "%v", m)
						assert.NotEmpty(t, m.meta["pipedrive_time"])
					}
					assert.Empty(t, f.after(3*time.Hour), "once")
					a.archive(3, false)
					assert.Equal(t, []string{of("change", 3, 4)}, ofWhom(f.messages(10*time.Minute)), "it comes back")
					a.eraseLead(3)
					assert.Equal(t, []string{of("delete", 3, 4)}, ofWhom(f.messages(3*time.Hour)))
					f.end()
				})
			})
		}
	}
}

func TestLeads_ThatVanishAreToldByTheNextPollAtNoMoreThanItCosts(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		s := newStore(t)
		f := a.follow(s, onePage)
		f.after(5*time.Minute + 10*time.Second)
		s.mu.Lock()
		writes := s.writes
		s.mu.Unlock()
		before := a.Stats().Tokens
		assert.Empty(t, f.after(time.Hour))
		assert.Equal(t, 60*20, a.Stats().Tokens-before, "sixty polls")
		s.mu.Lock()
		assert.LessOrEqual(t, s.writes-writes, 2*60, "and the position is written, but not the book")
		s.mu.Unlock()
		before = a.Stats().Tokens
		a.lead(3, 2)
		a.eraseLead(7)
		got := f.messages(time.Minute)
		assert.Equal(t, []string{of("change", 3, 2), of("delete", 7, 3)}, ofWhom(got))
		assert.Equal(t, 6+20+2, a.Stats().Tokens-before, "to delete it, to poll, and to look at it")
		f.end()
	})
}

func TestLeads_ThatAreMoreThanAPageAreReadBySinceAndSwept(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		f := a.follow(newStore(t), manyPages)
		f.after(30 * time.Minute)
		before := a.Stats().Tokens
		a.ForgetCalls()
		f.after(time.Hour)
		assert.Equal(t, 12*20+3*20, a.Stats().Tokens-before, "twelve polls and three pages")
		f.end()

		// One that has too few in its book to know tries once.
		a.newProcess()
		f = a.follow(newStore(t), readsLeads+"start_from: now\n")
		f.after(30 * time.Second)
		a.ForgetCalls()
		a.eraseLead(3)
		assert.Empty(t, f.after(48*time.Hour), "nothing without a sweep")
		all, _ := a.asked("/v1/leads?")
		since, _ := a.asked("/v1/leads?", "updated_since")
		assert.Equal(t, all, since)
		f.end()
	})
}

func TestLeads_ThatVanishWhileNothingRunsAreToldUntilThatIsDelivered(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]string{"with a poll": onePage, "with a sweep": manyPages} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.leads(25)
				s := newStore(t)
				f := a.follow(s, conf)
				f.after(30 * time.Minute)
				f.end()
				a.newProcess()
				a.eraseLead(3)
				a.lead(4, 6) // was person 5's
				a.archive(4, true)
				time.Sleep(2 * time.Hour)
				f = a.follow(s, conf, func([]message) bool { return true })
				assert.Empty(t, f.after(3*time.Hour), "all are refused")
				f.kill()
				a.newProcess()
				tries := 0
				f = a.follow(s, conf, func([]message) bool { tries++; return tries < 4 })
				got := f.messages(3 * time.Hour)
				assert.ElementsMatch(t, []string{of("delete", 3, 4), of("change", 4, 6)}, ofWhom(got))
				assert.Equal(t, []string{wasOf(4, 5)}, formers(got), "and whose it was before")
				f.kill()
				a.newProcess()
				f = a.follow(s, conf)
				assert.Empty(t, f.after(3*time.Hour), "it was delivered")
				f.end()
			})
		})
	}
}

func TestLeads_ThatAreGivenAwayAndThenVanishAreToldToBoth(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{"shown": {ShowDeletedLeads: true}, "not shown": {HideArchivedLeads: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, cfg, func(t *testing.T, a *account) {
				a.leads(25)
				f := a.follow(newStore(t), onePage)
				f.after(5 * time.Minute)
				a.lead(3, 2) // was person 4's
				a.archive(3, true)
				got := f.messages(5 * time.Minute)
				if cfg.HideArchivedLeads { // all that is known is whose it was
					assert.Equal(t, []string{of("delete", 3, 4)}, ofWhom(got))
					assert.Empty(t, formers(got))
				} else {
					assert.Equal(t, []string{of("change", 3, 2)}, ofWhom(got))
					assert.Equal(t, []string{wasOf(3, 4)}, formers(got))
				}
				f.end()
			})
		})
	}
}

func TestLeads_ThatComeBackBeforeTheirLeavingIsDeliveredAreKnown(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		f := a.follow(newStore(t), onePage)
		f.after(5 * time.Minute)
		f.refusing(true)
		a.archive(3, true)
		f.after(5 * time.Minute)
		a.archive(3, false)
		f.after(5 * time.Minute)
		f.refusing(false)
		got := f.messages(5 * time.Minute)
		assert.ElementsMatch(t, []string{of("change", 3, 4), of("change", 3, 4)}, ofWhom(got))
		a.eraseLead(3)
		assert.Equal(t, []string{of("delete", 3, 4)}, ofWhom(f.messages(5*time.Minute)))
		f.end()
	})
}

func TestLeads_ThatComeWhileTheListIsReadHaveNotVanished(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		f := a.follow(newStore(t), onePage)
		f.after(5 * time.Minute)
		a.archive(3, true)
		a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v1/leads/"+leadID(3) {
				a.onCall(nil)
				a.archive(3, false)
			}
			return false
		})
		assert.Equal(t, []string{of("change", 3, 4)}, ofWhom(f.messages(10*time.Minute)))
		f.end()
	})
}

func TestLeads_OfAFilterThatAreNotInItAnyMoreHaveNotVanished(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(25)
		a.do("POST", "/v1/filters", `{"name":"Titles","type":"leads","conditions":{"glue":"and","conditions":[{"glue":"and","conditions":[{"object":"lead","field_code":"title","operator":"!=","value":"Other"}]},{"glue":"or","conditions":[]}]}}`)
		f := a.follow(newStore(t), onePage+"filter_id: 1\nsweep_interval: 1h\n")
		assert.Len(t, f.after(30*time.Minute), 25)
		a.change("lead", 3, "Other")
		assert.Empty(t, f.after(5*time.Hour))
		a.eraseLead(7)
		assert.Equal(t, []string{of("delete", 7, 3)}, ofWhom(f.messages(2*time.Hour)))
		f.end()
	})
}

func TestLeads_OfWhichMostVanishAreNotTakenFromAnybody(t *testing.T) {
	t.Parallel()
	inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
		a.leads(300)
		s := newStore(t)
		f := a.follow(s, readsLeads+"page_size: 500\n")
		assert.Len(t, f.after(30*time.Minute), 300)
		for i := 1; i <= 140; i++ {
			a.eraseLead(i)
		}
		assert.Len(t, f.after(10*time.Minute), 140, "many are deleted at a time")
		for i := 141; i <= 270; i++ { // as for a user who has lost the right to see them
			a.Remove("lead", leadID(i))
		}
		a.ForgetCalls()
		assert.Empty(t, f.after(3*time.Hour))
		assert.Equal(t, 1, s.logs.count("nothing is deleted"))
		_, tokens := a.asked("/v1/leads")
		assert.Equal(t, 180*20+130*2, tokens, "they are looked at once")
		f.end()
	})
}

func TestFirstRead_ALeadThatIsGoneMeanwhileIsNotTold(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]string{"by a poll": "poll_interval: 5s\n", "by a webhook": "poll_interval: 1h\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, sandbox.Config{}, func(t *testing.T, a *account) {
				a.company(25)
				a.onCall(func(_ http.ResponseWriter, r *http.Request) bool {
					return strings.HasSuffix(r.URL.Path, "/persons") && rest.Sleep(r.Context(), 20*time.Second) != nil
				})
				f, got := a.told(newStore(t), readsAll+"page_size: 100\n"+conf)
				f.after(10 * time.Second) // all leads are read, and no persons
				a.archive(24, true)
				if name == "by a webhook" {
					noteDelivery(f.client(), &api.Delivery{Object: "lead", ID: leadID(24), Record: api.Record{"id": leadID(24), "is_archived": true}})
				}
				f.after(30 * time.Minute)
				assert.Equal(t, "Organization 24 [Deal 24] []", got()["24"])
				assert.Equal(t, "Organization 25 [Deal 25] [Lead 25]", got()["25"])
				f.end()
			})
		})
	}
}
