package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"connector/plugins/internal/rest"
)

// MaxImport is the largest body of an import that Brevo advises, in bytes. Its hard limit is 10 MB.
const MaxImport = 8_000_000

// Target is what all rows of an import share, since rows cannot say it for themselves.
type Target struct {
	ListIDs        []int64
	EmailBlacklist bool // puts all rows on the blocklist
	SMSBlacklist   bool
}

// AppendRow appends a contact as a row of an import. Its ext_id travels as an attribute.
func AppendRow(rows []byte, contact Contact) ([]byte, error) {
	rows = append(rows, rowStart...)
	rows = appendText(rows, contact.Email)
	rows = append(rows, `,"attributes":{`...)
	first := true
	key := func(name string) {
		if !first {
			rows = append(rows, ',')
		}
		first = false
		rows = append(appendText(rows, name), ':')
	}
	if contact.ExtID != "" {
		key("EXT_ID")
		rows = appendText(rows, contact.ExtID)
	}
	for name, v := range contact.Attributes {
		if v == nil {
			continue
		}
		key(name)
		switch v := v.(type) {
		case string:
			rows = appendText(rows, v)
		case json.Number:
			rows = append(rows, v...)
		case int64:
			rows = strconv.AppendInt(rows, v, 10)
		default:
			encoded, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			rows = append(rows, encoded...)
		}
	}
	return append(rows, '}', '}'), nil
}

// RowEmail is the address of one row of AppendRow's.
func RowEmail(row []byte) string {
	row = row[len(rowStart):]
	var email string
	if end := bytes.IndexByte(row[1:], '"'); end > 0 && json.Unmarshal(row[:end+2], &email) == nil {
		return email
	}
	var whole struct {
		Email string `json:"email"`
	}
	_ = json.Unmarshal(append([]byte(rowStart), row...), &whole) // it is our own row
	return whole.Email
}

const rowStart = `{"email":`

// appendText is json.Marshal for text, which most often needs no escaping.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			encoded, _ := json.Marshal(s) // text always encodes
			return append(dst, encoded...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// Import starts an import of rows, which are AppendRow's joined by commas, and returns its process.
// It creates contacts and updates those that exist; it re-subscribes nobody.
//
// POST /contacts/import, 202.
// Source: developers.brevo.com/reference/import-contacts
func (c *Client) Import(ctx context.Context, target Target, rows []byte) (process int64, err error) {
	ids, err := json.Marshal(target.ListIDs)
	if err != nil {
		return 0, err
	}
	head := fmt.Appendf(nil, `{"listIds":%s,"updateExistingContacts":true,"disableNotification":true`, ids)
	if target.EmailBlacklist {
		head = append(head, `,"emailBlacklist":true`...)
	}
	if target.SMSBlacklist {
		head = append(head, `,"smsBlacklist":true`...)
	}
	head = append(head, `,"jsonBody":[`...)
	var answer struct {
		ProcessID int64 `json:"processId"`
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "POST /contacts/import", Doing: "importing contacts", Method: http.MethodPost, Path: "/contacts/import",
		Body: [][]byte{head, rows, []byte(`]}`)}, Bucket: bucketContacts, Repeatable: true,
		Decode: func(b []byte) error {
			if err := json.Unmarshal(b, &answer); err != nil {
				return err
			}
			if answer.ProcessID == 0 {
				return fmt.Errorf("it names no processId")
			}
			return nil
		},
	})
	return answer.ProcessID, err
}

// Process is what Brevo says of an import under way.
type Process struct {
	ID      int64
	Status  string
	Reports map[string]string // kind, such as "invalid_emails" → address of its CSV file
}

// Done reports whether the process has come to its end, well or not.
func (p Process) Done() bool {
	return p.Status == "completed" || p.Status == "failed" || p.Status == "cancelled"
}

