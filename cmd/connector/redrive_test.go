package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox"
)

// oddAddress is the person whose address only Brevo finds invalid.
const oddAddress = "25"

// deadLetter is a line of dead_letters.jsonl.
type deadLetter struct {
	Record   map[string]any    `json:"record"`
	Reason   string            `json:"reason"`
	Time     time.Time         `json:"time"`
	Metadata map[string]string `json:"metadata"`
}

func readLetters(t *testing.T, file string) (letters []deadLetter) {
	t.Helper()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var l deadLetter
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		letters = append(letters, l)
	}
	return letters
}

// refused runs the main job with a mapping that puts everybody on a list that Brevo does not have. It
// returns the settings for the next run, the folder of the pipelines, and the file of dead letters.
func refused(t *testing.T, sb *sandbox.Sandbox) (settings []string, folder, letters string) {
	t.Helper()
	folder = copyPipelines(t)
	settings = settingsFor(t, sb, "FOLLOW=false")
	for _, setting := range settings {
		if state, ok := strings.CutPrefix(setting, "STATE_DIR="); ok {
			letters = filepath.Join(state, "dead_letters.jsonl")
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, sb.BrevoURL()+"/contacts/lists/60", nil)
	require.NoError(t, err)
	request.Header.Set("api-key", sandbox.Token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	_ = answer.Body.Close()
	require.Equal(t, http.StatusNoContent, answer.StatusCode)

	before := sb.Brevo.Count()
	cmd, out := command(t, settings, "-c", filepath.Join(folder, "pipedrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	require.Equal(t, before, sb.Brevo.Count(), "contacts without their list")
	return settings, folder, letters
}

func TestRedrive_DeliversWhatWasRefusedOnceTheListIsThereAndTheMappingMended(t *testing.T) {
	t.Parallel()
	sb := startSandbox(t, sandbox.Config{Persons: 300})
	settings, folder, file := refused(t, sb)
	letters := readLetters(t, file)
	require.NotEmpty(t, letters)
	for _, l := range letters {
		assert.Contains(t, l.Record, "emails", "the record as Pipedrive has it")
		assert.NotContains(t, l.Record, "attributes")
		assert.Equal(t, "person", l.Metadata["pipedrive_object"])
		assert.NotContains(t, l.Metadata, "record")
		assert.Contains(t, l.Reason, "no list 60")
		assert.NotZero(t, l.Time)
	}

	sb.Brevo.PutList(60, "All contacts")
	edit(t, filepath.Join(folder, "mappings/person.blobl"), `"LASTNAME":     this.last_name,`, `"LASTNAME":     this.last_name, "NOTE": "again",`)
	before := sb.Brevo.Count()
	cmd, out := command(t, settings, "-c", filepath.Join(folder, "redrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	assert.Contains(t, out.String(), fmt.Sprintf("dead letters: %d sent again, 0 repetitions left out, 1 refused again", len(letters)))
	assert.NoFileExists(t, file+".redrive")
	left := readLetters(t, file)
	require.Len(t, left, 1)
	assert.Equal(t, oddAddress, left[0].Metadata["pipedrive_id"])
	assert.Greater(t, sb.Brevo.Count(), before+200)
	again := 0
	for _, c := range sb.Brevo.Contacts(0, 1000) {
		if c.Attributes["NOTE"] == "again" {
			again++
			assert.Contains(t, c.ListIDs, int64(60))
		}
	}
	assert.Greater(t, again, 200, "the mended mapping applies")

	require.NoError(t, os.Remove(file))
	cmd, out = command(t, settings, "-c", filepath.Join(folder, "redrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	assert.Contains(t, out.String(), "there are no dead letters")
}

func TestRedrive_LeavesOnlyWhatIsRefusedAgain(t *testing.T) {
	t.Parallel()
	sb := startSandbox(t, sandbox.Config{Persons: 60})
	settings, folder, file := refused(t, sb)
	letters := readLetters(t, file)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"record":{"id":3,"title":"A note"},"reason":"why","metadata":{"pipedrive_object":"note"}}` + "\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())

	// Nothing was mended: all of them are refused again, and are as they were.
	cmd, out := command(t, settings, "-c", filepath.Join(folder, "redrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	again := readLetters(t, file)
	require.Len(t, again, len(letters)+1)
	records := func(letters []deadLetter) (all []map[string]any) {
		for _, l := range letters {
			all = append(all, l.Record)
		}
		return all
	}
	assert.ElementsMatch(t, append(records(letters), map[string]any{"id": 3.0, "title": "A note"}), records(again))

	sb.Brevo.PutList(60, "All contacts")
	cmd, out = command(t, settings, "-c", filepath.Join(folder, "redrive.yaml"))
	require.NoError(t, cmd.Run(), out)
	left := readLetters(t, file)
	reasons := map[string]string{}
	for _, l := range left {
		reasons[l.Metadata["pipedrive_object"]+l.Metadata["pipedrive_id"]] = l.Reason
	}
	require.Len(t, left, 2)
	assert.Contains(t, reasons["note"], "no mapping for it: note")
	assert.Contains(t, reasons, "person"+oddAddress)
	assert.Contains(t, out.String(), "2 refused again, to be found in "+file)
	assert.NoFileExists(t, file+".redrive")
}

func TestRedrive_StoppedOrKilledInTheMiddleItLosesNothing(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]os.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			sb := startSandbox(t, sandbox.Config{Persons: 300})
			settings, folder, file := refused(t, sb)
			letters := readLetters(t, file)
			sb.Brevo.PutList(60, "All contacts")
			before := sb.Brevo.Count()

			slow := []string{"--set", "output.broker.outputs.0.brevo_contacts.mode=single", "--set", "output.broker.outputs.0.brevo_contacts.max_in_flight=1", "--set", "shutdown_timeout=1s"}
			cmd, out := command(t, settings, append(slow, "-c", filepath.Join(folder, "redrive.yaml"))...)
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool { return sb.Brevo.Count() > before+10 }, 30*time.Second, time.Millisecond, "%v", out)
			require.NoError(t, cmd.Process.Signal(signal))
			_ = cmd.Wait()
			require.Less(t, sb.Brevo.Count(), before+len(letters)-20, "it ended too late to show anything")
			assert.FileExists(t, file+".redrive")

			cmd, out = command(t, settings, "-c", filepath.Join(folder, "redrive.yaml"))
			require.NoError(t, cmd.Run(), out)
			require.Len(t, readLetters(t, file), 1, "the odd address")
			assert.NoFileExists(t, file+".redrive")
			assert.GreaterOrEqual(t, sb.Brevo.Count(), before+len(letters)-20, "shared addresses aside, all are there")
		})
	}
}
