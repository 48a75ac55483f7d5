package main

import (
	"fmt"
	"strconv"

	"connector/sandbox/brevo"
)

// stages holds the lists of the contacts against the deals in Pipedrive, by rules of its own: those of the
// README.
type stages struct {
	order map[int]int // stage → order number
	deals map[string][]map[string]any
}

func (c *comparison) readDeals() {
	c.stages = stages{order: map[int]int{}, deals: map[string][]map[string]any{}}
	for _, s := range c.sb.Pipedrive.Records("stage", 0, walk) {
		c.stages.order[wholeOf(s["id"])] = wholeOf(s["order_nr"])
	}
	for after := int64(0); ; {
		records := c.sb.Pipedrive.Records("deal", after, walk)
		for _, d := range records {
			after = int64(wholeOf(d["id"]))
			if person := wholeOf(d["person_id"]); person != 0 && d["is_deleted"] != true && d["is_archived"] != true && d["status"] != "deleted" {
				id := strconv.Itoa(person)
				c.stages.deals[id] = append(c.stages.deals[id], d)
			}
		}
		if len(records) < walk {
			return
		}
	}
}

// list is the stage list that a person's contact has to be on; 0 for none.
func (s stages) list(person string) int64 {
	candidates := s.deals[person]
	open := 0
	for _, d := range candidates {
		if d["status"] == "open" {
			open++
		}
	}
	var latest, decides map[string]any
	for _, d := range candidates {
		if (open == 0 || d["status"] == "open") && (latest == nil || fmt.Sprint(d["update_time"]) >= fmt.Sprint(latest["update_time"])) {
			latest = d
		}
	}
	if decides = latest; open > 0 {
		for _, d := range candidates {
			if d["status"] != "open" || fmt.Sprint(d["pipeline_id"]) != fmt.Sprint(latest["pipeline_id"]) {
				continue
			}
			order, best := s.order[wholeOf(d["stage_id"])], s.order[wholeOf(decides["stage_id"])]
			if order > best || order == best && fmt.Sprint(d["update_time"]) >= fmt.Sprint(decides["update_time"]) {
				decides = d
			}
		}
	}
	switch {
	case decides == nil:
		return 0
	case decides["status"] == "won":
		return 63
	case decides["status"] == "lost":
		return 64
	}
	switch wholeOf(decides["stage_id"]) {
	case 1, 2:
		return 61
	case 3, 4:
		return 62
	}
	return 0
}

func (c *comparison) stageLists(id string, contact brevo.Contact) {
	want := c.stages.list(id)
	for _, list := range []int64{61, 62, 63, 64} {
		if onList(contact, list) != (list == want) {
			c.differ("person %s: the stage's list is %d, and list %d says otherwise", id, want, list)
		}
	}
}
