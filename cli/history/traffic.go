// Package history opens the past that commands evaluate rules on: recorded
// traffic, or what a running system has stored. It changes neither.
package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
)

// Traffic selects recorded traffic, and the options of its replay.
type Traffic struct {
	ConnLogs  []string
	Snapshots string
	Inventory string
	Interval  time.Duration
	Learn     time.Duration
	Seed      uint64
	until     string
	changed   func(flag string) bool // on the command line
}

// Flags defines the flags of traffic that is replayed.
func (o *Traffic) Flags(c *cobra.Command) {
	o.sourceFlags(c)
	c.Flags().DurationVar(&o.Interval, "interval", reconstruct.DefaultInterval, "`time` between two polls of a host, ±20 %, 1s to 1h; with --conn-log only")
}

// sourceFlags defines the flags without --interval.
func (o *Traffic) sourceFlags(c *cobra.Command) {
	o.changed = c.Flags().Changed
	f := c.Flags()
	f.StringSliceVar(&o.ConnLogs, "conn-log", nil, "`files` or directories of Zeek's conn.log")
	f.StringVar(&o.Snapshots, "snapshots", "", "`directory` written by 'headstart record', in the place of a conn.log")
	f.StringVar(&o.Inventory, "inventory", "", "`file` with hosts, addresses, roles and internal networks")
	f.DurationVar(&o.Learn, "learn", 7*24*time.Hour, "learning `period` of a new host, during which nothing counts as unusual; below 24h, learning never ends")
	f.StringVar(&o.until, "until", "", "`time` at which to stop, such as 2025-06-05T18:00:00Z (default: the end of the recording)")
	f.Uint64Var(&o.Seed, "seed", 1, "`number` that determines the times of the polls; with --conn-log only")
	c.MarkFlagDirname("snapshots")
	c.MarkFlagFilename("inventory", "yaml", "yml")
}

// TrafficPlan holds the content of the options and of the files that they name.
type TrafficPlan struct {
	Inventory *inventory.Inventory
	until     time.Time
}

// Internal returns the inventory's internal networks, if there is one.
func (p TrafficPlan) Internal() []netip.Prefix {
	if p.Inventory == nil {
		return nil
	}
	return p.Inventory.Internal
}

// Check returns a usage error that holds every mistake.
func (o *Traffic) Check() (p TrafficPlan, err error) {
	p, err = o.checkFiles()
	return p, errors.Join(o.checkSource(), err)
}

// checkFiles is Check without the source.
func (o *Traffic) checkFiles() (p TrafficPlan, err error) {
	var problems []error
	if o.Interval < time.Second || o.Interval > time.Hour {
		problems = append(problems, daemon.Usage("--interval %s: want 1s to 1h", o.Interval))
	}
	if o.Learn < 0 {
		problems = append(problems, daemon.Usage("--learn %s: want a duration such as 168h, or 0", o.Learn))
	}
	if o.until != "" {
		if p.until, err = time.Parse(time.RFC3339, o.until); err != nil {
			problems = append(problems, daemon.Usage("--until %q: want a time such as 2025-06-05T18:00:00Z", o.until))
		}
	}
	if o.Inventory != "" {
		data, err := os.ReadFile(o.Inventory)
		if err == nil {
			p.Inventory, err = inventory.Parse(o.Inventory, data)
		}
		if err != nil {
			problems = append(problems, daemon.Usage("--inventory: %w", err))
		}
	}
	return p, errors.Join(problems...)
}

// checkSource returns a usage error unless there is one source, with the flags
// that belong to it.
func (o *Traffic) checkSource() error {
	switch {
	case len(o.ConnLogs) == 0 && o.Snapshots == "":
		return daemon.Usage("--conn-log: want a file or a directory with Zeek's conn.log; or --snapshots, a directory written by 'headstart record'")
	case o.Snapshots == "":
		return nil
	case len(o.ConnLogs) > 0:
		return daemon.Usage("--conn-log and --snapshots exclude each other")
	}
	for _, flag := range []string{"interval", "seed"} {
		if o.changed(flag) {
			return daemon.Usage("--%s: a recording fixes the times of its snapshots; use it with --conn-log only", flag)
		}
	}
	return nil
}

// Detect returns the engine's options for the traffic.
func (o *Traffic) Detect(p TrafficPlan) detect.Options {
	return detect.Options{Inventory: p.Inventory, Baseline: baseline.Options{Learning: o.Learn}}
}

// Open returns the snapshots of the traffic. It reports progress on bar, and
// unreadable lines on errs.
func (o *Traffic) Open(ctx context.Context, p TrafficPlan, bar *cmdutil.Progress, errs io.Writer) (replay.Source, error) {
	if o.Snapshots != "" {
		return o.openRecording(ctx, p, bar, errs)
	}
	records, err := o.readLog(ctx, bar, errs)
	if err != nil {
		return nil, err
	}
	fleet, err := o.fleet(records, o.Interval, p)
	if err != nil {
		return nil, err
	}
	return polled(fleet, bar, "replaying"), nil
}

// readLog reads the log, and reports the lines that it can't read.
func (o *Traffic) readLog(ctx context.Context, bar *cmdutil.Progress, errs io.Writer) ([]zeek.Record, error) {
	files, err := zeek.Find(o.ConnLogs)
	if err != nil {
		return nil, daemon.Usage("--conn-log: %w", err)
	}
	log, err := zeek.Read(ctx, files, zeek.Options{Progress: func(done, total int64) { bar.Show("reading", done, total) }})
	if err != nil {
		return nil, err
	}
	if log.Bad > 0 {
		var first []string
		for _, m := range log.Errors {
			first = append(first, m.Error())
		}
		fmt.Fprintf(errs, "%s could not be read:\n%s\n", cmdutil.Count(log.Bad, "line"), strings.Join(first, "\n"))
	}
	return log.Records, nil
}

// fleet reconstructs the hosts of the connections, polled at an interval.
func (o *Traffic) fleet(records []zeek.Record, interval time.Duration, p TrafficPlan) (*reconstruct.Fleet, error) {
	return reconstruct.Build(records, reconstruct.Options{Inventory: p.Inventory, Interval: interval, Seed: o.Seed, Until: p.until})
}

// polled returns a fleet's snapshots, and reports progress as a stage.
func polled(fleet *reconstruct.Fleet, bar *cmdutil.Progress, stage string) replay.Source {
	from, until := fleet.From.Unix(), fleet.Until.Unix()
	return func(yield func(*event.Snapshot, time.Duration) error) error {
		n := 0
		for s := range reconstruct.Merge(fleet.Feeds()) {
			if n++; n&1023 == 0 {
				bar.Show(stage, s.TakenAt.Unix()-from, until-from)
			}
			if err := yield(s, 0); err != nil {
				return err
			}
		}
		return nil
	}
}
