package contract

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// spec is one OpenAPI file with the prefixes under which its paths are served.
type spec struct {
	doc    *openapi3.T
	router routers.Router
}

// Each file is read once for all tests, at the first need: together they take seconds.
var (
	pipedriveV2 = specOf("pipedrive-v2.yaml", splitLists, "/api/v2")
	pipedriveV1 = specOf("pipedrive-v1.yaml", splitLists, "/v1", "/api/v1")
	// pipedriveV1Old is for the operations that v2 replaced: they are no longer in the file of v1.
	pipedriveV1Old = specOf("pipedrive-v1-with-deprecated-2026-01-14.yaml", splitLists, "/v1", "/api/v1")
	brevoV3        = specOf("brevo.yaml", correctBrevo, "/v3")
)

func specsDir() string {
	if dir := os.Getenv("SPECS_DIR"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "specs")
}

func haveSpecs() bool {
	_, err := os.Stat(filepath.Join(specsDir(), "pipedrive-v2.yaml"))
	return err == nil
}

func needSpecs(t testing.TB) {
	t.Helper()
	if !haveSpecs() {
		t.Skipf("the vendors' OpenAPI files are not in %s: they lie outside of the repository, in ../shared/specs (or SPECS_DIR)", specsDir())
	}
	// Reading them takes longer than a client waits for an answer, on a busy machine.
	for _, read := range []func() (*spec, error){pipedriveV2, pipedriveV1, pipedriveV1Old, brevoV3} {
		if _, err := read(); err != nil {
			t.Fatal(err)
		}
	}
}

func specOf(file string, correct func(*openapi3.T) error, prefixes ...string) func() (*spec, error) {
	return sync.OnceValues(func() (*spec, error) {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(specsDir(), file))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		if correct != nil {
			if err := correct(doc); err != nil {
				return nil, fmt.Errorf("correcting %s: %w", file, err)
			}
		}
		doc.Servers = nil
		for _, prefix := range prefixes {
			doc.Servers = append(doc.Servers, &openapi3.Server{URL: prefix})
		}
		router, err := gorillamux.NewRouter(doc)
		return &spec{doc, router}, err
	})
}

// splitLists reads the parameters that are declared as one of several words, but described as taking
// several separated by commas, in the latter way.
func splitLists(doc *openapi3.T) error {
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for i, ref := range op.Parameters {
				p := *ref.Value
				if p.In != "query" || p.Schema == nil || len(p.Schema.Value.Enum) == 0 || !commas.MatchString(p.Description) {
					continue
				}
				no := false
				p.Style, p.Explode = "form", &no
				p.Schema = openapi3.NewSchemaRef("", openapi3.NewArraySchema().WithItems(p.Schema.Value))
				op.Parameters[i] = &openapi3.ParameterRef{Value: &p}
			}
		}
	}
	return nil
}

var commas = regexp.MustCompile(`(?i)comma|multiple|separated`)

// operation is the operation of a request, with the values of its path.
type operation struct {
	name  string // "GET /api/v2/persons/{id}"
	route *routers.Route
	vars  map[string]string
}

// operationOf finds a request's operation in the files of its vendor and version.
func operationOf(r *http.Request) (*operation, error) {
	var sources []func() (*spec, error)
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/v2/"):
		sources = append(sources, pipedriveV2)
	case strings.HasPrefix(r.URL.Path, "/v1/"), strings.HasPrefix(r.URL.Path, "/api/v1/"):
		sources = append(sources, pipedriveV1, pipedriveV1Old)
	case strings.HasPrefix(r.URL.Path, "/v3/"):
		sources = append(sources, brevoV3)
	}
	for _, source := range sources {
		s, err := source()
		if err != nil {
			return nil, err
		}
		if route, vars, err := s.router.FindRoute(r); err == nil {
			prefix := strings.TrimPrefix(route.Server.URL, "/api/v1")
			if prefix == "" {
				prefix = "/v1"
			}
			return &operation{r.Method + " " + prefix + route.Path, route, vars}, nil
		}
	}
	return nil, fmt.Errorf("no file has %s %s", r.Method, r.URL.Path)
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// anonymous is a path pattern without its variables' names, which differ between files.
func anonymous(path string) string { return variable.ReplaceAllString(path, "{}") }
