package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/replay"
)

// replayOptions are those of headstart replay.
type replayOptions struct {
	traffic
	rules     []string
	threshold float64
	budget    float64
	output    string
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
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	o.traffic.flags(c)
	f.StringSliceVar(&o.rules, "rules", nil, rulesUsage)
	f.Float64Var(&o.threshold, "threshold", incident.DefaultThreshold, "`score` from which an incident would be sent to people")
	f.Float64Var(&o.budget, "alert-budget", 0, "about how many incidents a `day` may be sent; 0 for no limit")
	f.StringVar(&o.output, "output", "json", "how to print what was found: text or `json` (JSON lines)")
	complete(c, "output", "text", "json")
	c.MarkFlagDirname("rules")
	return c
}

// check returns a usage error that holds every mistake.
func (o *replayOptions) check() (p plannedTraffic, set *rule.Set, err error) {
	var problems []error
	p, err = o.traffic.check()
	problems = append(problems, err)
	if o.output != "text" && o.output != "json" {
		problems = append(problems, daemon.Usage("--output %q: want text or json", o.output))
	}
	problems = append(problems, checkTelling(o.threshold, o.budget))
	if set, err = loadRules(o.rules, p.internal()); err != nil {
		problems = append(problems, daemon.Usage("--rules: want directories of rules that have no mistakes:\n%w", err))
	}
	return p, set, errors.Join(problems...)
}

// checkTelling checks from when on people are told.
func checkTelling(threshold, budget float64) error {
	var problems []error
	if !(threshold > 0 && threshold <= 1000) {
		problems = append(problems, daemon.Usage("--threshold %g: want more than 0, at most 1000", threshold))
	}
	if !(budget >= 0 && budget < math.Inf(1)) {
		problems = append(problems, daemon.Usage("--alert-budget %g: want 0 or more", budget))
	}
	return errors.Join(problems...)
}

func (o *replayOptions) run(ctx context.Context, out, errs io.Writer) error {
	p, set, err := o.check()
	if err != nil {
		return err
	}
	began := time.Now()
	bar := newProgress(errs)
	defer bar.done()
	source, err := o.open(ctx, p, bar, errs)
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
	totals, err := replay.Run(ctx, replay.Options{Rules: set, Correlation: detect.Options{
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

// replayMadeUp replays what simulate wrote into a directory.
func replayMadeUp(ctx context.Context, dir string, p replayPace, out io.Writer) error {
	o := replayOptions{
		traffic: traffic{
			connLogs: []string{filepath.Join(dir, "conn.log")}, inventory: filepath.Join(dir, "inventory.yaml"),
			interval: p.interval, learn: p.learn, seed: 1,
		},
		rules: p.rules, threshold: incident.DefaultThreshold, output: "json",
	}
	return o.run(ctx, out, io.Discard)
}
