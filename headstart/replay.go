package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/event"
	"headstart/headstart/connlog"
	"headstart/headstart/kernel"
	"headstart/headstart/replay"
	rules "headstart/rules.expr"
	"headstart/services/correlator/baseline"
	"headstart/services/correlator/correlation"
	"headstart/services/correlator/incident"
	"headstart/services/correlator/inventory"
	"headstart/services/correlator/rule"
)

// replayOptions are those of headstart replay.
type replayOptions struct {
	connLogs  []string
	snapshots string
	inventory string
	rules     string
	interval  time.Duration
	learn     time.Duration
	until     string
	threshold float64
	budget    float64
	seed      uint64
	output    string
	given     func(flag string) bool // on the command line
}

func replayCommand() *cobra.Command {
	o := new(replayOptions)
	c := &cobra.Command{
		Use:   "replay --conn-log FILE | --snapshots DIR",
		Short: "Run recorded traffic through the tracker and the correlator, as fast as the machine can",
		Long: `Run recorded traffic through the same tracker and correlator as the live system,
in event time and as fast as the machine can, and print the alerts and incidents
that there would have been.

The traffic is Zeek's conn.log (JSON lines or TSV, plain or gzipped, a file or a
directory of rotated ones): of it is built what the kernel's table of every
monitored host would have shown at each poll. Or it is what 'headstart record'
recorded: the snapshots themselves, in the order and with the clocks that they had.

The inventory says which addresses are which hosts, what they are for, and which
have no poller (monitored: false):

  networks:
    internal: [10.0.0.0/8]
  hosts:
    web-01: {addresses: [10.1.1.10], roles: [web]}
    dc-01:  {addresses: [10.1.7.10], roles: [domain-controller], monitored: false}

Without one, every private address of a conn.log that sends is taken for a
monitored host; hosts in snapshots say themselves who they are.

Output is one JSON object a line: alerts as they are raised, each incident in its
last state, and a summary; or a report to read (--output text).`,
		Example: `  headstart replay --conn-log conn.log --inventory inventory.yaml --learn 96h --output json
  headstart replay --conn-log /var/log/zeek/2025-06-05 --interval 10s --output text
  headstart replay --snapshots /evidence/case-17 --rules ./rules.expr --output text`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			o.given = c.Flags().Changed
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.connLogs, "conn-log", nil, "`files` or directories of Zeek's conn.log")
	f.StringVar(&o.snapshots, "snapshots", "", "`directory` that headstart record made, instead of a conn.log")
	f.StringVar(&o.inventory, "inventory", "", "`file` with hosts, addresses, roles and internal networks")
	f.StringVar(&o.rules, "rules", "", "`directory` of rules (default: the pack that comes with headstart)")
	f.DurationVar(&o.interval, "interval", kernel.DefaultInterval, "`time` between two polls of a host, give or take a fifth")
	f.DurationVar(&o.learn, "learn", 7*24*time.Hour, "`time` for which a host is watched before its unusual is told from its usual; less than 24h is for ever")
	f.StringVar(&o.until, "until", "", "`time` to stop at, such as 2025-06-05T18:00:00Z (default: the end of the log)")
	f.Float64Var(&o.threshold, "threshold", incident.DefaultThreshold, "`score` from which an incident would be sent to people")
	f.Float64Var(&o.budget, "alert-budget", 0, "about how many incidents a `day` may be sent; 0 for no limit")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that the moments of the polls follow from")
	f.StringVar(&o.output, "output", "json", "how to print what was found: text or `json` (JSON lines)")
	complete(c, "output", "text", "json")
	c.MarkFlagDirname("rules")
	c.MarkFlagDirname("snapshots")
	c.MarkFlagFilename("inventory", "yaml", "yml")
	return c
}

// replayPlan is what the options and the files that they name say.
type replayPlan struct {
	set       *rule.Set
	inventory *inventory.Inventory
	until     time.Time
}

