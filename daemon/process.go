package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Main runs a program under a context that SIGINT and SIGTERM cancel, prints
// its error, and returns the exit code: 0, 1 for an error, 2 for a mistake in
// flags or environment.
func Main(run func(ctx context.Context) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := run(ctx)
	var usage *UsageError
	switch {
	case err == nil, errors.Is(err, ErrHelp), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "error:", err)
		return 2
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
}

// LogOptions are the format and the level of a process's log.
type LogOptions struct {
	Format string // text or json
	Level  slog.Level
}

// Flags defines the flags for the options.
func (o *LogOptions) Flags(f *Flags) {
	o.Format = "text"
	f.Func("log-format", "log `format`: text (default) or json", func(v string) error {
		if v != "text" && v != "json" {
			return fmt.Errorf("want text or json")
		}
		o.Format = v
		return nil
	})
	f.TextVar(&o.Level, "log-level", slog.LevelInfo, "lowest `level` that is logged: debug, info, warn or error")
}

// Logger returns a logger that writes to out.
func (o *LogOptions) Logger(out io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.Level}
	if o.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// Version returns the version that the linker set (-ldflags
// "-X headstart/daemon.version=v1.2.3"), else the commit that Go recorded in the
// build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel-" + s.Value[:12]
			}
		}
	}
	return "devel"
}

var version string
