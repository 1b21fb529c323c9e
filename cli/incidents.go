package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
)

// showCommandLine is what shows an incident of the system on this machine.
const showCommandLine = "headstart incidents show"

func incidentsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "incidents",
		Short: "List, show, report and watch the incidents of a running system",
		Long: `List, show, report and watch the incidents of a running system: that of
'headstart run' on this machine, or another that --server names.

An incident is named by its id, or by as much of its beginning as no other has.`,
		Example: `  headstart incidents list
  headstart incidents show 051f4dfe
  headstart incidents report 051f4dfe --out incident.html`,
	}
	c.AddCommand(incidentsListCommand(), incidentsShowCommand(), incidentsReportCommand(), incidentsWatchCommand())
	return c
}

// client is how a command reaches a running system.
type client struct {
	link  bus.Options
	flags *daemon.Flags
}

// newClient adds the flags that say where the system is to a command. more adds
// the command's own.
func newClient(c *cobra.Command, more func(*daemon.Flags)) *client {
	cl := &client{flags: daemon.NewFlags(c.Use, "")}
	if more != nil {
		more(cl.flags)
	}
	cl.link.Flags(cl.flags)
	c.Flags().AddGoFlagSet(cl.flags.Documented())
	return cl
}

// patience is for how long a server may not answer. Who waits is a person.
const patience = 2 * time.Second

// ask checks what was asked for, connects, and does something there.
func (cl *client) ask(c *cobra.Command, check func() error, do func(context.Context, *bus.Bus) error) error {
	if err := cl.flags.ApplyEnv(c.Flags().Changed); err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
	return cl.reach(c.Context(), log, do)
}

func (cl *client) reach(ctx context.Context, log *slog.Logger, do func(context.Context, *bus.Bus) error) error {
	link := cl.link
	link.Name, link.Wait = "headstart-client", patience
	reached := false
	err := connected(ctx, link, log, func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		reached = true
		return do(ctx, b)
	})
	var usage *daemon.UsageError
	if err != nil && !reached && !errors.As(err, &usage) {
		return fmt.Errorf("%w\n'headstart run' starts a system on this machine; --server or NATS_URL says where another one is", err)
	}
	return err
}

// showCommand is the command that shows an incident of the same system, but for
// its id.
func (cl *client) showCommand(c *cobra.Command) string {
	server := c.Flags().Lookup("server").Value.String()
	if c.Flags().Changed("server") && !strings.Contains(server, "@") { // that may be a password
		return showCommandLine + " --server " + server
	}
	return showCommandLine
}

func incidentsWatchCommand() *cobra.Command {
	output := "text"
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print incidents as they open, grow, get quiet and are resolved",
		Long: `Print incidents as they open, grow, get quiet and are resolved, from now on, until
Ctrl-C. With --output json it prints every revision of every incident, one JSON
object a line.`,
		Example: `  headstart incidents watch
  headstart incidents watch --output json | jq -r 'select(.notified) | .title'`,
		Args: asUsage(cobra.NoArgs),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&output, "output", "text", "how to print incidents: `text` or json (JSON lines)")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.ask(c, func() error { return checkOutput(output) }, func(ctx context.Context, b *bus.Bus) error {
			screen := newConsole(c.OutOrStdout(), "", output == "json")
			screen.show = cl.showCommand(c)
			return watch(ctx, b, screen, c.ErrOrStderr())
		})
	}
	return c
}

func checkOutput(output string) error {
	if output != "text" && output != "json" {
		return daemon.Usage("--output %q: want text or json", output)
	}
	return nil
}

// watch prints revisions from now on.
func watch(ctx context.Context, b *bus.Bus, screen *console, errs io.Writer) error {
	log := slog.New(slog.NewTextHandler(errs, nil))
	err := b.Tail(ctx, event.StreamIncidents, func(m bus.Message) {
		i, err := event.DecodeIncident(m.Data)
		if err != nil {
			log.Error("unreadable incident", "sequence", m.Sequence, "error", err)
			return
		}
		screen.incident(i)
	})
	return noStream(err)
}

// noStream says what it may mean that incidents can't be read.
func noStream(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w (the correlator makes the stream: does one run there?)", err)
}
