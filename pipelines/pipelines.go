// Package pipelines holds what users edit, for the demo: it runs the very files of this folder, wherever
// it is started.
package pipelines

import "embed"

// Files are the pipelines and their mappings.
//
//go:embed *.yaml mappings
var Files embed.FS
