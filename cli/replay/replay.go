// Package replay is the command headstart replay.
package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/replay"
)

// Options are those of headstart replay.
type Options struct {
	history.Traffic
	Rules     []string
	Threshold float64
	Budget    float64
	Output    cmdutil.Output
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := new(Options)
	c := &cobra.Command{
		Use:   "replay --conn-log FILE | --snapshots DIRECTORY",
		Short: "Replay recorded traffic through the tracker and the correlator",
		Long: `Replay recorded traffic through the same tracker and correlator as in the live
system, in event time and at full speed, and print the alerts and incidents that it
would have raised.

The traffic is Zeek's conn.log (JSON lines or TSV, plain or gzipped, a file or a
directory of rotated files): from it, replay reconstructs the kernel's table of
every monitored host at each poll. Or it is a recording of 'headstart record': the
snapshots themselves, with their original order and clocks.

The inventory maps addresses to hosts and roles, and lists hosts without a poller
(monitored: false):

  networks:
    internal: [10.0.0.0/8]
  hosts:
    web-01: {addresses: [10.1.1.10], roles: [web]}
    dc-01:  {addresses: [10.1.7.10], roles: [domain-controller], monitored: false}

Without an inventory, every private address that originates connections in a
conn.log is a monitored host; snapshots name their hosts themselves.

The output is one JSON object a line: alerts as they are raised, each incident in
its last revision, and a summary; or a report (--output text).`,
		Example: `  headstart replay --conn-log conn.log --inventory inventory.yaml --learn 96h --output json
  headstart replay --conn-log /var/log/zeek/2025-06-05 --interval 10s --output text
  headstart replay --snapshots /evidence/case-17 --rules ./rules.expr --output text`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.Run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.Traffic.Flags(c)
	c.Flags().StringSliceVar(&o.Rules, "rules", nil, cmdutil.RulesUsage)
	cmdutil.NotificationFlags(c, &o.Threshold, &o.Budget)
	o.Output.Define(c, "json (JSON lines)", "text")
	c.MarkFlagDirname("rules")
	return c
}

// check returns a usage error that holds every mistake.
func (o *Options) check() (p history.TrafficPlan, set *rule.Set, err error) {
	var problems []error
	p, err = o.Traffic.Check()
	problems = append(problems, err, o.Output.Check(), cmdutil.CheckNotification(o.Threshold, o.Budget))
	if set, err = cmdutil.LoadRules(o.Rules, p.Internal()); err != nil {
		problems = append(problems, daemon.Usage("--rules: want directories with valid rules:\n%w", err))
	}
	return p, set, errors.Join(problems...)
}

// Run replays the traffic and prints the results.
func (o *Options) Run(ctx context.Context, out, errs io.Writer) error {
	p, set, err := o.check()
	if err != nil {
		return err
	}
	began := time.Now()
	bar := cmdutil.NewProgress(errs)
	defer bar.Done()
	source, err := o.Open(ctx, p, bar, errs)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	var sink interface {
		replay.Sink
		End(replay.Totals, float64) error
	} = replay.NewLines(buffered)
	if !o.Output.JSON() {
		sink = newTextReport(buffered, cmdutil.Page(out))
	}
	options := o.Detect(p)
	options.Incident = incident.Options{Threshold: o.Threshold, PerDay: o.Budget}
	totals, err := replay.Run(ctx, replay.Options{Rules: set, Correlation: options}, source, sink)
	bar.Done()
	if err != nil {
		return err
	}
	if totals.Failures > 0 {
		fmt.Fprintf(errs, "failed evaluations of rules: %d. The first: %v\n", totals.Failures, totals.FirstError)
	}
	if err := sink.End(totals, time.Since(began).Seconds()); err != nil {
		return err
	}
	return buffered.Flush()
}
