package brevo

import (
	"encoding/json"
	"fmt"
	"strings"
)

// reportLines are the cells of an import's report files, line by line, by kind of report.
type reportLines map[string][][]string

// reportedRow is why an import did not take a row.
type reportedRow struct{ kind string }

var reportTexts = map[string]string{
	"invalid_emails":               "Brevo says that the address is not valid",
	"duplicate_email_id":           "the address belongs to another contact in Brevo",
	"duplicate_ext_id":             "the ext_id belongs to another contact in Brevo",
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
func match(rows []byte, reports reportLines) (map[int]*reportedRow, error) {
	if len(reports) == 0 {
		return nil, nil
	}
	var contacts []struct {
		Email      string         `json:"email"`
		Attributes map[string]any `json:"attributes"`
	}
	if err := json.Unmarshal(append(append([]byte{'['}, rows...), ']'), &contacts); err != nil {
		return nil, fmt.Errorf("matching an import's reports: %w", err)
	}
	byEmail, byExtID, byPhone := map[string]int{}, map[string]int{}, map[string]int{}
	for i, c := range contacts {
		byEmail[strings.ToLower(c.Email)] = i
		if id, ok := c.Attributes["EXT_ID"].(string); ok {
			byExtID[id] = i
		}
		for _, name := range []string{"SMS", "WHATSAPP", "LANDLINE_NUMBER"} {
			if phone, ok := c.Attributes[name].(string); ok {
				byPhone[digits(phone)] = i
			}
		}
	}
	delete(byPhone, "")

	found := map[int]*reportedRow{}
	var foreign []string
	for kind, lines := range reports {
		report, claimed := &reportedRow{kind}, false
		for _, cells := range lines {
			if i, ok := rowOf(cells, byEmail, byExtID, byPhone); ok {
				found[i], claimed = report, true
			}
		}
		if !claimed && len(lines) > 0 {
			foreign = append(foreign, kind)
		}
	}
	if len(foreign) > 0 {
		return found, fmt.Errorf("an import's report names no row of the import in a form that this program knows: %s",
			strings.Join(foreign, ", "))
	}
	return found, nil
}

func rowOf(cells []string, byEmail, byExtID, byPhone map[string]int) (int, bool) {
	for _, cell := range cells {
		if i, ok := byEmail[strings.ToLower(cell)]; ok {
			return i, true
		}
	}
	for _, cell := range cells {
		if i, ok := byExtID[cell]; ok {
			return i, true
		}
	}
	for _, cell := range cells {
		if i, ok := byPhone[digits(cell)]; ok {
			return i, true
		}
	}
	return 0, false
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
