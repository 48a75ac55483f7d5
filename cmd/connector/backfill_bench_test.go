package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// BenchmarkBackfill measures whole processes: this connector and a stock Benthos configuration that does
// the same, against a sandbox in this process, in one run.
//
//	go test -run '^$' -bench Backfill -benchtime 1x ./cmd/connector
//
// BACKFILL_PERSONS overrides the number of persons of the import path.
func BenchmarkBackfill(b *testing.B) {
	binary := build(b)
	persons := 100_000
	if n, err := strconv.Atoi(os.Getenv("BACKFILL_PERSONS")); err == nil {
		persons = n
	}
	repo, err := filepath.Abs("../..")
	require.NoError(b, err)
	pipeline := filepath.Join(repo, "pipelines", "pipedrive.yaml")

	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			ours := measure(b, binary, seed.Company{Persons: persons}, "--set", "input.pipedrive_recents.burst_limit=1000", "--set", "output.broker.outputs.0.brevo_contacts.tier=extended", "-c", pipeline)
			stock := measure(b, binary, seed.Company{Persons: persons}, "-c", filepath.Join(repo, "testdata/bench/stock_import.yaml"))
			report(b, ours, stock, persons)
		}
	})
	b.Run("single", func(b *testing.B) {
		const persons = 10_000
		for b.Loop() {
			ours := measure(b, binary, seed.Company{Persons: persons},
				"--set", "input.pipedrive_recents.burst_limit=1000", "--set", "output.broker.outputs.0.brevo_contacts.requests_per_second=100000",
				"--set", "output.broker.outputs.0.brevo_contacts.mode=single", "-c", pipeline)
			stock := measure(b, binary, seed.Company{Persons: persons}, "-c", filepath.Join(repo, "testdata/bench/stock_single.yaml"))
			report(b, ours, stock, persons)
		}
	})
}

// run is what one process cost.
type cost struct {
	cpu, wall time.Duration
	rssMB     float64
	contacts  int
	calls     []pipedrive.Call
}

func build(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "connector")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".").CombinedOutput()
	require.NoError(tb, err, string(out))
	return binary
}

func measure(b *testing.B, binary string, company seed.Company, args ...string) cost {
	b.Helper()
	sb, err := sandbox.Start(sandbox.Config{Persons: company.Persons, Company: company, Brevo: brevo.Config{ImportDelay: 20 * time.Millisecond}})
	require.NoError(b, err)
	defer sb.Close() //nolint:errcheck // the benchmark ends
	before := sb.Brevo.Count()

	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(),
		"PIPEDRIVE_BASE_URL="+sb.PipedriveURL(), "PIPEDRIVE_API_TOKEN="+sandbox.Token,
		"BREVO_BASE_URL="+sb.BrevoURL(), "BREVO_API_KEY="+sandbox.Token,
		"STATE_DIR="+b.TempDir(), "HTTP_ADDRESS=127.0.0.1:0", "FOLLOW=false",
		"LEAD_SOURCE_KEY="+fieldKey(b, sb, "Lead Source"), "INDUSTRY_KEY="+fieldKey(b, sb, "Industry"),
		"COMPANY_SIZE_KEY="+fieldKey(b, sb, "Company Size"),
	)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	require.NoError(b, cmd.Start())
	var c cost
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(20 * time.Millisecond):
			c.rssMB = max(c.rssMB, peakRSS(cmd.Process.Pid))
		}
	}
	require.NoError(b, err, out.String())
	c.wall, c.cpu = time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	time.Sleep(time.Second) // imports that nobody follows
	c.contacts, c.calls = sb.Brevo.Count()-before, sb.Pipedrive.Calls()
	return c
}

// peakRSS is the process's peak resident set in MB. What wait4 tells includes this process's own, from
// before the exec.
func peakRSS(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

func report(b *testing.B, ours, stock cost, persons int) {
	b.Helper()
	require.InEpsilon(b, stock.contacts, ours.contacts, 0.02, "both must do the same")
	perContact := func(c cost) float64 { return float64(c.cpu.Microseconds()) / float64(persons) }
	b.ReportMetric(perContact(ours), "us-cpu/contact")
	b.ReportMetric(perContact(stock), "stock-us-cpu/contact")
	b.ReportMetric(perContact(ours)/perContact(stock), "cpu-ratio")
	b.ReportMetric(ours.rssMB, "MB")
	b.ReportMetric(stock.rssMB, "stock-MB")
	fmt.Printf("%s, %d persons: connector %.1fs CPU, %.1fs, %.0f MB, %d contacts; stock Benthos %.1fs CPU, %.1fs, %.0f MB, %d contacts; CPU ratio %.2f\n",
		b.Name(), persons, ours.cpu.Seconds(), ours.wall.Seconds(), ours.rssMB, ours.contacts,
		stock.cpu.Seconds(), stock.wall.Seconds(), stock.rssMB, stock.contacts, perContact(ours)/perContact(stock))
}

// fieldKey asks the sandbox for a custom field's key, as the stock configuration knows fields by key
// only.
func fieldKey(b *testing.B, sb *sandbox.Sandbox, name string) string {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, sb.PipedriveURL()+"/api/v2/personFields?limit=500", nil)
	require.NoError(b, err)
	req.Header.Set("x-api-token", sandbox.Token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	var fields struct {
		Data []struct {
			Name string `json:"field_name"`
			Key  string `json:"field_code"`
		} `json:"data"`
	}
	require.NoError(b, json.NewDecoder(resp.Body).Decode(&fields))
	for _, f := range fields.Data {
		if f.Name == name {
			return f.Key
		}
	}
	b.Fatalf("there is no field %s", name)
	return ""
}
