package cli

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

	"headstart/daemon"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
)

// traffic says which recorded traffic is looked at, and how.
type traffic struct {
	connLogs  []string
	snapshots string
	inventory string
	interval  time.Duration
	learn     time.Duration
	until     string
	seed      uint64
	given     func(flag string) bool // on the command line
}

func (o *traffic) flags(c *cobra.Command) {
	o.given = c.Flags().Changed
	o.sourceFlags(c)
	f := c.Flags()
	f.DurationVar(&o.interval, "interval", reconstruct.DefaultInterval, "`time` between two polls of a host, give or take a fifth")
}

// sourceFlags are the flags without the interval.
func (o *traffic) sourceFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&o.connLogs, "conn-log", nil, "`files` or directories of Zeek's conn.log")
	f.StringVar(&o.snapshots, "snapshots", "", "`directory` that headstart record made, instead of a conn.log")
	f.StringVar(&o.inventory, "inventory", "", "`file` with hosts, addresses, roles and internal networks")
	f.DurationVar(&o.learn, "learn", 7*24*time.Hour, "`time` for which a host is watched before its unusual is told from its usual; less than 24h is for ever")
	f.StringVar(&o.until, "until", "", "`time` to stop at, such as 2025-06-05T18:00:00Z (default: the end of the log)")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that the moments of the polls follow from")
	c.MarkFlagDirname("snapshots")
	c.MarkFlagFilename("inventory", "yaml", "yml")
}

// plannedTraffic is what the options and the files that they name say.
type plannedTraffic struct {
	inventory *inventory.Inventory
	until     time.Time
}

// internal are the inventory's internal networks, if there is one.
func (p plannedTraffic) internal() []netip.Prefix {
	if p.inventory == nil {
		return nil
	}
	return p.inventory.Internal
}

// check returns a usage error that holds every mistake.
func (o *traffic) check() (p plannedTraffic, err error) {
	p, err = o.checkFiles()
	return p, errors.Join(o.checkSource(), err)
}

// checkFiles is check, but for the source.
func (o *traffic) checkFiles() (p plannedTraffic, err error) {
	var problems []error
	if o.interval < time.Second || o.interval > time.Hour {
		problems = append(problems, daemon.Usage("--interval %s: want 1s to 1h", o.interval))
	}
	if o.learn < 0 {
		problems = append(problems, daemon.Usage("--learn %s: want a time such as 168h, or 0", o.learn))
	}
	if o.until != "" {
		if p.until, err = time.Parse(time.RFC3339, o.until); err != nil {
			problems = append(problems, daemon.Usage("--until %q: want a time such as 2025-06-05T18:00:00Z", o.until))
		}
	}
	if o.inventory != "" {
		data, err := os.ReadFile(o.inventory)
		if err == nil {
			p.inventory, err = inventory.Parse(o.inventory, data)
		}
		if err != nil {
			problems = append(problems, daemon.Usage("--inventory: %w", err))
		}
	}
	return p, errors.Join(problems...)
}

// checkSource returns a usage error unless there is one source, and what is said
// of it fits.
func (o *traffic) checkSource() error {
	switch {
	case len(o.connLogs) == 0 && o.snapshots == "":
		return daemon.Usage("--conn-log: name a file or a directory with Zeek's conn.log; or --snapshots, a directory that headstart record made")
	case o.snapshots == "":
		return nil
	case len(o.connLogs) > 0:
		return daemon.Usage("--conn-log and --snapshots exclude each other")
	}
	for _, flag := range []string{"interval", "seed"} {
		if o.given(flag) {
			return daemon.Usage("--%s: snapshots were taken when they were taken; it goes with --conn-log only", flag)
		}
	}
	return nil
}

// open returns the snapshots of the traffic.
func (o *traffic) open(ctx context.Context, p plannedTraffic, bar *progress, errs io.Writer) (replay.Source, error) {
	if o.snapshots != "" {
		return o.openRecording(ctx, p, bar, errs)
	}
	records, err := o.readLog(ctx, bar, errs)
	if err != nil {
		return nil, err
	}
	fleet, err := o.fleet(records, o.interval, p)
	if err != nil {
		return nil, err
	}
	return polled(fleet, bar, "replaying"), nil
}

// readLog reads the log, and says which of its lines could not be read.
func (o *traffic) readLog(ctx context.Context, bar *progress, errs io.Writer) ([]zeek.Record, error) {
	files, err := zeek.Find(o.connLogs)
	if err != nil {
		return nil, daemon.Usage("--conn-log: %w", err)
	}
	log, err := zeek.Read(ctx, files, zeek.Options{Progress: func(done, total int64) { bar.show("reading", done, total) }})
	if err != nil {
		return nil, err
	}
	if log.Bad > 0 {
		var first []string
		for _, m := range log.Mistakes {
			first = append(first, m.Error())
		}
		fmt.Fprintf(errs, "%d lines could not be read:\n%s\n", log.Bad, strings.Join(first, "\n"))
	}
	return log.Records, nil
}

// fleet is the hosts of the connections, polled at an interval.
func (o *traffic) fleet(records []zeek.Record, interval time.Duration, p plannedTraffic) (*reconstruct.Fleet, error) {
	return reconstruct.Build(records, reconstruct.Options{Inventory: p.inventory, Interval: interval, Seed: o.seed, Until: p.until})
}

// polled returns a fleet's snapshots, and shows how far it is under a name.
func polled(fleet *reconstruct.Fleet, bar *progress, stage string) replay.Source {
	from, until := fleet.From.Unix(), fleet.Until.Unix()
	return func(yield func(*event.Snapshot, time.Duration) error) error {
		n := 0
		for s := range reconstruct.Merge(fleet.Feeds()) {
			if n++; n&1023 == 0 {
				bar.show(stage, s.TakenAt.Unix()-from, until-from)
			}
			if err := yield(s, 0); err != nil {
				return err
			}
		}
		return nil
	}
}
