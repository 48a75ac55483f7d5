package pipedrive

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Where a change came from, as meta.change_source says it.
const (
	fromAPI = "api"
	fromApp = "app"
)

// change is one change of one record.
type change struct {
	object     string
	was, is    *record // nil before a creation, and after a deletion
	source     string
	mergedTo   int64 // on the deletion of a merge: where the record went
	mergedFrom int64 // on the change of a merge: what went into the record
}

// action is the word of a version for the change. Version 1.0 has one of its own for the survivor of a merge.
func (c change) action(version string) string {
	words := map[string][3]string{"1.0": {"added", "updated", "deleted"}, "2.0": {"create", "change", "delete"}}[version]
	switch {
	case c.is == nil:
		return words[2]
	case c.was == nil:
		return words[0]
	case c.mergedFrom != 0 && version == "1.0":
		return "merged"
	}
	return words[1]
}

func (c change) record() *record {
	if c.is != nil {
		return c.is
	}
	return c.was
}

// onlyIn lists the objects that one version alone tells of. Definitions of fields, installments and
// products of deals, boards, phases, projects and tasks are not told of: their payloads are not published.
var onlyIn = map[string]string{"lead": "2.0", "activityType": "1.0"}

// event is what is told of a change in one version. It is the same for all webhooks, and not changed
// once it is made.
type event struct {
	version string
	fixedID string         // meta.id of a user: the user's id, hence not unique
	parts   map[string]any // the body without meta
	meta    map[string]any // without what differs by webhook and attempt
}

// announce gives a change to every webhook that asked for it. The caller holds the lock, so that what
// is told is the record as this change left it.
func (s *Server) announce(c change) {
	if len(s.tables["webhook"].rows) == 0 {
		return
	}
	events := map[string]*event{}
	now, correlation := time.Now(), newUUID()
	for _, rec := range s.tables["webhook"].rows {
		to, wanted := s.subscription(rec, c)
		if !wanted {
			continue
		}
		e, made := events[to.version]
		if !made {
			e = s.eventOf(c, to.version, now, correlation)
			events[to.version] = e
		}
		if e != nil {
			s.courier.send(to, e)
		}
	}
}

// subscription reads a webhook, and says whether the change is for it.
func (s *Server) subscription(rec *record, c change) (target, bool) {
	t := s.tables["webhook"]
	to := target{
		id: rec.id, owner: int64(rec.owner), version: t.text(rec, "version"), url: t.text(rec, "subscription_url"),
		user: t.text(rec, "http_auth_user"), password: t.text(rec, "http_auth_password"),
	}
	action, object := t.text(rec, "event_action"), t.text(rec, "event_object")
	wanted := (action == "*" || action == c.action(to.version)) && (object == "*" || object == c.object) &&
		(onlyIn[c.object] == "" || onlyIn[c.object] == to.version) && s.courier.active(rec.id)
	return to, wanted
}

// eventOf renders a change. It returns nil for one that is not told of.
func (s *Server) eventOf(c change, version string, now time.Time, correlation string) *event {
	if version == "1.0" {
		return s.eventV1(c, now)
	}
	return s.eventV2(c, now, correlation)
}

// id returns the meta.id of a new delivery; version 1.0 has none.
func (e *event) id() string {
	if e.fixedID != "" {
		return e.fixedID
	}
	return newUUID()
}

// body renders an attempt of a delivery.
func (e *event) body(to target, d *delivery, freshID bool) []byte {
	meta, parts := maps.Clone(e.meta), maps.Clone(e.parts)
	parts["meta"] = meta
	meta["webhook_id"] = strconv.FormatInt(to.id, 10)
	if e.version == "1.0" {
		parts["retry"] = d.attempt - 1
		return appendJSON(nil, parts)
	}
	id := d.id
	if freshID && d.attempt > 1 {
		id = e.id()
	}
	meta["id"], meta["attempt"], meta["webhook_owner_id"] = id, d.attempt, strconv.FormatInt(to.owner, 10)
	return appendJSON(nil, parts)
}

// host is how a payload names the account.
func (s *Server) host() string { return s.cfg.CompanyDomain + ".pipedrive.com" }

// permitted are the ids of the users that may see a record: all, visibility is not simulated.
func (s *Server) permitted() []int64 {
	ids := []int64{}
	for _, rec := range s.tables["user"].rows {
		ids = append(ids, rec.id)
	}
	if len(ids) == 0 {
		ids = append(ids, toInt(s.me()))
	}
	return ids
}

func encoded(v any) json.RawMessage { return json.RawMessage(appendJSON(nil, v)) }

// announceMerge tells of both halves of a merge.
func (s *Server) announceMerge(object string, gone, was, is *record, source string) {
	halves := []change{
		{object: object, was: gone, source: source, mergedTo: is.id},
		{object: object, was: was, is: is, source: source, mergedFrom: gone.id},
	}
	if s.cfg.Webhooks.SurvivorFirst {
		slices.Reverse(halves)
	}
	for _, half := range halves {
		s.announce(half)
	}
}

// Deliveries returns what became of the deliveries to webhooks so far.
func (s *Server) Deliveries() Deliveries {
	s.courier.mu.Lock()
	defer s.courier.mu.Unlock()
	return s.courier.counts
}

// Idle returns when no delivery is queued, being sent or waiting for another attempt; or with the
// error of ctx.
func (s *Server) Idle(ctx context.Context) error { return s.courier.wait(ctx) }

// Close ends the deliveries to webhooks and the conversions of leads that are under way. The API goes
// on answering, and delivers nothing any more.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, timer := range s.timers {
		timer.Stop()
	}
	s.mu.Unlock()
	s.courier.close()
	return nil
}
