package pipedrive

import "strconv"

// tally holds what include_fields can ask for, counted from the linked records.
type tally struct {
	open, won, lost          int
	relOpen, relWon, relLost int
	undone, finished         int
	notes, people, products  int
	participants             int
	next, last               *record // activities
	email                    string
}

// tally counts for one record. Deals, activities and notes that are deleted do not count; related
// deals of an organization are those of its people that are not with the organization itself.
func (s *Server) tally(t *table, rec *record) tally {
	var out tally
	id := int32(rec.id)
	for _, d := range s.tables["deal"].links[t.object][id] {
		out.countDeal(d, &out.open, &out.won, &out.lost)
	}
	for _, n := range s.tables["note"].links[t.object][id] {
		if !n.deleted {
			out.notes++
		}
	}
	for _, a := range s.tables["activity"].links[t.object][id] {
		out.countActivity(a)
	}
	if t.object == "organization" {
		for _, p := range s.tables["person"].links["organization"][id] {
			if p.deleted {
				continue
			}
			out.people++
			for _, d := range s.tables["deal"].links["person"][int32(p.id)] {
				if d.org != id {
					out.countDeal(d, &out.relOpen, &out.relWon, &out.relLost)
				}
			}
		}
	}
	if t.object == "deal" && rec.person != 0 {
		out.participants = 1
	}
	out.email = s.cfg.CompanyDomain + "@pipedrivemail.example.com"
	return out
}

func (*tally) countDeal(d *record, open, won, lost *int) {
	switch {
	case d.deleted:
	case d.status == statusWon:
		*won++
	case d.status == statusLost:
		*lost++
	default:
		*open++
	}
}

func (y *tally) countActivity(a *record) {
	switch {
	case a.deleted:
	case a.done:
		y.finished++
		if y.last == nil || a.due >= y.last.due {
			y.last = a
		}
	default:
		y.undone++
		if y.next == nil || a.due < y.next.due {
			y.next = a
		}
	}
}

func (y *tally) append(buf []byte, name string) []byte {
	switch name {
	case "next_activity_id":
		return appendID(buf, y.next)
	case "last_activity_id":
		return appendID(buf, y.last)
	case "last_incoming_mail_time", "last_outgoing_mail_time", "first_won_time", "doi_status":
		return append(buf, "null"...)
	case "smart_bcc_email":
		return appendString(buf, y.email)
	}
	return strconv.AppendInt(buf, int64(y.count(name)), 10)
}

func (y *tally) count(name string) int {
	switch name {
	case "open_deals_count":
		return y.open
	case "won_deals_count":
		return y.won
	case "lost_deals_count":
		return y.lost
	case "closed_deals_count":
		return y.won + y.lost
	case "related_open_deals_count":
		return y.relOpen
	case "related_won_deals_count":
		return y.relWon
	case "related_lost_deals_count":
		return y.relLost
	case "related_closed_deals_count":
		return y.relWon + y.relLost
	case "activities_count":
		return y.undone + y.finished
	case "done_activities_count":
		return y.finished
	case "undone_activities_count":
		return y.undone
	case "notes_count":
		return y.notes
	case "people_count":
		return y.people
	case "participants_count":
		return y.participants
	}
	// Files, followers, mail messages and participants are not simulated.
	return 0
}

func appendID(buf []byte, rec *record) []byte {
	if rec == nil {
		return append(buf, "null"...)
	}
	return strconv.AppendInt(buf, rec.id, 10)
}
