package brevo

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"strings"
	"time"
)

// rowsPerLock is how many rows an import applies before other calls get their turn.
const rowsPerLock = 500

// runImport applies all rows and writes the reports.
func (s *Server) runImport(p *process, job *importJob) error {
	if job.fileURL != "" {
		if err := job.fetch(); err != nil {
			return err
		}
	}
	rows := len(job.json)
	if job.csv != nil {
		rows = len(job.csv) - 1
	}
	for from := 0; from < rows; from += rowsPerLock {
		s.mu.Lock()
		now := time.Now()
		for i := from; i < min(from+rowsPerLock, rows); i++ {
			if job.csv != nil {
				s.importRow(job, s.parseCSVRow(job, job.csv[0], job.csv[i+1]), now)
			} else {
				s.importRow(job, s.parseJSONRow(job, job.json[i]), now)
			}
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.reports = map[string][]byte{}
	for kind, lines := range job.reports {
		p.reports[kind] = s.quirks.report(lines)
	}
	return nil
}

// row is a row of an import: what it writes, or why it cannot.
type row struct {
	write
	err error
}

func (s *Server) parseJSONRow(job *importJob, f fields) row {
	var r row
	if email, isString := stringOf(f["email"]); isString {
		r.email = strings.ToLower(strings.TrimSpace(email))
	}
	attributes, _ := f.child("attributes")
	for name, raw := range attributes {
		text, isString := stringOf(raw)
		if string(raw) == "null" && !s.quirks.NullClears {
			continue
		}
		if string(raw) == "null" || isString && text == "" {
			s.eraseCell(job, &r, name)
			continue
		}
		s.parseCell(&r, name, text, func(a *Attribute) (string, bool) { return a.scan(raw, s.quirks.LooseTypes) })
	}
	return r
}

func (s *Server) parseCSVRow(job *importJob, header, cells []string) row {
	var r row
	for i, name := range header {
		name = strings.TrimSpace(name)
		if i >= len(cells) || strings.TrimSpace(cells[i]) == "" {
			s.eraseCell(job, &r, name)
			continue
		}
		cell := strings.TrimSpace(cells[i])
		if name == "email" {
			name = "EMAIL"
		}
		s.parseCell(&r, name, cell, func(a *Attribute) (string, bool) { return a.scanCSV(cell) })
	}
	return r
}

// parseCell adds one value to a row.
func (s *Server) parseCell(r *row, name, text string, scan func(*Attribute) (string, bool)) {
	if s.quirks.AnyCaseAttributes {
		name = strings.ToUpper(name)
	}
	switch name {
	case "EMAIL":
		r.email = cmp.Or(r.email, strings.ToLower(text))
		return
	case "EXT_ID":
		r.extID = &text
		return
	}
	number, known := s.attributes.byName[name]
	if !known {
		s.drop(name)
		return
	}
	stored, fits := scan(s.attributes.byNumber[number])
	if fits && number < builtinPhones {
		if stored, fits = phoneDigits(stored); !fits && s.quirks.RefuseInvalidPhone {
			r.err = invalidPhone
		}
	}
	if !fits {
		s.drop(name)
		return
	}
	r.changes = append(r.changes, change{number, stored})
}

// eraseCell takes a blank value: it erases only if the import says so.
func (s *Server) eraseCell(job *importJob, r *row, name string) {
	if number, known := s.attributes.byName[name]; known && job.blanksErase && job.update {
		r.changes = append(r.changes, change{number, ""})
	}
}

var errRepeated = errors.New("address repeated")

// importRow applies one row, or notes it in a report. An import never takes anybody off a blocklist.
func (s *Server) importRow(job *importJob, r row, now time.Time) {
	if s.quirks.ReportRepeatedEmails && r.email != "" {
		if job.repeated[r.email] {
			r.err = errRepeated
		}
		job.repeated[r.email] = true
	}
	switch {
	case r.err == errRepeated:
		job.report("duplicate_email_id", &r)
		return
	case r.err != nil:
		return // the documents name no report for an invalid phone
	case r.email != "" && !validEmail(r.email), r.email == "" && !r.identifies():
		job.report("invalid_emails", &r)
		return
	}
	if job.blockEmail {
		r.emailBlacklisted = &job.blockEmail
	}
	if job.blockSMS {
		r.smsBlacklisted = &job.blockSMS
	}
	r.listIDs = job.listIDs
	self := s.target(r.email, &r.write)
	if self != nil && !job.update {
		r.changes, r.extID = nil, nil
	}
	if !s.settleConflicts(job, &r, self) {
		return
	}
	if self == nil {
		s.create(&r.write, now)
		return
	}
	s.apply(self, &r.write, now)
	s.ledger.updated()
}

// settleConflicts reports identifiers that belong to others. It is false when the row cannot be
// imported; with SkipDuplicatePhone a row is imported without the phones.
func (s *Server) settleConflicts(job *importJob, r *row, self *contact) bool {
	conflicts := s.conflicts(&r.write, self)
	importable := true
	for _, c := range conflicts {
		kind := "duplicate_" + duplicateKinds[c.identifier]
		job.report(kind, r)
		if !s.quirks.SkipDuplicatePhone || c.identifier == "ext_id" || c.identifier == "email" {
			importable = false
			continue
		}
		for i, ch := range r.changes {
			if ch.attribute < builtinPhones && identifierNames[ch.attribute] == c.identifier {
				r.changes = append(r.changes[:i:i], r.changes[i+1:]...)
				break
			}
		}
	}
	return importable
}

var duplicateKinds = map[string]string{
	"email": "email_id", "ext_id": "ext_id", "SMS": "phone_id",
	"WHATSAPP": "whatsapp_id", "LANDLINE_NUMBER": "landline_number_id",
}

// reportLine is a row in a report.
type reportLine struct{ email, extID, sms string }

func (job *importJob) report(kind string, r *row) {
	line := reportLine{email: r.email}
	if r.extID != nil {
		line.extID = *r.extID
	}
	for _, c := range r.changes {
		if c.attribute == attrSMS {
			line.sms = c.text
		}
	}
	job.reports[kind] = append(job.reports[kind], line)
}

// report writes a CSV file. Its layout is not documented, hence the switches. A row without address
// is listed by its ext_id or number.
func (q Quirks) report(lines []reportLine) []byte {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	w.Comma = cmp.Or(q.ReportSeparator, ';')
	if !q.ReportNoHeader {
		header := []string{cmp.Or(q.ReportHeader, "EMAIL")}
		if q.ReportExtraColumns {
			header = append(header, "EXT_ID", "SMS")
		}
		_ = w.Write(header)
	}
	for _, l := range lines {
		record := []string{cmp.Or(l.email, l.extID, l.sms)}
		if q.ReportExtraColumns {
			record = []string{l.email, l.extID, l.sms}
		}
		_ = w.Write(record)
	}
	w.Flush()
	return buf.Bytes()
}
