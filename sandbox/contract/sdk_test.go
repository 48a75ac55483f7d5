package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

// The vendors' own clients run against the sandbox as they are: what they send and read is the contract
// in its latest form.
func TestOfficialSDKs_WorkUnchanged(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: it runs the vendors' official SDKs")
	}
	dir := filepath.Join("..", "..", "testdata", "sdk")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("the vendors' official SDKs are not installed: npm ci --prefix testdata/sdk")
	}
	s, err := sandbox.Start(sandbox.Config{Persons: 1200})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	for script, env := range map[string][]string{
		"pipedrive.mjs": {"PIPEDRIVE_BASE_URL=" + s.PipedriveURL(), "PIPEDRIVE_API_TOKEN=" + sandbox.Token},
		"brevo.mjs":     {"BREVO_BASE_URL=" + s.BrevoURL(), "BREVO_API_KEY=" + sandbox.Token},
	} {
		t.Run(script, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, script)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
}
