// Command connector connects Pipedrive with Brevo: Benthos with plugins for both, a sandbox that plays
// both vendors, and a demo.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	_ "time/tzdata" // for images without any

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure/extended"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	_ "github.com/redpanda-data/connect/v4/public/components/redis"
	_ "github.com/redpanda-data/connect/v4/public/components/sql/base"
	_ "modernc.org/sqlite"

	_ "connector/plugins"
)

// Version and Date are set when a release is built.
var (
	Version = "0.1.0-dev"
	Date    = "unknown"
)

// gcPercent and memoryLimit trade some CPU time for memory: most of it is records that are under way. The
// limit, in bytes, is a soft one: a company whose deals alone take more costs more time, and goes on.
const (
	gcPercent   = 60
	memoryLimit = 132 << 20
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	keepPrivate()
	os.Exit(run(context.Background(), os.Args))
}

func run(ctx context.Context, args []string) int {
	if len(args) == 1 {
		args = append(args, "--help")
	}
	code, err := service.RunCLIToCode(ctx, options(ctx, args)...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

func options(ctx context.Context, args []string) []service.CLIOptFunc {
	return append(benthosOptions(ctx, args), service.CLIOptAddCommand(listCommand(ctx, args)))
}

func benthosOptions(ctx context.Context, args []string) []service.CLIOptFunc {
	return []service.CLIOptFunc{
		service.CLIOptSetArgs(args...),
		service.CLIOptSetVersion(Version, Date),
		service.CLIOptSetBinaryName("connector"),
		service.CLIOptSetProductName("Connector"),
		service.CLIOptSetDocumentationURL("README.md"),
		service.CLIOptSetDefaultConfigPaths(defaultConfigs...),
		service.CLIOptSetMainSchemaFrom(schema),
		service.CLIOptCustomRunFlags(nil, prepare(ctx, args)),
		service.CLIOptAddCommand(sandboxCommand()),
		service.CLIOptAddCommand(demoCommand()),
		service.CLIOptAddCommand(healthCommand()),
		service.CLIOptAddCommand(webhooksCommand()),
		service.CLIOptAddCommand(setupCommand()),
		service.CLIOptAddCommand(fieldsCommand()),
		service.CLIOptAddCommand(docsCommand()),
	}
}

// schema is Benthos' with other defaults: its HTTP service is for this machine only, and log lines say
// who wrote them.
func schema() *service.ConfigSchema {
	s := service.NewEnvironment().FullConfigSchema(Version, Date)
	s.SetFieldDefault("127.0.0.1:4195", "http", "address")
	s.SetFieldDefault(map[string]any{"@service": "connector"}, "logger", "static_fields")
	return s
}
