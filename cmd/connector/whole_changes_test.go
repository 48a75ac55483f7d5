package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of these is a change that a user makes in Pipedrive, and what becomes of it in Brevo. They share one
// connector, and no person.
var wholeChanges = map[string]func(*testing.T, *following){
	"an activity is told when it is new and when it is done": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 1, 0)
		deal := f.dealOf(person)
		activity := f.asUser(t, "POST", "/api/v2/activities", record{
			"subject": "Call back", "type": "call", "owner_id": 3, "deal_id": deal["id"], "note": "<p>Wants <b>two</b> &amp; more</p>",
			"participants": []any{record{"person_id": person, "primary": true}},
		})
		path := fmt.Sprintf("/api/v2/activities/%d", wholeOf(activity["id"]))
		told := func() []record { return f.events("activity_logged", "activity_id", wholeOf(activity["id"])) }
		f.eventually(t, func() bool { return len(told()) == 1 })
		first := told()[0]
		assert.Equal(t, "Wants two & more", first["note"])
		assert.Equal(t, "Ines Carvalhal", first["owner"])
		assert.Equal(t, deal["title"], first["deal_title"])
		assert.Equal(t, false, first["done"])
		nextSecond()
		f.asUser(t, "PATCH", path, record{"done": true})
		f.eventually(t, func() bool { return len(told()) == 2 })
		assert.Equal(t, true, told()[1]["done"])
		nextSecond()
		f.asUser(t, "PATCH", path, record{"subject": "Called back"})
		f.asUser(t, "PATCH", fmt.Sprintf("/api/v2/persons/%d", person), record{"first_name": "Later", "last_name": "Example"})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["FIRSTNAME"] == "Later" })
		f.polled(t)
		assert.Len(t, told(), 2, "neither again nor for another subject")
	},
	"an activity of nobody who can be reached is skipped and counted": func(t *testing.T, f *following) {
		before := f.metric("brevo_events_skipped", "without a reachable contact")
		activity := f.asUser(t, "POST", "/api/v2/activities", record{"subject": "Tidy up", "type": "task"})
		f.eventually(t, func() bool { return f.metric("brevo_events_skipped", "without a reachable contact") > before })
		assert.Empty(t, f.events("activity_logged", "activity_id", wholeOf(activity["id"])))
	},
	"a lead puts its person on the list, and a deal made of it takes the person off": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		lead := f.asUser(t, "POST", "/v1/leads", record{"title": "New pumps", "person_id": person, "value": record{"amount": 1200, "currency": "EUR"}})
		f.eventually(t, func() bool {
			c := f.contact(t, email)
			return onList(c, 65) && c.Attributes["LEAD_TITLE"] == "New pumps" && fmt.Sprint(c.Attributes["LEAD_VALUE"]) == "1200"
		})
		f.eventually(t, func() bool { return len(f.events("lead_created", "lead_id", lead["id"])) == 1 })
		nextSecond()
		deal, err := f.sb.Pipedrive.Convert(fmt.Sprint(lead["id"]))
		require.NoError(t, err)
		f.eventually(t, func() bool {
			c := f.contact(t, email)
			return !onList(c, 65) && c.Attributes["LEAD_TITLE"] == nil && c.Attributes["LEAD_VALUE"] == nil && fmt.Sprint(c.Attributes["OPEN_DEALS"]) == "1"
		})
		f.eventually(t, func() bool { return len(f.events("deal_created", "deal_id", deal)) == 1 })
	},
	"of two leads one may go": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		f.asUser(t, "POST", "/v1/leads", record{"title": "First", "person_id": person})
		nextSecond()
		second := f.asUser(t, "POST", "/v1/leads", record{"title": "Second", "person_id": person})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["LEAD_TITLE"] == "Second" })
		nextSecond()
		f.asUser(t, "DELETE", "/v1/leads/"+fmt.Sprint(second["id"]), nil)
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["LEAD_TITLE"] == "First" })
		assert.True(t, onList(f.contact(t, email), 65))
		first := "/v1/leads/" + fmt.Sprint(f.leadOf(person)["id"])
		for _, archived := range []bool{true, false, true} {
			nextSecond()
			f.asUser(t, "PATCH", first, record{"is_archived": archived})
			f.eventually(t, func() bool { return onList(f.contact(t, email), 65) != archived })
			assert.Equal(t, archived, f.contact(t, email).Attributes["LEAD_TITLE"] == nil)
		}
		f.polled(t)
		f.agrees(t)
	},
	"a lead is given to somebody else": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		other, otherEmail := f.somebody(t, 0, 0)
		f.asUser(t, "POST", "/v1/leads", record{"title": "Kept", "person_id": person})
		nextSecond()
		lead := f.asUser(t, "POST", "/v1/leads", record{"title": "Given", "person_id": person})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["LEAD_TITLE"] == "Given" })
		nextSecond()
		f.asUser(t, "PATCH", "/v1/leads/"+fmt.Sprint(lead["id"]), record{"person_id": other})
		f.eventually(t, func() bool {
			return f.contact(t, otherEmail).Attributes["LEAD_TITLE"] == "Given" && f.contact(t, email).Attributes["LEAD_TITLE"] == "Kept"
		})
		assert.True(t, onList(f.contact(t, email), 65))
		nextSecond()
		f.asUser(t, "PATCH", "/v1/leads/"+fmt.Sprint(lead["id"]), record{"person_id": person})
		f.eventually(t, func() bool {
			return f.contact(t, email).Attributes["LEAD_TITLE"] == "Given" && !onList(f.contact(t, otherEmail), 65)
		})
		assert.Nil(t, f.contact(t, otherEmail).Attributes["LEAD_TITLE"])
		f.agrees(t)
	},
	"a deal is won, reopened, won again, given to somebody else, and deleted": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		other, otherEmail := f.somebody(t, 1, 0)
		before := f.contact(t, otherEmail).Attributes["LTV"]
		deal := f.asUser(t, "POST", "/api/v2/deals", record{"title": "Big one", "person_id": person, "value": 1000, "currency": "USD", "stage_id": 3})
		path := fmt.Sprintf("/api/v2/deals/%d", wholeOf(deal["id"]))
		is := func(email string, ltv any, list int64) func() bool {
			return func() bool {
				c := f.contact(t, email)
				return fmt.Sprint(c.Attributes["LTV"]) == fmt.Sprint(ltv) && (list == 0 || onList(c, list))
			}
		}
		f.eventually(t, is(email, 0, 62))
		for _, change := range []struct {
			status string
			ltv    int
			list   int64
		}{{"won", 900, 63}, {"open", 0, 62}, {"won", 900, 63}} {
			nextSecond()
			f.asUser(t, "PATCH", path, record{"status": change.status})
			f.eventually(t, is(email, change.ltv, change.list))
		}
		nextSecond()
		f.asUser(t, "PATCH", path, record{"person_id": other})
		f.agrees(t)
		assert.Zero(t, f.contact(t, email).Attributes["LTV"])
		assert.Zero(t, f.contact(t, email).Attributes["WON_DEALS"])
		assert.False(t, onList(f.contact(t, email), 63))
		assert.NotEqual(t, before, f.contact(t, otherEmail).Attributes["LTV"])
		nextSecond()
		f.asUser(t, "DELETE", path, nil)
		f.eventually(t, is(otherEmail, before, 0))
	},
	"an organization is renamed": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		f.asUser(t, "PATCH", fmt.Sprintf("/api/v2/organizations/%d", f.organizationOf(person)), record{"name": "Renamed Works"})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["COMPANY"] == "Renamed Works" })
		f.agrees(t)
	},
	"a person changes organization": func(t *testing.T, f *following) {
		person, email := f.somebody(t, 0, 0)
		former := f.contact(t, email).Attributes["COMPANY"]
		f.asUser(t, "PATCH", fmt.Sprintf("/api/v2/persons/%d", person), record{"org_id": f.organizationOf(person)%10 + 1})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["COMPANY"] != former })
		f.agrees(t)
		nextSecond()
		f.asUser(t, "PATCH", fmt.Sprintf("/api/v2/persons/%d", person), record{"org_id": nil})
		f.eventually(t, func() bool { return f.contact(t, email).Attributes["COMPANY"] == nil })
		f.agrees(t)
	},
}

