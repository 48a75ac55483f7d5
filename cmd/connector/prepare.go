package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"connector/plugins/pipedrive"
)

const (
	// pipelinesDir is the variable through which a pipeline file finds its mappings beside itself.
	// Benthos resolves imports against the working folder.
	pipelinesDir = "PIPELINES_DIR"

	stateDir        = "STATE_DIR"
	stateDirDefault = "./state"
)

// defaultConfigs are where a run finds its configuration if it is not told.
var defaultConfigs = []string{"connector.yaml", "/etc/connector/connector.yaml"}

// prepare runs before Benthos reads any configuration file: it sets PIPELINES_DIR to the folder of the
// files, unless the user has set it, and for a run makes the state folder that the files name and locks
// what is in it.
func prepare(ctx context.Context, args []string) func(*cli.Context) error {
	return func(c *cli.Context) error {
		files := configFiles(c)
		folders := foldersOf(files)
		if _, set := os.LookupEnv(pipelinesDir); !set && len(folders) > 0 {
			if c.Command.Name == "lint" || c.Command.Name == "test" {
				if len(folders) > 1 {
					return eachFolder(ctx, args[:len(args)-c.Args().Len()], files, folders)
				}
			}
			if err := os.Setenv(pipelinesDir, folders[0]); err != nil {
				return err
			}
		}
		if err := checkMappings(os.Getenv(pipelinesDir)); err != nil {
			return err
		}
		if c.Command.Name == "test" {
			pipedrive.Offline()
		}
		if c.Command.Name == "lint" || c.Command.Name == "test" || c.Command.Name == "echo" || c.Command.Name == "blobl" {
			return nil
		}
		if c.Command.Name == "streams" && slices.ContainsFunc(files, isWhole) {
			return runSplit(ctx, files)
		}
		files = append(files, alsoRead(c)...)
		if err := makeState(files); err != nil {
			return err
		}
		return lockAll(claimsOf(files))
	}
}

// alsoRead are the files that a run reads and that are not its pipelines: resources, a service's own
// file, and where none is named, the one that is found by default.
func alsoRead(c *cli.Context) (files []string) {
	main := c.Args().Present() && c.Command.Name != "streams"
	for _, ancestor := range c.Lineage() {
		for _, pattern := range ancestor.StringSlice("resources") {
			matches, err := filepath.Glob(pattern)
			if err == nil { // else Benthos says so
				files = append(files, matches...)
			}
		}
		if path := ancestor.String("observability"); path != "" {
			main, files = true, append(files, path)
		}
		main = main || ancestor.String("config") != ""
	}
	for _, path := range defaultConfigs {
		if _, err := os.Stat(path); !main && err == nil {
			return append(files, path)
		}
	}
	return files
}

// configFiles are the pipeline files that a command was given, folders and "..." resolved.
func configFiles(c *cli.Context) []string {
	paths := c.Args().Slice()
	for _, ancestor := range c.Lineage() {
		if path := ancestor.String("config"); path != "" {
			paths = append(paths, path)
		}
	}
	var files []string
	for _, path := range paths {
		root, _ := strings.CutSuffix(path, "...")
		info, err := os.Stat(filepath.Clean(root))
		if err != nil {
			continue // Benthos says so
		}
		if !info.IsDir() {
			files = append(files, root)
			continue
		}
		_ = filepath.WalkDir(filepath.Clean(root), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")) {
				files = append(files, name)
			}
			return nil
		})
	}
	return files
}

func foldersOf(files []string) []string {
	var folders []string
	for _, file := range files {
		folder, err := filepath.Abs(filepath.Dir(file))
		if err == nil && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// eachFolder runs lint or test once for each folder, and then ends the program.
func eachFolder(ctx context.Context, command, files, folders []string) error {
	worst := 0
	for _, folder := range folders {
		args := slices.Clone(command)
		for _, file := range files {
			if abs, err := filepath.Abs(filepath.Dir(file)); err == nil && abs == folder && !strings.Contains(file, "_benthos_test.") {
				args = append(args, file)
			}
		}
		if err := os.Setenv(pipelinesDir, folder); err != nil {
			return err
		}
		code, err := service.RunCLIToCode(ctx, options(ctx, args)...)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		worst = max(worst, code)
	}
	os.Exit(worst)
	return nil
}

// checkMappings reads the mappings beside the pipeline files. Benthos names the place in the pipeline
// that an error in a mapping comes to, and neither the mapping's file nor its line.
func checkMappings(folder string) error {
	if folder == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "mappings", "*.blobl"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading a mapping: %w", err)
		}
		env := bloblang.GlobalEnvironment().WithCustomImporter(func(name string) ([]byte, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(file), name)
			}
			return os.ReadFile(name)
		})
		_, err = env.Parse(string(content))
		var mistake *bloblang.ParseError
		if errors.As(err, &mistake) {
			return fmt.Errorf("%s: %s", file, mistake.ErrorMultiline())
		}
	}
	return nil
}

// makeState makes the state folder if a file names it. SQLite would only say that it cannot open the
// database.
func makeState(files []string) error {
	named := slices.ContainsFunc(files, func(file string) bool {
		content, err := os.ReadFile(file)
		return err == nil && bytes.Contains(content, []byte("${"+stateDir))
	})
	if !named {
		return nil
	}
	folder := os.Getenv(stateDir)
	if folder == "" {
		folder = stateDirDefault
	}
	if strings.ContainsAny(folder, "?#%") {
		return fmt.Errorf("the state folder %s cannot be used: SQLite reads ?, # and %% in a path otherwise: set %s to another folder", folder, stateDir)
	}
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(folder, ".writable-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("the state folder %s cannot be written: %w: set %s to a folder that this user may write", folder, err, stateDir)
	}
	return nil
}
