package pipedrive

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

func TestWebhook_RefusesWhatIsNoDelivery(t *testing.T) {
	t.Parallel()
	in := listen(t, withPassword)
	got := in.deliverAll()
	right := func(r *http.Request) { r.SetBasicAuth("pipedrive", "hunter2") }
	for name, c := range map[string]struct {
		method, body string
		change       []func(*http.Request)
		status       int
	}{
		"no password":       {"POST", change(1, 1), nil, 401},
		"wrong password":    {"POST", change(1, 1), []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("pipedrive", "hunter3") }}, 401},
		"wrong user":        {"POST", change(1, 1), []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("Pipedrive", "hunter2") }}, 401},
		"empty password":    {"POST", change(1, 1), []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("pipedrive", "") }}, 401},
		"another scheme":    {"POST", change(1, 1), []func(*http.Request){func(r *http.Request) { r.Header.Set("Authorization", "Bearer hunter2") }}, 401},
		"another path":      {"POST", change(1, 1), []func(*http.Request){right, func(r *http.Request) { r.URL.Path = "/other" }}, 404},
		"GET":               {"GET", "", []func(*http.Request){right}, 405},
		"PUT":               {"PUT", change(1, 1), []func(*http.Request){right}, 405},
		"no JSON by type":   {"POST", change(1, 1), []func(*http.Request){right, func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }}, 415},
		"compressed":        {"POST", change(1, 1), []func(*http.Request){right, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }}, 415},
		"nothing":           {"POST", "", []func(*http.Request){right}, 400},
		"malformed":         {"POST", `{"meta":`, []func(*http.Request){right}, 400},
		"JSON of others":    {"POST", `{"event":"push"}`, []func(*http.Request){right}, 400},
		"nested deeply":     {"POST", strings.Repeat(`{"a":`, 100_000), []func(*http.Request){right}, 400},
		"2 MB":              {"POST", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, []func(*http.Request){right}, 413},
		"2 MB, in chunks":   {"POST", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, []func(*http.Request){right, func(r *http.Request) { r.ContentLength = -1 }}, 413},
		"2 MB, no password": {"POST", strings.Repeat("x", 2<<20), nil, 401},
		"the right one":     {"POST", change(7, 7), []func(*http.Request){right}, 200},
		"with a charset":    {"POST", change(8, 8), []func(*http.Request){right, func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := in.send(c.method, c.body, c.change...)
			if a.err != nil && c.status == 401 || a.err != nil && c.status == 413 {
				return // the server did not wait for the rest of the body
			}
			require.NoError(t, a.err)
			assert.Equal(t, c.status, a.status)
			assert.Equal(t, c.status == 401, a.header.Get("WWW-Authenticate") != "")
		})
	}
	assert.Len(t, got.messages(), 2)
	assert.False(t, in.res.logs.has("hunter"), "no password is logged")
	assert.Equal(t, 1, in.res.logs.count("answered 401"), "a flood of requests does not fill the log")
}

func TestWebhook_WhatIsNotKnownIsAnswered200AndDroppedWithOneWarning(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	for range 3 {
		for _, replacement := range []string{`"entity":"project"`, `"entity":"deal_installment"`} {
			assert.Equal(t, 200, in.send(http.MethodPost, strings.Replace(change(1, 1), `"entity":"person"`, replacement, 1)).status)
		}
		assert.Equal(t, 200, in.send(http.MethodPost, strings.Replace(change(1, 1), `"version":"2.0"`, `"version":"3.0"`, 1)).status)
	}
	in.nothing()
	for _, what := range []string{`entity \"project\"`, `entity \"deal_installment\"`, `version \"3.0\"`} {
		assert.Equal(t, 1, in.res.logs.count(what), what)
	}
	for i := range 500 {
		in.send(http.MethodPost, strings.Replace(change(1, 1), `"entity":"person"`, fmt.Sprintf(`"entity":"thing%d"`, i), 1))
	}
	assert.LessOrEqual(t, in.res.logs.count("dropped"), mostTold)
}

// raw opens a connection and says something on it.
func (in *hook) raw(text string) net.Conn {
	in.t.Helper()
	conn, err := net.Dial("tcp", in.address.String())
	require.NoError(in.t, err)
	in.t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, text)
	require.NoError(in.t, err)
	return conn
}

func statusOn(conn net.Conn, within time.Duration) (int, error) {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}

func TestWebhook_SlowAndSilentSendersHoldNobodyUp(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	got := in.deliverAll()
	head := "POST /pipedrive HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
	slow := in.raw(head + `{"meta":`)
	header := in.raw("POST /pipedrive HTTP/1.1\r\nHost: x\r\n")
	half := in.raw(head + `{"meta":`)
	require.NoError(t, half.(*net.TCPConn).CloseWrite())
	for range 1000 {
		in.raw("")
	}
	start := time.Now()
	for i := range 50 {
		require.Equal(t, 200, in.send(http.MethodPost, change(i, i)).status)
	}
	assert.Less(t, time.Since(start), 2*time.Second)
	status, err := statusOn(half, 3*time.Second)
	require.NoError(t, err)
	assert.Equal(t, 408, status)
	old := in.raw("POST /pipedrive HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(change(99, 99))) + "\r\n\r\n" + change(99, 99))
	status, err = statusOn(old, 3*time.Second)
	require.NoError(t, err)
	assert.Equal(t, 200, status, "HTTP/1.0")

	_, err = statusOn(header, 8*time.Second)
	assert.Error(t, err, "it is cut after five seconds")
	status, err = statusOn(slow, 8*time.Second)
	require.NoError(t, err)
	assert.Equal(t, 408, status, "it is answered after ten seconds")
	assert.Len(t, got.messages(), 51)
}

func TestWebhook_BodiesAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	in := listen(t, "")
	require.True(t, in.room.TryAcquire(bodiesAtOnce-2000))
	assert.Equal(t, 503, in.send(http.MethodPost, `{"a":"`+strings.Repeat("x", 4000)+`"}`).status)
	got := in.deliverAll()
	assert.Equal(t, 200, in.send(http.MethodPost, change(1, 1)).status)
	assert.Len(t, got.messages(), 1)
	assert.True(t, in.room.TryAcquire(2000), "what was read is given back")
}