func (f *following) dealOf(person int) record {
	for _, d := range f.sb.Pipedrive.Records("deal", 0, walk) {
		if wholeOf(d["person_id"]) == person {
			return d
		}
	}
	return nil
}

func (f *following) leadOf(person int) record {
	for _, l := range f.sb.Pipedrive.Records("lead", 0, walk) {
		if wholeOf(l["person_id"]) == person {
			return l
		}
	}
	return nil
}

func (f *following) organizationOf(person int) int {
	return wholeOf(f.sb.Pipedrive.Records("person", int64(person-1), 1)[0]["org_id"])
}

// polled waits for two looks at activities and leads.
func (f *following) polled(t *testing.T) {
	t.Helper()
	looks := func() int {
		by := f.sb.Pipedrive.Stats().ByPath
		return min(by["GET /api/v2/activities"], by["GET /v1/leads"])
	}
	before := looks()
	f.eventually(t, func() bool { return looks() >= before+3 })
}

// nextSecond waits until a change has another update_time than the one before.
func nextSecond() {
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1010 * time.Millisecond)))
}

func TestWholeFollow_WhatChangesInPipedriveChangesInBrevo(t *testing.T) {
	for name, args := range map[string][]string{
		"by polls":              {"-c", repoFile(t, "pipelines/pipedrive.yaml")},
		"by webhooks and polls": {"streams", repoFile(t, "pipelines/pipedrive.yaml"), repoFile(t, "pipelines/webhooks.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, args...)
			t.Run("changes", func(t *testing.T) {
				for name, change := range wholeChanges {
					t.Run(name, func(t *testing.T) { change(t, f) })
				}
			})
			f.agrees(t)
			differences := (&demo{sb: f.sb, out: f.out}).compare(allOf(t, f.settings, f.out))
			assert.Empty(t, differences)
			once := map[string]int{}
			for _, e := range f.sb.Brevo.Events() {
				once[e.Name+e.Date.String()+string(e.Properties)]++
			}
			for event, n := range once {
				assert.Equal(t, 1, n, "told more than once: %s", event)
			}
		})
	}
}

func pathOf(collection string, id any) string { return fmt.Sprintf("/api/v2/%s/%v", collection, id) }
