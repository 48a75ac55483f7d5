package api

import (
	"fmt"
	"slices"
	"strings"
)

// near names up to three of the known words that are like a word that is not: " (near: lead_source)". It
// is empty where none is.
func near(word string, known []string) string {
	type candidate struct {
		word     string
		distance int
	}
	var found []candidate
	for _, k := range known {
		a, b := strings.ToLower(word), strings.ToLower(k)
		d := distance(a, b)
		if len(a) >= 3 && (strings.Contains(b, a) || len(b) >= 3 && strings.Contains(a, b)) {
			d = min(d, 2)
		}
		if d <= max(min(2, len(a)/2), len(a)/3) {
			found = append(found, candidate{k, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.word, b.word)
	})
	found = slices.Compact(found)
	var words []string
	for _, c := range found[:min(3, len(found))] {
		words = append(words, c.word)
	}
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf(" (near: %s)", strings.Join(words, ", "))
}

// distance is how many letters have to be changed, added or taken away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
