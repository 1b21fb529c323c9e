package cli

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
	"headstart/daemon"
	"headstart/lab/demo"
	"headstart/lab/scenario"
	rules "headstart/rules.expr"
)

// demoOptions are those of headstart demo.
type demoOptions struct {
	seed   uint64
	fast   bool
	output string
	keep   string
}

func demoCommand() *cobra.Command {
	o := new(demoOptions)
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a small company on an ordinary day, and an attacker in it, in about a minute",
		Long: `See it work: a small company on an ordinary day and the published incident of
14:30 to 17:30 in it, to the second, in about a minute.

It runs what 'headstart run' runs, tracker, correlator, notifier and an embedded
NATS server, with the default rules. Only the poller is replaced: the snapshots
are those that pollers on the company's nine servers would have taken from Monday
to Thursday, every 30 s in the afternoons and more seldom else, and every 10 s
where an incident asks for it. The hosts are made up, the alarms are not:
nothing in the pipeline knows the story.

It needs no root and no network, and leaves no files behind, but for --keep.`,
		Example: `  headstart demo
  headstart demo --fast --output json | jq 'select(.type == "summary")'
  headstart demo --keep /tmp/demo`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.output != "text" && o.output != "json" {
				return daemon.Usage("--output %q: want text or json", o.output)
			}
			told := scenario.New(o.seed)
			return o.run(c.Context(), told, o.screen(c.OutOrStdout(), c.ErrOrStderr(), told), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "`number` that the company's ordinary days follow from; the incident is the same")
	f.BoolVar(&o.fast, "fast", false, "make no pauses to read; so it is where the output is no terminal")
	f.StringVar(&o.output, "output", "text", "how to tell it: `text` or json (JSON lines)")
	f.StringVar(&o.keep, "keep", "", "new `directory` for the data, which stays: at the end everything runs on until Ctrl-C, for 'headstart incidents show' and the like")
	complete(c, "output", "text", "json")
	c.MarkFlagDirname("keep")
	return c
}

// The pace at which people can follow: about a minute in all.
var reading = demo.Pace{Line: 450 * time.Millisecond, Hour: 2500 * time.Millisecond}

// demoStorage has room for the story.
const demoStorage = 512 << 20

// run tells a story. At a terminal it makes pauses.
func (o *demoOptions) run(ctx context.Context, told *scenario.Scenario, screen demoScreen, errs io.Writer) (err error) {
	began := time.Now()
	dir, err := o.directory()
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	system, err := o.system(dir)
	if err != nil {
		return err
	}
	log := system.logging.Logger(errs)
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	pipe, err := system.open(stopping, log)
	if err != nil {
		return err
	}
	defer pipe.close(ctx)
	pipe.expect("tracker", "correlator", "notifier")
	pipe.startServices(system)

	pace := demo.Pace{}
	if screen.read() && !o.fast {
		pace = reading
	}
	screen.begin()
	pipe.start("demo", func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		defer stop()
		if err := pipe.ready(ctx); err != nil {
			return err
		}
		outcome, err := demo.Run(ctx, demo.Options{Bus: b, Scenario: told, Audience: screen, Pace: pace})
		if err != nil {
			return err
		}
		screen.end(outcome, time.Since(began))
		if o.keep != "" {
			screen.kept(pipe.nats.ClientURL(), outcome)
			<-ctx.Done()
		}
		if outcome.Incident == nil {
			return errors.New("no incident of the attacker was notified")
		}
		return nil
	})
	err = pipe.parts.Wait()
	if ctx.Err() != nil {
		return nil // Ctrl-C
	}
	return err
}

// directory returns a directory in which nothing is yet.
func (o *demoOptions) directory() (string, error) {
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

// system is what runs: all that headstart run does, but for the poller.
func (o *demoOptions) system(dir string) (*runOptions, error) {
	s := new(runOptions)
	s.data, s.natsListen = dir, "127.0.0.1:0"
	if o.keep != "" {
		s.natsListen = defaultNATS
	}
	s.logging.Level = slog.LevelWarn
	s.storage = bus.Storage{Bytes: demoStorage, Replicas: 1}
	s.tracker.MaxTables = 1000
	s.correlator.Default, s.correlator.MaxHosts = rules.Files, 1000
	s.correlator.Learn = 72 * time.Hour
	s.correlator.Inventory = filepath.Join(dir, "inventory.yaml")
	if err := os.WriteFile(s.correlator.Inventory, scenario.Inventory(), 0o600); err != nil {
		return nil, fmt.Errorf("write the company's inventory: %w", err)
	}
	return s, nil
}

// demoScreen is where the story is told.
type demoScreen interface {
	demo.Audience
	read() bool // somebody reads along
	begin()
	end(*demo.Outcome, time.Duration)
	kept(natsURL string, o *demo.Outcome)
}

func (o *demoOptions) screen(out, errs io.Writer, told *scenario.Scenario) demoScreen {
	console := newConsole(out, "", o.output == "json")
	console.local, console.day, console.show = time.UTC, "", "incident"
	if o.output == "json" {
		return &demoLines{console}
	}
	return &demoText{console: console, bar: newProgress(errs), story: told}
}
