package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a Chromium with one page, driven by its DevTools protocol over a pipe: JSON messages
// that end with a zero byte.
type browser struct {
	t       *testing.T
	in      io.Writer
	out     chan message
	last    int
	session string
	console []string
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// browse opens a page in a real browser, or skips the test without one.
func browse(t *testing.T, url string) *browser {
	t.Helper()
	path := chromium(t)
	theirIn, ourOut, err := os.Pipe()
	require.NoError(t, err)
	ourIn, theirOut, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(path, append(quiet(t), "--window-size=1500,1000", "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	require.NoError(t, cmd.Start())
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, in: ourOut, out: make(chan message, 1000)}
	go b.listen(ourIn)
	t.Cleanup(func() {
		// Asked to leave, it has put everything away when its end of the pipe closes; its folder can go then.
		b.session = ""
		b.send("Browser.close", nil)
		slow := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer slow.Stop()
		for range b.out {
		}
		_ = cmd.Wait()
		ourOut.Close()
		ourIn.Close()
	})
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": url}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	b.call("Runtime.enable", nil, nil)
	return b
}

func (b *browser) listen(from io.Reader) {
	defer close(b.out)
	for in := bufio.NewReaderSize(from, 1<<20); ; {
		data, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m) == nil {
			b.out <- m
		}
	}
}

// next returns the next message, or fails the test after a while.
func (b *browser) next() message {
	b.t.Helper()
	select {
	case m, open := <-b.out:
		require.True(b.t, open, "the browser ended")
		if m.Method == "Runtime.consoleAPICalled" || m.Method == "Runtime.exceptionThrown" {
			b.console = append(b.console, string(m.Params))
		}
		return m
	case <-time.After(20 * time.Second):
		require.Fail(b.t, "the browser does not answer")
		return message{}
	}
}

// send asks for a command without waiting for its answer.
func (b *browser) send(method string, params map[string]any) {
	b.t.Helper()
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	if params != nil {
		command["params"] = params
	}
	data, err := json.Marshal(command)
	require.NoError(b.t, err)
	_, err = b.in.Write(append(data, 0))
	require.NoError(b.t, err)
}

// call carries out a command and reads its result.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.send(method, params)
	for m := b.next(); ; m = b.next() {
		if m.ID != b.last {
			continue
		}
		require.Empty(b.t, string(m.Error), method)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, result))
		}
		return
	}
}

// event waits for something that the browser tells of itself.
func (b *browser) event(method string, params any) {
	b.t.Helper()
	for m := b.next(); ; m = b.next() {
		if m.Method == method {
			require.NoError(b.t, json.Unmarshal(m.Params, params))
			return
		}
	}
}

// eval returns the value of an expression in the page.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var out struct {
		Result struct{ Value json.RawMessage }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &out)
	if len(out.Result.Value) > 0 {
		require.NoError(b.t, json.Unmarshal(out.Result.Value, value), "%s: %s", expression, out.Result.Value)
	}
}

// until waits for a condition in the page.
func (b *browser) until(condition string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		met := false
		b.eval("Boolean("+condition+")", &met)
		return met
	}, 15*time.Second, 50*time.Millisecond, condition)
}

// middle returns where the first element that a selector finds is.
func (b *browser) middle(selector string) map[string]any {
	b.t.Helper()
	var at map[string]any
	b.eval(`(() => { const r = document.querySelector(`+"`"+selector+"`"+`).getBoundingClientRect();
		return { x: r.x + r.width / 2, y: r.y + Math.min(r.height / 2, 40) } })()`, &at)
	return at
}

// drag takes hold of an element with the mouse and lets go of it over another one.
func (b *browser) drag(from, to string) {
	b.t.Helper()
	with := func(at map[string]any, more ...any) map[string]any {
		out := map[string]any{"button": "left", "buttons": 1, "clickCount": 1, "x": at["x"], "y": at["y"]}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	start, end := b.middle(from), b.middle(to)
	b.call("Input.setInterceptDrags", map[string]any{"enabled": true}, nil)
	b.call("Input.dispatchMouseEvent", with(start, "type", "mousePressed"), nil)
	// The answer to a movement that begins a drag may come after the drag's own event.
	b.send("Input.dispatchMouseEvent", with(start, "type", "mouseMoved", "x", start["x"].(float64)+15))
	var carried struct{ Data json.RawMessage }
	b.event("Input.dragIntercepted", &carried)
	for _, kind := range []string{"dragEnter", "dragOver", "drop"} {
		b.call("Input.dispatchDragEvent", map[string]any{"type": kind, "x": end["x"], "y": end["y"], "data": carried.Data}, nil)
	}
	b.call("Input.dispatchMouseEvent", with(end, "type", "mouseReleased", "buttons", 0), nil)
}
