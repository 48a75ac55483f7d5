package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/internal/rest"
)

// serve runs a server and a client of it.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(Config{APIKey: "secret-key", BaseURL: server.URL + "/v3", Tier: "general", RequestsPerSecond: 1000, Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func FuzzAppendRow(f *testing.F) {
	f.Add("ann@example.com", "7", "FIRSTNAME", "Ann", int64(1), 2.5)
	f.Add("", "", "", "", int64(0), 0.0)
	f.Add(`a"b\c@example.com`, `"`, "N\u2028", "<&>\x00\x7f\u00e9\U0001F600", int64(-1<<63), -1e300)
	f.Add("\\\"", "\\", "EXT_ID2", "\r\n\t", int64(1<<62), 1e-7)
	f.Fuzz(func(t *testing.T, email, extID, name, text string, whole int64, fraction float64) {
		for _, s := range []string{email, extID, name, text} {
			if !utf8.ValidString(s) {
				t.Skip("JSON holds UTF-8 only")
			}
		}
		if name == "EXT_ID" || strings.HasPrefix(name, "~") || fraction != fraction || fraction-fraction != 0 {
			t.Skip("the same name twice, or no number")
		}
		contact := Contact{Email: email, ExtID: extID, Attributes: map[string]any{
			name: text, "~whole": whole, "~fraction": fraction, "~number": json.Number("12.50"), "~flag": true,
			"~list": []any{text, "x"}, "~null": nil,
		}}
		row, err := AppendRow(nil, contact)
		require.NoError(t, err)
		require.True(t, json.Valid(row), "%s", row)
		assert.Equal(t, email, RowEmail(row))

		var got struct {
			Email      string                     `json:"email"`
			Attributes map[string]json.RawMessage `json:"attributes"`
		}
		require.NoError(t, json.Unmarshal(row, &got))
		assert.Equal(t, email, got.Email)
		want := map[string]any{name: text, "~whole": whole, "~fraction": fraction, "~number": 12.5, "~flag": true, "~list": []string{text, "x"}}
		if extID != "" {
			want["EXT_ID"] = extID
		}
		assert.Len(t, got.Attributes, len(want))
		for k, v := range want {
			encoded, err := json.Marshal(v)
			require.NoError(t, err)
			assert.JSONEq(t, string(encoded), string(got.Attributes[k]), k)
		}

		appended, err := AppendRow([]byte("["), contact)
		require.NoError(t, err)
		assert.Len(t, appended, len(row)+1, "a row is appended to what is there")
	})
}

func TestAppendRow_ValueThatJSONCannotSayIsAnError(t *testing.T) {
	_, err := AppendRow(nil, Contact{Email: "a@b.co", Attributes: map[string]any{"X": func() {}}})
	assert.Error(t, err)
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"ann+x@example.com", "a b", "a/b", "..", "%2B", "é", "?#&=;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, identifier string) {
		escaped := escape(identifier)
		assert.NotContains(t, escaped, "+")
		assert.NotContains(t, escaped, "/")
		back, err := url.PathUnescape(escaped)
		require.NoError(t, err)
		assert.Equal(t, identifier, back, "one unescaping gives it back")
	})
}

func TestEscape_EscapesAnAddressOnce(t *testing.T) {
	assert.Equal(t, "ann%2Bx%40example.com", escape("ann+x@example.com"))
	assert.Equal(t, "ann%252Bx%40example.com", escape("ann%2Bx@example.com"))
	assert.Equal(t, "a%20b", escape("a b"))
}

func TestReport_IsFetchedWithoutTheKey(t *testing.T) {
	var header http.Header
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		fmt.Fprint(w, "EMAIL\nann@example.com\n")
	})
	lines, err := c.Report(t.Context(), c.rest.BaseURL().Scheme+"://"+c.rest.Host()+"/reports/1.csv?signature=x")
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"EMAIL"}, {"ann@example.com"}}, lines)
	assert.Empty(t, header.Get("api-key"))
	assert.NotContains(t, fmt.Sprint(header), "secret-key")
}

func TestReport_AddressThatIsNeitherHTTPSNorLoopbackIsRefused(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	for _, address := range []string{
		"http://reports.example/1.csv", "ftp://127.0.0.1/1.csv", "file:///etc/passwd", "//x/1.csv", "", "1.csv", "http://127.0.0.1@evil.example/1.csv",
	} {
		_, err := c.Report(t.Context(), address)
		assert.ErrorContains(t, err, "fetching an import's report", address)
	}
}

func TestReport_FailureIsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) })
	_, err := c.Report(t.Context(), "http://"+c.rest.Host()+"/reports/1.csv")
	assert.ErrorContains(t, err, "410")
}

