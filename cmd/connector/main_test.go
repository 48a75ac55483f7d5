package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

// The tests of this package run the binary as a user would.
var binary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "connector-test-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "connector")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// command prepares a run of the binary. Settings are NAME=value; no variable of the caller's gets in.
func command(t *testing.T, settings []string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "HTTP_ADDRESS=127.0.0.1:0", "FOLLOW=false"}, settings...)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// output can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func startSandbox(t *testing.T, cfg sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	sb, err := sandbox.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sb.Close() })
	return sb
}

func settingsFor(t *testing.T, sb *sandbox.Sandbox, more ...string) []string {
	t.Helper()
	return append([]string{
		"PIPEDRIVE_BASE_URL=" + sb.PipedriveURL(), "PIPEDRIVE_API_TOKEN=" + sandbox.Token,
		"BREVO_BASE_URL=" + sb.BrevoURL(), "BREVO_API_KEY=" + sandbox.Token, "STATE_DIR=" + t.TempDir(),
	}, more...)
}

func repoFile(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", name))
	require.NoError(t, err)
	return path
}

func containsAll(s string, wants []string) bool {
	for _, want := range wants {
		if !strings.Contains(s, want) {
			return false
		}
	}
	return true
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func copyPipelines(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "mine")
	require.NoError(t, os.CopyFS(folder, os.DirFS(repoFile(t, "pipelines"))))
	return folder
}

func edit(t *testing.T, path, old, replacement string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(content), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(content), old, replacement)), 0o600))
}

// patchPerson changes a person as a colleague would, for as long as it takes.
func patchPerson(t *testing.T, sb *sandbox.Sandbox, id int, changes map[string]any) {
	t.Helper()
	body, err := json.Marshal(changes)
	require.NoError(t, err)
	client := http.Client{Timeout: time.Second}
	for {
		req, err := http.NewRequest(http.MethodPatch, fmt.Sprintf("%s/api/v2/persons/%d", sb.PipedriveURL(), id), bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("x-api-token", sandbox.Token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			continue // a fault
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			return
		}
	}
}
