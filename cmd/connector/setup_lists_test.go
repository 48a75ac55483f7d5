package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSetup_FindsTheIDsOfListsAndNoOtherNumbers(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    map[int64]string
	}{
		"conditions by stage": {
			"map stage_list {\n root = match {\n this.status == \"won\" => 63,\n [ 1, 2 ].contains(this.stage_id) => 61, # 99 is no list\n" +
				" this.stage_id == 3 => 62,\n _ => null } }\nmap stage_lists { root = [ 61, 62, 63 ] }",
			map[int64]string{63: "Pipedrive: stage won", 61: "Pipedrive: stages 1, 2", 62: "Pipedrive: stage 3"},
		},
		"two pipelines, in a match of numbers and an if": {
			"map stage_list {\n root = if this.pipeline_id == 2 { 71 } else { match this.stage_id { 5 => 72, 6 => 73, _ => null } }\n}",
			map[int64]string{71: "Pipedrive: stage", 72: "Pipedrive: stage 5", 73: "Pipedrive: stage 6"},
		},
		"a table, and a variable": {
			"map stage_list {\n let early = 2\n let late = 74\n root = if this.stage_id <= $early { {\"won\": 75}.get(this.status).or($late) } else { null }\n}",
			map[int64]string{74: "", 75: ""},
		},
		"conditions that no sample meets": {
			"map vip_lists {\n root = if this.nothing == 7 {\n  [ 80,\n    81 ]\n } else { [] }\n}\nmap vip_list { root = match { this.nothing == 8 => 82, _ => [ 4 ].contains(9) } }",
			map[int64]string{80: "Pipedrive: vip", 81: "Pipedrive: vip 2", 82: "Pipedrive: vip 3"},
		},
		"maps of something else": {
			"map deal_policy { root = 5 }\nmap person_lists { root = [ 60 ] }\nmap lead_lists { root = [65, 66].filter(id -> id != 1) }",
			map[int64]string{60: "Pipedrive: all contacts", 65: "Pipedrive: leads", 66: "Pipedrive: leads 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := readLists(mappingsIn(t, map[string]string{listsFile: tc.content}))
			require.NoError(t, err)
			got := map[int64]string{}
			for _, id := range file.ids {
				got[id.id] = id.name
				if tc.want[id.id] == "" {
					got[id.id] = ""
				}
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestSetup_ChangesAllIDsAtOnceAndNothingElse(t *testing.T) {
	const before = "# 60: all contacts, 61\nmap person_lists {\n  root = [ 60 ] # 60\n}\nmap stage_list {\n  root = match {\n" +
		"    [ 60, 61 ].contains(this.stage_id) => 61,\n    _ => null # \"61\"\n  }\n}\n"
	const after = "# 60: all contacts, 61\nmap person_lists {\n  root = [ 61 ] # 60\n}\nmap stage_list {\n  root = match {\n" +
		"    [ 60, 61 ].contains(this.stage_id) => 162,\n    _ => null # \"61\"\n  }\n}\n"
	folder := mappingsIn(t, map[string]string{listsFile: before})
	path := filepath.Join(folder, "mappings", listsFile)
	require.NoError(t, os.Chmod(path, 0o640))
	file, err := readLists(folder)
	require.NoError(t, err)
	require.NoError(t, file.backUp())
	require.NoError(t, file.write(map[int64]int64{60: 61, 61: 162}))

	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, after, string(written))
	kept, err := os.ReadFile(path + ".bak")
	require.NoError(t, err)
	assert.Equal(t, before, string(kept))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, err := filepath.Glob(filepath.Join(folder, "mappings", ".lists-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestSetup_TakesNoNumbersOfTheShippedListsForStages(t *testing.T) {
	file, err := readLists(repoFile(t, "pipelines"))
	require.NoError(t, err)
	for _, id := range []int64{60, 61, 62, 63, 64} {
		require.NotNil(t, file.find(id), id)
	}
	for _, id := range []int64{0, 1, 2, 3, 4} {
		assert.Nil(t, file.find(id), id)
	}
}