// check returns a usage error that holds every mistake.
func (o *replayOptions) check() (p replayPlan, err error) {
	var problems []error
	problems = append(problems, o.checkSource())
	if o.output != "text" && o.output != "json" {
		problems = append(problems, daemon.Usage("--output %q: want text or json", o.output))
	}
	if o.interval < time.Second || o.interval > time.Hour {
		problems = append(problems, daemon.Usage("--interval %s: want 1s to 1h", o.interval))
	}
	if o.learn < 0 {
		problems = append(problems, daemon.Usage("--learn %s: want a time such as 168h, or 0", o.learn))
	}
	if !(o.threshold > 0 && o.threshold <= 1000) {
		problems = append(problems, daemon.Usage("--threshold %g: want more than 0, at most 1000", o.threshold))
	}
	if !(o.budget >= 0 && o.budget < math.Inf(1)) {
		problems = append(problems, daemon.Usage("--alert-budget %g: want 0 or more", o.budget))
	}
	if o.until != "" {
		if p.until, err = time.Parse(time.RFC3339, o.until); err != nil {
			problems = append(problems, daemon.Usage("--until %q: want a time such as 2025-06-05T18:00:00Z", o.until))
		}
	}
	var internal = p.inventory
	if o.inventory != "" {
		data, err := os.ReadFile(o.inventory)
		if err == nil {
			internal, err = inventory.Parse(o.inventory, data)
		}
		if err != nil {
			problems = append(problems, daemon.Usage("--inventory: %w", err))
		}
		p.inventory = internal
	}
	var files fs.FS = rules.Files
	name := "the default pack"
	if o.rules != "" {
		files, name = os.DirFS(o.rules), o.rules
	}
	if p.inventory != nil {
		p.set, err = rule.LoadLayers([]rule.Layer{{Name: name, Files: files}}, p.inventory.Internal)
	} else {
		p.set, err = rule.Load(files, name)
	}
	if err != nil {
		problems = append(problems, daemon.Usage("--rules: want a directory of rules that have no mistakes:\n%w", err))
	}
	return p, errors.Join(problems...)
}

// checkSource returns a usage error unless there is one source, and what is said
// of it fits.
func (o *replayOptions) checkSource() error {
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

func (o *replayOptions) run(ctx context.Context, out, errs io.Writer) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	began := time.Now()
	bar := newProgress(errs)
	defer bar.done()
	open := o.openLog
	if o.snapshots != "" {
		open = o.openRecording
	}
	source, err := open(ctx, p, bar, errs)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	var sink interface {
		replay.Sink
		End(replay.Totals, float64) error
	} = replay.NewLines(buffered)
	if o.output == "text" {
		sink = newReplayReport(buffered, pageOf(out))
	}
	totals, err := replay.Run(ctx, replay.Options{Rules: p.set, Correlation: correlation.Options{
		Inventory: p.inventory, Baseline: baseline.Options{Learning: o.learn},
		Incident: incident.Options{Threshold: o.threshold, PerDay: o.budget},
	}}, source, sink)
	bar.done()
	if err != nil {
		return err
	}
	if totals.Failures > 0 {
		fmt.Fprintf(errs, "%d evaluations of rules failed, the first: %v\n", totals.Failures, totals.FirstError)
	}
	if err := sink.End(totals, time.Since(began).Seconds()); err != nil {
		return err
	}
	return buffered.Flush()
}

// openLog reads the log and returns the snapshots that it makes.
func (o *replayOptions) openLog(ctx context.Context, p replayPlan, bar *progress, errs io.Writer) (replay.Source, error) {
	files, err := connlog.Find(o.connLogs)
	if err != nil {
		return nil, daemon.Usage("--conn-log: %w", err)
	}
	log, err := connlog.Read(ctx, files, connlog.Options{Progress: func(done, total int64) { bar.show("reading", done, total) }})
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
	fleet, err := kernel.Build(log.Records, kernel.Options{Inventory: p.inventory, Interval: o.interval, Seed: o.seed, Until: p.until})
	if err != nil {
		return nil, err
	}
	from, until := fleet.From.Unix(), fleet.Until.Unix()
	return func(yield func(*event.Snapshot, time.Duration) error) error {
		n := 0
		for s := range kernel.Merge(fleet.Feeds()) {
			if n++; n&1023 == 0 {
				bar.show("replaying", s.TakenAt.Unix()-from, until-from)
			}
			if err := yield(s, 0); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// replayMadeUp replays what simulate wrote into a directory.
func replayMadeUp(ctx context.Context, dir string, p replayPace, out io.Writer) error {
	o := replayOptions{
		connLogs: []string{filepath.Join(dir, "conn.log")}, inventory: filepath.Join(dir, "inventory.yaml"),
		rules: p.rules, interval: p.interval, learn: p.learn, threshold: incident.DefaultThreshold, seed: 1, output: "json",
	}
	return o.run(ctx, out, io.Discard)
}
