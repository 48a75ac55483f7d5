package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// listTrial runs the maps of lists.blobl over deals of all stages that it names: a number is the id of a
// list if it comes out of a map. The numbers of stages do not.
type listTrial struct {
	file   *listFile
	deals  []trialDeal
	stages []int64
}

type trialDeal struct {
	status string
	stage  int64
	record map[string]any
}

var dealStatuses = []string{"open", "won", "lost", "deleted"}

func newListTrial(f *listFile, tokens []token) *listTrial {
	either := sampleRecord("person", nil, nil) // a map may be given a person or a deal
	maps.Copy(either, sampleRecord("deal", nil, nil))
	numbers, pipelines := []int64{0}, []int64{1}
	for _, t := range tokens {
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil && t.kind == number && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	if strings.Contains(f.content, "pipeline_id") {
		pipelines = numbers
	}
	trial := &listTrial{file: f, stages: numbers}
	for _, status := range dealStatuses {
		for _, stage := range numbers {
			for _, pipeline := range pipelines {
				record := maps.Clone(either)
				record["status"], record["stage_id"], record["pipeline_id"] = status, stage, pipeline
				trial.deals = append(trial.deals, trialDeal{status, stage, record})
			}
		}
	}
	return trial
}

// comesOut reports whether another number in the place of t comes out of the map.
func (l *listTrial) comesOut(t token, name string) bool {
	const other = 987654321
	content := l.file.content
	found := false
	l.run(content[:t.start]+strconv.Itoa(other)+content[t.end:], name, func(_ trialDeal, ids []int64) bool {
		found = slices.Contains(ids, other)
		return !found
	})
	return found
}

// run gives each deal to a map, until do has seen enough.
func (l *listTrial) run(content, name string, do func(trialDeal, []int64) bool) {
	mapping, err := parseMapping(l.file.path, content+fmt.Sprintf("\nroot = this.apply(%q)\n", name), nil)
	if err != nil {
		return // it makes no sense with another number
	}
	for _, deal := range l.deals {
		result, err := mapping.Query(deal.record)
		if err == nil && !do(deal, numbersIn(result)) {
			return
		}
	}
}

func numbersIn(value any) (all []int64) {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			all = append(all, numbersIn(item)...)
		}
		return all
	}
	if n, ok := wholeNumber(value); ok {
		all = append(all, n)
	}
	return all
}

// nameAll gives each list the name that it is created with.
func (f *listFile) nameAll(trial *listTrial) {
	taken := map[string]bool{}
	stages := trial.stageNames()
	for _, id := range f.ids {
		name := "Pipedrive: " + id.label(stages)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("Pipedrive: %s %d", id.label(stages), n)
		}
		id.name, taken[name] = name, true
	}
}

// label says what a list is for, as its maps are named.
func (id *listID) label(stages map[int64]string) string {
	for _, name := range id.maps {
		switch {
		case strings.HasPrefix(name, "person"):
			return "all contacts"
		case strings.HasPrefix(name, "lead"):
			return "leads"
		case strings.HasPrefix(name, "stage") && stages[id.id] != "":
			return stages[id.id]
		}
	}
	words := strings.FieldsFunc(id.maps[0], func(r rune) bool { return r == '_' })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "list" || w == "lists" })
	if len(words) == 0 {
		return "list"
	}
	return strings.Join(words, " ")
}

// stageNames says of each list of a stage map which deals lead to it.
func (l *listTrial) stageNames() map[int64]string {
	var stageMaps []string
	for _, id := range l.file.ids {
		for _, name := range id.maps {
			if strings.HasPrefix(name, "stage") && !slices.Contains(stageMaps, name) {
				stageMaps = append(stageMaps, name)
			}
		}
	}
	names := map[int64]string{}
	for _, stageMap := range stageMaps {
		statuses, stages := map[int64]map[string]bool{}, map[int64]map[int64]bool{}
		l.run(l.file.content, stageMap, func(deal trialDeal, ids []int64) bool {
			for _, id := range ids {
				if statuses[id] == nil {
					statuses[id], stages[id] = map[string]bool{}, map[int64]bool{}
				}
				statuses[id][deal.status], stages[id][deal.stage] = true, true
			}
			return true
		})
		for id := range stages {
			if name := l.stageName(statuses[id], slices.Sorted(maps.Keys(stages[id]))); name != "" {
				names[id] = name
			}
		}
	}
	return names
}

// stageName is empty for a list that deals of every kind lead to.
func (l *listTrial) stageName(statuses map[string]bool, stages []int64) string {
	switch {
	case len(stages) == len(l.stages) && len(statuses) == 1:
		return "stage " + slices.Collect(maps.Keys(statuses))[0]
	case len(stages) == len(l.stages):
		return ""
	case len(stages) == 1:
		return fmt.Sprintf("stage %d", stages[0])
	}
	return "stages " + strings.Trim(strings.ReplaceAll(fmt.Sprint(stages), " ", ", "), "[]")
}
