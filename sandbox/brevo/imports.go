package brevo

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// importLimit is Brevo's 10 MB for jsonBody and fileBody.
const importLimit = 10_000_000

// importJob is what a call of the import asks for.
type importJob struct {
	json    []fields   // the rows of jsonBody, or
	csv     [][]string // those of a file, header first, or
	fileURL string     // where they are

	listIDs              []int64
	update               bool // updateExistingContacts
	blanksErase          bool // emptyContactsAttributes
	blockEmail, blockSMS bool
	notifyURL            string
	newListName          string
	newListFolder        int64
	reports              map[string][]reportLine
	repeated             map[string]bool
}

// importContacts: POST /contacts/import, 202 with a process id. The rows are judged later.
//
// Source: developers.brevo.com/reference/importcontacts-1
func (s *Server) importContacts(r *request) reply {
	f, err := r.object()
	if err != nil {
		return answer(err)
	}
	job, err := parseImport(f)
	if err != nil {
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if job.listIDs, err = s.knownLists(job.listIDs); err != nil {
		return answer(err)
	}
	if job.newListName != "" {
		id, err := s.newList(job.newListName, job.newListFolder)
		if err != nil {
			return answer(err)
		}
		job.listIDs = append(job.listIDs, id)
	}
	id := s.startProcess("IMPORTUSER", job.notifyURL, func(p *process) error { return s.runImport(p, job) })
	return ok(http.StatusAccepted, map[string]int64{"processId": id})
}

func parseImport(f fields) (*importJob, error) {
	job := &importJob{update: true, reports: map[string][]reportLine{}, repeated: map[string]bool{}}
	if err := job.parseSource(f); err != nil {
		return nil, err
	}
	var err error
	if job.listIDs, err = f.numbers("listIds"); err != nil {
		return nil, err
	}
	newList, err := f.child("newList")
	if err != nil {
		return nil, err
	}
	if newList != nil {
		if job.newListName, err = newList.text("listName"); err != nil {
			return nil, err
		}
		if job.newListFolder, err = newList.number("folderId"); err != nil {
			return nil, err
		}
	}
	switch {
	case len(job.listIDs) == 0 && job.newListName == "":
		return nil, refusal{missing("Either listIds or newList is required")}
	case job.newListName != "" && job.newListFolder == 0:
		return nil, refusal{missing("Folder ID is missing")}
	}
	if update, err := f.flag("updateExistingContacts"); err != nil {
		return nil, err
	} else if update != nil {
		job.update = *update
	}
	for name, to := range map[string]*bool{
		"emptyContactsAttributes": &job.blanksErase, "emailBlacklist": &job.blockEmail,
		"smsBlacklist": &job.blockSMS, "disableNotification": new(bool),
	} {
		if *to, err = f.isSet(name); err != nil {
			return nil, err
		}
	}
	job.notifyURL, err = f.text("notifyUrl")
	return job, err
}

// parseSource reads the one source that an import must have.
func (job *importJob) parseSource(f fields) error {
	sources := 0
	for _, name := range []string{"jsonBody", "fileBody", "fileUrl"} {
		if f.has(name) {
			sources++
		}
	}
	if sources != 1 {
		return refusal{missing("Exactly one of fileUrl, fileBody and jsonBody is required")}
	}
	fileBody, err := f.text("fileBody")
	if err != nil {
		return err
	}
	if len(f["jsonBody"]) > importLimit || len(fileBody) > importLimit {
		return refusal{invalid("File body size must not exceed 10MB")}
	}
	switch {
	case f.has("jsonBody"):
		if f["jsonBody"][0] != '[' {
			return wrongType("jsonBody", "array")
		}
		return job.parseFile(".json", f["jsonBody"])
	case f.has("fileBody"):
		return job.parseFile(".csv", []byte(fileBody))
	}
	if job.fileURL, err = f.text("fileUrl"); err != nil {
		return err
	}
	if !isLoopback(job.fileURL) {
		return refusal{invalid("fileUrl is invalid: the sandbox reads from loopback addresses only")}
	}
	return nil
}

// parseFile reads rows; the extension tells their format.
func (job *importJob) parseFile(extension string, content []byte) error {
	if extension == ".json" {
		if json.Unmarshal(content, &job.json) != nil {
			return wrongType("jsonBody/0", "object")
		}
		if len(job.json) == 0 {
			return refusal{missing("jsonBody is empty")}
		}
		return nil
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	reader := csv.NewReader(bytes.NewReader(content))
	reader.Comma, reader.FieldsPerRecord, reader.LazyQuotes = ';', -1, true
	var err error
	if job.csv, err = reader.ReadAll(); err != nil || len(job.csv) < 2 {
		return refusal{invalid("fileBody is not a CSV file with a header row and ; between its columns")}
	}
	return nil
}

// fetch reads the rows of a fileUrl.
func (job *importJob) fetch() error {
	resp, err := loopback.Get(job.fileURL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reading %s: %s", job.fileURL, resp.Status)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return err
	}
	u, err := url.Parse(job.fileURL)
	if err != nil {
		return err
	}
	return job.parseFile(strings.ToLower(path.Ext(u.Path)), content)
}
