// Package cli is the command headstart. Each subcommand has a package of its own;
// what they share is in package cmdutil.
package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/demo"
	"headstart/cli/hosts"
	"headstart/cli/incidents"
	"headstart/cli/lab"
	"headstart/cli/record"
	"headstart/cli/replay"
	"headstart/cli/rules"
	"headstart/cli/run"
	"headstart/daemon"
)

// Main runs the command of this process, and returns its exit code.
func Main() int {
	return daemon.Main(func(ctx context.Context) error { return NewCommand().ExecuteContext(ctx) })
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "headstart",
		Short: "headstart detects attackers who move from server to server",
		Long: `headstart detects attackers who move from server to server, while they still move.

It reads the kernel's table of TCP connections on every Linux host, compares the
snapshots to find connections that open and close, and raises alerts for those that
match detection rules.

Try it on this machine, without root:

  headstart run --show connections`,
		SilenceUsage:          true,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
	}
	run := run.NewCommand()
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return cmdutil.FlagError(c, run, err) })
	root.AddCommand(
		run, demo.NewCommand(), incidents.NewCommand(), hosts.NewCommand(), rules.NewCommand(), replay.NewCommand(), record.NewCommand(),
		newVersion(), lab.NewSimulate(), lab.NewScore(), lab.NewEvaluate(),
	)
	root.InitDefaultCompletionCmd()
	cmdutil.Group(root)
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			cmdutil.Group(c)
		}
	}
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cmdutil.Args(cobra.NoArgs),
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintf(c.OutOrStdout(), "headstart %s (%s, %s/%s)\n", daemon.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
