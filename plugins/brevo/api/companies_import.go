package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"

	"connector/plugins/internal/rest"
)

// The columns of a company import that are no attributes.
const (
	ColumnCompanyID = "company_id"         // Brevo's own, of the company to update
	ColumnContacts  = "associated_contact" // ids of contacts; several are taken to be separated by commas
)

// CompanyImport says what an import of companies does with its rows.
type CompanyImport struct {
	Update bool `json:"update_existing_records"` // by company_id; else each row is a new company
	Link   bool `json:"link_entities"`           // links associated_contact
	Unlink bool `json:"unlink_entities"`
	Unset  bool `json:"unset_empty_attributes"` // an empty cell empties the attribute; else it says nothing
}

// CompanyFile is the CSV file of an import: a header of internal names, then rows.
type CompanyFile struct {
	buf bytes.Buffer
	csv *csv.Writer
}

// NewCompanyFile begins a file with its header.
func NewCompanyFile(header []string) *CompanyFile {
	f := &CompanyFile{}
	f.csv = csv.NewWriter(&f.buf)
	f.Add(header)
	return f
}

// Add appends a row.
func (f *CompanyFile) Add(cells []string) {
	_ = f.csv.Write(cells) // into memory
	f.csv.Flush()
}

// Len is the file's length in bytes.
func (f *CompanyFile) Len() int { return f.buf.Len() }

// ImportCompanies starts an import and returns its process. An answer that is lost is not asked for by
// sending again: the companies would be there twice.
//
// POST /companies/import, 200, one of the 100 calls an hour. Its process has no reports.
// Source: developers.brevo.com/reference/import-companies
func (c *Client) ImportCompanies(ctx context.Context, file *CompanyFile, how CompanyImport) (process int64, err error) {
	mapping, err := json.Marshal(how)
	if err != nil {
		return 0, err
	}
	var head, between bytes.Buffer
	form := multipart.NewWriter(&head)
	if _, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="companies.csv"`}, "Content-Type": {"text/csv"},
	}); err != nil {
		return 0, err
	}
	tail := multipart.NewWriter(&between)
	if err := tail.SetBoundary(form.Boundary()); err != nil {
		return 0, err
	}
	part, err := tail.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="mapping"`}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return 0, err
	}
	if _, err := part.Write(mapping); err != nil {
		return 0, err
	}
	if err := tail.Close(); err != nil {
		return 0, err
	}
	var answer struct {
		ProcessID json.Number `json:"processId"`
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "POST /companies/import", Doing: "importing companies", Method: http.MethodPost, Path: "/companies/import",
		Body:        [][]byte{head.Bytes(), file.buf.Bytes(), []byte("\r\n"), between.Bytes()},
		ContentType: form.FormDataContentType(), Bucket: bucketOther, Once: true,
		Decode: func(b []byte) error {
			if err := json.Unmarshal(b, &answer); err != nil {
				return err
			}
			process, _ = strconv.ParseInt(answer.ProcessID.String(), 10, 64)
			if process == 0 {
				return fmt.Errorf("it names no processId")
			}
			return nil
		},
	})
	return process, err
}
