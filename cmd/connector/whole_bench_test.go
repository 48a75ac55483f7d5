package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// BenchmarkWhole measures the first read of everything against that of the persons alone, in one run.
//
//	go test -run '^$' -bench Whole -benchtime 1x ./cmd/connector
//
// WHOLE_PERSONS overrides the number of persons.
func BenchmarkWhole(b *testing.B) {
	binary := build(b)
	persons := 100_000
	if n, err := strconv.Atoi(os.Getenv("WHOLE_PERSONS")); err == nil {
		persons = n
	}
	company := seed.Company{Persons: persons, Deals: persons / 2, Organizations: persons / 5, Activities: persons / 2, Leads: persons / 20}
	alone := filepath.Join(copyPipelines(b), "pipedrive.yaml")
	for _, object := range []string{"deals", "organizations", "leads", "activities"} {
		takeOut(b, alone, object)
	}
	fast := []string{"--set", "input.pipedrive_recents.burst_limit=1000", "--set", "output.broker.outputs.0.brevo_contacts.tier=extended", "-c"}
	for b.Loop() {
		onlyPersons := measure(b, binary, seed.Company{Persons: persons, Deals: -1, Organizations: -1, Activities: -1, Leads: -1}, append(fast, alone)...)
		all := measure(b, binary, company, append(fast, repoFile(b, "pipelines/pipedrive.yaml"))...)
		b.ReportMetric(all.rssMB, "MB")
		b.ReportMetric(all.wall.Seconds()/onlyPersons.wall.Seconds(), "time-ratio")
		fmt.Printf("%s, %d persons: alone %.1fs, %.1fs CPU, %.0f MB, %d contacts; with all else %.1fs, %.1fs CPU, %.0f MB, %d contacts; ratio %.2f\n", b.Name(), persons,
			onlyPersons.wall.Seconds(), onlyPersons.cpu.Seconds(), onlyPersons.rssMB, onlyPersons.contacts,
			all.wall.Seconds(), all.cpu.Seconds(), all.rssMB, all.contacts, all.wall.Seconds()/onlyPersons.wall.Seconds())
		spans := spansOf(all.calls)
		fmt.Println(spans)
		for _, other := range []string{"organizations", "leads"} {
			assert.True(b, spans["deals"].overlaps(spans[other]), "deals and %s are read at one time: %v", other, spans)
		}
	}
}

// stretch is between the first and the last page of an object's first read.
type stretch struct{ from, to time.Duration }

func (s stretch) overlaps(other stretch) bool { return s.from < other.to && other.from < s.to }

func (s stretch) String() string {
	return fmt.Sprintf("%.2f to %.2f s", s.from.Seconds(), s.to.Seconds())
}

func spansOf(calls []pipedrive.Call) map[string]stretch {
	spans := map[string]stretch{}
	for _, c := range calls {
		_, object, _ := strings.Cut(c.Path, "/v2/")
		if v1, found := strings.CutPrefix(c.Path, "/v1/"); found {
			object = v1
		}
		if looksForChanges(c) || strings.Contains(object, "/") {
			continue
		}
		at := c.Time.Sub(calls[0].Time)
		s, known := spans[object]
		if !known {
			s.from = at
		}
		s.to = at
		spans[object] = s
	}
	return spans
}
