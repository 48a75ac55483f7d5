package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"connector/pipelines"
	"connector/sandbox"
	"connector/sandbox/page"
	"connector/sandbox/seed"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "Watch the main job at work between Pipedrive and Brevo on this machine",
		Description: "Starts the sandbox with both vendors' limits on, runs pipelines/pipedrive.yaml against it, compares both\n" +
			"sides, and keeps a page open until Ctrl-C. No account is needed, and nothing is kept.",
		Flags: append(companyFlags(2000),
			&cli.BoolFlag{Name: "once", Usage: "exit after the table: with 0 if both sides agree"},
			&cli.BoolFlag{Name: "faults", Usage: "let both vendors fail now and then"},
			&cli.StringFlag{Name: "pipelines", Usage: "a folder with your own pipedrive.yaml and mappings; default: those built in"},
			&cli.StringFlag{Name: "page-address", Value: "127.0.0.1:0", Usage: "where the page is; port 0 for a free one"},
			&cli.BoolFlag{Name: "verbose", Usage: "show the connector's log instead of its progress"},
		),
		Action: func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			d := &demo{
				out: c.App.Writer, company: companyOf(c), faults: c.Bool("faults"), folder: c.String("pipelines"), verbose: c.Bool("verbose"),
			}
			return d.run(ctx, c.String("page-address"), c.Bool("once"))
		},
	}
}

// demo is one run of the main job against the sandbox.
type demo struct {
	out     io.Writer
	company seed.Company
	faults  bool
	folder  string // of the pipelines; empty for those built in
	verbose bool

	sb    *sandbox.Sandbox
	start time.Time

	mu       sync.Mutex
	progress page.Progress
	dropped  []page.Reason
}

var errDiffer = errors.New("the two sides differ")

func (d *demo) run(ctx context.Context, pageAddress string, once bool) error {
	if d.company.Persons < 1 {
		return errors.New("--persons must be at least 1")
	}
	work, err := os.MkdirTemp("", "connector-demo-*")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // it is a temporary folder
	if d.folder == "" {
		d.folder = filepath.Join(work, "pipelines")
		if err := unpack(d.folder); err != nil {
			return err
		}
	}
	if d.sb, err = sandbox.Start(sandboxConfig(d.company, true, d.faults)); err != nil {
		return err
	}
	defer d.sb.Close() //nolint:errcheck // the process ends

	d.update(func(p *page.Progress) { p.State = "starting" })
	address, closePage, err := d.servePage(pageAddress)
	if err != nil {
		return err
	}
	defer closePage()
	fmt.Fprintf(d.out, "Pipedrive and Brevo are on this machine, with %d persons and both vendors' limits.\nThe page:  %s\n\n", d.company.Persons, address)

	result, err := d.sync(ctx, work)
	if err != nil {
		return err
	}
	result.differences = d.compare(result)
	d.print(result)
	if len(result.differences) == 0 {
		if result, err = d.followADay(ctx, work, result); err != nil {
			return err
		}
	}
	d.update(func(p *page.Progress) {
		p.State, p.Verdict = "done", "Both sides agree."
		if len(result.differences) > 0 {
			p.State, p.Verdict = "failed", fmt.Sprintf("The two sides differ in %d places.", len(result.differences))
		}
	})
	if !once {
		fmt.Fprintf(d.out, "\nThe page stays open: %s\nDrag a deal to another stage there, and watch its person change lists: %sdeals\nAll eight kinds of data on both sides: %sdata\nCtrl-C ends the demo.\n", address, address, address)
		if err := d.listen(ctx, work); err != nil {
			return err
		}
	}
	if len(result.differences) > 0 {
		return errDiffer
	}
	return nil
}

// unpack writes the built-in pipelines into a folder, where the connector reads them as it would read
// those of a user.
func unpack(folder string) error {
	return fs.WalkDir(pipelines.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(folder, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := pipelines.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}

func (d *demo) servePage(address string) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("the demo's page cannot listen: %w", err)
	}
	server := &http.Server{Handler: page.Handler(d.sb, d.current), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // it ends with stop
	return "http://" + l.Addr().String() + "/", func() { _ = server.Close() }, nil
}

func (d *demo) current() page.Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.progress
}

func (d *demo) update(change func(*page.Progress)) page.Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.progress)
	return d.progress
}