// Process asks how an import stands.
//
// GET /processes/{id}, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/get-process
func (c *Client) Process(ctx context.Context, id int64) (Process, error) {
	var p process
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /processes/{id}", Doing: "asking for an import's result", Method: http.MethodGet,
		Path: "/processes/" + strconv.FormatInt(id, 10), Bucket: bucketOther,
		Decode: func(b []byte) error { return json.Unmarshal(b, &p) },
	})
	p.ID = id // the answer may leave it out
	return p.public(), err
}

// Processes lists the newest processes, 50 at most: several imports for one call.
//
// GET /processes, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/get-processes
func (c *Client) Processes(ctx context.Context) ([]Process, error) {
	var list struct {
		Processes []process `json:"processes"`
	}
	_, err := c.rest.Do(ctx, &rest.Request{
		Op: "GET /processes", Doing: "asking for the imports' results", Method: http.MethodGet, Path: "/processes",
		Query: url.Values{"limit": {"50"}, "sort": {"desc"}}, Bucket: bucketOther,
		Decode: func(b []byte) error { return json.Unmarshal(b, &list) },
	})
	processes := make([]Process, len(list.Processes))
	for i, p := range list.Processes {
		processes[i] = p.public()
	}
	return processes, err
}

type process struct {
	ID     int64           `json:"id"`
	Status string          `json:"status"`
	Info   json.RawMessage `json:"info"`
}

func (p process) public() Process {
	out := Process{ID: p.ID, Status: p.Status}
	// What is empty may come as a list, as PHP writes it.
	var info struct {
		Import json.RawMessage `json:"import"`
	}
	var reports map[string]any
	if json.Unmarshal(p.Info, &info) != nil || len(info.Import) == 0 || string(info.Import) == "null" {
		return out
	}
	out.Reports = map[string]string{}
	if json.Unmarshal(info.Import, &reports) != nil {
		return out
	}
	for kind, v := range reports {
		if s, ok := v.(string); ok && s != "" {
			out.Reports[kind] = reportURL(s)
		}
	}
	return out
}

var hrefPattern = regexp.MustCompile(`href=["']?([^"'\s>]+)`)

// reportURL takes the address out of the HTML anchor in which one of the vendor's examples has it.
func reportURL(s string) string {
	if m := hrefPattern.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return s
}

const maxReport = 64 << 20

// Report fetches a report file and returns what may be cells of it, line by line, the longest first.
// Its form is not documented, so any of the usual separators is understood and a header line is a line
// like any other.
func (c *Client) Report(ctx context.Context, address string) ([][]string, error) {
	if _, err := rest.ParseBaseURL(strings.SplitN(address, "?", 2)[0]); err != nil {
		return nil, fmt.Errorf("fetching an import's report: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching an import's report: %w", rest.WithoutURL(err))
	}
	// Without the key: the file may be on another host.
	resp, err := c.reports.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetching an import's report: %w", rest.WithoutURL(err)) // it may be signed
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching an import's report: %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReport))
	if err != nil {
		return nil, fmt.Errorf("fetching an import's report: %w", err)
	}
	var lines [][]string
	for line := range strings.Lines(strings.TrimPrefix(string(body), "\ufeff")) {
		if cells := cellsOf(strings.TrimSpace(line)); len(cells) > 0 {
			lines = append(lines, cells)
		}
	}
	return lines, nil
}

// cellsOf reads a line with each of the usual separators. The longest cells come first, since an
// address that is refused may hold a separator, and a part of it may be somebody else's.
func cellsOf(line string) []string {
	cells := []string{line}
	for _, separator := range ";,\t|" {
		r := csv.NewReader(strings.NewReader(line))
		r.Comma, r.LazyQuotes = separator, true
		if fields, err := r.Read(); err == nil {
			cells = append(cells, fields...)
		}
	}
	for i, cell := range cells {
		cells[i] = strings.Trim(cell, `"' `)
	}
	cells = slices.DeleteFunc(cells, func(cell string) bool { return cell == "" })
	slices.SortStableFunc(cells, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(cells)
}
