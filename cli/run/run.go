// Package run is the command headstart run: the whole system in one process.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/cli/run/embedded"
	"headstart/daemon"
	"headstart/rulestore"
	"headstart/services/poller"
	"headstart/term"
)

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := new(options)
	f := daemon.NewFlags("headstart run", "")
	o.flags(f)
	c := &cobra.Command{
		Use:   "run",
		Short: "Run poller, tracker, correlator, notifier and a NATS server in one process",
		Long: `Run poller, tracker, correlator, notifier and an embedded NATS server in one
process. It monitors this host, needs no root, and prints incidents when they open,
grow, become quiet and are resolved. After a restart it continues where it stopped.

Each flag has an environment variable as its default: HEADSTART_ and its name
in capitals, such as HEADSTART_INTERVAL.`,
		Example: `  headstart run --show connections
  headstart run --roles web --rules ./rules.expr --output json`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			err := f.ApplyEnv(c.Flags().Changed)
			plan, mistakes := o.check()
			if err := errors.Join(err, mistakes); err != nil {
				return err
			}
			return run(c.Context(), o, plan, c)
		},
	}
	c.Flags().AddGoFlagSet(f.Documented())
	o.output.Complete(c)
	cmdutil.Complete(c, "show", "alerts", "connections")
	cmdutil.Complete(c, "log-format", "text", "json")
	cmdutil.Complete(c, "log-level", "debug", "info", "warn", "error")
	for _, name := range []string{"data", "proc", "spool", "rules"} {
		c.MarkFlagDirname(name)
	}
	c.MarkFlagFilename("config", "yaml", "yml")
	return c
}

// run starts the server, then the services. It ends when one fails or the
// context ends.
func run(ctx context.Context, o *options, p plan, c *cobra.Command) (err error) {
	errs := c.ErrOrStderr()
	log := o.logging.Logger(errs)
	lock, err := embedded.LockDirectory(o.Data)
	if err != nil {
		return err
	}
	defer lock.Close()
	system, err := o.Open(ctx, log)
	if err != nil {
		return err
	}
	defer system.Close(ctx)
	system.Expect("poller", "tracker", "correlator", "notifier")
	listen, err := system.Telemetry.Listen(ctx, o.listen, log)
	if err != nil {
		return err
	}
	o.announce(errs, p, system.URL(), listen)

	screen := console.New(c.OutOrStdout(), o.poller.Host, o.output.JSON())
	if o.Listen != embedded.DefaultListen {
		screen.ShowCommand += " --server " + system.URL()
	}
	system.Start("incidents", screen.FollowIncidents)
	if o.output.JSON() || o.shows("alerts") {
		system.Start("alerts", screen.FollowAlerts)
	}
	if o.shows("connections") {
		system.Start("connections", screen.FollowConnections)
	}
	system.StartServices(&o.Options)
	system.Start("poller", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.poller.Bus, o.poller.Log, o.poller.Telemetry = b, log, system.Telemetry
		return poller.Run(ctx, o.poller)
	})
	return system.Wait()
}

// announce prints what runs, and where.
func (o *options) announce(out io.Writer, p plan, natsURL, listen string) {
	rules := fmt.Sprintf("%d of the default ruleset (--rules DIR for your own)", p.rules)
	if len(o.Correlator.Rules) > 0 {
		rules = fmt.Sprintf("%d in %s, reloaded within seconds after a change", p.rules, strings.Join(o.Correlator.Rules, ", "))
	}
	if slices.Contains(o.Correlator.Rules, rulestore.PushedRules) {
		rules = strings.Join(o.Correlator.Rules, ", ") + " ('headstart rules push' stores them, 'headstart rules status' shows them)"
	}
	receivers := "this terminal (--config FILE adds Slack and webhooks)"
	if len(p.receivers) > 0 {
		receivers = "this terminal, " + strings.Join(p.receivers, ", ")
	}
	roles := "none (--roles web or database,… enables more rules)"
	if len(o.poller.Roles) > 0 {
		roles = strings.Join(o.poller.Roles, ", ")
	}
	metrics := "off"
	if listen != "" {
		metrics = "http://" + listen + "/metrics"
	}
	fmt.Fprintf(out, `headstart %s
  host       %s, every %s
  roles      %s
  rules      %s
  notifies   %s
  metrics    %s
  NATS       %s
  data       %s
Ctrl-C stops it. After a restart it continues where it stopped.

`, daemon.Version(), term.Plain(o.poller.Host), term.Duration(o.poller.Interval), roles, rules, receivers, metrics, natsURL, filepath.Clean(o.Data))
}
