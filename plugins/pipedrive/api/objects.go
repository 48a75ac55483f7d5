package api

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Object is a kind of record, with where and at what cost Pipedrive lists it.
type Object struct {
	Name   string // "person", as it stands in metadata
	Plural string // "persons", as it stands in configurations and paths

	v2     bool   // whether v2 lists it
	paged  bool   // whether the v1 list has start and limit
	cost   int    // tokens of a v2 page
	costV1 int    // tokens of a v1 page
	fields string // the entity whose field definitions it uses: "person" for personFields

	since   bool     // whether the list takes updated_since
	recents bool     // whether /v1/recents has it
	links   []string // by which other records the list can be narrowed
	path    string   // of the list, where it is not the plural

	includes []string // what include_fields may ask of v2
}

// Objects are all kinds of record that can be listed, in the order in which a first read wants them.
// Costs are the x-token-cost of the vendor's OpenAPI files.
var Objects = []*Object{
	{Name: "user", Plural: "users", recents: true, costV1: 20},
	{Name: "pipeline", Plural: "pipelines", v2: true, recents: true, cost: 5, costV1: 10},
	{Name: "stage", Plural: "stages", v2: true, paged: true, recents: true, cost: 5, costV1: 10},
	{Name: "organization", Plural: "organizations", v2: true, paged: true, since: true, recents: true, cost: 10, costV1: 20, fields: "organization",
		includes: append(slices.Clone(countFields), "people_count")},
	{Name: "person", Plural: "persons", v2: true, links: []string{"org_id", "deal_id"}, paged: true, since: true, recents: true, cost: 10, costV1: 20, fields: "person",
		includes: append(slices.Clone(countFields), "participant_open_deals_count", "participant_closed_deals_count",
			"last_incoming_mail_time", "last_outgoing_mail_time", "marketing_status", "doi_status")},
	{Name: "deal", Plural: "deals", v2: true, links: []string{"person_id", "org_id"}, paged: true, since: true, recents: true, cost: 10, costV1: 20, fields: "deal",
		includes: []string{"next_activity_id", "last_activity_id", "first_won_time", "products_count", "files_count",
			"notes_count", "followers_count", "email_messages_count", "activities_count", "done_activities_count",
			"undone_activities_count", "participants_count", "last_incoming_mail_time", "last_outgoing_mail_time",
			"smart_bcc_email", "source_lead_id"}},
	{Name: "activity", Plural: "activities", v2: true, links: []string{"deal_id", "lead_id", "person_id", "org_id"}, paged: true, since: true, recents: true, cost: 10, costV1: 20, fields: "activity",
		includes: []string{"attendees"}},
	{Name: "lead", Plural: "leads", links: []string{"person_id", "org_id"}, paged: true, since: true, costV1: 20, fields: "deal"},
	{Name: "note", Plural: "notes", paged: true, since: true, recents: true, costV1: 20},
	{Name: "product", Plural: "products", v2: true, paged: true, since: true, recents: true, cost: 10, costV1: 20, fields: "product"},
}

// LeadLabel and Currency belong to other records: they can be looked up, but are not read by themselves.
var (
	LeadLabel = &Object{Name: "lead_label", Plural: "lead_labels", path: "leadLabels", costV1: 10}
	Currency  = &Object{Name: "currency", Plural: "currencies"}
)

var countFields = []string{
	"next_activity_id", "last_activity_id", "open_deals_count", "related_open_deals_count", "closed_deals_count",
	"related_closed_deals_count", "email_messages_count", "activities_count", "done_activities_count",
	"undone_activities_count", "files_count", "notes_count", "followers_count", "won_deals_count",
	"related_won_deals_count", "lost_deals_count", "related_lost_deals_count", "smart_bcc_email",
}

// Plurals are the names of objects in configurations.
func Plurals(objects []*Object) (names []string) {
	for _, o := range objects {
		names = append(names, o.Plural)
	}
	return names
}

// Related are all objects that can be looked up.
func Related() []*Object { return append(slices.Clone(Objects), LeadLabel, Currency) }

// ObjectOf finds the one of Objects with a plural.
func ObjectOf(plural string) (*Object, error) { return named(plural, Objects) }

// RelatedOf finds an object that can be looked up by its plural.
func RelatedOf(plural string) (*Object, error) { return named(plural, Related()) }

func named(plural string, objects []*Object) (*Object, error) {
	for _, o := range objects {
		if o.Plural == plural {
			return o, nil
		}
	}
	names := Plurals(objects)
	sort.Strings(names)
	return nil, fmt.Errorf("there is no object %q: it is one of %s", plural, strings.Join(names, ", "))
}

// Includes reports whether include_fields can ask for the field with this object.
func (o *Object) Includes(field string) bool { return slices.Contains(o.includes, field) }

// Links are the fields by which the object's list can be narrowed to the records of another one.
func (o *Object) Links() []string { return o.links }

// OnlyV1 reports whether v2 does not list the object.
func (o *Object) OnlyV1() bool { return !o.v2 }

// Cost is what a page of the object's list costs in the API version, "" for the default, in tokens.
func (o *Object) Cost(version string) int {
	if o.versionFor(version) == "v2" {
		return o.cost
	}
	return o.costV1
}

// HasRecents reports whether /v1/recents tells of the object.
func (o *Object) HasRecents() bool { return o.recents }

// HasSince reports whether the object's list can be narrowed to what changed since a time. The lists of
// others are short.
func (o *Object) HasSince() bool { return o.since }

// versionFor is the API version that lists the object when the given one is wanted.
func (o *Object) versionFor(want string) string {
	if o.v2 && want != "v1" {
		return "v2"
	}
	return "v1"
}
