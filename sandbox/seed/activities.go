package seed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// notes are what people write about their calls and meetings: HTML, as the web app's editor makes it.
var notes = []string{
	"<p>Prepared by the team</p>",
	"<p>Wants a <b>new offer</b> by Friday.<br>Ask for the <a href=\"https://www.example.com/plans?a=1&amp;b=2\">plans</a>.</p>",
	"<ul><li>Budget is agreed</li><li>Delivery &lt; 6 weeks</li><li>R&amp;D joins next time</li></ul>",
	"<div>Café&nbsp;meeting &ndash; &quot;very keen&quot; &#8364;&nbsp;2&thinsp;000 &#x1F680;</div>",
	"<h3>Summary</h3><table><tr><td>Pumps</td><td>4</td></tr><tr><td>Valves</td><td>12</td></tr></table><!-- from the template -->",
	"<style>p{color:red}</style><p>Left a voicemail</p><script>alert(1)</script>",
	"Plain text, written by an app.\nSecond line, 3 < 4",
}

// longNote is longer than what fits into a property of an event.
var longNote = "<p>" + strings.Repeat("Minutes of a long meeting, with <i>every</i> word that was said. ", 120) + "</p>"

var kinds = []string{"call", "meeting", "task", "email", "lunch", "deadline"}

func (c *company) addActivities() {
	for i := 1; i <= c.activities; i++ {
		r := dice(activityDice, i)
		added, updated := c.times(r)
		kind := kinds[r.IntN(4)]
		person := c.someone(r)
		m := record{
			"id": i, "subject": fmt.Sprintf("%s about %s", kind, dealWords[r.IntN(len(dealWords))]), "type": kind,
			"owner_id": 1 + r.IntN(users), "creator_user_id": 1 + r.IntN(users), "busy": r.IntN(2) == 0, "done": r.IntN(3) > 0,
			"due_date": updated.AddDate(0, 0, 7).Format(time.DateOnly), "due_time": fmt.Sprintf("%02d:30:00", 8+r.IntN(9)),
			"duration": "00:30:00", "add_time": added.Format(v2Time), "update_time": updated.Format(v2Time),
		}
		if m["done"] == true {
			m["marked_as_done_time"] = m["update_time"]
		}
		c.relate(m, i, person)
		c.server.Put("activity", m)
	}
}

// relate gives an activity its note and those that it is about. One in three belongs to a deal, and
// to the deal's person; one in seventeen to an organization only.
func (c *company) relate(m record, i, person int) {
	r := dice(dealingsDice, i)
	if kind := r.IntN(12); kind < 2 {
		m["type"] = kinds[4+kind]
	}
	m["note"] = notes[r.IntN(len(notes))]
	switch r.IntN(20) {
	case 0:
		m["note"] = longNote
	case 1, 2, 3:
		m["note"] = nil
	}
	if r.IntN(6) == 0 {
		m["location"] = address(streets[r.IntN(len(streets))], 1+r.IntN(99), places[r.IntN(len(places))])
		m["public_description"] = "Meet at the reception"
	}
	if r.IntN(9) == 0 {
		m["due_time"], m["duration"] = nil, nil
	}
	if len(c.dealPersons) > 0 && r.IntN(3) == 0 {
		deal := r.IntN(len(c.dealPersons))
		m["deal_id"], person = deal+1, c.dealPersons[deal]
	}
	if i%17 == 0 && c.orgs > 0 {
		m["org_id"], m["participants"] = 1+r.IntN(c.orgs), []any{}
		return
	}
	c.place(m, person, "org_id")
	m["participants"] = c.participants(r, person)
	if r.IntN(5) == 0 {
		m["attendees"] = []any{record{
			"email": strings.ToLower(email(person)), "name": "", "status": "accepted", "is_organizer": false,
			"person_id": person, "user_id": nil,
		}}
	}
}

// participants are the person, and in one of eight activities somebody else.
func (c *company) participants(r *rand.Rand, person int) []any {
	all := []any{record{"person_id": person, "primary": true}}
	if other := c.someone(r); r.IntN(8) == 0 && other != person {
		all = append(all, record{"person_id": other, "primary": false})
	}
	return all
}
