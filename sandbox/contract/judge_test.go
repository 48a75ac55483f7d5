package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// judge stands before a vendor's sandbox and holds all that passes against the vendor's files.
type judge struct {
	vendor string
	next   http.Handler

	mu         sync.Mutex
	violations map[violation]string // with an example of each
	operations map[string]int       // answers by operation and status
}

// violation is what is at odds with a file, with the numbers and keys of one case taken out.
type violation struct {
	operation string // "GET /api/v2/persons"
	side      string // "request", or "response 200"
	pointer   string // "/data/*/org_id"
	rule      string // "nullable", "type", "required", "undeclared", …
}

func (v violation) String() string {
	return fmt.Sprintf("%s | %s | %s | %s", v.operation, v.side, v.pointer, v.rule)
}

func newJudge(vendor string, next http.Handler) *judge {
	return &judge{vendor: vendor, next: next, violations: map[violation]string{}, operations: map[string]int{}}
}

// watch puts a judge before a handler, and fails the test at its end for what is in no row of the table.
func watch(t *testing.T, vendor string, next http.Handler) *judge {
	needSpecs(t)
	j := newJudge(vendor, next)
	t.Cleanup(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		var lines []string
		for v, example := range j.violations {
			if !excused(vendor, v) {
				lines = append(lines, v.String()+" | "+example)
			}
		}
		if len(lines) > 0 {
			slices.Sort(lines)
			t.Errorf("at odds with the %s files:\n%s", vendor, strings.Join(lines, "\n"))
		}
	})
	return j
}

// serve starts a server with the judge before it.
func (j *judge) serve(t *testing.T) string {
	server := httptest.NewServer(j)
	t.Cleanup(server.Close)
	return server.URL
}

func (j *judge) find(v violation, example string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(example) > 300 {
		example = example[:300] + " …"
	}
	j.violations[v] = example
}

type wrongOnPurpose struct{}

// wrong marks a request that is meant to break the rules, so that only its answer is judged.
func wrong(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), wrongOnPurpose{}, true))
}

// ServeHTTP passes a request on, and its answer back.
func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client left
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Del("Accept-Encoding") // answers are read here
	answer := httptest.NewRecorder()
	forward := r.Clone(r.Context())
	forward.Body = io.NopCloser(bytes.NewReader(body))
	j.next.ServeHTTP(answer, forward)

	if strings.HasPrefix(r.URL.Path, "/reports/") {
		j.mu.Lock()
		j.operations[fmt.Sprintf("GET /reports/{file} %d", answer.Code)]++
		j.mu.Unlock()
		if r.Header.Get("api-key") != "" {
			j.find(violation{"GET /reports/{file}", "request", "/header", "credential"}, "report files need no key and may be on any host")
		}
	} else {
		j.judge(r, body, answer)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (j *judge) judge(r *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	onPurpose := r.Context().Value(wrongOnPurpose{}) != nil
	op, err := operationOf(r)
	if err != nil {
		if !onPurpose {
			j.find(violation{r.Method + " " + r.URL.Path, "request", "/", "operation"}, err.Error())
		}
		return
	}
	j.mu.Lock()
	j.operations[fmt.Sprintf("%s %d", op.name, answer.Code)]++
	j.mu.Unlock()
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: op.vars, QueryParams: r.URL.Query(), Route: op.route,
		Options: &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	if !onPurpose {
		j.judgeRequest(op, input, body)
	}
	j.judgeAnswer(op, input, answer)
}

// credentials are where the vendors want them.
var credentials = map[string]string{"pipedrive": "x-api-token", "brevo": "api-key"}

func (j *judge) judgeRequest(op *operation, input *openapi3filter.RequestValidationInput, body []byte) {
	r := input.Request
	if r.Header.Get(credentials[j.vendor]) == "" {
		j.find(violation{op.name, "request", "/header/" + credentials[j.vendor], "required"}, "the credential is not in its header")
	}
	declared := slices.Concat(op.route.Operation.Parameters, op.route.PathItem.Parameters)
	for name := range r.URL.Query() {
		if !slices.ContainsFunc(declared, func(p *openapi3.ParameterRef) bool { return p.Value.In == "query" && p.Value.Name == name }) {
			j.find(violation{op.name, "request", "/query/" + name, "undeclared"}, r.URL.RawQuery)
		}
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		j.find(violation{op.name, "request", "/header/Content-Type", "required"}, "the body has no type")
	}
	input.Request = r.Clone(r.Context())
	input.Request.Body = io.NopCloser(bytes.NewReader(body))
	found := op.faults("request", openapi3filter.ValidateRequest(r.Context(), input))
	if rb := op.route.Operation.RequestBody; rb != nil {
		found = append(found, op.undeclared("request", rb.Value.Content.Get(r.Header.Get("Content-Type")), body)...)
	}
	for _, f := range found {
		j.find(f.violation, f.example)
	}
}

func (j *judge) judgeAnswer(op *operation, input *openapi3filter.RequestValidationInput, answer *httptest.ResponseRecorder) {
	side := fmt.Sprintf("response %d", answer.Code)
	declared := op.declared(answer.Code)
	body := answer.Body.Bytes()
	switch {
	case declared == nil:
		j.find(violation{op.name, side, "/", "status"}, string(body))
		j.judgeError(op, side, body)
		return
	case len(declared.Content) == 0 && len(body) > 0 && answer.Code >= 400:
		j.judgeError(op, side, body)
		return
	case len(declared.Content) == 0 && len(body) > 0:
		j.find(violation{op.name, side, "/", "body"}, "declared empty, but is "+string(body))
		return
	}
	own := op.exampleFaults(answer.Code)
	asked := strings.Split(input.Request.URL.Query().Get("include_fields"), ",")
	for _, f := range answerFaults(op, input, answer.Code, answer.Header(), body) {
		last := f.pointer[strings.LastIndex(f.pointer, "/")+1:]
		switch {
		case own[f.violation]:
			f.rule += asItsExample
		case f.rule == "undeclared" && slices.Contains(asked, last):
			f.rule += asAskedFor
		}
		j.find(f.violation, f.example)
	}
}

// judgeError holds an error that a file does not declare against the shapes that the references list.
// Sources: pipedrive-api.md §5.2, brevo-api.md §2
func (j *judge) judgeError(op *operation, side string, body []byte) {
	var shape struct {
		Success   *bool
		Error     string
		ErrorCode int
		Errors    map[string][]string
		Code      string
		Message   string
	}
	err := json.Unmarshal(body, &shape)
	switch {
	case err != nil:
	case j.vendor == "pipedrive" && (shape.Success == nil || *shape.Success || shape.Error == "" && shape.Errors == nil):
		err = errors.New("success is not false, or there is no error")
	case j.vendor == "brevo" && (shape.Code == "" || shape.Message == ""):
		err = errors.New("there is no code or no message")
	}
	if err != nil {
		j.find(violation{op.name, side, "/", "error shape"}, err.Error()+": "+string(body))
	}
}
