package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"connector/sandbox"
	"connector/sandbox/brevo"
	"connector/sandbox/page"
	"connector/sandbox/pipedrive"
)

// synced is what the run came to.
type synced struct {
	page.Progress
	refused     map[string]string // person id → why, from the dead letters
	dropped     []page.Reason     // attributes that Brevo does not have
	differences []string
	pipedrive   pipedrive.Stats
	brevo       brevo.Stats
}

// sync runs the connector as a process of its own, as a user would, and follows it by its metrics.
func (d *demo) sync(ctx context.Context, work string) (*synced, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// The delay leaves time to read the last figures.
	cmd, err := d.child(work, "--set", "shutdown_delay=600ms", "-c", filepath.Join(d.folder, "pipedrive.yaml"))
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, "HTTP_ADDRESS="+address, "FOLLOW=false")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if d.verbose {
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&log, d.out), io.MultiWriter(&log, d.out)
	}
	d.start = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the connector: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := d.follow(ctx, cmd, ended, "http://"+address+"/metrics"); err != nil {
		d.update(func(p *page.Progress) { p.State, p.Verdict = "failed", err.Error() })
		return nil, fmt.Errorf("%w; its last words:\n%s", err, lastLines(log.String(), 15))
	}
	result := &synced{
		Progress: d.current(), dropped: d.dropped, refused: map[string]string{}, pipedrive: d.sb.Pipedrive.Stats(), brevo: d.sb.Brevo.Stats(),
	}
	return result, result.readDeadLetters(filepath.Join(work, "state", "dead_letters.jsonl"))
}

// listen runs the webhooks until the demo ends.
func (d *demo) listen(ctx context.Context, work string) error {
	pipeline := filepath.Join(d.folder, "webhooks.yaml")
	if _, err := os.Stat(pipeline); err != nil {
		<-ctx.Done() // a folder of the user's own need not have them
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	cmd, err := d.child(work, "-c", pipeline)
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Env, "HTTP_ADDRESS=127.0.0.1:0", "WEBHOOK_ADDRESS="+address, "WEBHOOK_PUBLIC_URL=http://"+address+"/pipedrive",
		"WEBHOOK_USERNAME=demo", "WEBHOOK_PASSWORD=demo", webhooksState+"=pipedrive") // the main job has ended
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if d.verbose {
		cmd.Stdout, cmd.Stderr = d.out, d.out
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the webhooks: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return fmt.Errorf("the webhooks have ended (%w); their last words:\n%s", err, lastLines(log.String(), 15))
	case <-ctx.Done():
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		return nil
	}
}

// child is this program with the sandbox's settings.
func (d *demo) child(work string, args ...string) (*exec.Cmd, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(withoutOurs(os.Environ()),
		"PIPEDRIVE_BASE_URL="+d.sb.PipedriveURL(), "PIPEDRIVE_API_TOKEN="+sandbox.Token,
		"BREVO_BASE_URL="+d.sb.BrevoURL(), "BREVO_API_KEY="+sandbox.Token, "STATE_DIR="+filepath.Join(work, "state"))
	return cmd, nil
}

// follow shows the progress until the connector has ended.
func (d *demo) follow(ctx context.Context, cmd *exec.Cmd, ended <-chan error, metrics string) error {
	terminal := false
	if f, ok := d.out.(*os.File); ok && !d.verbose {
		terminal = isatty.IsTerminal(f.Fd())
	}
	every := 2 * time.Second
	if terminal {
		every = 200 * time.Millisecond
	}
	shown := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if terminal {
				fmt.Fprint(d.out, "\r\033[K")
			}
			if err != nil {
				return fmt.Errorf("the connector ended with an error (%w)", err)
			}
			return nil
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
			case <-time.After(25 * time.Second):
				_ = cmd.Process.Kill()
				<-ended
			}
			return errors.New("interrupted")
		case <-tick.C:
			d.scrape(metrics)
			if time.Since(shown) < every || d.verbose {
				continue
			}
			shown = time.Now()
			line := d.progressLine()
			if terminal {
				line = "\r\033[K" + line
			} else {
				line += "\n"
			}
			fmt.Fprint(d.out, line)
		}
	}
}

func (d *demo) progressLine() string {
	p := d.current()
	return fmt.Sprintf("%6.1fs  %d read  %d delivered  %d skipped  %d refused  %.0f/s", p.Elapsed.Seconds(),
		p.Read, p.Delivered, total(p.Skipped), total(p.Refused), p.PerSecond)
}

func total(reasons []page.Reason) (n int) {
	for _, r := range reasons {
		n += r.Count
	}
	return n
}

// scrape takes the figures from the connector's metrics. Where it does not answer, the last ones stay.
func (d *demo) scrape(url string) {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return
	}
	counts := func(name, label string) (reasons []page.Reason) {
		for _, metric := range families[name].GetMetric() {
			text := ""
			for _, l := range metric.GetLabel() {
				if l.GetName() == label {
					text = l.GetValue()
				}
			}
			reasons = append(reasons, page.Reason{Text: text, Count: int(metric.GetCounter().GetValue())})
		}
		slices.SortFunc(reasons, func(a, b page.Reason) int { return b.Count - a.Count })
		return reasons
	}
	d.update(func(p *page.Progress) {
		p.State, p.Elapsed = "running", time.Since(d.start)
		p.Read, p.Delivered = total(counts("pipedrive_records_read", "object")), total(counts("brevo_contacts_delivered", "action"))
		p.Skipped, p.Refused = counts("brevo_contacts_skipped", "reason"), counts("brevo_contacts_refused", "reason")
		p.Unchanged = total(counts("brevo_contacts_unchanged", ""))
		d.dropped = counts("brevo_attributes_dropped", "attribute")
		p.WithoutPhone = total(counts("brevo_contacts_without_phone", ""))
		p.PerSecond = float64(p.Delivered) / p.Elapsed.Seconds()
	})
}

func (s *synced) readDeadLetters(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the dead letters: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var letter struct {
			Reason   string `json:"reason"`
			Metadata struct {
				ID string `json:"pipedrive_id"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(lines.Bytes(), &letter); err != nil {
			return fmt.Errorf("reading the dead letters: %w", err)
		}
		s.refused[letter.Metadata.ID] = letter.Reason
	}
	return lines.Err()
}

// withoutOurs keeps a user's real credentials and settings out of the demo.
func withoutOurs(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		for _, prefix := range []string{"PIPEDRIVE_", "BREVO_", "STATE_DIR=", "WEBHOOK_", "HTTP_ADDRESS=", "FOLLOW=", "POLL_INTERVAL=", pipelinesDir + "="} {
			if strings.HasPrefix(entry, prefix) {
				return true
			}
		}
		return false
	})
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close() //nolint:errcheck // it is given away at once
	return l.Addr().String(), nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
