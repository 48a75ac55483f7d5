package brevo

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// companyImport is the field mapping of a company import, and its file.
type companyImport struct {
	LinkEntities   bool `json:"link_entities"`
	UnlinkEntities bool `json:"unlink_entities"`
	Update         bool `json:"update_existing_records"`
	UnsetEmpty     bool `json:"unset_empty_attributes"`
	rows           [][]string
}

// importCompanies: POST /companies/import, multipart with file (CSV with a header row of internal
// names) and mapping. 200 with a process id; errors have a message only.
//
// Source: developers.brevo.com/reference/importcompanies
func (s *Server) importCompanies(r *request) reply {
	job, err := parseCompanyImport(r)
	if err != nil {
		return ok(http.StatusBadRequest, map[string]string{"message": "Bad request : " + err.Error()})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.startProcess("COMPANIES_IMPORT", "", func(*process) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, cells := range job.rows[1:] {
			s.importCompany(job, job.rows[0], cells)
		}
		return nil
	})
	return ok(http.StatusOK, map[string]int64{"processId": id})
}

func parseCompanyImport(r *request) (*companyImport, error) {
	_, params, err := mime.ParseMediaType(r.contentType)
	if err != nil {
		return nil, err
	}
	form, err := multipart.NewReader(bytes.NewReader(r.body), params["boundary"]).ReadForm(bodyLimit)
	if err != nil {
		return nil, err
	}
	defer form.RemoveAll()
	job := &companyImport{}
	if mapping := form.Value["mapping"]; len(mapping) > 0 {
		if err := json.Unmarshal([]byte(mapping[0]), job); err != nil {
			return nil, err
		}
	}
	if len(form.File["file"]) == 0 {
		return nil, errMissingFile
	}
	file, err := form.File["file"][0].Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord = -1
	if first, _, _ := bytes.Cut(content, []byte("\n")); bytes.ContainsRune(first, ';') {
		reader.Comma = ';'
	}
	if job.rows, err = reader.ReadAll(); err == nil && len(job.rows) == 0 {
		err = errMissingFile
	}
	return job, err
}

var errMissingFile = errors.New("file is missing")

// importCompany applies a row: an update when it names an existing company_id, else a new company.
func (s *Server) importCompany(job *companyImport, header, cells []string) {
	var c *company
	attributes, associated := fields{}, ""
	for i, name := range header {
		if i >= len(cells) {
			break
		}
		cell := strings.TrimSpace(cells[i])
		switch name {
		case "company_id":
			if job.Update {
				c = s.companies[cell]
			}
		case "associated_contact":
			associated = cell
		case "associated_deal":
		default:
			if a, _ := s.crmAttribute(name); cell != "" || job.UnsetEmpty {
				attributes[name] = a.cell(cell)
			}
		}
	}
	if c == nil {
		c = s.newCompany()
		s.companies[c.id] = c
	}
	_ = s.changeCompany(c, fields{"attributes": mustJSON(attributes)})
	if first, _, several := strings.Cut(associated, ","); several && s.quirks.OneContactPerRow {
		associated = first
	}
	for text := range strings.SplitSeq(associated, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		switch {
		case err != nil:
		case job.LinkEntities && !slices.Contains(c.contacts, id):
			c.contacts = append(c.contacts, id)
		case job.UnlinkEntities:
			c.contacts = slices.DeleteFunc(c.contacts, func(linked int64) bool { return linked == id })
		}
	}
}
