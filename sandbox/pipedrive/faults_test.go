package pipedrive_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func always(kind string) pipedrive.Faults {
	return pipedrive.Faults{Rate: 1, Kinds: []string{kind}}
}

func TestFaults_OfStatusKeepTheOperationFromHappening(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	for kind, want := range map[string]int{"429": 429, "500": 500, "502": 502, "503": 503} {
		a.SetFaults(always(kind))
		assert.Equal(t, want, a.do("POST", "/api/v2/persons", object{"name": "Nobody"}).status)
	}
	assert.Equal(t, 1, a.Count("person"))
	assert.Equal(t, 4, a.Stats().Faults)
	assert.Zero(t, a.Stats().Violations)
}

func TestFaults_OfTheAnswerLeaveTheOperationDone(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1)
	for i, kind := range []string{pipedrive.FaultReset, pipedrive.FaultEmpty, pipedrive.FaultTruncated, pipedrive.FaultCut} {
		a.SetFaults(always(kind))
		req, err := http.NewRequestWithContext(t.Context(), "POST", a.url+"/api/v2/persons", strings.NewReader(`{"name":"Somebody"}`))
		require.NoError(t, err)
		req.Header.Set("x-api-token", "sandbox")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(res.Body)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, 200, res.StatusCode)
			assert.False(t, json.Valid(data), kind)
		}
		switch kind {
		case pipedrive.FaultReset, pipedrive.FaultCut:
			assert.Error(t, err, kind)
		default:
			assert.NoError(t, err, kind)
		}
		assert.Equal(t, 2+i, a.Count("person"), kind)
	}
}

func TestFaults_SameSeedSameSequence(t *testing.T) {
	run := func() []int {
		s := pipedrive.New(pipedrive.Config{Faults: pipedrive.Faults{Rate: 0.3, Seed: 5, Kinds: []string{"500", "503"}}})
		var got []int
		for range 60 {
			got = append(got, ask(s, "/v1/users/me").Code)
		}
		return got
	}
	first := run()
	assert.Equal(t, first, run())
	assert.Contains(t, first, 500)
	assert.Contains(t, first, 503)
	assert.Contains(t, first, 200)
}
