package incidents

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/daemon"
	"headstart/event"
)

func newWatch() *cobra.Command {
	var output cmdutil.Output
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print incidents when they open, grow, become quiet and are resolved",
		Long: `Print incidents when they open, grow, become quiet and are resolved, from now on,
until Ctrl-C. With --output json it prints every revision of every incident, one
JSON object a line.`,
		Example: `  headstart incidents watch
  headstart incidents watch --output json | jq -r 'select(.notified) | .title'`,
		Args: cmdutil.Args(cobra.NoArgs),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) { output.Flag(f, "text", "json (JSON lines)") })
	output.Complete(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.Run(c, output.Check, func(ctx context.Context, b *bus.Bus) error {
			screen := console.New(c.OutOrStdout(), "", output.JSON())
			screen.ShowCommand = showCommand(c)
			return watch(ctx, b, screen, c.ErrOrStderr())
		})
	}
	return c
}

// showCommand returns the command that shows an incident of the same system,
// without the incident's id.
func showCommand(c *cobra.Command) string {
	server := c.Flags().Lookup("server").Value.String()
	if c.Flags().Changed("server") && !strings.Contains(server, "@") { // before an @ is a password
		return console.ShowCommand + " --server " + server
	}
	return console.ShowCommand
}

// watch prints revisions from now on.
func watch(ctx context.Context, b *bus.Bus, screen *console.Console, errs io.Writer) error {
	log := slog.New(slog.NewTextHandler(errs, nil))
	err := b.Tail(ctx, event.StreamIncidents, func(m bus.Message) {
		i, err := event.DecodeIncident(m.Data)
		if err != nil {
			log.Error("unreadable incident", "sequence", m.Sequence, "error", err)
			return
		}
		screen.Incident(i)
	})
	return cmdutil.MissingStream(err, "correlator")
}