// The form of a report is not documented. The address must be among a line's cells in all of these,
// and before any part of it.
func TestReport_AddressIsFoundInEveryForm(t *testing.T) {
	for name, c := range map[string]struct{ file, address string }{
		"alone":                 {"bad@\n", "bad@"},
		"semicolons":            {"bad@;7;33612345678\n", "bad@"},
		"commas":                {"7,bad@,33612345678\n", "bad@"},
		"tabs":                  {"7\tbad@\n", "bad@"},
		"bars":                  {"7|bad@\n", "bad@"},
		"quotes":                {`"bad@";"7"` + "\n", "bad@"},
		"byte order mark":       {"\ufeffbad@\n", "bad@"},
		"Windows line ends":     {"bad@;7\r\n", "bad@"},
		"no end of line":        {"bad@", "bad@"},
		"comma inside":          {"a@b.co, c@d.co;7\n", "a@b.co, c@d.co"},
		"comma inside, quoted":  {`"a@b.co, c@d.co",7` + "\n", "a@b.co, c@d.co"},
		"comma inside, alone":   {"a@b.co, c@d.co\n", "a@b.co, c@d.co"},
		"semicolon inside":      {`"a@b.co; c@d.co";7` + "\n", "a@b.co; c@d.co"},
		"quote inside":          {`"x""y@b.co";7` + "\n", `x"y@b.co`},
		"blanks around":         {" bad@ ; 7 \n", "bad@"},
		"more than one address": {"a@b.co,bad@\n", "bad@"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.file) })
			lines, err := client.Report(t.Context(), "http://"+client.rest.Host()+"/reports/1.csv")
			require.NoError(t, err)
			require.Len(t, lines, 1)
			require.Contains(t, lines[0], c.address)
			for _, cell := range lines[0] {
				if cell == c.address {
					break
				}
				assert.NotContains(t, strings.Split(c.address, ", "), cell)
			}
		})
	}
}

func TestProcess_ReportsAreReadFromAddressesAndAnchors(t *testing.T) {
	for info, want := range map[string]map[string]string{
		``:                                     nil,
		`,"info":null`:                         nil,
		`,"info":{}`:                           nil,
		`,"info":{"import":null}`:              nil,
		`,"info":{"import":{}}`:                {},
		`,"info":{"import":{"x":null,"y":""}}`: {},
		`,"info":{"import":{"x":"https://r.example/1.csv"}}`:                                         {"x": "https://r.example/1.csv"},
		`,"info":{"import":{"x":"<a href=\"https://r.example/1.csv\" target=\"_blank\">1.csv</a>"}}`: {"x": "https://r.example/1.csv"},
		`,"info":{"import":{"x":"<a href='https://r.example/1.csv'>1.csv</a>","n":5}}`:               {"x": "https://r.example/1.csv"},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"id":5,"name":"IMPORTUSER","status":"completed"%s}`, info)
		})
		p, err := c.Process(t.Context(), 5)
		require.NoError(t, err, info)
		assert.Equal(t, Process{ID: 5, Status: "completed", Reports: want}, p)
		assert.True(t, p.Done())
	}
	for status, done := range map[string]bool{"queued": false, "in_process": false, "processing": false, "completed": true, "failed": true, "cancelled": true} {
		assert.Equal(t, done, Process{Status: status}.Done(), status)
	}
}

// Each error says what was done, what came back and what to do, and never the key.
func TestErrors_SayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   rest.Kind
		says   []string
	}{
		"wrong key":      {401, `{"code":"unauthorized","message":"Key not found"}`, rest.Unauthorized, []string{"401 Key not found [unauthorized]", "check api_key (BREVO_API_KEY"}},
		"foreign IP":     {401, `{"code":"unauthorized","message":"We have detected you are using an unrecognised IP address 192.0.2.1"}`, rest.Unauthorized, []string{"allow this machine's IP address in Brevo"}},
		"no body":        {401, ``, rest.Unauthorized, []string{"401", "check api_key"}},
		"plan":           {402, `{"code":"not_enough_credits","message":"Upgrade"}`, rest.Unauthorized, []string{"402 Upgrade", "plan does not allow it, or its credits"}},
		"restricted key": {403, `{"message":"Access denied for resource \"contacts\""}`, rest.Unauthorized, []string{"403 Access denied", "lacks the permission"}},
		"firewall":       {403, `<html>Attention Required</html>`, rest.Blocked, []string{"403", "HTML page"}},
		"refused":        {400, `{"code":"invalid_parameter","message":"Invalid email address"}`, rest.Refused, []string{"writing a contact: Brevo answered 400 Invalid email address [invalid_parameter]"}},
		"no code":        {400, `{"message":"No"}`, rest.Refused, []string{"400 No"}},
		"not JSON":       {422, `nope`, rest.Refused, []string{"422 nope"}},
		"quotes the key": {400, `{"message":"secret-key is not valid"}`, rest.Refused, []string{"*** is not valid"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			_, err := client.Upsert(t.Context(), Contact{Email: "ann@example.com"})
			require.Error(t, err)
			assert.True(t, rest.Is(err, c.kind), "%v", err)
			for _, says := range append(c.says, "writing a contact: Brevo answered") {
				assert.ErrorContains(t, err, says)
			}
			assert.NotContains(t, err.Error(), "secret-key")
			assert.NotContains(t, err.Error(), "ann@example.com")
		})
	}
}

func TestHasList_OnlyBrevosOwnWordMeansThatItIsMissing(t *testing.T) {
	for body, want := range map[string]struct{ missing, fails bool }{
		`{"code":"document_not_found","message":"List ID does not exist"}`: {missing: true},
		`<html>404</html>`: {fails: true},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, body)
		})
		has, err := c.HasList(t.Context(), 60)
		assert.False(t, has)
		assert.Equal(t, want.fails, err != nil)
	}
}

func TestNew_NamesWhatIsWrong(t *testing.T) {
	for says, cfg := range map[string]Config{
		"BREVO_API_KEY":                      {Tier: "general"},
		`there is no tier "gold"`:            {APIKey: "k", Tier: "gold"},
		"would send the credential in clear": {APIKey: "k", Tier: "general", BaseURL: "http://api.brevo.com/v3"},
	} {
		_, err := New(cfg)
		assert.ErrorContains(t, err, says)
	}
	c, err := New(Config{APIKey: "k", Tier: "extended"})
	require.NoError(t, err)
	assert.Equal(t, DefaultBaseURL, c.rest.BaseURL().String())
}
