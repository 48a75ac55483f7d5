package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"go.yaml.in/yaml/v3"
)

// Benthos' streams take files of input, buffer, pipeline and output only; their resources come in files of
// their own. Our pipelines are whole configurations, which can also run by themselves, so for streams they
// are taken apart.

// webhooksState is the variable by which webhooks.yaml shares the main job's ledger in one process.
const webhooksState = "WEBHOOKS_STATE"

var streamParts = []string{"input", "buffer", "pipeline", "output"}

// serviceParts are the parts of a configuration that a process has once.
var serviceParts = []string{"http", "logger", "metrics", "tracer"}

// splitStreams writes the parts of whole configurations into a folder, and returns the arguments of streams
// that run them. Files that are streams already stay as they are.
func splitStreams(files []string, folder string) (args []string, err error) {
	resources := map[string][]*yaml.Node{}
	labels := map[string]string{} // label → its definition
	shared := map[string]*yaml.Node{}
	var streams []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var document yaml.Node
		if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
			streams = append(streams, file) // Benthos says what is wrong
			continue
		}
		stream, whole := &yaml.Node{Kind: yaml.MappingNode}, document.Content[0]
		for i := 0; i+1 < len(whole.Content); i += 2 {
			key, value := whole.Content[i], whole.Content[i+1]
			switch {
			case slices.Contains(streamParts, key.Value):
				stream.Content = append(stream.Content, key, value)
			case slices.Contains(serviceParts, key.Value):
				if shared[key.Value] == nil {
					shared[key.Value] = value
				}
			default:
				for _, resource := range value.Content {
					label, text, err := described(resource)
					if err != nil {
						return nil, err
					}
					if labels[label] == text {
						continue // both say the same
					}
					if labels[label] != "" {
						return nil, fmt.Errorf("%s: another file has a resource %q that is not the same: streams share their resources, so give one of them another label", file, label)
					}
					labels[label] = text
					resources[key.Value] = append(resources[key.Value], resource)
				}
			}
		}
		target := filepath.Join(folder, filepath.Base(file))
		if err := writeYAML(target, stream); err != nil {
			return nil, err
		}
		streams = append(streams, target)
	}
	inCommon, root := filepath.Join(folder, "resources"), filepath.Join(folder, "service")
	if err := errors.Join(writeYAML(inCommon, resources), writeYAML(root, shared)); err != nil {
		return nil, err
	}
	return append([]string{"streams", "-r", inCommon, "-o", root}, streams...), nil
}

// isWhole tells a file that has more than a stream's parts.
func isWhole(file string) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var parts map[string]yaml.Node
	if yaml.Unmarshal(content, &parts) != nil {
		return false
	}
	for part := range parts {
		if !slices.Contains(streamParts, part) {
			return true
		}
	}
	return false
}

// runSplit runs whole configurations as streams, and then ends the program.
func runSplit(ctx context.Context, files []string) error {
	folder, err := os.MkdirTemp("", "connector-streams-*")
	if err != nil {
		return fmt.Errorf("making a folder for the streams: %w", err)
	}
	args, err := splitStreams(files, folder)
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	if _, set := os.LookupEnv(webhooksState); !set {
		if err := os.Setenv(webhooksState, "pipedrive"); err != nil {
			return err
		}
	}
	code, err := service.RunCLIToCode(ctx, options(ctx, append([]string{os.Args[0]}, args...))...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
	return nil
}

func described(resource *yaml.Node) (label, text string, err error) {
	var named struct {
		Label string `yaml:"label"`
	}
	if err := resource.Decode(&named); err != nil {
		return "", "", err
	}
	raw, err := yaml.Marshal(resource)
	return named.Label, string(raw), err
}

func writeYAML(file string, v any) error {
	content, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}
