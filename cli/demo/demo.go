// Package demo is the command headstart demo.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/cli/run/embedded"
	"headstart/daemon"
	"headstart/lab/demo"
	"headstart/lab/scenario"
	rules "headstart/rules.expr"
)

// options are those of headstart demo.
type options struct {
	seed   uint64
	fast   bool
	output cmdutil.Output
	keep   string
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := new(options)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show headstart detecting an attack in a small company, in about a minute",
		Long: `Show headstart detecting the published incident of 14:30 to 17:30 in a small
company, to the second, in about a minute.

It runs the services of 'headstart run': tracker, correlator, notifier and an
embedded NATS server, with the default ruleset. Only the poller is replaced: the
snapshots are those that pollers on the company's nine servers would have taken
from Monday to Thursday, every 30 s in the afternoons, less often otherwise, and
every 10 s where an incident requests it. The hosts are synthetic, the alerts are
real: nothing in the pipeline knows the scenario.

It needs no root and no network, and leaves no files except with --keep.`,
		Example: `  headstart demo
  headstart demo --fast --output json | jq 'select(.type == "summary")'
  headstart demo --keep /tmp/demo`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.output.Check(); err != nil {
				return err
			}
			story := scenario.New(o.seed)
			return o.run(c.Context(), story, o.screen(c.OutOrStdout(), c.ErrOrStderr(), story), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "`number` that determines the company's normal traffic; the incident is the same")
	f.BoolVar(&o.fast, "fast", false, "no pauses for reading; the default if the output is no terminal")
	o.output.Define(c, "text", "json (JSON lines)")
	f.StringVar(&o.keep, "keep", "", "new `directory` for the data, which is kept; at the end the system runs on until Ctrl-C, for 'headstart incidents show' and others")
	c.MarkFlagDirname("keep")
	return c
}

// readingPace is slow enough to read: about a minute in all.
var readingPace = demo.Pace{Line: 450 * time.Millisecond, Hour: 2500 * time.Millisecond}

// storage has room for the scenario.
const storage = 512 << 20

// run plays a scenario. At a terminal it pauses for reading.
func (o *options) run(ctx context.Context, story *scenario.Scenario, screen screen, errs io.Writer) (err error) {
	began := time.Now()
	dir, err := o.directory()
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	lock, err := embedded.LockDirectory(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	options, err := o.system(dir)
	if err != nil {
		return err
	}
	logging := daemon.LogOptions{Level: slog.LevelWarn}
	log := logging.Logger(errs)
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	system, err := options.Open(stopping, log)
	if err != nil {
		return err
	}
	defer system.Close(ctx)
	system.Expect("tracker", "correlator", "notifier")
	system.StartServices(options)

	pace := demo.Pace{}
	if screen.interactive() && !o.fast {
		pace = readingPace
	}
	screen.begin()
	system.Start("demo", func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		defer stop()
		if err := system.Ready(ctx); err != nil {
			return err
		}
		outcome, err := demo.Run(ctx, demo.Options{Bus: b, Scenario: story, Audience: screen, Pace: pace})
		if err != nil {
			return err
		}
		screen.end(outcome, time.Since(began))
		if o.keep != "" {
			screen.kept(system.URL(), outcome)
			<-ctx.Done()
		}
		if outcome.Incident == nil {
			return errors.New("the attack was not notified")
		}
		return nil
	})
	err = system.Wait()
	if ctx.Err() != nil {
		return nil // Ctrl-C
	}
	return err
}

// directory returns an empty directory.
func (o *options) directory() (string, error) {
	if o.keep == "" {
		return os.MkdirTemp("", "headstart-demo-")
	}
	if err := os.MkdirAll(o.keep, 0o700); err != nil {
		return "", fmt.Errorf("--keep: %w", err)
	}
	entries, err := os.ReadDir(o.keep)
	if err != nil {
		return "", fmt.Errorf("--keep: %w", err)
	}
	if len(entries) > 0 {
		return "", daemon.Usage("--keep %s: want a directory that is new or empty", o.keep)
	}
	return o.keep, nil
}

// system returns the options of the system: those of headstart run, without a
// poller.
func (o *options) system(dir string) (*embedded.Options, error) {
	s := &embedded.Options{Data: dir, Listen: "127.0.0.1:0", Storage: bus.Storage{Bytes: storage, Replicas: 1}}
	if o.keep != "" {
		s.Listen = embedded.DefaultListen
	}
	s.Tracker.MaxTables = 1000
	s.Correlator.Default, s.Correlator.MaxHosts = rules.Files, 1000
	s.Correlator.Learn = 72 * time.Hour
	s.Correlator.Inventory = filepath.Join(dir, "inventory.yaml")
	if err := os.WriteFile(s.Correlator.Inventory, scenario.Inventory(), 0o600); err != nil {
		return nil, fmt.Errorf("write the company's inventory: %w", err)
	}
	return s, nil
}

// screen prints the demonstration.
type screen interface {
	demo.Audience
	interactive() bool // a person reads along
	begin()
	end(*demo.Outcome, time.Duration)
	kept(natsURL string, o *demo.Outcome)
}

func (o *options) screen(out, errs io.Writer, story *scenario.Scenario) screen {
	c := console.New(out, "", o.output.JSON())
	c.Zone, c.Day, c.ShowCommand = time.UTC, "", "incident"
	if o.output.JSON() {
		return &lines{c}
	}
	return &text{Console: c, bar: cmdutil.NewProgress(errs), story: story}
}