func TestWebhook_ListensWithTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	in := listen(t, fmt.Sprintf("tls: {cert_file: %s, key_file: %s}\n", cert, key))
	got := in.deliverAll()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post("https://"+in.address.String()+"/pipedrive", "application/json", strings.NewReader(change(1, 1)))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)
	assert.Len(t, got.messages(), 1)
}

func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	der8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, certPEM, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8}), 0o600))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}

func TestWebhook_RefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	a := newAccount(t, sandbox.Config{}, 0)
	for name, c := range map[string]struct{ conf, problem string }{
		"address":           {"address: here", "WEBHOOK_ADDRESS"},
		"path":              {"path: pipedrive", "WEBHOOK_PATH"},
		"half a password":   {"basic_auth: {username: pipedrive}", "WEBHOOK_PASSWORD"},
		"colon":             {"basic_auth: {username: 'a:b', password: c}", "colon"},
		"body":              {"max_body_bytes: 10", "at least 1024"},
		"cache":             {"dedupe_cache: nowhere", `no cache resource "nowhere"`},
		"certificate":       {"tls: {cert_file: /nowhere.pem}", "cert_file"},
		"URL":               {"subscribe: {public_url: hooks.example.com/pipedrive}", "WEBHOOK_PUBLIC_URL"},
		"URL with password": {"subscribe: {public_url: 'https://a:b@hooks.example.com/pipedrive'}", "basic_auth is sent by itself"},
		"Pipedrive's own":   {"subscribe: {public_url: 'https://acme.pipedrive.com/'}", "must be yours"},
		"event":             {"subscribe: {public_url: 'https://x.example', events: [person.updated]}", `no event "person.updated"`},
		"no event":          {"subscribe: {public_url: 'https://x.example', events: []}", "at least one event"},
		"interval":          {"subscribe: {public_url: 'https://x.example', check_interval: 10ms}", "at least 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := webhookSpec().ParseYAML("base_url: "+a.url+"\napi_token: sandbox\n"+c.conf, nil)
			require.NoError(t, err)
			_, err = newWebhookInput(conf, newResources(t).Resources)
			assert.ErrorContains(t, err, c.problem)
		})
	}
}

func TestWebhook_AnAddressThatIsTakenIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	first := listen(t, "")
	second, err := newAccount(t, sandbox.Config{}, 0).openHook(newResources(t), "")
	require.NoError(t, err)
	second.conf.address = first.address.String()
	err = second.Connect(t.Context())
	assert.ErrorContains(t, err, first.address.String())
	assert.ErrorContains(t, err, "WEBHOOK_ADDRESS")
}

func TestWebhook_WarnsWhereAnybodyIsBelieved(t *testing.T) {
	t.Parallel()
	in := listen(t, "address: 0.0.0.0:0\n")
	assert.True(t, in.res.logs.has("from anybody"))
	assert.False(t, listen(t, "").res.logs.has("from anybody"), "on loopback")
}

func TestWebhook_Lint(t *testing.T) {
	t.Parallel()
	for conf, problem := range map[string]string{
		"{}": "", "subscribe: {public_url: '', events: ['*.*', person.change, 'stage.*']}": "",
		"subscribe: {events: [person.updated]}": "no event person.updated",
		"max_body_bytes: 5":                     "at least 1024",
		"adress: x":                             "adress",
	} {
		lints, err := service.NewEnvironment().NewComponentConfigLinter().LintInputYAML([]byte("pipedrive_webhook:\n  " + conf))
		require.NoError(t, err)
		if problem == "" {
			assert.Empty(t, lints, conf)
			continue
		}
		require.NotEmpty(t, lints, conf)
		assert.Contains(t, lints[0].Error(), problem)
	}
}

func TestWebhook_DescribesEveryFieldAndItsExamplesLint(t *testing.T) {

	view, ok := service.GlobalEnvironment().GetInputConfig("pipedrive_webhook")
	require.True(t, ok)
	docs, err := view.TemplateData()
	require.NoError(t, err)
	for _, f := range docs.Fields {
		assert.NotEmpty(t, f.Description, f.FullName)
		assert.Equal(t, f.FullName == "api_token" || f.FullName == "basic_auth.password", f.IsSecret, f.FullName)
	}
	t.Setenv("WEBHOOK_USERNAME", "x")
	t.Setenv("WEBHOOK_PASSWORD", "y")
	for _, example := range docs.Examples {
		lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(example.Config))
		require.NoError(t, err)
		assert.Empty(t, lints, example.Title)
	}
}
