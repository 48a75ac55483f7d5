package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"connector/plugins/brevo/api"
)

// setupPlan is what the mappings need, held against what the account has.
type setupPlan struct {
	contacts, companies []plannedAttribute
	lists               []plannedList
	file                *listFile

	contactsThere, listsThere int // for the quotas
}

// standing is how something that is needed stands in Brevo.
type standing int

const (
	there   standing = iota
	missing          // it can be created
	atOdds           // a person has to mend it
)

type plannedAttribute struct {
	name, kind string
	standing   standing
	note       string
}

type plannedList struct {
	id       int64
	standing standing
	name     string // that it has, or is created with
	adopted  int64  // the id of a list that has the name already; 0 for none
	note     string
}

// planSetup reads the account. It costs one of the 100 calls an hour where there are companies.
func planSetup(ctx context.Context, client *api.Client, need *wanted, file *listFile) (*setupPlan, error) {
	p := &setupPlan{file: file}
	attributes, err := client.Attributes(ctx, false)
	if err != nil {
		return nil, err
	}
	p.contactsThere = len(slices.DeleteFunc(slices.Clone(attributes), func(at api.Attribute) bool { return at.Category != "normal" || identifies[at.Name] }))
	for _, name := range slices.Sorted(maps.Keys(need.contacts)) {
		p.contacts = append(p.contacts, planContact(name, need.contacts[name], attributes))
	}
	if len(need.companies) > 0 {
		have, err := client.CompanyAttributes(ctx)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(need.companies)) {
			p.companies = append(p.companies, planCompany(name, need.companies[name], have))
		}
	}
	if len(file.ids)+len(need.listIDs) > 0 {
		lists, err := client.AllLists(ctx)
		if err != nil {
			return nil, err
		}
		p.listsThere = len(lists)
		p.planLists(need, lists)
	}
	return p, nil
}

// identifies are the attributes by which Brevo knows a contact. Each account has them.
var identifies = map[string]bool{"EMAIL": true, "SMS": true, "WHATSAPP": true, "LANDLINE_NUMBER": true, "EXT_ID": true}

var contactName = regexp.MustCompile(`^[A-Z0-9_]+$`)

func planContact(name string, want *wantedAttribute, have []api.Attribute) plannedAttribute {
	p := plannedAttribute{name: name, kind: want.kind}
	i := slices.IndexFunc(have, func(at api.Attribute) bool { return at.Name == name })
	other := slices.IndexFunc(have, func(at api.Attribute) bool { return strings.EqualFold(at.Name, name) })
	switch {
	case identifies[name]:
		p.kind, p.note = "text", "built in"
	case i >= 0:
		p.compare(want, shownType(have[i]))
	case other >= 0:
		p.standing, p.note = atOdds, fmt.Sprintf("Brevo has %s: write it so in %s", have[other].Name, strings.Join(want.files, ", "))
	case !contactName.MatchString(name):
		p.standing, p.note = atOdds, fmt.Sprintf("Brevo takes capitals, digits and _ only: write it so in %s", strings.Join(want.files, ", "))
	default:
		p.create(want)
	}
	return p
}

// shownType is the type of a contact attribute; of those that are no plain values, what they are.
func shownType(at api.Attribute) string {
	if at.Category != "" && at.Category != "normal" {
		return at.Category
	}
	if at.Type == "" {
		return "text"
	}
	return at.Type
}

// crmTypes are what Brevo calls the types of company attributes.
var crmTypes = map[string]string{"text": "text", "float": "number", "date": "date", "boolean": "boolean"}

func planCompany(name string, want *wantedAttribute, have []api.CompanyAttribute) plannedAttribute {
	p := plannedAttribute{name: name, kind: want.kind}
	i := slices.IndexFunc(have, func(at api.CompanyAttribute) bool { return at.Name == name })
	other := slices.IndexFunc(have, func(at api.CompanyAttribute) bool {
		return at.Label == name || strings.EqualFold(at.Name, name)
	})
	switch {
	case i >= 0 && have[i].ReadOnly:
		p.standing, p.note = atOdds, "exists, but Brevo sets it itself: take it out of "+strings.Join(want.files, ", ")
	case i >= 0:
		kind := have[i].Type
		if kind == crmTypes["float"] {
			kind = "float"
		}
		p.compare(want, kind)
	case other >= 0:
		p.standing, p.note = atOdds, misnamed(have[other], want)
	default:
		p.create(want)
	}
	return p
}

func misnamed(have api.CompanyAttribute, want *wantedAttribute) string {
	return fmt.Sprintf("Brevo calls it %s: write it so in %s", have.Name, strings.Join(want.files, ", "))
}

