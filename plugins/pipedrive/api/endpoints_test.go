package api_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"connector/plugins/pipedrive/api"
)

// specsDir is where the vendor's files are: outside of the repository.
func specsDir() string {
	if dir := os.Getenv("SPECS_DIR"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "..", "shared", "specs")
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

func TestEndpoints_EveryOperationOfTheVendorsFilesCostsWhatTheySay(t *testing.T) {
	for version, prefix := range map[string]string{"v1": "/v1", "v2": "/api/v2"} {
		raw, err := os.ReadFile(filepath.Join(specsDir(), "pipedrive-"+version+".yaml"))
		if err != nil {
			t.Skipf("the vendor's files are not there: %v", err)
		}
		var file struct {
			Paths map[string]map[string]yaml.Node
		}
		require.NoError(t, yaml.Unmarshal(raw, &file))
		seen := 0
		for path, methods := range file.Paths {
			if strings.HasPrefix(path, "/oauth") { // on another host
				continue
			}
			for method, node := range methods {
				var operation struct {
					Cost int `yaml:"x-token-cost"`
				}
				if node.Kind != yaml.MappingNode || node.Decode(&operation) != nil || operation.Cost == 0 {
					continue
				}
				seen++
				call, err := api.NewCall(strings.ToUpper(method), prefix+variable.ReplaceAllString(path, "7"))
				require.NoError(t, err, path)
				want := fmt.Sprintf("%s %s%s", strings.ToUpper(method), prefix, variable.ReplaceAllString(path, "{id}"))
				assert.Equal(t, want, call.Op())
				assert.Equal(t, operation.Cost, call.Cost(), want)
			}
		}
		assert.Greater(t, seen, 100, version)
	}
}

func TestEndpoints_APathWithoutAVersionGoesToTheVersionThatHasIt(t *testing.T) {
	for asked, sent := range map[string]string{
		"PUT /persons/7":           "PATCH /api/v2/persons/{id}",
		"PUT /deals/7":             "PATCH /api/v2/deals/{id}",
		"PUT /notes/7":             "PUT /v1/notes/{id}",
		"PATCH /leads/a-b":         "PATCH /v1/leads/{id}",
		"GET /leads/search":        "GET /api/v2/leads/search",
		"GET /persons/7/flow":      "GET /v1/persons/{id}/flow",
		"GET /users/me":            "GET /v1/users/me",
		"PUT /products/7/images":   "PUT /api/v2/products/{id}/images",
		"POST /persons/7/picture":  "POST /v1/persons/{id}/picture",
		"GET /persons/7/picture":   "GET /api/v2/persons/{id}/picture",
		"PUT /persons/7/merge":     "PUT /v1/persons/{id}/merge",
		"GET /personFields/a1b2c3": "GET /api/v2/personFields/{id}",
		"GET /v1/persons":          "GET /v1/persons",
		"PUT /v1/persons/7":        "PUT /v1/persons/{id}",
		"GET /api/v1/unheard/of-7": "GET /v1/unheard/{id}",
	} {
		method, path, _ := strings.Cut(asked, " ")
		call, err := api.NewCall(method, path)
		require.NoError(t, err, asked)
		assert.Equal(t, sent, call.Op(), asked)
	}
}

func TestEndpoints_APathThatLeadsElsewhereIsRefused(t *testing.T) {
	for _, path := range []string{"", "persons", "/persons/", "/persons//7", "/persons/../7", "/persons/.", "/api/v2/persons?limit=1", "//evil.example.com/x", "/persons/7#x", "/persons/%2e%2e", "/unheard/of", "/persons/null"} {
		_, err := api.NewCall(http.MethodGet, path)
		assert.Error(t, err, path)
	}
}
