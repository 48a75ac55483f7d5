package brevo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/brevo"
)

func TestLedger_TheHoursCallsAreRememberedOverARestart(t *testing.T) {
	t.Parallel()
	w := sandboxed(t, sandbox.Config{})
	w.start(withLedger("mode", "import"))
	require.NoError(t, w.send(persons(1, 120)...))
	asked := len(w.tap.of("GET", "/processes"))
	for _, c := range w.tap.all() {
		if c.method == "GET" && strings.HasPrefix(c.uri, "/v3/processes/") {
			asked++
		}
	}
	require.Positive(t, asked)
	var millis []int64
	eventually(t, func() bool {
		value, _ := w.kept.Get(t.Context(), "brevo_contacts/calls")
		return json.Unmarshal(value, &millis) == nil && len(millis) == asked
	}, "each question is in the ledger's cache")
	assert.IsNonDecreasing(t, append([]int64{1}, millis...))
}
