package brevo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"connector/plugins/brevo/api"
)

// reportLines are the cells of an import's report files, line by line, by kind of report.
type reportLines map[string][][]string

// reportedRow is why an import did not take a row.
type reportedRow struct{ kind string }

// reportedExtID is the kind of report for rows whose ext_id Brevo has under another address.
const reportedExtID = "duplicate_ext_id"

var reportTexts = map[string]string{
	"invalid_emails":               "Brevo says that the address is not valid",
	"duplicate_email_id":           "the address belongs to another contact in Brevo",
	reportedExtID:                  "the ext_id belongs to another contact in Brevo",
	"duplicate_contact_id":         "the contact id belongs to another contact in Brevo",
	"duplicate_phone_id":           "the phone number (SMS) belongs to another contact in Brevo",
	"duplicate_whatsapp_id":        "the WhatsApp number belongs to another contact in Brevo",
	"duplicate_landline_number_id": "the landline number belongs to another contact in Brevo",
}

func (r *reportedRow) Error() string {
	text := reportTexts[r.kind]
	if text == "" {
		text = "Brevo's import report lists the contact"
	}
	return fmt.Sprintf("%s [import report %s]", text, r.kind)
}

func (r *reportedRow) aboutPhone() bool {
	for _, word := range []string{"phone", "sms", "whatsapp", "landline"} {
		if strings.Contains(r.kind, word) {
			return true
		}
	}
	return false
}

// match finds the rows that the reports name. The form of the files is not documented, so any cell
// that is a row's address names it, else one that is its ext_id or a phone number. A report in which
// no row can be found is an error, beside what the others say.
func match(g *importGroup, reports reportLines) (map[int]*reportedRow, error) {
	found, index := map[int]*reportedRow{}, &rowIndex{group: g}
	var foreign []string
	for kind, lines := range reports {
		report, claimed := &reportedRow{kind}, false
		for _, cells := range lines {
			if i, ok := index.rowOf(report, cells); ok {
				claimed = true
				if found[i] == nil || found[i].kind != reportedExtID { // a phone may be its own, too
					found[i] = report
				}
			}
		}
		if !claimed && slices.ContainsFunc(lines, hasIdentifier) {
			foreign = append(foreign, kind)
		}
	}
	if len(foreign) > 0 {
		return found, fmt.Errorf("an import's report names no row of the import in a form that this program knows: %s",
			strings.Join(foreign, ", "))
	}
	return found, nil
}

// rowIndex finds rows by what a report's cell may hold. Only rows that a report speaks of are decoded.
type rowIndex struct {
	group     *importGroup
	addresses map[string]int
	others    map[string]int // by "ext_id " or "phone " and the number
}

func (x *rowIndex) rowOf(report *reportedRow, cells []string) (int, bool) {
	if x.addresses == nil {
		x.addresses = map[string]int{}
		for i := range x.group.starts {
			x.addresses[strings.ToLower(api.RowEmail(x.row(i)))] = i
		}
	}
	for _, cell := range cells {
		if i, ok := x.addresses[strings.ToLower(cell)]; ok {
			return i, true
		}
	}
	// A header, or somebody else's address: then any number beside it is no id of ours.
	if !hasIdentifier(cells) || slices.ContainsFunc(cells, func(cell string) bool { return strings.Contains(cell, "@") }) {
		return 0, false
	}
	if x.others == nil {
		x.indexOthers()
	}
	for _, cell := range cells {
		if report.aboutPhone() {
			cell = digits(cell)
		}
		if i, ok := x.others[report.identifier()+cell]; ok && cell != "" {
			return i, true
		}
	}
	return 0, false
}

// identifier is what a report without addresses names rows by.
func (r *reportedRow) identifier() string {
	if r.aboutPhone() {
		return "phone "
	}
	return "ext_id "
}

// isIdentifier tells what can be an address, an ext_id or a phone number from a header's word.
func isIdentifier(cell string) bool { return strings.ContainsAny(cell, "@0123456789") }

func hasIdentifier(cells []string) bool { return slices.ContainsFunc(cells, isIdentifier) }

func (x *rowIndex) indexOthers() {
	x.others = map[string]int{}
	for i := range x.group.starts {
		var row struct {
			Attributes map[string]any `json:"attributes"`
		}
		if json.Unmarshal(x.row(i), &row) != nil {
			continue
		}
		for _, name := range []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"} {
			if phone, ok := row.Attributes[name].(string); ok {
				x.others["phone "+digits(phone)] = i
			}
		}
		if id, ok := row.Attributes["EXT_ID"].(string); ok {
			x.others["ext_id "+id] = i
		}
	}
}

// row is a row's JSON.
func (x *rowIndex) row(i int) []byte {
	end := len(x.group.rows)
	if i+1 < len(x.group.starts) {
		end = int(x.group.starts[i+1]) - len(",")
	}
	return x.group.rows[x.group.starts[i]:end]
}

// digits is a phone number as Brevo compares it: without prefix and punctuation.
func digits(phone string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone), "0")
}