// compare says what becomes of the mapping's values in an attribute that is there.
func (p *plannedAttribute) compare(want *wantedAttribute, kind string) {
	p.note = "exists"
	if kind == want.kind || want.guessed && (crmTypes[kind] != "") {
		p.kind = kind
		return
	}
	p.note = "exists as " + kind
	switch {
	case want.kind == "list" && strings.HasPrefix(kind, "multi"):
		p.kind = kind
	case want.kind == "float" && kind == "text":
		p.note += ": numbers are kept as text, so that segments cannot compare them"
	case want.kind == "date" && kind == "text":
		p.note += ": dates are kept as text, so that segments cannot compare them"
	case kind == "category" || strings.HasPrefix(kind, "multi") || kind == "single-select":
		p.note += ": only values that are its options are kept"
	default:
		p.standing = atOdds
		p.note += fmt.Sprintf(": Brevo drops a %s. Change %s, or delete the attribute in Brevo (its values go with it)", want.kind, strings.Join(want.files, ", "))
	}
}

const guessMark = ", its type is a guess"

func (p *plannedAttribute) create(want *wantedAttribute) {
	switch {
	case want.kind == "list":
		p.standing, p.note = atOdds, "has options: create it in Brevo as multiple-choice, or join the values to a text in "+strings.Join(want.files, ", ")
	case want.guessed:
		p.standing, p.note = missing, "will be created"+guessMark
	default:
		p.standing, p.note = missing, "will be created"
	}
}

// planLists finds the lists. One that an earlier run has created counts only for the id that it was
// created for: Brevo may have given it the number of another.
func (p *setupPlan) planLists(need *wanted, have []api.List) {
	meantFor := map[string]int64{}
	for _, id := range p.file.ids {
		meantFor[id.name] = id.id
	}
	for _, id := range p.file.ids {
		list := plannedList{id: id.id, name: id.name, standing: missing}
		for _, h := range have {
			if meant, ours := meantFor[h.Name]; h.ID == id.id && (!ours || meant == id.id) {
				list.standing, list.name, list.adopted = there, h.Name, 0
				break
			}
			if h.Name == id.name {
				list.adopted = h.ID
			}
		}
		switch {
		case list.standing == there:
			list.note = fmt.Sprintf("exists: %q", list.name)
		case list.adopted != 0:
			list.note = fmt.Sprintf("missing → list %d %q, which exists; %s is changed", list.adopted, list.name, listsFile)
		default:
			list.note = fmt.Sprintf("missing → new list %q; %s is changed", list.name, listsFile)
		}
		p.lists = append(p.lists, list)
	}
	for _, id := range slices.Sorted(maps.Keys(need.listIDs)) {
		if p.file.find(id) == nil {
			p.lists = append(p.lists, planForeign(id, need.listIDs[id], have))
		}
	}
}

// planForeign is for an id that is in a mapping of its own, which setup does not change.
func planForeign(id int64, files []string, have []api.List) plannedList {
	if i := slices.IndexFunc(have, func(h api.List) bool { return h.ID == id }); i >= 0 {
		return plannedList{id: id, name: have[i].Name, note: fmt.Sprintf("exists: %q", have[i].Name)}
	}
	return plannedList{id: id, standing: atOdds, note: fmt.Sprintf("missing: create it in Brevo, and put its id into %s", strings.Join(files, ", "))}
}

// print shows the plan.
func (p *setupPlan) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = io.WriteString(w, strings.Join(cells, "\t")+"\n") } // to a terminal or a test's buffer
	for _, part := range []struct {
		title      string
		attributes []plannedAttribute
	}{{"CONTACT ATTRIBUTE", p.contacts}, {"COMPANY ATTRIBUTE", p.companies}} {
		if len(part.attributes) == 0 {
			continue
		}
		row(part.title, "TYPE", "IN BREVO")
		for _, at := range part.attributes {
			row(at.name, at.kind, at.note)
		}
		row()
	}
	if len(p.lists) > 0 {
		row("LIST", "", "IN BREVO")
		for _, list := range p.lists {
			row(strconv.FormatInt(list.id, 10), "", list.note)
		}
		row()
	}
	return w.Flush()
}

// count is how many attributes or lists stand so.
func (p *setupPlan) count(as standing) (contacts, companies, lists int) {
	for _, at := range p.contacts {
		if at.standing == as {
			contacts++
		}
	}
	for _, at := range p.companies {
		if at.standing == as {
			companies++
		}
	}
	for _, list := range p.lists {
		if list.standing == as {
			lists++
		}
	}
	return contacts, companies, lists
}
